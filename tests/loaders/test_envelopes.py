"""What wraps records changes nothing of them: extractors, queues, search engines, pages, webhooks, and packers."""

from __future__ import annotations

import base64
import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

import handoff_analytics as ha
from handoff_analytics.errors import UnknownFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "2026-01-05T10:00:00Z"
TICKETS = [
    {
        "number": f"INC{n}", "sys_id": f"{n:032x}", "short_description": f"Order {n} is lost", "state": "New",
        "assignment_group": "Network", "opened_at": "2026-01-05 10:00:00", "sys_updated_on": "2026-01-05 11:00:00",
    }
    for n in range(3)
]  # fmt: skip


def lines(values: list[Any]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def devlake(values: list[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "params", "data", "url", "input", "created_at"])
    writer.writerows([n, "{}", json.dumps(value), "https://x.example", "null", AT] for n, value in enumerate(values))
    return text.getvalue()


def bulk(values: list[Any]) -> str:
    return lines(
        [one for n, value in enumerate(values) for one in ({"index": {"_index": "incidents", "_id": str(n)}}, value)]
    )


# Each wraps the same tickets in another way; the number is how many lines steer and hold no record.
ENVELOPES: dict[str, tuple[Callable[[list[Any]], str], int]] = {
    "lines": (lines, 0),
    "array": (json.dumps, 0),
    "one-element array": (lambda values: json.dumps([{"data": values}]), 0),
    "airbyte": (lambda values: lines([{"stream": "incident", "data": one, "emitted_at": 1} for one in values]), 0),
    "airbyte raw": (lambda values: lines([{"_airbyte_ab_id": "a", "_airbyte_data": json.dumps(one), "_airbyte_emitted_at": 1} for one in values]), 0),
    "airbyte protocol": (
        lambda values: lines([{"type": "LOG", "log": {"level": "INFO", "message": "x"}}, *({"type": "RECORD", "record": {"stream": "i", "data": one, "emitted_at": 1}} for one in values), {"type": "STATE", "state": {}}]),
        2,
    ),
    "singer": (
        lambda values: lines([{"type": "SCHEMA", "stream": "i", "schema": {}, "key_properties": []}, *({"type": "RECORD", "stream": "i", "record": one} for one in values), {"type": "STATE", "value": {}}]),
        2,
    ),
    "elasticsearch": (
        lambda values: json.dumps({"took": 1, "hits": {"total": {"value": 3}, "hits": [{"_index": "i", "_id": str(n), "_source": one} for n, one in enumerate(values)]}}),
        0,
    ),
    "elasticsearch lines": (lambda values: lines([{"_index": "i", "_id": str(n), "_source": one} for n, one in enumerate(values)]), 0),
    "elasticsearch bulk": (bulk, 3),
    "cloudevents": (lambda values: lines([{"specversion": "1.0", "type": "incident", "source": "/sn", "id": str(n), "data": one} for n, one in enumerate(values)]), 0),
    "kafka": (lambda values: lines([{"topic": "t", "partition": 0, "offset": n, "headers": [], "key": None, "value": one} for n, one in enumerate(values)]), 0),
    "kafka text": (lambda values: lines([{"topic": "t", "partition": 0, "offset": n, "value": json.dumps(one)} for n, one in enumerate(values)]), 0),
    "azure": (lambda values: json.dumps({"records": values}), 0),
    "pages": (lambda values: lines([{"result": values[:2]}, {"result": values[2:]}]), 0),
    **{name: (lambda values, name=name: json.dumps({name: values, "next": None}), 0) for name in ("data", "value", "result", "records", "incidents", "tickets", "items", "results")},
    "nested pages": (lambda values: json.dumps({"data": [{"items": values}]}), 0),
}  # fmt: skip


def tickets(folder: Path, content: str | bytes, name: str = "export") -> ha.History:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return ha.load(path, quiet=True, timezone="UTC")


@pytest.mark.parametrize("name", sorted(ENVELOPES))
def test_an_envelope_changes_nothing_of_what_it_holds(tmp_path: Path, name: str) -> None:
    wrap, steering = ENVELOPES[name]
    history = tickets(tmp_path, wrap(TICKETS))
    load = history.loads.row(0, named=True)
    assert load["format"] in {"servicenow", "servicenow_rest"}, load["format"]
    assert (load["loaded"], load["rejected"]) == (3, 0)
    assert load["seen"] == 3 + load["skipped"]
    assert load["skipped"] in {0, steering}
    told = history.sql("SELECT ticket_id, title, team, opened_at::VARCHAR AS at FROM tickets ORDER BY 1")
    assert told.row(1) == ("INC1", "Order 1 is lost", "Network", "2026-01-05 10:00:00")


def test_records_of_devlake_are_opened(tmp_path: Path) -> None:
    history = tickets(tmp_path, devlake(TICKETS))
    assert history.sql("SELECT ticket_id, team FROM tickets ORDER BY 1").rows() == [
        (f"INC{n}", "Network") for n in range(3)
    ]
    # A broken cell is one reject, with its line.
    text = devlake(TICKETS).replace('{""number"": ""INC1""', '{""number"": ', 1)
    broken = ha.load((tmp_path / "b").write_text(text) and tmp_path / "b", quiet=True, timezone="UTC", on_reject="keep")
    assert broken.loads.select("seen", "loaded", "rejected").row(0) == (3, 2, 1)
    assert broken.rejects["line"].item() == 3


def test_what_a_reject_inside_of_an_envelope_names(tmp_path: Path) -> None:
    broken = [TICKETS[0], {"sys_id": "x", "opened_at": AT, "sys_updated_on": AT, "assignment_group": "x"}, TICKETS[2]]
    path = tmp_path / "export"
    path.write_text(json.dumps({"result": broken}))
    history = ha.load(path, quiet=True, timezone="UTC", on_reject="keep")
    assert history.rejects["json_pointer"].to_list() == ["/result/1"]


def test_a_webhook_is_opened(tmp_path: Path) -> None:
    issue = {
        "number": 7, "title": "Broken", "state": "open", "user": {"login": "ann"}, "labels": [], "created_at": AT,
        "html_url": "https://github.com/acme/shop/issues/7", "author_association": "NONE",
    }  # fmt: skip
    hook = {"action": "opened", "issue": issue, "repository": {"full_name": "acme/shop"}, "sender": {"login": "ann"}}
    assert tickets(tmp_path, json.dumps(hook)).sql("SELECT ticket_id FROM tickets").item() == "acme/shop#7"


def test_logs_in_a_queue_and_in_a_search_engine_are_logs(tmp_path: Path) -> None:
    entry = {"@timestamp": AT, "log.level": "error", "message": "no", "service.name": "crm", "ecs.version": "8.1"}
    for n, content in enumerate(
        (
            lines([entry]),
            lines([{"_index": "logs", "_source": entry}]),
            lines([{"topic": "logs", "partition": 0, "offset": 1, "value": json.dumps(entry)}]),
            json.dumps({"hits": {"hits": [{"_id": "1", "_source": entry}]}}),
        )
    ):
        history = tickets(tmp_path, content, f"{n}")
        assert history.sql("SELECT system, severity, body FROM log_records").rows() == [("crm", 17, "no")]


def test_subscriptions_of_cloudwatch_are_packed_text(tmp_path: Path) -> None:
    batch = {
        "messageType": "DATA_MESSAGE",
        "logGroup": "/aws/lambda/pay",
        "logStream": "s",
        "logEvents": [{"id": "1", "timestamp": 1767607200000, "message": "ERROR no"}],
    }
    packed = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
    history = tickets(tmp_path, lines([batch]))
    assert history.loads["loaded"].item() == 1
    # Packed once more inside of a Lambda event it is not opened, but said to be unknown.
    with pytest.raises(UnknownFormatError):
        tickets(tmp_path, json.dumps({"awslogs": {"data": packed}}), "packed")


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("packer", [*sorted(PACKERS), "zip"])
@pytest.mark.parametrize("kind", ["json", "csv"])
def test_what_packs_a_file_changes_nothing_of_it(tmp_path: Path, packer: str, kind: str) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, TICKETS[0])
    writer.writeheader()
    writer.writerows(TICKETS)
    content = (lines(TICKETS) if kind == "json" else text.getvalue()).encode()
    if packer == "zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("folder/export.bin", content)
        packed = stream.getvalue()
    else:
        packed = PACKERS[packer](content)
    plain, unpacked = tickets(tmp_path, content, "plain"), tickets(tmp_path, packed, "packed.bin")
    query = "SELECT ticket_id, title, team, opened_at, state_category FROM tickets ORDER BY ALL"
    assert unpacked.sql(query).equals(plain.sql(query))
    assert unpacked.loads["container"].item().partition(":")[0] == packer
