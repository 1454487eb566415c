"""XES and its table form: cases, nested attributes, defaults that are no values, document types refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics as ha
from handoff_analytics.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

LOG = """<?xml version="1.0" encoding="UTF-8"?>
<log{namespace}>
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <global scope="event"><string key="concept:name" value="UNKNOWN"/></global>
  <float key="statistics" value="1"><float key="inner" value="2"/></float>
  <trace>
    <string key="concept:name" value="ticket-1"/>
    <string key="channel" value="mail"/>
    <event>
      <string key="concept:name" value="Accepted"><string key="reason" value="new"/></string>
      <date key="time:timestamp" value="2026-01-05T09:00:00.000+01:00"/>
      <string key="org:group" value="desk"/><string key="org:resource" value="ann"/>
      <string key="lifecycle:transition" value="start"/>
    </event>
    <event><string key="concept:name" value="Solved"/><date key="time:timestamp" value="2026-01-05T10:00:00"/>
      <string key="org:group" value="?"/></event>
    <event><string key="concept:name" value="Odd"/><date key="time:timestamp" value="someday"/></event>
  </trace>
</log>
"""


def loaded(folder: Path, text: str, **options: Any) -> ha.History:
    path = folder / "log"
    path.write_text(text)
    return ha.load(path, quiet=True, on_reject="keep", **options)


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://www.xes-standard.org/" xes.version="2.0"'])
def test_a_trace_is_a_case_and_an_event_a_record(tmp_path: Path, namespace: str) -> None:
    found = loaded(tmp_path, LOG.replace("{namespace}", namespace))
    assert found.loads.select("format", "seen", "loaded", "rejected").row(0) == ("xes", 3, 2, 1)
    assert found.sql("SELECT case_id, activity, lifecycle, team, logged_at::VARCHAR FROM log_records ORDER BY log_us").rows() == [
        ("ticket-1", "Accepted", "start", "desk", "2026-01-05 08:00:00"), ("ticket-1", "Solved", None, None, "2026-01-05 10:00:00")
    ]  # fmt: skip
    assert "concept:name.reason" in found.sql("SELECT attributes FROM log_records ORDER BY log_us").item(0, 0)
    assert found.rejects.select("code", "column_name", "line").rows() == [("TIME", "time:timestamp", 17)]
    assert found.quality["flag"].to_list() == ["zone_assumed"]
    assert "ann" not in str(found.sql("SELECT person FROM log_records").rows())


def test_a_document_type_is_refused_and_nothing_loaded(tmp_path: Path) -> None:
    bomb = '<?xml version="1.0"?>\n<!DOCTYPE log [<!ENTITY a "b">]>\n<log><trace/></log>\n'
    with pytest.raises(UnreadableFileError, match="document type"):
        loaded(tmp_path, bomb)


def test_a_log_that_ends_early_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no well-formed XML"):
        loaded(tmp_path, LOG.replace("{namespace}", "")[:-40])


def test_a_table_with_the_names_of_xes(tmp_path: Path) -> None:
    rows = [
        ",case:concept:name,concept:name,time:timestamp,org:group,case:channel",
        "0,t1,Open,2026-01-05T08:00:00Z,desk,mail",
    ]
    rows += [
        "1,t1,Close,2026-01-05T09:00:00Z,desk,mail",
        "2,t1,Close,never,desk,mail",
        "3,t1,Close,2026-01-05T09:00:00Z,a,b,c",
    ]
    found = loaded(tmp_path, "\n".join(rows))
    assert found.loads.select("format", "seen", "loaded", "rejected").row(0) == ("csv_eventlog", 4, 2, 2)
    assert found.sql("SELECT case_id, activity, team FROM log_records ORDER BY log_us").rows() == [
        ("t1", "Open", "desk"),
        ("t1", "Close", "desk"),
    ]


def test_events_of_a_case_that_are_alike_are_as_many_as_there_are(tmp_path: Path) -> None:
    event = '<event><string key="concept:name" value="Called"/><date key="time:timestamp" value="2026-01-05T10:00:00Z"/></event>'
    trace = '<trace><string key="concept:name" value="{}"/>' + event * 3 + "</trace>"
    text = "<log>" + trace.format(1) + trace.format(2) + "</log>"
    found = loaded(tmp_path, text)
    assert found.loads.select("seen", "loaded", "duplicate").row(0) == (6, 6, 0)
    row = "{},Called,2026-01-05T10:00:00Z\n"
    table = "case:concept:name,concept:name,time:timestamp\n" + row.format(1) * 3
    path, into = tmp_path / "again.xes", tmp_path / "h.duckdb"
    path.write_text(text)
    (tmp_path / "log.csv").write_text(table)
    ha.load([path, tmp_path / "log.csv"], into=into, quiet=True)
    # The same case as a table: three events stay three.
    assert ha.open(into).sql("SELECT case_id, count(*) FROM log_records GROUP BY ALL ORDER BY 1").rows() == [
        ("1", 3),
        ("2", 3),
    ]
