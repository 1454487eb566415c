"""What is missing is listed once, with where its payload lies and whether it may be sent again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

sys.path.append(str(Path(__file__).parents[1] / "model"))
from handmade import history_of, span

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError

FAILED: dict[str, Any] = {"status": "error", "status_message": "boom"}


def order(number: int, *attempts: dict[str, Any], name: str = "POST /x", at: int = 0) -> list[dict[str, Any]]:
    """One order of the shop: a call to the ERP with its attempts, each with or without an answer."""
    trace = f"t{number}"
    rows = [
        span("root", trace, None, "shop", "server", at, 10_000, channel="http", correlation_id=f"ord{number}", amount=10.0 * number,
             status="error" if "status" in attempts[-1] else "unset")
    ]  # fmt: skip
    for place, attempt in enumerate(attempts):
        answer = attempt.pop("answer", None)
        start = at + 1_000 * (place + 1)
        rows.append(span(f"c{place}", trace, "root", "shop", "client", start, 500, channel="http", peer="erp", name=name,
                         **attempt))  # fmt: skip
        if answer is not None:
            rows.append(
                span(f"s{place}", trace, f"c{place}", "erp", "server", start + 10, 400, channel="http", **answer)
            )
    return rows


def healthy() -> list[dict[str, Any]]:
    """Orders that show that the ERP reports its calls."""
    return [row for number in range(50, 70) for row in order(number, {"answer": {}})]


def listed(*rows: dict[str, Any], **tables: Any) -> pl.DataFrame:
    return ha.repost_list(history_of(spans=[*healthy(), *rows], **tables))


@pytest.mark.parametrize(
    ("attempt", "name", "idempotency", "safe"),
    [
        ({**FAILED}, "POST /x", "never_arrived", True),
        ({**FAILED, "http_status": 422, "answer": {"http_status": 422}}, "POST /x", "refused", True),
        ({**FAILED, "http_status": 504, "answer": {}}, "POST /x", "did_act", False),
        ({**FAILED, "answer": {"status": "error"}}, "POST /x", "may_have_acted", False),
        ({**FAILED, "message_id": "m1", "answer": {"status": "error"}}, "POST /x", "key_unproven", False),
        ({**FAILED, "answer": {"status": "error"}}, "PUT /x", "method", True),
    ],
)
def test_what_shows_whether_a_repetition_does_harm(
    attempt: dict[str, Any], name: str, idempotency: str, safe: bool
) -> None:
    row = listed(*order(1, dict(attempt), name=name)).row(0, named=True)
    assert (row["correlation_id"], row["idempotency"], row["safe"]) == ("ord1", idempotency, safe)
    assert row["idempotency_key"] == attempt.get("message_id")
    assert row["payload_span"] == "c0"
    assert row["payload_record"] == 1_000


def test_a_declared_contract_counts() -> None:
    declared = [{"source": "shop", "target": "erp", "transaction_model": "idempotent", "load_id": 1}]
    row = listed(*order(1, {**FAILED, "answer": {"status": "error"}}), declared_handoffs=declared).row(0, named=True)
    assert (row["idempotency"], row["safe"]) == ("declared", True)


def test_what_a_retry_or_a_later_call_delivered_is_not_sent_again() -> None:
    retried = order(1, {**FAILED}, {"answer": {}})
    again = [*order(2, {**FAILED}), *order(2, {"answer": {}}, at=9_000_000)]
    again[-3]["span_id"], again[-3]["span_key"] = "root-later", 77
    again[-2]["span_id"], again[-2]["span_key"], again[-2]["parent_key"] = "c-later", 78, 77
    again[-1]["parent_key"] = 78
    for row in again[-3:]:
        row["span_uid"] += 1
    assert listed(*retried, *again).is_empty()


def test_one_call_is_one_row_with_all_its_attempts() -> None:
    found = listed(*order(1, {**FAILED}, {**FAILED}))
    assert found.select("correlation_id", "attempts").rows() == [("ord1", 2)]


def test_the_safe_and_dear_ones_come_first() -> None:
    found = listed(*order(1, {**FAILED}), *order(3, {**FAILED}), *order(9, {**FAILED, "answer": {"status": "error"}}))
    assert found["correlation_id"].to_list() == ["ord3", "ord1", "ord9"]
    assert found["place"].to_list() == [1, 2, 3]


def test_tickets_of_the_transaction_are_named() -> None:
    tickets = [{"ticket_uid": 1, "ticket_id": "INC1", "title": "order ord1 hangs", "load_id": 1}]
    assert listed(*order(1, {**FAILED}), tickets=tickets)["tickets"].to_list() == ["INC1"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_list_can_be_written_and_read_back(tmp_path: Path, suffix: str) -> None:
    found = listed(*order(1, {**FAILED, "status_message": "=cmd()"}), *order(2, {**FAILED}))
    file = ha.export_reposts(found, tmp_path / f"again{suffix}")
    if suffix == ".csv":
        back = pl.read_csv(file, schema=found.schema)
        assert set(back["error_text"]) == {"'=cmd()", "boom"}
        assert back.drop("error_text").equals(found.drop("error_text"))
    else:
        assert pl.read_ndjson(file, schema=found.schema).equals(found)


def test_a_secret_of_the_evidence_does_not_leave_with_the_list(tmp_path: Path) -> None:
    rows = order(1, {**FAILED})
    rows[1]["attributes"] = '{"http.request.header.authorization": "Bearer s3cr3t", "payload": "4111111111111111"}'
    text = ha.export_reposts(listed(*rows), tmp_path / "again.jsonl").read_text()
    assert "s3cr3t" not in text
    assert "4111" not in text


def test_other_frames_and_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"no format is known for '\.doc'"):
        ha.export_reposts(listed(), tmp_path / "again.doc")
    with pytest.raises(ArgumentError, match="what repost_list returned"):
        ha.export_reposts(pl.DataFrame({"a": [1]}), tmp_path / "again.csv")
