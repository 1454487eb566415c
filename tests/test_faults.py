"""Killed, starved and shut out: a history is as it was or as it was to become, and `ha.check` says so.

The campaign of two hundred kills runs with ``-m slow``; a handful of each kind runs always.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

import handoff_analytics as ha
from handoff_analytics.errors import HistoryFullError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals are those of Linux")
VICTIMS = Path(__file__).with_name("victims.py")
PATIENCE_S = 120
EXPORTS = ("list.csv", "list.md", "list.json", "list.xlsx")


def limits_of_root(limits: dict[str, int]) -> list[str]:
    """Return what takes from root, who may write anywhere, the right to do so; for others nothing."""
    if not limits.pop("is_shut_out", 0) or os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and setpriv is not here to take that from it")
    return ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]


class Victim:
    """Another process that does one thing, and can be killed once it has begun to."""

    def __init__(self, name: str, history: Path, files: list[Path], told: Path, **limits: int) -> None:
        told.unlink(missing_ok=True)
        prefix = limits_of_root(limits)
        given = json.dumps([name, str(history), [str(file) for file in files], limits, str(told)])
        self.process = subprocess.Popen([*prefix, sys.executable, VICTIMS, given], env=os.environ)
        self.told = told
        while self.process.poll() is None and not told.exists():
            time.sleep(0.01)

    def end(self) -> str:
        """Wait until it has ended, and say how."""
        self.process.wait(PATIENCE_S)
        return self.told.read_text()

    def kill(self, after_s: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(after_s)
        self.process.kill()
        self.process.wait()


def released(history: Path) -> None:
    ha.History(history)._store.release()


def state(history: Path) -> dict[str, Any]:
    """Say what is in a history, so that two of the same content are equal whatever time they were loaded at."""
    if not history.exists():
        return {}
    seen = ha.open(history)
    loads = seen.loads.select("format", "file_sha256", "seen", "loaded", "rejected", "duplicate", "skipped")
    evidence = {
        table: seen.sql(f"SELECT count(*) AS n, bit_xor(hash(COLUMNS(*))) FROM {table}").rows()
        for table in (
            "spans",
            "log_records",
            "runs",
            "tickets",
            "ticket_events",
            "outcomes",
            "declared_systems",
            "rejects",
        )
    }
    stored = set(seen.tables["table_name"])
    model = {
        table: seen.sql(f"SELECT count(*) AS n, bit_xor(hash(COLUMNS(*))) FROM {table}").rows()
        for table in ("crossings", "failures", "handoffs", "recoveries")
        if table in stored
    }
    released(history)
    return {"loads": loads.rows(), "evidence": evidence, "model": model}


def failing(history: Path) -> list[str]:
    checks = ha.check(ha.History(history))
    released(history)
    return checks.filter(~pl.col("passed"))["subject"].to_list()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with evidence of a small company, the history of its first half, and that of all of it."""
    folder = tmp_path_factory.mktemp("faults")
    evidence = ha.samples.write(folder / "evidence", orders=12, until="2026-02-15")
    first = [evidence / name for name in ("catalogue.toml", "logs.jsonl", "issues.jira.csv")]
    ha.load(first, into=folder / "old.duckdb", quiet=True)
    shutil.copy(folder / "old.duckdb", folder / "one.duckdb")
    ha.load(evidence / "traces.otlp.jsonl", into=folder / "one.duckdb", quiet=True)
    for name in ("old", "one"):
        released(folder / f"{name}.duckdb")
    return folder


@pytest.fixture
def history(company: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(company / "old.duckdb", tmp_path / "history.duckdb"))


def took_s(*given: Any) -> float:
    """Measure how long something takes that nobody kills."""
    begun = Victim(*given)
    started = time.perf_counter()
    assert begun.end() == "done"
    return time.perf_counter() - started


KILLS = [pytest.param(5, 1, id="5"), pytest.param(80, 2, id="80", marks=pytest.mark.slow)]
FEWER = [pytest.param(2, 3, id="2"), pytest.param(50, 4, id="50", marks=pytest.mark.slow)]


