"""Values that are impossible or doubtful: null and a flag, or a reject; never a value that nobody wrote."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest
from refused import refused

import handoff_analytics as ha
from handoff_analytics.errors import HandoffError, MappingError

AT = 1_767_607_200  # 2026-01-05 10:00 UTC


def said(**column: Any) -> dict[str, Any]:
    """Return a mapping with one column of times."""
    values = {name: column.pop(name) for name in ("timezone", "dst") if name in column}
    return {
        "mapping": {"format": 1, "name": "x", "target": "tickets", "reader": "csv", "values": {"null": [""], **values}},
        "column": {
            "ticket_id": {"from": "id", "required": True},
            "opened_at": {"from": "at", "type": "time", **column},
        },
    }


def load(folder: Path, texts: list[str], **column: Any) -> ha.History:
    path = folder / "export.csv"
    path.write_text("id,at\n" + "".join(f'T{n},"{text}"\n' for n, text in enumerate(texts)))
    return ha.load(path, mapping=said(**column), on_reject="keep", quiet=True)


def opened(history: ha.History) -> list[str | None]:
    return history.sql("SELECT opened_at::VARCHAR AS at FROM tickets ORDER BY ticket_id")["at"].to_list()


def flags(history: ha.History) -> dict[str, int]:
    return dict(history.quality.select("flag", "doubtful").rows())


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_sentinel_is_null_and_flagged(tmp_path: Path, text: str) -> None:
    history = load(tmp_path, [text, "2026-01-05T10:00:00Z"])
    assert opened(history) == [None, "2026-01-05 10:00:00"]
    assert flags(history) == {"sentinel_time": 1}


@pytest.mark.parametrize("text", ["0000-00-00T00:00:00Z", "2024-13-45T00:00:00Z", "2026-02-30T00:00:00Z", "soon"])
def test_an_impossible_time_is_null_and_flagged_or_rejected_where_it_is_needed(tmp_path: Path, text: str) -> None:
    history = load(tmp_path, [text, "2026-01-05T10:00:00Z"])
    assert opened(history) == [None, "2026-01-05 10:00:00"]
    assert set(flags(history)) <= {"unreadable_value", "sentinel_time"} != set()
    history = load(tmp_path, [text, "2026-01-05T10:00:00Z"], required=True)
    assert history.rejects.select("line", "code").rows() in ([(2, "TIME")], [(2, "MISSING")])


@pytest.mark.parametrize(
    ("text", "read", "flag"),
    [
        ("2026-01-05T24:00:00Z", "2026-01-06 00:00:00", None),
        ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59.999999", "leap_second"),
        ("2026-01-05T10:00:00.1234567Z", "2026-01-05 10:00:00.123456", None),
        ("2026-01-05T10:00:00.123456789Z", "2026-01-05 10:00:00.123456", None),
        ("2026-01-05T10:00:00+0530", "2026-01-05 04:30:00", None),
        ("2026-01-05T10:00:00-08", "2026-01-05 18:00:00", None),
    ],
)
def test_unusual_times_are_read(tmp_path: Path, text: str, read: str, flag: str | None) -> None:
    history = load(tmp_path, [text])
    assert opened(history) == [read]
    assert flags(history) == ({flag: 1} if flag else {})


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
def test_the_size_of_a_number_is_its_unit_and_that_is_flagged(tmp_path: Path, factor: int) -> None:
    history = load(tmp_path, [str(AT * factor), str((AT + 60) * factor)], formats=["epoch"])
    assert opened(history) == ["2026-01-05 10:00:00", "2026-01-05 10:01:00"]
    assert "epoch_unit_guessed" in flags(history)
    units = {1: "epoch_s", 10**3: "epoch_ms", 10**6: "epoch_us", 10**9: "epoch_ns"}
    fixed = load(tmp_path, [str(AT * factor)], formats=[units[factor]])
    assert opened(fixed) == ["2026-01-05 10:00:00"]
    assert flags(fixed) == {}


def test_units_that_do_not_agree_are_no_times(tmp_path: Path) -> None:
    history = load(tmp_path, [str(AT), str(AT * 1000), "17"], formats=["epoch"], required=True)
    assert history.loads["loaded"].item() == 0
    assert set(history.rejects["code"]) == {"TIME"}


@pytest.mark.parametrize(
    ("dst", "gap", "fold"),
    [
        ("flag", "2026-03-29 01:30:00", "2026-10-25 00:30:00"),
        ("earlier", "2026-03-29 00:30:00", "2026-10-25 00:30:00"),
        ("later", "2026-03-29 01:30:00", "2026-10-25 01:30:00"),
    ],
)
def test_hours_that_a_clock_change_leaves_out_or_repeats_are_flagged(
    tmp_path: Path, dst: str, gap: str, fold: str
) -> None:
    history = load(tmp_path, ["2026-03-29 02:30:00", "2026-10-25 02:30:00"], timezone="Europe/Berlin", dst=dst)
    assert opened(history) == [gap, fold]
    assert flags(history) == {"dst_gap": 1, "dst_ambiguous": 1}


def test_hours_that_a_clock_change_makes_doubtful_are_rejected_where_that_is_said(tmp_path: Path) -> None:
    history = load(
        tmp_path,
        ["2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-06-01 02:30:00"],
        timezone="Europe/Berlin",
        dst="reject",
        required=True,
    )
    assert history.rejects.select("line", "code").rows() == [(2, "TIME"), (3, "TIME")]


@pytest.mark.parametrize(("zone", "near"), [("Europe/Berlim", "Europe/Berlin"), ("CEST", "")])
def test_a_zone_that_is_none_is_refused_with_one_that_is(tmp_path: Path, zone: str, near: str) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,at\nT,2026-01-05 10:00:00\n")
    refused(path, MappingError, f"{zone}.*{near}", mapping=said(timezone=zone))
    refused(path, HandoffError, zone, mapping=said(), timezone=zone)


def test_a_time_without_zone_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,at\nT,2026-01-05 10:00:00\n")
    refused(path, MappingError, "without a zone.*timezone", mapping=said())


@pytest.mark.parametrize("text", ["03/04/2026 10:00", "11/12/2026 10:00"])
def test_dates_that_mean_two_days_are_asked_for(tmp_path: Path, text: str) -> None:
    path = tmp_path / "export.csv"
    path.write_text(f"id,at\nT,{text}\n")
    formats = ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]
    refused(path, MappingError, "day/month as well as month/day", mapping=said(formats=formats, timezone="UTC"))
    history = load(tmp_path, [text, "29/2/2016 01:16"], formats=formats, timezone="UTC")
    assert opened(history)[1] == "2016-02-29 01:16:00"
    assert "can be nothing else" in history.loads["notes"].item()


def span(
    name: str, span_id: int, parent: int | None, begin: int, end: int, *, trace: int = 1, **more: Any
) -> dict[str, Any]:
    row = {"traceId": f"{trace:032x}", "spanId": f"{span_id:016x}", "name": name, "kind": 2, **more}
    if parent is not None:
        row["parentSpanId"] = f"{parent:016x}"
    row |= {"startTimeUnixNano": str((AT * 1000 + begin) * 10**6), "endTimeUnixNano": str((AT * 1000 + end) * 10**6)}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [row]}]}]}


def traces(folder: Path, *spans: dict[str, Any]) -> ha.History:
    path = folder / "traces.jsonl"
    path.write_text("\n".join(map(json.dumps, spans)))
    return ha.load(path, quiet=True)


def test_a_span_that_ends_before_it_begins_is_kept_and_flagged(tmp_path: Path) -> None:
    history = traces(tmp_path, span("crm", 1, None, 100, 50), span("erp", 2, 1, 40, 60))
    assert flags(history)["negative_duration"] == 1
    assert history.sql("SELECT duration_us FROM spans WHERE system = 'crm'").item() == -50_000


def test_equal_spans_are_counted_and_different_ones_of_one_id_are_both_kept(tmp_path: Path) -> None:
    history = traces(tmp_path, span("crm", 1, None, 0, 50), span("crm", 1, None, 0, 50), span("erp", 1, None, 0, 70))
    assert history.loads.select("seen", "loaded", "duplicate").row(0) == (3, 2, 1)
    assert flags(history) == {"duplicate_id": 1}
    assert history.sql("SELECT count(DISTINCT span_uid) FROM spans").item() == 2


def test_a_span_without_its_parent_is_loaded_and_marked(tmp_path: Path) -> None:
    history = traces(tmp_path, span("crm", 1, None, 0, 50), span("erp", 2, 77, 10, 20, trace=2))
    assert history.loads["loaded"].item() == 2
    assert history.sql("SELECT bool_or(is_orphan) FROM crossings WHERE target = 'erp'").item()


def test_parents_in_a_circle_do_not_hold_up_the_model(tmp_path: Path) -> None:
    circle = [
        span("crm", 1, 3, 0, 50),
        span("erp", 2, 1, 5, 40),
        span("pay", 3, 2, 10, 30),
        span("own", 4, 4, 0, 1, trace=2),
    ]
    history = traces(tmp_path, *circle)
    assert history.loads["loaded"].item() == 4
    assert history.sql("SELECT count(*) FROM crossings WHERE source = 'crm' AND target = 'erp'").item() == 1


def test_a_child_before_its_parent_is_loaded(tmp_path: Path) -> None:
    history = traces(tmp_path, span("crm", 1, None, 100, 200, kind=3), span("erp", 2, 1, 50, 120))
    assert history.sql("SELECT count(*) FROM crossings WHERE source = 'crm' AND target = 'erp'").item() == 1


@pytest.mark.parametrize(
    ("number", "kept"), [("12.5", 12.5), ("inf", None), ("1e999", None), ("abc", None), ("", None)]
)
def test_a_number_that_is_none_is_null_never_endless(tmp_path: Path, number: str, kept: float | None) -> None:
    path = tmp_path / "export.csv"
    path.write_text(f"name,amount\nx,{number}\n")
    mapping = {
        "mapping": {"format": 1, "name": "x", "target": "outcomes", "reader": "csv"},
        "column": {"check_name": {"from": "name"}, "amount": {"from": "amount", "type": "float"}},
    }
    history = ha.load(path, mapping=mapping, quiet=True)
    assert history.sql("SELECT amount FROM outcomes").item() == kept
    assert (history.quality.height > 0) == (kept is None and number != "")
