"""Rules are a table with a reason in every row, and an analyst's own rows win."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

sys.path.append(str(Path(__file__).parent / "model"))
from handmade import history_of, span

import handoff_analytics as ha
from handoff_analytics.errors import MappingError
from handoff_analytics.model.rules import COLUMNS

# Every code but OK; the statuses of RFC 9110, 6585, 4918 and what proxies add; classes of SQL states.
GRPC = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]
HTTP = [
    "400",
    "401",
    "403",
    "404",
    "405",
    "406",
    "408",
    "409",
    "410",
    "411",
    "412",
    "413",
    "415",
    "422",
    "423",
    "424",
    "425",
    "426",
    "428",
    "429",
    "431",
    "499",
    "500",
    "501",
    "502",
    "503",
    "504",
    "507",
    "508",
]
SQL = ["08", "0A", "22", "23", "28", "40", "42", "53", "54", "23505", "40001", "40P01", "53300", "57014"]


@pytest.mark.parametrize(("field", "codes"), [("grpc_status", GRPC), ("http_status", HTTP), ("sqlstate", SQL)])
def test_the_codes_of_each_family_are_known(field: str, codes: list[str]) -> None:
    known = set(ha.failure_rules(ha.History()).filter(field=field)["pattern"])
    assert set(codes) <= known


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("ThrottlingException: Rate exceeded", "rate_limit"),
        ("ExpiredTokenException: The security token included in the request is expired", "expired_credentials"),
        ("States.Timeout", "timeout"),
        ("AirflowTaskTimeout", "timeout"),
        ("NodeApiError: Authorization failed - please check your credentials", "invalid_credentials"),
        ("java.lang.OutOfMemoryError: Java heap space", "memory_exhaustion"),
        ("UnicodeDecodeError: 'utf-8' codec can't decode byte", "encoding"),
        ("HikariPool-1 - Connection is not available, request timed out after 30000ms", "pool_exhaustion"),
    ],
)
def test_clouds_workflow_platforms_and_exceptions_are_known_by_their_words(text: str, mode: str) -> None:
    rows = [
        span("c", "t", None, "web", "client", 0, 9, status="error", peer="bank", channel="http", status_message=text)
    ]
    assert history_of(spans=rows).sql("SELECT mode FROM failures").item() == mode


def own(folder: Path, **changed: object) -> Path:
    row = dict(
        zip(
            COLUMNS,
            ("mine", "message", "blorp", "timeout", "error_propagation", "callee", 5, "we know it"),
            strict=True,
        )
    )
    pl.DataFrame([row | changed]).write_csv(folder / "rules.csv")
    return folder / "rules.csv"


def test_own_rules_replace_rows_are_listed_and_explained(tmp_path: Path) -> None:
    rows = [
        span(
            "c",
            "t",
            None,
            "web",
            "client",
            0,
            9,
            status="error",
            peer="bank",
            channel="http",
            http_status=401,
            status_message="blorp",
        )
    ]
    history = history_of(spans=rows)
    assert ha.failure_rules(history).filter(pl.col("failures") > 0)["rule"].to_list() == ["R002"]
    ha.load_failure_rules(own(tmp_path), into=history)
    listed = ha.failure_rules(history)
    assert listed.filter(pl.col("failures") > 0).select("rule", "own", "mode").rows() == [("mine", True, "timeout")]
    failure_id = history.sql("SELECT failure_id FROM failures").item()
    told = ha.explain(history, failure_id).filter(about="type").row(0, named=True)
    assert (told["finding"], told["matched"], told["because"]) == ("error_propagation: timeout", "mine", "we know it.")


def test_the_list_is_a_file_that_can_be_read_again(tmp_path: Path) -> None:
    history = ha.History(tmp_path / "h.duckdb")
    ha.failure_rules(ha.History()).with_columns(weight=pl.lit(0.0)).write_csv(tmp_path / "all.csv")
    ha.load_failure_rules(tmp_path / "all.csv", into=history)
    listed = ha.failure_rules(history)
    assert listed["own"].all()
    assert listed.height == ha.failure_rules(ha.History()).height


def test_a_file_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    history = history_of(
        spans=[
            span("c", "t", None, "web", "client", 0, 9, status="error", peer="bank", channel="http", http_status=401)
        ]
    )
    with pytest.raises(MappingError):
        ha.load_failure_rules(own(tmp_path, handoff_type="bad_luck"), into=history)
    assert history.sql("SELECT mode FROM failures").item() == "invalid_credentials"
    assert not ha.failure_rules(history)["own"].any()
