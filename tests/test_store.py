"""One writer or many readers, in one process and in several: nobody sees half a load, and whoever must wait is told for whom."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

import handoff_analytics as ha
from handoff_analytics.errors import HistoryFullError, HistoryLockedError, NotAHistoryError, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = '{"time": "2026-01-05T10:00:00Z", "level": "INFO", "service": "erp", "message": "order taken", "order": %d}\n'
HOLD = """
import sys, handoff_analytics as ha
history = ha.open(sys.argv[1])
history.loads
print("open", flush=True)
sys.stdin.readline()
"""
WRITE = """
import sys, handoff_analytics as ha
with ha.History(sys.argv[1])._store.writer() as connection:
    print("open", flush=True)
    sys.stdin.readline()
"""
LOAD = """
import sys, handoff_analytics as ha
try:
    ha.load(sys.argv[2], into=sys.argv[1], quiet=True)
except ha.errors.HandoffError as refusal:
    print(refusal, file=sys.stderr)
    sys.exit(3)
"""


def logs(path: Path, since: int, until: int) -> Path:
    path.write_text("".join(LINE % number for number in range(since, until)))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    ha.load(logs(tmp_path / "first.jsonl", 0, 30), into=tmp_path / "h.duckdb", quiet=True)
    ha.History(tmp_path / "h.duckdb")._store.release()
    return tmp_path / "h.duckdb"


@pytest.fixture
def process() -> Iterator[object]:
    """Start another Python process, and end it with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        made = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
        )  # fmt: skip
        started.append(made)
        return made

    yield start
    for made in started:
        made.kill()
        made.communicate()


def records(path: Path) -> int:
    history = ha.open(path)
    n = history.sql("SELECT count(*) AS n FROM log_records").item()
    history._store.release()
    return int(n)


def test_two_processes_read_at_once(file: Path, process: object) -> None:
    holder = process(HOLD, file)
    assert holder.stdout.readline() == "open\n"
    assert records(file) == 30


@pytest.mark.parametrize("act", ["open", "load", "check"])
def test_whoever_meets_a_writer_is_told_its_process_and_what_to_do(file: Path, process: object, act: str) -> None:
    holder = process(WRITE, file)
    assert holder.stdout.readline() == "open\n"
    acts = {
        "open": lambda: ha.open(file),
        "load": lambda: ha.load([], into=file, quiet=True),
        "check": lambda: ha.check(ha.History(file)),
    }
    with pytest.raises(HistoryLockedError, match=rf"open for writing in process {holder.pid}\. Close the notebook"):
        acts[act]()
    holder.communicate("\n")
    assert records(file) == 30


def test_whoever_would_write_while_another_reads_is_told_too(file: Path, process: object) -> None:
    holder = process(HOLD, file)
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(HistoryLockedError, match=rf"open for reading in process {holder.pid}\."):
        ha.load(logs(file.parent / "second.jsonl", 30, 40), into=file, quiet=True)
    holder.communicate("\n")
    ha.load(file.parent / "second.jsonl", into=file, quiet=True)
    assert records(file) == 40


def test_of_two_loaders_at_once_each_loads_all_or_is_refused(file: Path, process: object) -> None:
    parts = [logs(file.parent / f"part-{number}.jsonl", 100 * number, 100 * number + 50) for number in (1, 2, 3, 4)]
    loaders = [process(LOAD, file, part) for part in parts]
    ends = [(loader.communicate()[1], loader.returncode) for loader in loaders]
    assert all(code in {0, 3} for _, code in ends), ends
    assert any(code == 0 for _, code in ends), ends
    refused = [text for text, code in ends if code == 3]
    pids = {loader.pid for loader in loaders}
    assert all(int(re.search(r"process (\d+)\.", text)[1]) in pids for text in refused), refused
    assert records(file) == 30 + 50 * (len(parts) - len(refused))
    assert ha.check(ha.History(file))["passed"].all()


def test_a_reader_in_another_process_never_sees_half_a_load(file: Path, process: object) -> None:
    loader = process(LOAD, file, logs(file.parent / "large.jsonl", 1000, 21_000))
    seen = set()
    while loader.poll() is None:
        try:
            seen.add(records(file))
        except HistoryLockedError:
            seen.add("locked")
        time.sleep(0.01)
    assert loader.returncode in {0, 3}, loader.communicate()
    seen.add(records(file))
    assert seen <= {30, 20_030, "locked"}


