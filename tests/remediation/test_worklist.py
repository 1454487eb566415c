"""The remediation list: what fails, what to do, what it saves; safe to hand over; compared with what came true."""

from __future__ import annotations

import csv
import io
import json
import random
import sys
from datetime import timedelta
from typing import TYPE_CHECKING
from zipfile import ZipFile

import fastexcel
import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.economics.measures import Measure, Target
from handoff_analytics.errors import ArgumentError, MissingExtraError
from handoff_analytics.remediation.exports import escaped_markdown
from handoff_analytics.remediation.suggestions import suggested_measures, usual_for
from handoff_analytics.statistics.ranges import Range
from handoff_analytics.vocabulary import HandoffType

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '=cmd|"/c calc"!A1 <script>alert(1)</script> [click](http://evil.example) @everyone | {noformat} **b**'


def company(*, fixed_at: int | None = None, hours: int = 24 * 120) -> ha.History:
    """One handoff that fails by expired tokens and one that rarely fails; the first is mended at an hour, if at all."""
    chance = random.Random(7)
    crossings, failures = [], []
    for hour in range(hours):
        at = NOON + timedelta(hours=hour)
        for place, (source, target, rate) in enumerate((("shop", "carrier", 0.06), ("shop", "erp", 0.004))):
            number = 10 * hour + place
            mended = fixed_at is not None and hour >= fixed_at
            failed = chance.random() < (rate * (0.1 if mended and place == 0 else 1))
            crossings.append(crossing(number, source, target, started_at=at, failed=failed))
            if failed:
                kind = {"handoff_type": "authentication", "mode": "expired_credentials", "error_text": HOSTILE}
                other = {"handoff_type": "state_sync", "mode": "write_conflict", "silent": True, "detector": "outcome"}
                failures.append(
                    failure(number, source, target, failed_at=at, type_rule="R154", **(kind if place == 0 else other))
                )
    return history_with(crossings=crossings, failures=failures)


@pytest.fixture(scope="module")
def history() -> ha.History:
    return company()


@pytest.fixture(scope="module")
def worklist(history: ha.History) -> pl.DataFrame:
    return ha.remediation_list(history)


def test_each_way_of_failing_has_its_evidence_and_the_measure_for_it(worklist: pl.DataFrame) -> None:
    first, second = worklist.to_dicts()
    assert (first["rank"], first["target"], first["mode"]) == (1, "carrier", "expired_credentials")
    assert first["measure"] == "token_refresh_ahead"
    assert first["declared_by"] == "suggestion"
    assert first["example"].startswith("order-")
    assert len(first["failure_ids"].split(", ")) == 5
    assert "rule R154" in first["why"]
    assert second["measure"] == "version_check"
    assert "100% of them without a status" in second["what"]
    assert first["status"] == "open"
    assert "assumed" in first["assumptions"]


def test_the_losses_of_the_list_are_those_of_the_ranking(history: ha.History, worklist: pl.DataFrame) -> None:
    assert worklist["expected_annual_loss"].sum() == pytest.approx(ha.rank(history)["expected_annual_loss"].sum())
    assert worklist["expected_annual_loss"].is_sorted(descending=True)


def test_a_saving_lies_in_its_interval_and_never_exceeds_the_loss(worklist: pl.DataFrame) -> None:
    assert (worklist["saving_low"] <= worklist["saving"]).all()
    assert (worklist["saving"] <= worklist["saving_high"]).all()
    assert (worklist["saving"] <= worklist["expected_annual_loss"]).all()


def test_a_declared_measure_comes_before_a_shipped_one_and_a_general_one_after(history: ha.History) -> None:
    own = Measure(
        "our_refresh",
        "Ours",
        "error_handling",
        targets=(Target("authentication"),),
        one_off=Range.of(100),
        rate_reduction=Range.of(0.5),
    )
    everything = Measure("runbooks", "Books", "training", one_off=Range.of(1), magnitude_reduction=Range.of(0.9))
    found = ha.remediation_list(history, measures=[own, everything])
    assert found["measure"].to_list() == ["our_refresh", "runbooks"]
    assert found["declared_by"].to_list() == ["catalogue", "catalogue"]
    nothing = ha.remediation_list(history, measures=[])
    assert nothing["measure"].null_count() == 2
    assert ha.remediation_list(history, top=1).height == 1
    with pytest.raises(ArgumentError, match="top"):
        ha.remediation_list(history, top=0)


