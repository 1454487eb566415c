"""A whole history passes every check; each way of losing or bending something is found, and named."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

import handoff_analytics as ha
from handoff_analytics.cli import app
from handoff_analytics.errors import NotAHistoryError

if TYPE_CHECKING:
    from pathlib import Path

LINE = '{"time": "2026-01-05T10:00:00Z", "level": "INFO", "service": "erp", "message": "order taken", "order": %d}\n'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of the generator's company with thirty orders: traces, logs, runs, tickets, catalogue and a reject."""
    folder = ha.samples.write(tmp_path_factory.mktemp("company"), orders=30)
    for name in ("outcomes.csv", "health.csv", "truth.json"):
        (folder / name).unlink()
    (folder / "broken.jsonl").write_text("".join(LINE % number for number in range(30)) + "no record\n")
    path = folder.parent / "whole.duckdb"
    ha.load(folder, into=path, quiet=True)
    return path


@pytest.fixture
def history(whole: Path, tmp_path: Path) -> ha.History:
    return ha.History(shutil.copy(whole, tmp_path / "history.duckdb"))


def wrong(history: ha.History) -> list[tuple[str, str]]:
    return ha.check(history).filter(~pl.col("passed")).select("check", "subject").rows()


def bend(history: ha.History, statement: str) -> None:
    with history._store.writer() as connection:
        connection.execute(statement).fetchall()


def test_a_whole_history_passes(history: ha.History) -> None:
    checks = ha.check(history)
    assert wrong(history) == []
    counted = {subject: found for check, subject, found, *_ in checks.rows() if check == "conservation"}
    assert counted["each rejected record is in rejects"] == 1
    assert counted["seen = loaded + rejected + duplicate + skipped"] == history.loads["seen"].sum() > 1000
    assert (checks["found"] == checks["wanted"]).all()
    built = checks.filter((pl.col("check") == "model") & (pl.col("subject") == "crossings, built anew"))
    assert built["found"].item() == history.sql("SELECT count(*) AS n FROM crossings").item() > 100


@pytest.mark.slow
def test_the_samples_are_whole_and_build_the_same_twice(tmp_path: Path) -> None:
    history = ha.samples.load(into=tmp_path / "samples.duckdb")
    assert wrong(history) == []


def test_a_history_in_memory_is_checked_and_left_as_it_is() -> None:
    history = ha.samples.three_systems()
    before = history.sql("SELECT * FROM crossings ORDER BY ALL")
    assert wrong(history) == []
    assert history.sql("SELECT * FROM crossings ORDER BY ALL").equals(before)
    assert "beside" not in history.sql("SELECT database_name FROM duckdb_databases()")["database_name"]
    ha.check(history)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE loads SET seen = seen + 1 WHERE load_id = 3", ("conservation", "seen = loaded + rejected + duplicate + skipped")),
        ("DELETE FROM rejects", ("conservation", "each rejected record is in rejects")),
        ("DELETE FROM log_records WHERE record_no = 7", ("conservation", "each loaded record is in the evidence")),
        ("INSERT INTO crossings SELECT * FROM crossings LIMIT 1", ("key", "crossings: crossing_id")),
        ("DELETE FROM spans WHERE span_key IN (SELECT span_key FROM span_links LIMIT 1)", ("reference", "span_links.trace_key, span_key in spans")),
        ("DELETE FROM tickets WHERE ticket_uid = (SELECT max(ticket_uid) FROM tickets)", ("reference", "ticket_events.ticket_uid in tickets")),
        ("DELETE FROM systems", ("reference", "crossings.target in systems")),
        ("UPDATE failures SET root_id = 1", ("reference", "failures.root_id in failures")),
        ("UPDATE log_records SET load_id = 99 WHERE load_id = (SELECT max(load_id) FROM log_records)", ("reference", "log_records.load_id in loads")),
        ("UPDATE history_facts SET content = 'stale' WHERE fact = 'model'", ("model", "shows all evidence")),
    ],
)  # fmt: skip
def test_what_is_lost_is_found(history: ha.History, statement: str, found: tuple[str, str]) -> None:
    bend(history, statement)
    wrong = ha.check(history, rebuild=False).filter(~pl.col("passed"))
    assert found in wrong.select("check", "subject").rows()
    assert wrong["detail"].null_count() == 0


def test_a_model_that_does_not_follow_from_the_evidence_is_found(history: ha.History) -> None:
    bend(
        history, "UPDATE crossings SET failed = NOT failed WHERE crossing_id = (SELECT min(crossing_id) FROM crossings)"
    )
    bend(history, "DELETE FROM cascades")
    bend(history, "DROP TABLE attention")
    bend(history, "ALTER TABLE handoffs ADD COLUMN colour VARCHAR")
    found = wrong(history)
    assert found == [
        ("model", "attention"),
        ("model", "cascades, built anew"),
        ("model", "crossings, built anew"),
        ("model", "handoffs"),
    ]


def test_what_an_engine_made_is_not_built_anew_here(history: ha.History) -> None:
    bend(history, "INSERT INTO history_facts VALUES ('built_on', 'engine')")
    checks = ha.check(history)
    assert checks.filter(pl.col("check") == "model")["subject"].to_list() == ["shows all evidence"]
    assert checks["passed"].all()


def test_repair_builds_the_model_anew_and_no_more(history: ha.History) -> None:
    before = history.sql("SELECT * FROM crossings ORDER BY ALL")
    bend(history, "UPDATE crossings SET failed = NOT failed")
    bend(history, "DELETE FROM rejects")
    checks = ha.check(history, repair=True)
    assert checks.filter(~pl.col("passed"))["subject"].to_list() == ["each rejected record is in rejects"]
    assert history.sql("SELECT * FROM crossings ORDER BY ALL").equals(before)


def test_a_flipped_byte_is_found_or_harmless(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    said = []
    for place in range(300_000, len(content), len(content) // 8):
        path = tmp_path / f"flipped-{place}.duckdb"
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        said += complaints(path)
    assert said, "none of the bytes is read"
    assert all("is damaged" in text for text in said), said


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9])
def test_a_truncated_history_is_refused_with_what_to_do(whole: Path, tmp_path: Path, share: float) -> None:
    content = whole.read_bytes()
    path = tmp_path / "truncated.duckdb"
    path.write_bytes(content[: int(share * len(content))])
    said = complaints(path)
    assert said
    assert all("is damaged" in text or "is not a history" in text for text in said), said
    assert path.stat().st_size == int(share * len(content))


def complaints(path: Path) -> list[str]:
    """Say what a check finds wrong with a file, whether it opens or not."""
    try:
        checks = ha.check(ha.History(path))
    except NotAHistoryError as refusal:
        return [str(refusal)]
    return checks.filter(~pl.col("passed"))["detail"].to_list()


def test_the_command_exits_with_what_it_found(history: ha.History, tmp_path: Path) -> None:
    def run(*more: str) -> tuple[int, str]:
        outcome = CliRunner().invoke(app, ["check", *more])
        return outcome.exit_code, outcome.output

    code, said = run(history.path)
    assert code == 0
    assert "conservation" in said
    bend(history, "DELETE FROM rejects")
    code, said = run(history.path)
    assert code == 1
    assert "load" in said
    code, said = run(history.path, "--json")
    assert code == 1
    assert sum(not row["passed"] for row in json.loads(said)) == 1
    missing = CliRunner().invoke(app, ["check", "--repair", str(tmp_path / "none.duckdb")])
    assert isinstance(missing.exception, NotAHistoryError)
    assert not (tmp_path / "none.duckdb").exists()
