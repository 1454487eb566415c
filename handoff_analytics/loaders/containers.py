"""Which streams of bytes does a path hold?

Files are read where they lie and members of archives as streams: nothing is ever unpacked to disk, and a member's name
is only a label. What comes out of a compressed stream is counted as it comes, whatever its headers promise.
"""

from __future__ import annotations

import bz2
import glob
import hashlib
import io
import lzma
import os
import stat
import zipfile
import zlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ..errors import MissingExtraError, UnreadableFileError, UnsafeArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

HEAD_BYTES = 256 * 1024
MAX_RATIO = 200
MAX_MEMBER_BYTES = 4 << 30
MAX_TOTAL_BYTES = 16 << 30
MAX_MEMBERS = 10_000
# Below this size a high ratio is harmless, and usual for short repetitive logs.
_FREE_BYTES = 16 << 20
_CHUNK_BYTES = 128 * 1024
_ZSTD_BYTES = 1024
_MAGIC = (
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, NotImplementedError)
# Files that must not be opened for what they could do to the reader, each with what to do instead.
_NO_FILES = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class Source:
    """One stream of bytes to read: a file, or a member of an archive.

    Attributes
    ----------
    name
        Path as given, with the member's name for an archive. Only a label.
    path
        The file on disk.
    container
        gz, bz2, xz, zstd, zip or null.
    member
        Name of the member inside a zip archive, or null.
    given
        Whether somebody named this very file, and did not only name the folder or archive that it is in.
    fault
        What was wrong with the bytes, once they were read; null while all is well. What comes before can be read.
    read_bytes
        How many decompressed bytes were read so far.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        container: str | None = None,
        member: str | None = None,
        *,
        given: bool = True,
        archive: Archive | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self.container = container
        self.member = member
        self.given = given
        self.fault: str | None = None
        self.read_bytes = 0
        self._archive = archive

    def __repr__(self) -> str:
        """Say which stream this is."""
        return f"<Source {self.name}>"

    @property
    def packing(self) -> str | None:
        """The container and the member inside it, as the ledger writes them."""
        return f"{self.container}:{self.member}" if self.member is not None else self.container

    @cached_property
    def size_bytes(self) -> int:
        """Size of the file on disk, bytes."""
        return self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes as they lie on disk; that of an archive counts for each of its members."""
        return self._archive.sha256 if self._archive is not None else _sha256(self.path, self.name)

    def open(self) -> BinaryIO:
        """Open the decompressed bytes; reading ends at a fault, and `fault` says which.

        Raises
        ------
        UnreadableFileError
            If the file cannot be opened.
        UnsafeArchiveError
            While reading: if more comes out than the limits allow.
        MissingExtraError
            If the stream is zstd, and the package for it is not installed.
        """
        self.read_bytes = 0
        stream = _opened(self.path, self.name)
        if self.container is None:
            raw: io.RawIOBase = _Plain(self, stream)
        elif self.container == "zip":
            raw = _Unpacked(self, stream, _member(stream, self.member or ""))
        else:
            raw = _Unpacked(self, stream, _decompressed(stream, self.container))
        return cast("BinaryIO", io.BufferedReader(raw, _CHUNK_BYTES))

    @cached_property
    def head(self) -> bytes:
        """The first 256 KiB, decompressed: what detection looks at."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)

    @property
    def whole(self) -> bool:
        """Whether the head is all there is."""
        return len(self.head) < HEAD_BYTES

    def spend(self, size: int, packed: int) -> None:
        """Count bytes that came out of the compressed stream, and stop at the limits."""
        self.read_bytes += size
        if self._archive is not None:
            self._archive.spend(self.name, self.read_bytes)
        elif self.read_bytes > MAX_TOTAL_BYTES:
            raise UnsafeArchiveError(
                f"{self.name} unpacks to more than {MAX_TOTAL_BYTES >> 30} GiB. Unpack it and load the file inside."
            )
        elif self.read_bytes > max(_FREE_BYTES, MAX_RATIO * packed):
            raise UnsafeArchiveError(
                f"{self.name} unpacks to more than {MAX_RATIO} times its size, as a bomb would. "
                "If you trust it, unpack it and load the file inside."
            )


class Archive:
    """A zip file as a whole: its hash, and how much may come out of it over all members."""

    def __init__(self, path: Path, name: str) -> None:
        self.limit = min(MAX_TOTAL_BYTES, max(_FREE_BYTES, MAX_RATIO * path.stat().st_size))
        self.total = 0
        self._path = path
        self._name = name
        self._spent: dict[str, int] = {}

    @cached_property
    def sha256(self) -> str:
        """Hash of the archive."""
        return _sha256(self._path, self._name)

    def spend(self, member: str, so_far: int) -> None:
        """Note how much a member has given; reading it a second time costs nothing until it gives more."""
        before = self._spent.get(member, 0)
        if so_far > before:
            self._spent[member] = so_far
            self.total += so_far - before
        if so_far > MAX_MEMBER_BYTES or self.total > self.limit:
            raise UnsafeArchiveError(
                f"{member} unpacks to more than {MAX_MEMBER_BYTES >> 30} GiB, or its archive to more than {MAX_RATIO} "
                f"times its size or {MAX_TOTAL_BYTES >> 30} GiB, as a bomb would. "
                "If you trust it, unpack it and load the files inside."
            )


class _Plain(io.RawIOBase):
    """A file as it lies on disk; it only counts."""

    def __init__(self, source: Source, stream: BinaryIO) -> None:
        self._source = source
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            size: int = cast("io.FileIO", self._stream).readinto(buffer) or 0
        except OSError as fault:
            self._source.fault = f"reading failed after {self._source.read_bytes:,} bytes: {fault.strerror}"
            return 0
        self._source.read_bytes += size
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Unpacked(io.RawIOBase):
    """A compressed stream as its content; at a fault it ends, and the source says why."""

    def __init__(self, source: Source, stream: BinaryIO, chunks: Generator[bytes]) -> None:
        self._source = source
        self._stream = stream
        self._chunks = chunks
        self._chunk = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._chunk:
            try:
                self._chunk = memoryview(next((chunk for chunk in self._chunks if chunk), b""))
            except _FAULTS as fault:
                what = "ends early" if isinstance(fault, EOFError) else f"is damaged ({fault})"
                self._source.fault = f"{self._source.container} {what} after {self._source.read_bytes:,} bytes"
            self._source.spend(len(self._chunk), self._stream.tell() if not self._stream.closed else 0)
        size = min(len(buffer), len(self._chunk))
        buffer[:size] = self._chunk[:size]
        self._chunk = self._chunk[size:]
        return size

    def close(self) -> None:
        self._chunks.close()
        self._stream.close()
        super().close()


def _sha256(path: Path, name: str) -> str:
    with _opened(path, name) as stream:
        return hashlib.file_digest(cast("io.BufferedReader", stream), "sha256").hexdigest()


def _opened(path: Path, name: str) -> BinaryIO:
    """Open a regular file; anything else could block for ever, or do harm."""
    try:
        mode = path.stat().st_mode
        for is_kind, word in _NO_FILES:
            if is_kind(mode):
                raise UnreadableFileError(f"{name} is {word}. Write its content to a file, and load that.")
        return cast("BinaryIO", path.open("rb", buffering=0))
    except OSError as fault:
        if isinstance(fault, UnreadableFileError):
            raise
        raise UnreadableFileError(f"{name} cannot be read: {fault.strerror or fault}.") from fault


def _decompressed(stream: BinaryIO, container: str) -> Generator[bytes]:
    """Yield the content of a compressed stream in chunks, one compressed member after the other."""
    if container == "zstd":
        yield from _zstd(stream)
        return
    make: Callable[[], Any] = {"gz": lambda: zlib.decompressobj(31), "bz2": bz2.BZ2Decompressor}.get(
        container, lzma.LZMADecompressor
    )
    packed = stream.read(_CHUNK_BYTES)
    while packed:
        engine = make()
        while not engine.eof:
            content = engine.decompress(packed, _CHUNK_BYTES)
            # zlib hands back what it has not looked at yet; the others keep it.
            packed = engine.unconsumed_tail if container == "gz" else b""
            if content:
                yield content
            elif not packed and not engine.eof:
                packed = stream.read(_CHUNK_BYTES)
                if not packed:
                    raise EOFError
        # Another compressed member may follow; tapes and some tools pad with zeros.
        packed = (engine.unused_data or stream.read(_CHUNK_BYTES)).lstrip(b"\0")


def _zstd(stream: BinaryIO) -> Generator[bytes]:
    try:
        import zstandard  # noqa: PLC0415 - an optional package
    except ImportError as fault:
        raise MissingExtraError(
            "This file is compressed with zstd. Install handoff-analytics[zstd], or decompress it first."
        ) from fault
    packed = stream.read(_CHUNK_BYTES)
    while packed:
        engine = zstandard.ZstdDecompressor().decompressobj()
        while not engine.eof:
            # Little at a time: a kilobyte can hold 32 MB of zeros, and comes out at once.
            try:
                content = engine.decompress(packed[:_ZSTD_BYTES])
            except zstandard.ZstdError as fault:
                raise ValueError(str(fault)) from fault
            packed = packed[_ZSTD_BYTES:]
            yield content
            if not packed and not engine.eof:
                packed = stream.read(_CHUNK_BYTES)
                if not packed:
                    raise EOFError
        packed = engine.unused_data + packed or stream.read(_CHUNK_BYTES)


def _member(stream: BinaryIO, member: str) -> Generator[bytes]:
    with zipfile.ZipFile(stream) as archive, archive.open(member) as content:
        while chunk := content.read(_CHUNK_BYTES):
            yield chunk


def _measure(path: Path, name: str) -> None:
    """Unpack a workbook once and count, before a parser unpacks it into memory; what its headers say proves nothing."""
    whole = Archive(path, name)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            label = f"{name}!{member.filename}"
            size = 0
            try:
                with archive.open(member) as content:
                    while chunk := content.read(_CHUNK_BYTES):
                        size += len(chunk)
                        whole.spend(label, size)
            except (*_FAULTS, RuntimeError) as fault:
                if isinstance(fault, UnsafeArchiveError):
                    raise
                raise UnreadableFileError(f"{name} is a workbook that cannot be unpacked: {fault}.") from fault


def _is_path(path: Path) -> bool:
    """Tell whether a name could be that of a file: some are too long, or hold what no name may hold."""
    try:
        path.exists()
    except (OSError, ValueError) as fault:
        return isinstance(fault, PermissionError)
    return True


def sources(paths: str | Path | Iterable[str | Path]) -> Iterator[Source]:
    """Yield every stream under some paths.

    Parameters
    ----------
    paths
        Files, folders (walked in the order of names, hidden files left out), patterns such as ``"logs/*.gz"``, zip
        archives (member by member); or several of them.

    Yields
    ------
    Source
        One a file or member.

    Raises
    ------
    UnreadableFileError
        If a path does not exist, is no regular file, or is an archive that cannot be opened.
    UnsafeArchiveError
        If an archive holds links, encrypted members, archives, or too many members.
    """
    for given in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(given).expanduser()
        if not _is_path(path):
            raise UnreadableFileError(f"{str(path)[:80]}... is no name that a file can have: give a path or a pattern.")
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                for name in sorted(names):
                    child = Path(folder, name)
                    if not name.startswith(".") and child.is_file():
                        yield from _streams(child, str(child), given=False)
        elif path.exists():
            yield from _streams(path, str(given), given=True)
        elif matches := sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
            yield from sources(matches)
        else:
            raise UnreadableFileError(f"There is no file {given}. Relative paths start at {Path.cwd()}.")


def _streams(path: Path, name: str, *, given: bool) -> Iterator[Source]:
    with _opened(path, name) as stream:
        start = stream.read(16)
    container = next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)
    if container != "zip":
        yield Source(name, path, container, given=given)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _FAULTS as fault:
        raise UnreadableFileError(f"{name} is a zip archive that cannot be opened: {fault}.") from fault
    names = {member.filename for member in members}
    if "xl/workbook.xml" in names:
        _measure(path, name)
        yield Source(name, path, given=given)
        return
    if len(members) > MAX_MEMBERS:
        raise UnsafeArchiveError(f"{name} has {len(members):,} members; at most {MAX_MEMBERS:,} are read. Unpack it.")
    whole = Archive(path, name)
    for member in members:
        label = "".join(letter if letter.isprintable() else "?" for letter in member.filename)
        parts = label.replace("\\", "/").split("/")
        if label.endswith("/") or parts[0] == "__MACOSX" or parts[-1].startswith("."):
            continue
        if member.flag_bits & 0x1:
            raise UnsafeArchiveError(f"{name} holds the encrypted member {label}. Unpack it with its password.")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            raise UnsafeArchiveError(f"{name} holds {label}, which is a link or a device. Unpack it and look.")
        source = Source(f"{name}!{label}", path, "zip", member.filename, given=False, archive=whole)
        with source.open() as stream:
            begins = stream.read(16)
        if any(begins.startswith(magic) for magic, _ in _MAGIC):
            raise UnsafeArchiveError(
                f"{name} holds the archive {label}: archives are opened one level deep. Unpack it."
            )
        yield source