def test_a_thread_that_reads_never_sees_half_a_load(tmp_path: Path) -> None:
    first, second = logs(tmp_path / "a.jsonl", 0, 10), logs(tmp_path / "b.jsonl", 10, 8_010)
    for into in (tmp_path / "h.duckdb", None):
        history = ha.load(first, into=into, quiet=True)
        seen, ended = set(), threading.Event()

        def read(history: ha.History = history, seen: set[int] = seen, ended: threading.Event = ended) -> None:
            while not ended.is_set():
                seen.add(history.sql("SELECT count(*) AS n FROM log_records").item())

        reader = threading.Thread(target=read)
        reader.start()
        ha.load(second, into=history if into is None else into, quiet=True)
        ended.set()
        reader.join()
        seen.add(history.sql("SELECT count(*) AS n FROM log_records").item())
        assert seen <= {10, 8_010}
        assert 8_010 in seen


def test_threads_that_load_take_turns(tmp_path: Path) -> None:
    files = [logs(tmp_path / f"{number}.jsonl", 100 * number, 100 * number + 20) for number in range(4)]
    faults: list[BaseException] = []

    def load(path: Path) -> None:
        try:
            ha.load(path, into=tmp_path / "h.duckdb", quiet=True)
        except BaseException as fault:  # noqa: BLE001 - told to the test below
            faults.append(fault)

    threads = [threading.Thread(target=load, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert records(tmp_path / "h.duckdb") == 80


# DuckDB 1.5 takes this pragma for the SELECT that it stands for.
AS_A_SELECT = pytest.param(
    "PRAGMA version", marks=pytest.mark.skipif(duckdb.__version__ < "2", reason="a SELECT to DuckDB 1.5")
)
READING = [
    "WITH gone AS (DELETE FROM spans RETURNING *) SELECT * FROM gone",
    "WITH made AS (INSERT INTO loads (load_id) VALUES (99) RETURNING *) SELECT * FROM made",
    "EXPLAIN ANALYZE DELETE FROM log_records",
    "EXPLAIN ANALYZE UPDATE loads SET seen = 0",
]


@pytest.mark.parametrize("text", READING)
def test_a_query_that_hides_a_write_is_refused(file: Path, text: str) -> None:
    memory = ha.load(file.parent / "first.jsonl", quiet=True)
    for history in (ha.open(file), memory):
        before = history.sql("SELECT * FROM loads"), history.sql("SELECT count(*) AS n FROM log_records").item()
        with pytest.raises(QueryError):
            history.sql(text)
        assert history.sql("SELECT * FROM loads").equals(before[0])
        assert history.sql("SELECT count(*) AS n FROM log_records").item() == before[1]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM spans", "SELECT 1; DELETE FROM spans", "ATTACH 'x.db'", "COPY spans TO 'x.csv'", "SET threads = 1", AS_A_SELECT,
        "INSTALL httpfs", "LOAD httpfs", "CALL checkpoint()", "USE memory", "CREATE TABLE t (a INTEGER)", "", ";", "SELEC 1", "EXPORT DATABASE 'x'",
    ],
)  # fmt: skip
def test_a_statement_that_is_no_query_is_refused(file: Path, text: str) -> None:
    for history in (ha.open(file), ha.History()):
        with pytest.raises(QueryError):
            history.sql(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_csv('{secret}')", "SELECT * FROM read_text('{secret}')", "SELECT * FROM '{secret}'", "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')", "SELECT * FROM read_json('{secret}')", "SELECT * FROM sniff_csv('{secret}')",
        "SELECT * FROM parquet_scan('{secret}')", "SELECT getenv('HOME')", "SELECT * FROM history_in_python", "SELECT * FROM read_blob('{folder}/../*')",
    ],
)  # fmt: skip
def test_a_query_reaches_no_file_no_address_and_no_variable(file: Path, text: str) -> None:
    history_in_python = ha.open(file).loads
    secret = file.parent / "secret.csv"
    secret.write_text("a\nsecret\n")
    for history in (ha.open(file), ha.load(file.parent / "first.jsonl", quiet=True)):
        with pytest.raises(QueryError):
            history.sql(text.format(secret=secret, folder=file.parent))
    assert history_in_python.height == 1