def test_the_same_list_comes_out_twice(history: ha.History, worklist: pl.DataFrame) -> None:
    assert ha.remediation_list(history).equals(worklist)


def test_the_shipped_catalogue_covers_every_type_with_all_that_the_article_names() -> None:
    names = {measure.name for measure in suggested_measures()}
    assert {
        *("contract_test", "schema_registry", "token_refresh_ahead", "idempotency_key", "outbox", "saga_compensation"),
        *("dead_letter_replay", "timeout_budget", "circuit_breaker", "reconciliation_job"),
    } <= names
    for kind in HandoffType:
        assert usual_for(suggested_measures(), kind.value, None), kind
    assert {measure.category for measure in suggested_measures()} == {
        *("auditing", "error_handling", "monitoring", "training")
    }


def test_a_status_is_kept_and_shown(tmp_path: Path) -> None:
    history = company(hours=24 * 30)
    ha.mark_remediation(
        history, source="shop", target="carrier", channel="http", measure="token_refresh_ahead", status="in_progress",
        owner="logistics", reference="OPS-7", predicted=(1.0, 2.0, 3.0), at=NOON,
    )  # fmt: skip
    first = ha.remediation_list(history).to_dicts()[0]
    assert (first["status"], first["reference"], first["owner"]) == ("in_progress", "OPS-7", "logistics")
    with pytest.raises(ArgumentError, match="status"):
        ha.mark_remediation(history, source="a", target="b", channel="http", measure="m", status="maybe")
    with pytest.raises(ArgumentError, match="rising"):
        ha.mark_remediation(
            history, source="a", target="b", channel="http", measure="m", status="open", predicted=(3, 2, 1)
        )


def test_an_entry_made_twice_is_one_entry() -> None:
    history = company(hours=24 * 10)
    for _ in range(2):
        ha.mark_remediation(history, source="a", target="b", channel="http", measure="m", status="open", at=NOON)
    assert ha.remediation_entries(history).height == 1


def test_a_csv_runs_no_formula(worklist: pl.DataFrame, tmp_path: Path) -> None:
    written = ha.export_remediation(worklist, tmp_path / "list.csv")
    rows = list(csv.DictReader(io.StringIO(written.read_text())))
    assert len(rows) == 2
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    assert rows[0]["example_text"].startswith("'=cmd")


def test_a_workbook_holds_text_and_no_formula(worklist: pl.DataFrame, tmp_path: Path) -> None:
    written = ha.export_remediation(worklist, tmp_path / "list.xlsx")
    sheet = fastexcel.read_excel(written).load_sheet(0).to_polars()
    assert sheet.height == 2
    assert sheet["example text"][0] == HOSTILE
    with ZipFile(written) as parts:
        content = b"".join(parts.read(name) for name in parts.namelist() if "sheet1" in name)
    assert b"<f>" not in content
    assert b"hyperlink" not in content


