"""Which files can nobody load, and what to do about each?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .readers import Source

_BEGINNINGS = (
    (b"%PDF", "a PDF. Export the data behind it as CSV, XLSX or JSON."),
    (b"Obj\x01", "an Avro file. Convert it to Parquet or JSON lines."),
    (b"ORC", "an ORC file. Convert it to Parquet."),
    (b"Rar!", "a RAR archive. Unpack it, or pack it as zip."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive. Unpack it, or pack it as zip."),
    (b"\x7fELF", "a program, not evidence."),
    (b"MZ\x90", "a program, not evidence."),
    (b"\x89PNG", "a picture. Export the data behind it."),
    (b"\xff\xd8\xff", "a picture. Export the data behind it."),
    (b"GIF8", "a picture. Export the data behind it."),
)
_OFFICE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_READ_ELSEWHERE = (b"PK\x03\x04", b"PAR1", b"SQLite format 3\x00")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SEARCHED_BYTES = 64 << 20


def refusal(source: Source) -> str | None:
    """Return why a file cannot be loaded and what to do, or null if nothing speaks against it.

    Parameters
    ----------
    source
        The file; its first bytes are looked at.
    """
    head = source.head
    if (reason := next((reason for start, reason in _BEGINNINGS if head.startswith(start)), None)) is not None:
        return f"{source.name} is {reason}"
    if head[8:12] == b"DUCK":
        return f"{source.name} is a DuckDB database. If it is a history, open it with ha.open(...)."
    if head[257:262] == b"ustar":
        return f"{source.name} is a tar archive. Unpack it, and load the folder."
    if head.startswith(_OFFICE):
        # The old container of Office also holds encrypted workbooks of the new kind.
        with source.open() as stream:
            if _ENCRYPTED in stream.read(_SEARCHED_BYTES):
                return f"{source.name} is an encrypted workbook. Save it without a password, or export it as CSV."
        return None
    if head.startswith(_READ_ELSEWHERE):
        return None
    if _is_framed(head, whole=source.whole):
        return (
            f"{source.name} holds length-prefixed frames, as the file exporter of the OpenTelemetry collector writes "
            "them for `format: proto` or with compression. Set `format: json` and no compression, and export again."
        )
    if not head.startswith(_WIDE_MARKS) and _is_binary(head):
        return f"{source.name} is binary data of no kind that can be read here. Export it as text, JSON or Parquet."
    return None


def _is_framed(head: bytes, *, whole: bool) -> bool:
    """Tell whether a file is a chain of lengths in four bytes, each before a protobuf message or a zstd frame."""
    place = frames = 0
    while place + 5 <= len(head):
        length = int.from_bytes(head[place : place + 4], "big")
        content = head[place + 4 : place + 8]
        if not 0 < length < 1 << 30 or not content.startswith((b"\n", b"\x28\xb5\x2f\xfd")):
            return False
        frames += 1
        place += 4 + length
    return frames > 0 and (place == len(head) or not whole)


def _is_binary(head: bytes) -> bool:
    """Tell whether bytes are no text: many control characters, but not every other byte zero as in wide text."""
    sample = head[:4096]
    if not sample or sample[1::2].count(0) > len(sample) // 4 or sample[::2].count(0) > len(sample) // 4:
        return False
    controls = sum(sample.count(byte) for byte in range(32) if byte not in b"\t\n\r\f\b\x1b")
    return controls > len(sample) // 10