@pytest.mark.parametrize(("runs", "seed"), KILLS)
def test_a_load_that_is_killed_happened_or_did_not(company: Path, tmp_path: Path, runs: int, seed: int) -> None:
    old, new = state(company / "old.duckdb"), state(company / "one.duckdb")
    files = [company / "evidence" / "traces.otlp.jsonl"]
    path, told = tmp_path / "history.duckdb", tmp_path / "told"
    shutil.copy(company / "old.duckdb", path)
    whole_s = took_s("load", path, files, told)
    assert state(path) == new
    random, ends = Random(seed), {"old": 0, "new": 0}
    for _ in range(runs):
        for left in path.parent.glob("history.duckdb*"):
            left.unlink()
        shutil.copy(company / "old.duckdb", path)
        Victim("load", path, files, told).kill(random.uniform(0.05, 1.1) * whole_s)
        found = state(path)
        assert found in (old, new), f"neither old nor new: {found['loads']}"
        ends["old" if found == old else "new"] += 1
        assert failing(path) == []
    assert sum(ends.values()) == runs
    if runs > 50:
        assert ends["old"] > 10, ends
    # What a killed load leaves behind does not keep the next one from ending as it should.
    ha.load(files, into=path, quiet=True)
    assert state(path) == new


@pytest.mark.parametrize(("runs", "seed"), FEWER)
def test_a_load_of_several_files_that_is_killed_loaded_the_first_of_them(
    company: Path, tmp_path: Path, runs: int, seed: int
) -> None:
    names = ("traces.otlp.jsonl", "orchestrator_runs.json", "incidents.servicenow.csv")
    files = [company / "evidence" / name for name in names]
    path, told = tmp_path / "history.duckdb", tmp_path / "told"
    shutil.copy(company / "old.duckdb", path)
    whole_s = took_s("load", path, files, told)
    new = state(path)
    random, parts = Random(seed), set()
    for _ in range(runs):
        for left in path.parent.glob("history.duckdb*"):
            left.unlink()
        shutil.copy(company / "old.duckdb", path)
        Victim("load", path, files, told).kill(random.uniform(0.05, 1.1) * whole_s)
        loads = state(path)["loads"]
        assert loads == new["loads"][: len(loads)]
        parts.add(len(loads))
        behind = [] if len(loads) in {len(new["loads"]), len(new["loads"]) - len(files)} else ["shows all evidence"]
        wrong = [subject for subject in failing(path) if "built anew" not in subject]
        assert wrong in ([], behind), wrong
        ha.load(files, into=path, quiet=True)
        assert state(path) == new
        assert failing(path) == []
    if runs > 20:
        assert len(parts) > 1, parts


@pytest.mark.parametrize(("runs", "seed"), FEWER)
def test_a_model_whose_building_is_killed_is_as_it_was(company: Path, tmp_path: Path, runs: int, seed: int) -> None:
    path, told = tmp_path / "history.duckdb", tmp_path / "told"
    shutil.copy(company / "one.duckdb", path)
    new = state(path)
    whole_s = took_s("rebuild", path, [], told)
    assert state(path) == new
    random = Random(seed)
    for _ in range(runs):
        Victim("rebuild", path, [], told).kill(random.uniform(0.05, 1.0) * whole_s)
        assert state(path) == new
    assert failing(path) == []


@pytest.mark.parametrize(("runs", "seed"), FEWER)
def test_a_file_that_is_written_when_its_writer_is_killed_is_whole(
    company: Path, tmp_path: Path, runs: int, seed: int
) -> None:
    path, told = Path(shutil.copy(company / "one.duckdb", tmp_path / "history.duckdb")), tmp_path / "told"
    before = state(path)
    worklist = ha.remediation_list(ha.open(path))
    released(path)
    kept = tmp_path / "kept"
    kept.mkdir()
    files = [kept / name for name in EXPORTS]
    for file in files:
        ha.export_remediation(worklist, file)
    whole = {file: file.read_bytes() for file in files if file.suffix != ".xlsx"}
    random = Random(seed)
    for _ in range(runs):
        writing = Victim("export", path, files, told)
        begun_ns = told.stat().st_mtime_ns
        while writing.process.poll() is None and all(file.stat().st_mtime_ns <= begun_ns for file in files):
            time.sleep(0.005)
        writing.kill(random.uniform(0, 0.3))
        for file, content in whole.items():
            assert file.read_bytes() == content, f"{file.name} is neither the old nor the new one"
        assert pl.read_excel(kept / "list.xlsx").height == worklist.height
    assert state(path) == before