def connections(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    yield ha.open(file)._store.reader()
    ha.History(file)._store.release()
    yield ha.History()._store.reader()
    with ha.History(file)._store.writer() as writing:
        yield writing
    with ha.History(file)._store.beside() as (beside, _):
        yield beside


def test_no_connection_of_a_history_can_be_opened_up_again(file: Path) -> None:
    for connection in connections(file):
        for statement in (
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "SET autoload_known_extensions = true",
            "SET allow_community_extensions = true",
            f"SET allowed_directories = ['{file.parent}']",
            "RESET enable_external_access",
            f"ATTACH '{file.parent / 'other.duckdb'}'",
            f"COPY loads TO '{file.parent / 'out.csv'}'",
            f"EXPORT DATABASE '{file.parent / 'out'}'",
            "INSTALL httpfs",
            "LOAD httpfs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement).fetchall()
        off = "enable_external_access", "autoinstall_known_extensions", "autoload_known_extensions"
        off += "allow_community_extensions", "allow_unsigned_extensions", "allow_persistent_secrets"
        for setting in off:
            assert connection.execute(f"SELECT current_setting('{setting}')").fetchall() == [(False,)], setting
        assert connection.execute("SELECT current_setting('lock_configuration')").fetchall() == [(True,)]
    assert sorted(path.name for path in file.parent.iterdir()) == ["first.jsonl", "h.duckdb"]


def test_names_from_files_stay_names(tmp_path: Path) -> None:
    evil = "x'; DROP TABLE spans; --\"]); SELECT 1"
    path = tmp_path / f"{evil.replace('/', '')}.jsonl"
    path.write_text(
        json.dumps({"time": "2026-01-05T10:00:00Z", "level": "INFO", "service": evil, "message": evil, evil: evil})
        + "\n"
    )
    history = ha.load(path, into=tmp_path / f"{evil}.duckdb", quiet=True)
    assert history.sql("SELECT system, body FROM log_records").row(0) == (evil, evil)
    assert history.where(source=evil, team=evil, workflow=evil).sql("SELECT count(*) AS n FROM crossings").item() == 0
    assert ha.check(history)["passed"].all()


@pytest.mark.parametrize(
    "name", ["main", "temp", "system", "memory", "spans", "beside", "stored", "select", "a b", "ä.b"]
)
def test_a_history_may_have_any_name(tmp_path: Path, name: str) -> None:
    history = ha.load(logs(tmp_path / "first.jsonl", 0, 3), into=tmp_path / f"{name}.duckdb", quiet=True)
    assert ha.check(history)["passed"].all()
    assert history.sql("SELECT count(*) AS n FROM log_records").item() == 3


def test_a_path_that_is_no_history_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("no database " * 1000)
    (tmp_path / "zero.duckdb").write_bytes(b"")
    for name, said in (("text", "not a history"), ("zero", "not a history"), ("none", "There is no history")):
        with pytest.raises(NotAHistoryError, match=said):
            ha.open(tmp_path / f"{name}.duckdb")
    with pytest.raises((NotAHistoryError, HistoryFullError)):
        ha.load([], into=tmp_path, quiet=True)
    with pytest.raises(HistoryFullError, match="cannot be written"):
        ha.load([], into=tmp_path / "no" / "folder" / "h.duckdb", quiet=True)
    assert (tmp_path / "text.duckdb").read_text().startswith("no database")


def test_a_history_that_is_damaged_later_says_so_at_the_query(file: Path) -> None:
    copied = Path(shutil.copy(file, file.parent / "copy.duckdb"))
    content = bytearray(copied.read_bytes())
    for place in range(3 * 4096 + 100, len(content), 5000):
        content[place] ^= 0xFF
    copied.write_bytes(content)
    with pytest.raises(NotAHistoryError, match=r"copy\.duckdb is damaged"):
        ha.open(copied).sql("SELECT * FROM log_records")
