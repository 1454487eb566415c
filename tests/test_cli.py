"""The command line parses, calls and prints; refusals are one sentence."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures

import pytest
from typer.testing import CliRunner, Result

from handoff_analytics import cli, samples

RUN = CliRunner()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "acme.duckdb"
    samples.load(into=path)
    return path


def ran(*arguments: object) -> Result:
    return RUN.invoke(cli.app, [str(one) for one in arguments])


def test_rank_prints_for_people_and_for_programs(history: Path) -> None:
    people = ran("rank", history, "--top", 3)
    assert people.exit_code == 0
    assert "Fix these handoffs first" in people.stdout
    whole = json.loads(ran("rank", history, "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(ran("rank", history, "--csv").stdout)))
    assert [row["source"] for row in whole] == [row["source"] for row in rows]
    assert len(whole) > 3


def test_sql_answers_and_refuses_to_write(history: Path) -> None:
    assert json.loads(ran("sql", "SELECT count(*) AS n FROM tickets", history, "--json").stdout)[0]["n"] > 0
    refused = ran("sql", "DELETE FROM tickets", history)
    assert refused.exit_code != 0


def test_compare_ends_with_1_when_something_became_worse(history: Path) -> None:
    worse = ran("compare", "2026-05-18/2026-05-21", "2026-03-01/2026-04-15", history)
    assert worse.exit_code == 1
    assert "inventory" in worse.stdout
    assert ran("compare", "yesterday", "today", history).exit_code == 2


def test_plan_and_audit_and_report(history: Path, tmp_path: Path) -> None:
    assert "best plan for 40,000" in ran("plan", 40000, history).stdout
    assert json.loads(ran("audit", history, "--json").stdout)
    out = tmp_path / "acme.html"
    assert ran("report", history, "--out", out).exit_code == 0
    assert out.read_text().lstrip().lower().startswith("<!doctype html>")


def test_load_adds_to_a_history(tmp_path: Path) -> None:
    into = tmp_path / "h.duckdb"
    assert ran("load", samples.folder() / "catalogue.toml", "--into", into).exit_code == 0
    assert json.loads(ran("sql", "SELECT count(*) AS n FROM declared_systems", into, "--json").stdout)[0]["n"] > 5


def test_names_that_match_no_system_are_listed_and_accepted(tmp_path: Path) -> None:
    into, tickets, catalogue = tmp_path / "h.duckdb", tmp_path / "t.csv", tmp_path / "c.toml"
    tickets.write_text("number,opened_at,resolved_at,cmdb_ci\nINC1,2026-01-05 10:00:00,2026-01-05 12:00:00,Paymnet\n")
    catalogue.write_text('[[system]]\nname = "payment"\n')
    assert ran("load", catalogue, tickets, "--into", into, "--timezone", "UTC").exit_code == 0
    (row,) = json.loads(ran("aliases", into, "--json").stdout)
    assert (row["name"], row["tickets"], row["hours"], row["amount"], row["system"]) == (
        "Paymnet",
        1,
        2.0,
        0.0,
        "payment",
    )
    assert ran("aliases", into, "--accept", "Paymnet").exit_code == 2
    assert json.loads(ran("aliases", into, "--accept", "Paymnet=payment", "--json").stdout) == []
    told = json.loads(ran("sql", "SELECT alias, match FROM system_aliases", into, "--json").stdout)
    assert told == [{"alias": "Paymnet", "match": "user"}]


def test_a_mapping_is_drafted_and_checked(tmp_path: Path) -> None:
    drafted = ran("draft-mapping", samples.folder() / "outcomes.csv")
    assert drafted.exit_code == 0
    assert "[mapping]" in drafted.stdout
    checked = ran(
        "check-mapping", samples.folder() / "outcomes.csv", samples.folder() / "outcomes.mapping.toml", "--json"
    )
    assert checked.exit_code == 0


def test_a_refusal_is_one_sentence_and_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["handoffs", "rank", str(tmp_path / "none.duckdb")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert capsys.readouterr().err.startswith("handoffs: There is no history at")


def test_warnings_alerts_and_green_minutes_are_told(history: Path) -> None:
    told = ran("warnings", history)
    # At the end of the samples the token still expires: a warning stands.
    assert told.exit_code == 1
    assert "token_slack" in told.stdout
    assert {row["outcome"] for row in json.loads(ran("warnings", history, "--json").stdout)} >= {"early", "no_incident"}
    assert ran("warnings", history, "--until", "2026-01-05").exit_code == 0
    assert ran("alerts", history).stdout.startswith("groups:\n")
    assert json.loads(ran("green", history, "--json").stdout)[0]["green_minutes"] > 0


def test_a_transaction_is_told_and_what_is_missing_is_listed(history: Path, tmp_path: Path) -> None:
    told = json.loads(ran("trace", "SO-100456", history, "--json").stdout)
    assert {"retry", "error", "ticket"} <= {row["event"] for row in told}
    assert "label-printer" in ran("trace", "SO-100456", history).stdout
    assert "Send these again" in ran("reposts", history, "--top", 3).stdout
    out = tmp_path / "again.csv"
    said = ran("reposts", history, "--out", out)
    assert said.exit_code == 0
    assert "of them safe to send again" in said.stdout
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert {row["safe"] for row in rows} == {"true", "false"}