@pytest.mark.slow
def test_a_report_whose_writer_is_killed_is_the_old_one_or_the_new_one(company: Path, tmp_path: Path) -> None:
    path, told = Path(shutil.copy(company / "one.duckdb", tmp_path / "history.duckdb")), tmp_path / "told"
    page = tmp_path / "page.html"
    page.write_text("the old one")
    whole_s = took_s("report", path, [page], told)
    assert page.read_text().rstrip().endswith("</html>")
    for share in (0.3, 0.8, 0.95, 0.99):
        page.write_text("the old one")
        Victim("report", path, [page], told).kill(share * whole_s)
        content = page.read_text()
        assert content == "the old one" or content.rstrip().endswith("</html>")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 1.0])
def test_a_disk_that_is_full_leaves_the_history_as_it_was(company: Path, history: Path, share: float) -> None:
    old, new = state(company / "old.duckdb"), state(company / "one.duckdb")
    told = history.with_name("told")
    limit = int(share * history.stat().st_size) + 4096
    end = Victim("load", history, [company / "evidence" / "traces.otlp.jsonl"], told, file_bytes=limit).end()
    assert end.startswith("HistoryFullError") or end in {"done", "begun"}, end
    assert state(history) == (new if end == "done" else old)
    assert failing(history) == []
    ha.load(company / "evidence" / "traces.otlp.jsonl", into=history, quiet=True)
    assert state(history) == new


def test_a_small_file_system_that_fills_up_leaves_the_history_as_it_was(company: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    size = (company / "old.duckdb").stat().st_size + 300_000
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        path = Path(shutil.copy(company / "old.duckdb", disk / "history.duckdb"))
        with pytest.raises(HistoryFullError, match=r"does not fit|cannot be written"):
            ha.load([company / "evidence" / "traces.otlp.jsonl"], into=path, quiet=True)
        assert state(path) == state(company / "old.duckdb")
        assert failing(path) == []
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_folder_that_is_read_only_is_refused_in_a_sentence(company: Path, tmp_path: Path) -> None:
    shut, told = tmp_path / "shut", tmp_path / "open" / "told"
    shut.mkdir()
    told.parent.mkdir()
    path = Path(shutil.copy(company / "old.duckdb", shut / "history.duckdb"))
    page = shut / "page.html"
    path.chmod(0o444)
    shut.chmod(0o555)
    before = path.read_bytes()
    files = [company / "evidence" / "traces.otlp.jsonl"]
    for act, given in (("load", files), ("rebuild", []), ("report", [page])):
        end = Victim(act, path, given, told, is_shut_out=1).end()
        assert end.startswith("HistoryFullError"), end
    assert path.read_bytes() == before
    assert [file.name for file in shut.iterdir()] == ["history.duckdb"]


@pytest.mark.parametrize(
    "limits", [{"memory_mib": 8}, {"memory_mib": 40}, {"address_bytes": 1_500_000_000}, {"address_bytes": 700_000_000}]
)
def test_too_little_memory_leaves_the_history_as_it_was_or_as_it_was_to_become(
    company: Path, history: Path, limits: dict[str, int]
) -> None:
    old, new = state(company / "old.duckdb"), state(company / "one.duckdb")
    told = history.with_name("told")
    end = Victim("load", history, [company / "evidence" / "traces.otlp.jsonl"], told, **limits).end()
    assert state(history) in (old, new)
    assert not end.startswith("!") or "address_bytes" in limits, end
    assert end != "done" or state(history) == new
    assert failing(history) == []


def test_a_load_that_is_interrupted_leaves_the_history_as_it_was(
    company: Path, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from handoff_analytics.loaders import filing

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(filing.model, "build", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ha.load(company / "evidence" / "traces.otlp.jsonl", into=history, quiet=True)
    monkeypatch.undo()
    assert state(history) == state(company / "old.duckdb")
    assert failing(history) == []