def test_a_workbook_without_its_extra_says_which(
    worklist: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(MissingExtraError, match=r"\[excel\]"):
        ha.export_remediation(worklist, tmp_path / "list.xlsx")


def test_markdown_shows_hostile_text_and_obeys_none(worklist: pl.DataFrame, tmp_path: Path) -> None:
    text = ha.export_remediation(worklist, tmp_path / "list.md").read_text()
    assert "<script>" not in text
    assert "[click](" not in text
    assert "@everyone" not in text
    assert "http://evil" not in text
    assert text.startswith("# Remediation list")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1


@pytest.mark.parametrize("text", ["a\nb", "a | b", "`x`", "# head", "- item", "![i](u)", "1 < 2 & 3 > 2"])
def test_escaping_leaves_one_line_without_structure(text: str) -> None:
    safe = escaped_markdown(text)
    assert "\n" not in safe
    assert "<" not in safe
    assert not safe.startswith(("#", "- "))


def test_jira_takes_one_task_a_row_by_its_loss(worklist: pl.DataFrame, tmp_path: Path) -> None:
    written = ha.export_remediation(worklist, tmp_path / "jira.csv", format="jira")
    rows = list(csv.reader(io.StringIO(written.read_text())))
    assert rows[0][:4] == ["Summary", "Issue Type", "Priority", "Description"]
    assert rows[1][2] == "Highest"
    assert rows[1][4:6] == ["handoff", "authentication"]
    assert rows[1][7] == "To Do"
    assert "{noformat}" not in rows[1][3]
    assert "http://evil" not in rows[1][3]


def test_github_takes_one_issue_a_row(worklist: pl.DataFrame, tmp_path: Path) -> None:
    issues = json.loads(ha.export_remediation(worklist, tmp_path / "issues.json").read_text())
    assert [set(issue) for issue in issues] == [{"title", "body", "labels"}] * 2
    assert issues[0]["title"] == "shop -> carrier: expired credentials"
    assert "priority-highest" in issues[0]["labels"]
    assert "<script>" not in issues[0]["body"]
    assert "@everyone" not in issues[0]["body"]


def test_an_unknown_format_is_refused(worklist: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="csv, xlsx"):
        ha.export_remediation(worklist, tmp_path / "list.docx")


def test_an_empty_list_is_written_as_one(worklist: pl.DataFrame, tmp_path: Path) -> None:
    for name in ("list.csv", "list.xlsx", "list.md", "list.json"):
        assert ha.export_remediation(worklist.head(0), tmp_path / name).exists()


def done(history: ha.History, hour: int, predicted: tuple[float, float, float] | None) -> pl.DataFrame:
    ha.mark_remediation(
        history, source="shop", target="carrier", channel="http", measure="token_refresh_ahead", status="done",
        predicted=predicted, at=NOON + timedelta(hours=hour),
    )  # fmt: skip
    return ha.realised_saving(history)


def test_a_fix_that_worked_is_seen_and_compared_with_its_prediction() -> None:
    history = company(fixed_at=24 * 60)
    loss = ha.rank(history).filter(pl.col("target") == "carrier")["expected_annual_loss"][0]
    row = done(history, 24 * 60, (0.2 * loss, loss, 3 * loss)).to_dicts()[0]
    assert row["rate_ratio"] < 0.3
    assert row["p_improved"] > 0.99
    assert row["ratio_low"] < 0.1 < row["ratio_high"]
    assert row["realised"] > 0
    assert row["verdict"] == "as predicted"
    assert done(history, 24 * 60, (1e7, 2e7, 3e7)).to_dicts()[0]["verdict"] == "less than predicted"
    assert done(history, 24 * 60, (1.0, 2.0, 3.0)).to_dicts()[0]["verdict"] == "more than predicted"


def test_a_fix_that_did_nothing_shows_no_effect() -> None:
    row = done(company(), 24 * 60, None).to_dicts()[0]
    assert row["verdict"] == "no effect shown"
    assert row["ratio_low"] < 1 < row["ratio_high"]


def test_without_a_prediction_and_without_time_it_says_so() -> None:
    assert done(company(fixed_at=24 * 60), 24 * 60, None).to_dicts()[0]["verdict"] == "fewer failures"
    late = done(company(hours=24 * 30), 24 * 400, None).to_dicts()[0]
    assert late["verdict"] == "too early"
    assert late["days_after"] == 0
    assert ha.realised_saving(company(hours=24)).is_empty()


def test_a_prediction_stands_until_another_is_given() -> None:
    history = company(fixed_at=24 * 60)
    name = {"source": "shop", "target": "carrier", "channel": "http", "measure": "token_refresh_ahead"}
    ha.mark_remediation(history, **name, status="in_progress", predicted=(1.0, 2.0, 3.0), at=NOON)
    ha.mark_remediation(history, **name, status="done", at=NOON + timedelta(days=60))
    assert ha.realised_saving(history)["predicted"].to_list() == [2.0]
