"""What does a mapping file say?"""

from pathlib import Path
from typing import Any

import pytest

from handoff_analytics.errors import MappingError
from handoff_analytics.loaders.mapping import mapping

HEAD: dict[str, Any] = {"format": 1, "name": "own", "target": "tickets", "reader": "csv"}
KEY: dict[str, Any] = {"ticket_id": {"from": "id"}}


def said(head: dict[str, Any] | None = None, **columns: Any) -> dict[str, Any]:
    return {"mapping": HEAD | (head or {}), "column": KEY | columns}


def test_the_documented_file_is_read() -> None:
    read = mapping(
        r"""
        [mapping]
        format = 1
        name = "boomi_executions"
        target = "runs"
        reader = "jsonl"
        platform = "boomi"
        [mapping.match]
        keys_all = ["executionId", "executionTime"]
        [mapping.records]
        path = "result[*]"
        recurse = ""
        [mapping.values]
        null = ["", "?", "NULL", "UNKNOWN"]
        true = ["true", "TRUE"]
        timezone = "Europe/Berlin"
        dst = "flag"
        [column.started_at]
        from = ["executionTime", "Execution Time"]
        type = "time"
        formats = ["iso", "%d.%m.%Y %H:%M"]
        required = true
        [column.duration_s]
        from = "executionDuration"
        type = "duration"
        unit = "ms"
        [column.technical_status]
        from = "status"
        map = { COMPLETE = "ok", ERROR = "error", ABORTED = "cancelled", "*" = "reject" }
        [column.attempt]
        from = "priority"
        type = "int"
        regex = '^(\d)'
        thousands = ","
        [column.correlation_id]
        template = "{orderNo}-{region}"
        [column.platform_type]
        const = "iPaaS"
        """
    )
    assert read.name == "boomi_executions"
    assert read.column["started_at"].sources == ["executionTime", "Execution Time"]
    assert read.column["duration_s"].sources == ["executionDuration"]
    assert read.mapping.values.timezone == "Europe/Berlin"
    assert len(read.sha256) == 64


def test_a_path_dictionaries_and_a_mapping_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        '[mapping]\nformat = 1\nname = "own"\ntarget = "tickets"\nreader = "csv"\n[column.ticket_id]\nfrom = "id"\n'
    )
    assert mapping(file) == mapping(str(file)) == mapping(said()) == mapping(mapping(said()))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"nowhere.toml cannot be read: No such file"):
        mapping(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (said({"taget": "runs"}), "'taget' is not known here.*Did you mean 'target'"),
        (said({"target": "ticket"}), "mapping.target: 'ticket'.*Did you mean 'tickets'"),
        (said({"format": 2}), "mapping.format"),
        (said({"reader": "xml"}), "mapping.reader"),
        (said({"values": {"timezone": "Europe/Berln"}}), "Did you mean 'Europe/Berlin'"),
        (said({"csv": {"delimiter": "::"}}), "must be one character"),
        (said({"reader": "text"}), "needs mapping.pattern"),
        (said({"reader": "text", "pattern": "no group"}), "has no group"),
        (said({"rows": {"mode": "snapshots"}, "target": "runs"}), "is for target = 'tickets' only"),
        ({"mapping": HEAD, "column": {}}, "there is no"),
        (said(title={"form": "x"}), "'form' is not known here.*Did you mean 'from'"),
        (said(title={}), "say one of from, template and const; 0 are given"),
        (said(title={"from": "x", "const": "y"}), "2 are given"),
        (said(opened_at={"from": "x", "type": "time", "formats": ["dd.mm.yyyy"]}), "'dd.mm.yyyy' is no format"),
        (said(opened_at={"from": "x", "type": "time", "formats": "epoch_m"}), "Did you mean 'epoch_ms'"),
        (said(worked_s={"from": "x", "type": "duration", "unit": "hours"}), "unit: 'hours'"),
        (said(title={"from": "x", "type": "string"}), "type"),
        (said(title={"from": "x", "regex": "("}), "is no pattern"),
        (said(title={"template": "constant"}), "names no column"),
        (said(priority={"from": "x", "thousands": ""}), "thousands is empty"),
        (said(priority={"from": "x", "decimal": ";"}), "must be '.' or ','"),
        (said(priority={"from": "x", "type": "float", "decimal": ",", "thousands": ","}), "must differ"),
        (
            {**said({"reader": "json"}), "nested": {"a": {"path": "x[*]", "target": "runs", "column": KEY}}},
            "nested.a.target",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(document: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        mapping(document, file="own.toml")


def test_a_column_that_no_table_has_is_refused() -> None:
    read = mapping(said(titel={"from": "x"}))
    with pytest.raises(MappingError, match=r"column.titel.*Did you mean 'title'"):
        read.named(read.column, "tickets", {"ticket_id", "title", "ticket_uid", "load_id"})


def test_nothing_in_a_mapping_is_evaluated() -> None:
    hostile = "__import__('os').system('true')"
    read = mapping(said(title={"const": hostile}, **{"attributes.x": {"template": "{" + hostile + "}"}}))
    assert read.column["title"].const == hostile
