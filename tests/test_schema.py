"""Histories of every release open in this one; those of a later one are refused with what to do.

`tests/assets/keep_release.py` keeps a history of each release, once, when it is released.
"""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

import polars as pl
import pytest

import handoff_analytics as ha
from handoff_analytics import schema
from handoff_analytics.errors import NotAHistoryError
from handoff_analytics.store import MEMORY, connect

RELEASES = sorted((Path(__file__).parent / "assets").glob("history-*.duckdb.xz"))


@pytest.fixture(params=RELEASES, ids=lambda path: path.name.removesuffix(".duckdb.xz"))
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "released.duckdb"
    path.write_bytes(lzma.decompress(request.param.read_bytes()))
    return path


def facts(path: Path) -> dict[str, str]:
    ha.History(path)._store.release()
    connection = connect(path, read_only=True)
    rows = connection.execute("SELECT fact, content FROM history_facts").fetchall()
    connection.close()
    return dict(rows)


def change(path: Path, *statements: str) -> None:
    ha.History(path)._store.release()
    connection = connect(path)
    for statement in statements:
        connection.execute(statement).fetchall()
    connection.close()


def test_a_release_is_kept_and_small() -> None:
    assert any(f"history-{ha.__version__}." in path.name for path in RELEASES)
    assert all(path.stat().st_size < 1_000_000 for path in RELEASES)


def test_a_released_history_is_lifted_checked_and_ranked(released: Path) -> None:
    seen = ha.History(released)
    checks = ha.check(seen, repair=True)
    assert checks.filter(~pl.col("passed")).is_empty(), checks.filter(~pl.col("passed"))
    assert seen.loads["loaded"].sum() > 100
    assert not ha.rank(seen).is_empty()
    assert facts(released)["schema_version"] == str(schema.SCHEMA_VERSION)


def test_a_load_lifts_a_released_history_and_keeps_what_it_held(released: Path) -> None:
    before = facts(released)
    ha.load([], into=released, quiet=True)
    after = facts(released)
    assert after["salt"] == before["salt"]
    assert after["model"] == "current"
    made = connect(MEMORY)
    schema.prepare(made, MEMORY)
    lifted = connect(released, read_only=True)
    assert schema._tables(made).items() <= schema._tables(lifted).items()


def test_a_missing_column_and_a_missing_table_are_made(released: Path) -> None:
    change(released, "ALTER TABLE outcomes DROP COLUMN amount", "DROP TABLE remediation_entries")
    with pytest.raises(NotAHistoryError, match=r"older version .* handoffs check --repair .*released\.duckdb"):
        ha.open(released)
    ha.check(ha.History(released), repair=True)
    assert "amount" in ha.open(released).sql("SELECT * FROM outcomes LIMIT 0").columns
    assert ha.open(released).sql("SELECT count(*) AS n FROM remediation_entries").item() == 0


def test_each_step_between_two_versions_is_taken_once_and_in_order(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = int(facts(released)["schema_version"])
    monkeypatch.setattr(schema, "SCHEMA_VERSION", first + 3)
    steps = {
        first
        + 1: "ALTER TABLE spans RENAME COLUMN peer TO other_side; UPDATE spans SET other_side = upper(other_side)",
        first + 3: "ALTER TABLE spans RENAME COLUMN other_side TO peer; UPDATE spans SET peer = peer || '!'",
    }
    monkeypatch.setattr(schema, "STEPS", steps)
    peers = "SELECT DISTINCT peer FROM spans WHERE peer IS NOT NULL ORDER BY 1"
    connection = connect(released, read_only=True)
    before = [peer for (peer,) in connection.execute(peers).fetchall()]
    connection.close()
    assert before
    for _ in range(2):
        ha.load([], into=released, quiet=True)
    assert ha.open(released).sql(peers)["peer"].to_list() == sorted(f"{peer.upper()}!" for peer in before)


def test_a_step_that_fails_leaves_the_history_as_it_was(released: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts(released)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    monkeypatch.setattr(schema, "STEPS", {schema.SCHEMA_VERSION: "UPDATE spans SET peer = 'lost'; SELECT error('no')"})
    with pytest.raises(Exception, match="no"):
        ha.load([], into=released, quiet=True)
    monkeypatch.undo()
    assert facts(released) == before
    assert ha.open(released).sql("SELECT count(*) AS n FROM spans WHERE peer = 'lost'").item() == 0


def test_a_newer_history_is_refused_with_what_to_do_and_left_alone(released: Path) -> None:
    change(released, "UPDATE history_facts SET content = '99' WHERE fact = 'schema_version'")
    before = released.read_bytes()
    for act in (
        lambda: ha.open(released),
        lambda: ha.load([], into=released, quiet=True),
        lambda: ha.check(ha.History(released), repair=True),
    ):
        with pytest.raises(NotAHistoryError, match=r"schema version 99; this library reads up to \d+: upgrade it"):
            act()
    assert released.read_bytes() == before


@pytest.mark.parametrize(
    "said", ["DELETE FROM history_facts", "UPDATE history_facts SET content = 'x' WHERE fact = 'schema_version'"]
)
def test_a_history_without_a_version_is_none(released: Path, said: str) -> None:
    change(released, said)
    with pytest.raises(NotAHistoryError, match="says no schema version"):
        ha.open(released)


def test_another_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    change(path, "CREATE TABLE accounts (a INTEGER)")
    before = path.read_bytes()
    for act in (lambda: ha.open(path), lambda: ha.load([], into=path, quiet=True)):
        with pytest.raises(NotAHistoryError, match="a DuckDB database, but no history"):
            act()
    assert path.read_bytes() == before


def test_a_file_that_a_killed_load_began_is_loaded_into_again(tmp_path: Path) -> None:
    path = tmp_path / "begun.duckdb"
    connect(path).close()
    with pytest.raises(NotAHistoryError, match="Load the evidence again"):
        ha.open(path)
    ha.load([], into=path, quiet=True)
    assert ha.open(path).loads.is_empty()


def test_a_copy_taken_while_nobody_writes_is_a_history(released: Path, tmp_path: Path) -> None:
    ha.check(ha.History(released), repair=True)
    copied = ha.open(shutil.copy(released, tmp_path / "copy.duckdb"))
    assert copied.loads.height == ha.open(released).loads.height
