"""Files and archives that are damaged, dangerous or no files: one clear error each, and the history as it was."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import stat
import time
import zipfile
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import TYPE_CHECKING, Any

import pytest
import xlsxwriter
import zstandard
from refused import refused

import handoff_analytics as ha
from handoff_analytics.errors import HandoffError, UnreadableFileError, UnsafeArchiveError
from handoff_analytics.loaders import containers, ledger

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = b"".join(
    b'{"time": "2026-01-05T10:%02d:%02dZ", "level": "info", "msg": "order %d %s"}\n'
    % (n // 60, n % 60, n, os.urandom(8).hex().encode())
    for n in range(3000)
)
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda content: gzip.compress(content, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("kind", sorted(PACKED))
def test_a_stream_that_ends_early_is_refused_or_salvaged(tmp_path: Path, kind: str) -> None:
    packed = PACKED[kind](LINES)
    path = tmp_path / "log"
    path.write_bytes(packed[: len(packed) * 4 // 5])
    match = rf"{kind} (ends early|is damaged).* after [\d,]+ bytes; [\d,]+ whole records come before.*salvage=True"
    refused(path, UnreadableFileError, match)
    load = ha.load(path, salvage=True, quiet=True).loads.row(0, named=True)
    assert load["seen"] == load["loaded"] + load["rejected"] + load["duplicate"]
    if kind != "bz2":  # its blocks are as large as the whole file here
        assert load["loaded"] > 0


@pytest.mark.parametrize("kind", sorted(PACKED))
def test_streams_that_follow_one_another_are_one(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    middle = LINES.index(b"\n", len(LINES) // 2) - 5  # in the middle of a line
    path.write_bytes(PACKED[kind](LINES[:middle]) + PACKED[kind](LINES[middle:]))
    load = ha.load(path, quiet=True).loads.row(0, named=True)
    assert (load["container"], load["seen"], load["loaded"]) == (kind, 3000, 3000)


def test_a_flipped_byte_in_a_stream_is_refused(tmp_path: Path) -> None:
    packed = bytearray(PACKED["gz"](LINES))
    packed[len(packed) // 2] ^= 0xFF
    path = tmp_path / "log.gz"
    path.write_bytes(packed)
    refused(path, UnreadableFileError, "gz (is damaged|ends early)")


def zipped(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("content", "packed"),
    [(b"0" * (24 << 20), "gz"), (b"0" * (24 << 20), "bz2"), (b"0" * (24 << 20), "xz"), (b"0" * (24 << 20), "zstd")],
)
def test_a_bomb_is_stopped_by_what_comes_out(tmp_path: Path, content: bytes, packed: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACKED[packed](b'{"time": "2026-01-05T10:00:00Z", "msg": "' + content + b'"}\n'))
    refused(path, UnsafeArchiveError, "more than 200 times its size, as a bomb would.*unpack it")


def test_a_bomb_in_a_zip_or_a_workbook_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_FREE_BYTES", 1 << 20)
    line = b'{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "%s"}\n' % (b"0" * 500)
    path = zipped(tmp_path / "bomb.zip", {"a.jsonl": line * 4_000})
    refused(path, UnsafeArchiveError, "as a bomb would")
    book = zipped(
        tmp_path / "bomb.xlsx",
        {"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b"<c>" + b" " * (4 << 20)},
    )
    refused(book, UnsafeArchiveError, "as a bomb would")


def test_what_an_archive_promises_does_not_count(tmp_path: Path) -> None:
    path = zipped(tmp_path / "liar.zip", {"a.jsonl": b"0" * (24 << 20)})
    # The headers of the member say that it is small.
    told = (24 << 20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(told, (1000).to_bytes(4, "little")))
    with pytest.raises((UnsafeArchiveError, UnreadableFileError)):
        ha.load(path, format="json_lines", quiet=True)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_MEMBERS", 10)
    refused(zipped(tmp_path / "many.zip", {f"{n}": b"x" for n in range(11)}), UnsafeArchiveError, "11 members")


def test_names_in_archives_lead_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    content = LINES[:300].rpartition(b"\n")[0]
    names = [
        "../../evil.jsonl",
        str(tmp_path / "elsewhere.jsonl"),
        "..\\..\\evil2.jsonl",
        "C:\\evil3.jsonl",
        "new\nline.jsonl",
    ]
    path = zipped(
        folder / "traversal.zip", {name: content.replace(b"order", b"%d" % n) for n, name in enumerate(names)}
    )
    loads = ha.load(path, quiet=True).loads
    assert loads["loaded"].min() > 0
    assert loads.height == len(names)
    assert not any("\n" in name for name in loads["file_name"])
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a", "b", "traversal.zip"]


def test_links_and_devices_and_archives_in_archives_are_refused(tmp_path: Path) -> None:
    for mode, word in ((stat.S_IFLNK, "link or a device"), (stat.S_IFCHR, "link or a device")):
        member = zipfile.ZipInfo("passwd")
        member.external_attr = (mode | 0o777) << 16
        path = tmp_path / "link.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, "/etc/passwd")
        refused(path, UnsafeArchiveError, word)
    for inner in (PACKED["gz"](LINES), zipped(tmp_path / "inner.zip", {"a": LINES}).read_bytes()):
        path = zipped(tmp_path / "outer.zip", {"inner": inner})
        refused(path, UnsafeArchiveError, "one level deep")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "secret.zip", {"a.jsonl": LINES})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, UnsafeArchiveError, "encrypted member a.jsonl")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"Obj\x01" + b"\0" * 50, "Avro"),
        (b"\x7fELF" + b"\0" * 50, "a program"),
        (b"PK\x03\x04 and then nothing", "zip archive that cannot be opened"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "encrypted workbook"),
        (b"\xd0\xcf\x11\xe0 broken", "workbook"),
        (b"PAR1 broken PAR1", "Parquet"),
        (b"SQLite format 3\0 broken", "SQLite|database"),
        (b"<html><table><tr><td>Number</td></tr></table>", "HTML"),
        (bytes(range(1, 32)) * 40, "binary data"),
        (b"\0\0\0\x05\n\x03abc" * 3, "length-prefixed frames"),
    ],
)
def test_what_nobody_can_read_is_refused_with_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    refused(path, HandoffError, said)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"number,sys_id,opened_at,assignment_group\n"])
def test_an_empty_file_is_no_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty"
    path.write_bytes(content)
    load = ha.load(path, quiet=True, timezone="UTC").loads.row(0, named=True)
    assert (load["seen"], load["loaded"], load["rejected"]) == (0, 0, 0)
    assert "empty" in load["notes"] or load["format"] == "servicenow"


def test_an_empty_stream_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.gz"
    path.write_bytes(PACKED["gz"](b""))
    assert ha.load(path, quiet=True).loads["seen"].item() == 0


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    begun = time.perf_counter()
    refused(tmp_path / "pipe", UnreadableFileError, "a pipe")
    refused("/dev/zero", UnreadableFileError, "a device")
    assert time.perf_counter() - begun < 30


def test_a_folder_takes_what_it_can_and_no_special_files(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "log.jsonl").write_bytes(LINES)
    (folder / "again.jsonl").symlink_to(folder / "log.jsonl")
    (folder / "gone.jsonl").symlink_to(folder / "nowhere")
    loads = ha.load(folder, quiet=True).loads
    assert loads["loaded"].to_list() == [3000]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    refused(tmp_path / "missing.json", UnreadableFileError, "There is no file .*missing.json")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.jsonl"
    path.write_bytes(LINES)
    path.chmod(0)
    refused(path, UnreadableFileError, "Permission denied")


def test_a_file_that_grows_while_it_is_read_is_loaded_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LINES + b'{"time": "2026-01-05T11:00:00Z", "msg": "ha')
    before, grown = ledger.Sink.load, []

    def load_one(sink: ledger.Sink, *one: Any) -> int:
        if not grown:
            grown.append(path.open("ab"))
            with grown[0] as file:
                file.write(b'lf"}\n')
        return before(sink, *one)

    monkeypatch.setattr(ledger.Sink, "load", load_one)
    history = ha.load(path, quiet=True)
    load = history.loads.row(0, named=True)
    assert load["seen"] == load["loaded"] + load["rejected"] == 3001
    assert "changed while it was read" in load["notes"]
    # Loaded again when it is complete, whatever was missing comes in.
    again = ha.load(path, into=history, quiet=True)
    assert again.sql("SELECT count(*) FROM log_records").item() == 3001


def test_the_same_bytes_twice_are_one_load(tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        (tmp_path / name).write_bytes(LINES)
    history = ha.load([tmp_path / "one.jsonl", tmp_path / "two.jsonl"], quiet=True)
    assert history.loads["file_name"].str.ends_with("one.jsonl").to_list() == [True]


def test_very_many_small_files_load(tmp_path: Path) -> None:
    folder = tmp_path / "stream"
    folder.mkdir()
    for n in range(150):
        (folder / f"{n:05d}.json").write_text(
            json.dumps({"time": f"2026-01-05T10:00:00.{n:03d}Z", "level": "info", "msg": f"{n}"})
        )
    loads = ha.load(folder, quiet=True).loads
    assert (loads.height, loads["loaded"].sum()) == (150, 150)


def test_a_workbook_with_a_bomb_of_entities_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    book.add_worksheet("Page 1").write_row(0, 0, ["Number", "Opened"])
    book.close()
    parts = {}
    with zipfile.ZipFile(stream) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    parts["xl/sharedStrings.xml"] = f'<!DOCTYPE s [<!ENTITY l0 "ha">{laughs}]><sst><si><t>&l9;</t></si></sst>'.encode()
    path = zipped(tmp_path / "laughs.xlsx", parts)
    begun = time.perf_counter()
    with pytest.raises(HandoffError):
        ha.load(path, quiet=True)
    assert time.perf_counter() - begun < 20
