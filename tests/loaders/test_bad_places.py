"""Histories that cannot be written, and loads that are cut off: the error says what to do, and nothing is half there."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from refused import TABLES

import handoff_analytics as ha
from handoff_analytics.errors import HandoffError, HistoryFullError, HistoryLockedError, NotAHistoryError

ROOT = Path(__file__).parents[2]


def state(path: Path) -> list[Any]:
    """Return what a history holds, and leave the file to others."""
    with duckdb.connect(path, read_only=True) as connection:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in TABLES]


def made(path: Path, *sources: Path) -> list[Any]:
    """Make or extend a history in a process of its own, and return what it holds."""
    run = child(
        "import sys, handoff_analytics as ha; ha.load(sys.argv[2:], into=sys.argv[1], quiet=True)", path, *sources
    )
    assert run.communicate(timeout=120)[1] == ""
    return state(path)


def loaded(path: Path) -> list[int]:
    with duckdb.connect(path, read_only=True) as connection:
        return [count for (count,) in connection.execute("SELECT loaded FROM loads ORDER BY load_id").fetchall()]


def logs(path: Path, rows: int, *, width: int = 60, first: int = 0) -> Path:
    with path.open("w") as file:
        for n in range(first, first + rows):
            at = f"2026-01-{5 + n // 86400:02d}T{n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z"
            file.write(
                json.dumps({"time": at, "level": "info", "msg": f"order {n} {os.urandom(width // 2).hex()}"}) + "\n"
            )
    return path


def child(code: str, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_history_that_another_process_writes_is_locked(tmp_path: Path) -> None:
    into = tmp_path / "kept.duckdb"
    before = made(into, logs(tmp_path / "a.jsonl", 10))
    holder = child(
        """
        import sys, duckdb
        connection = duckdb.connect(sys.argv[1]); print("open", flush=True); sys.stdin.read()
        """,
        into,
        stdin=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    try:
        with pytest.raises(HistoryLockedError, match=rf"open for writing in .*process {holder.pid}.*Close"):
            ha.load(logs(tmp_path / "b.jsonl", 10, first=100), into=into, quiet=True)
    finally:
        holder.communicate()
    assert state(into) == before


@pytest.mark.parametrize("there", [b"this is a text file\n" * 200, b"", b"SQLite format 3\0" + b"\0" * 4096])
def test_a_file_that_is_no_history_is_never_overwritten(tmp_path: Path, there: bytes) -> None:
    into = tmp_path / "precious.txt"
    into.write_bytes(there)
    source = logs(tmp_path / "a.jsonl", 3)
    if there:
        with pytest.raises(HandoffError, match=r"precious\.txt"):
            ha.load(source, into=into, quiet=True)
        assert into.read_bytes() == there
    else:
        # An empty file holds nothing that could be lost: `mktemp` makes such.
        try:
            ha.load(source, into=into, quiet=True)
        except HandoffError:
            assert into.read_bytes() == there


def test_another_database_is_no_history(tmp_path: Path) -> None:
    into = tmp_path / "other.duckdb"
    with duckdb.connect(into) as connection:
        connection.execute("CREATE TABLE precious AS SELECT 42 AS answer")
    with pytest.raises(NotAHistoryError, match=r"other\.duckdb"):
        ha.load(logs(tmp_path / "a.jsonl", 3), into=into, quiet=True)
    with duckdb.connect(into) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("precious",)]


def test_a_folder_that_is_not_there_or_may_not_be_written(tmp_path: Path) -> None:
    source = logs(tmp_path / "a.jsonl", 3)
    with pytest.raises(HandoffError, match="nowhere"):
        ha.load(source, into=tmp_path / "nowhere" / "h.duckdb", quiet=True)
    with pytest.raises(HandoffError):
        ha.load(source, into="/proc/h.duckdb", quiet=True)


def test_a_full_disk_leaves_the_history_as_it_was(tmp_path: Path) -> None:
    into = tmp_path / "kept.duckdb"
    before = made(into, logs(tmp_path / "a.jsonl", 10))
    source = logs(tmp_path / "b.jsonl", 1_000, width=8_000)

    def limited() -> None:
        size = into.stat().st_size + (1 << 20)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    code = """
        import sys, handoff_analytics as ha
        from handoff_analytics.errors import HandoffError
        try:
            ha.load(sys.argv[1], into=sys.argv[2], quiet=True)
        except HandoffError as fault:
            print(type(fault).__name__, fault)
    """
    run = child(code, source, into, preexec_fn=limited)
    out, err = run.communicate(timeout=120)
    assert HistoryFullError.__name__ in out, err[-2000:]
    assert "bytes are free" in out
    assert state(into) == before
    # There is room again: the same load works.
    made(into, source)
    assert loaded(into) == [10, 1_000]


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_a_load_that_is_cut_off_leaves_the_history_as_it_was(tmp_path: Path, way: signal.Signals) -> None:
    into = tmp_path / "kept.duckdb"
    before = made(into, logs(tmp_path / "a.jsonl", 10))
    source = logs(tmp_path / "b.jsonl", 6_000)
    code = """
        import sys, handoff_analytics as ha
        from handoff_analytics.loaders import ledger
        ledger.BATCH_ROWS = 1_000
        write = ledger.Sink.load_frame
        def told(sink, table, frame, **more):
            write(sink, table, frame, **more)
            sink._wait()
            print("writing", flush=True)
        ledger.Sink.load_frame = told
        ha.load(sys.argv[1], into=sys.argv[2], quiet=True)
    """
    run = child(code, source, into)
    assert run.stdout is not None
    assert run.stdout.readline() == "writing\n"
    run.send_signal(way)
    run.communicate(timeout=60)
    assert run.returncode != 0
    assert state(into) == before
    made(into, source)
    assert loaded(into) == [10, 6_000]


def test_a_load_that_dies_between_two_files_keeps_the_first_and_its_model_comes_later(tmp_path: Path) -> None:
    into = tmp_path / "kept.duckdb"
    code = """
        import os, sys, handoff_analytics as ha
        from handoff_analytics.loaders import filing
        import handoff_analytics.loaders as loaders
        into_file = filing.file_in
        def dying(connection, source, found, **more):
            if source.name.endswith("b.jsonl"):
                os._exit(9)
            return into_file(connection, source, found, **more)
        loaders.file_in = dying
        ha.load(sys.argv[1:3], into=sys.argv[3], quiet=True)
    """
    first, second = logs(tmp_path / "a.jsonl", 10), logs(tmp_path / "b.jsonl", 10, first=50)
    run = child(code, first, second, into)
    run.communicate(timeout=60)
    assert run.returncode == 9
    assert loaded(into) == [10]
    made(into, first, second)
    assert loaded(into) == [10, 10]


def peak_bytes(source: Path, into: Path, **options: str) -> tuple[int, str]:
    """Return how much memory a load took at most, and what it printed."""
    code = """
        import json, sys, handoff_analytics as ha
        from handoff_analytics.errors import HandoffError
        options = json.loads(sys.argv[3])
        try:
            loads = ha.load(sys.argv[1], into=sys.argv[2], quiet=True, **options).loads
            print(loads.select("seen", "loaded", "rejected").row(0))
        except HandoffError as fault:
            print(type(fault).__name__)
        print(int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) * 1024)
    """
    run = child(code, source, into, json.dumps(options))
    out, err = run.communicate(timeout=1500)
    assert run.returncode == 0, err[-2000:]
    *told, peak = out.splitlines()
    return int(peak), told[-1]


SPAN = (
    '{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"crm"}}]},"scopeSpans":[{"spans":[{"traceId":'
    '"%032x","spanId":"%016x","name":"GET /orders","kind":3,"startTimeUnixNano":"1767607200000000000","endTimeUnixNano":'
    '"1767607200005000000","attributes":[{"key":"note","value":{"stringValue":"%s"}}]}]}]}'
)


def one_line(path: Path, size_bytes: int) -> int:
    """Write one JSON document of one line with as many spans as fit; return how many."""
    note, spans = "x" * 200, 0
    with path.open("w") as file:
        file.write('{"resourceSpans":[')
        while file.tell() < size_bytes:
            batch = ",".join(SPAN % (n + 1, n + 1, note) for n in range(spans, spans + 500))
            file.write(("," if spans else "") + batch)
            spans += 500
        file.write("]}")
    return spans


@pytest.mark.slow
def test_a_gigabyte_in_one_line_is_read_part_by_part(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    spans = one_line(path, 1 << 30)
    code = """
        import sys
        from handoff_analytics import schema, store
        from handoff_analytics.loaders import sources
        from handoff_analytics.loaders.ledger import Sink
        from handoff_analytics.loaders.readers import json_documents
        (source,) = sources(sys.argv[1])
        sink = Sink(store.connect(":memory:"), 1)
        print(sum(len(one.value["resourceSpans"]) for one in json_documents(source, sink, split=["resourceSpans"])))
        print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
    """
    run = child(code, path)
    out, err = run.communicate(timeout=600)
    assert run.returncode == 0, err[-2000:]
    count, peak_kb = map(int, out.split())
    assert count == spans
    assert peak_kb < 400 << 10


@pytest.mark.slow
@pytest.mark.xfail(reason="what a transaction wrote stays in the memory of the database until it is committed")
def test_a_load_of_a_gigabyte_takes_no_more_than_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    spans = one_line(path, 1 << 30)
    peak, told = peak_bytes(path, tmp_path / "large.duckdb")
    assert told == f"({spans}, {spans}, 0)"
    assert peak < 1 << 30


def test_one_value_that_is_the_whole_file_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "text.json"
    with path.open("w") as file:
        file.write('{"time": "2026-01-05T10:00:00Z", "level": "info", "msg": "')
        for _ in range(96):
            file.write("x" * (1 << 20))
        file.write('"}\n')
    begun = time.perf_counter()
    peak, told = peak_bytes(path, tmp_path / "h.duckdb", on_reject="keep")
    assert told in {"(1, 0, 1)", "TooManyRejectsError"}
    assert peak < 700 << 20
    assert time.perf_counter() - begun < 60
