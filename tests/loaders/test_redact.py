"""What must not be stored is not, wherever it stands; what only looks alike is; and the load says how much there was."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.loaders.redact import MASK, Redaction

AT = "2026-01-05T10:00:00Z"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
SECRETS = {
    "visa": ("card 4111111111111111 declined", "4111111111111111"),
    "with blanks": ("card 4111 1111 1111 1111.", "4111 1111 1111 1111"),
    "with dashes": ("5500-0000-0000-0004", "5500-0000-0000-0004"),
    "amex": ("378282246310005 declined", "378282246310005"),
    "bearer": ("Authorization: Bearer abc123def456ghi789", "abc123def456ghi789"),
    "basic": ("authorization=Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    "jwt": (f"token {JWT} expired", JWT),
    "password": ("login with password=hunter2 failed", "hunter2"),
    "quoted": ("{'password': 'hunter two'}", "hunter two"),
    "api key": ("api_key: 0123456789abcdef0123", "0123456789abcdef0123"),
    "aws": ("key AKIAIOSFODNN7EXAMPLE leaked", "AKIAIOSFODNN7EXAMPLE"),
    "github": ("ghp_" + "a1B2" * 9, "ghp_" + "a1B2" * 9),
    "cookie": ("Set-Cookie: session=s3cr3t; Path=/", "s3cr3t"),
    "url": ("postgres://erp:hunter2@db/orders", "hunter2"),
    "private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
}
INNOCENT = (
    "order 4111111111111112 placed",  # the check digit is wrong
    "trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "took 1.4111111111111111 s",
    "passwords must be changed",
    "basic plan booked, bearer of news",
    "2026-01-05T10:00:00.123456789Z",
    "1767607200123456789",
    "ann@example.com called",
)


def everything(history: ha.History) -> str:
    """Return all texts of all tables."""
    tables = history.sql("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")["table_name"].to_list()
    return json.dumps([history.sql(f'SELECT * FROM "{table}"').rows() for table in tables], default=str)


def load(folder: Path, *values: Any, **options: Any) -> ha.History:
    path = folder / "shop.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return ha.load(path, quiet=True, on_reject="keep", **options)


@pytest.mark.parametrize("kind", sorted(SECRETS))
def test_a_secret_is_nowhere_in_the_history(tmp_path: Path, kind: str) -> None:
    text, secret = SECRETS[kind]
    entry = {
        "time": AT,
        "level": "error",
        "msg": f"a {text}",
        "more": {"deep": [text]},
        "error": {"message": text, "stack": f"E: {text}\n  at x"},
    }
    history = load(tmp_path, entry, {"time": "soon", "msg": f"b {text}"})
    assert history.loads["redacted"].item() > 0
    told = everything(history)
    assert secret not in told
    assert json.dumps(secret)[1:-1] not in told
    assert MASK in told
    # The whole file of a database on disk holds it no more than its tables.
    into = tmp_path / "h.duckdb"
    ha.load(tmp_path / "shop.jsonl", into=into, quiet=True, on_reject="keep")
    assert secret.encode() not in into.read_bytes()


def test_rejects_and_their_reasons_hold_no_secrets(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,at,card\n1,soon password=hunter2,4111111111111111\n")
    said = {
        "mapping": {"format": 1, "name": "x", "target": "tickets", "reader": "csv"},
        "column": {"ticket_id": {"from": "id"}, "opened_at": {"from": "at", "type": "time", "required": True}},
    }
    history = ha.load(path, mapping=said, quiet=True, on_reject="keep")
    assert history.loads.select("rejected", "redacted").row(0)[0] == 1
    told = everything(history)
    assert "hunter2" not in told
    assert "4111111111111111" not in told


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "user.Password",
        "http.request.header.authorization",
        "x-api-key",
        "clientSecret",
        "Set-Cookie",
        "cvv",
        "db_passwd",
    ],
)
def test_what_stands_under_a_secret_name_is_masked_whatever_it_is(tmp_path: Path, name: str) -> None:
    history = load(
        tmp_path,
        {
            "time": AT,
            "level": "info",
            "msg": "x",
            name: "plain-words",
            "outer": {name: ["plain-words", {"a": "plain-words"}]},
        },
    )
    assert "plain-words" not in everything(history)
    assert history.loads["redacted"].item() >= 2


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_a_secret_stays(tmp_path: Path, text: str) -> None:
    history = load(tmp_path, {"time": AT, "level": "info", "msg": text, "said": text})
    assert history.loads["redacted"].item() == 0
    assert history.sql("SELECT body FROM log_records").item() == text


def test_addresses_are_masked_by_choice_and_nothing_is_where_nothing_is_wanted(tmp_path: Path) -> None:
    entry = {"time": AT, "level": "info", "msg": "ann@example.com paid with 4111111111111111, password=hunter2"}
    masked = {
        ("emails",): (False, True, True),
        ("cards",): (True, False, True),
        ("secrets",): (True, True, False),
        ("cards", "secrets", "emails"): (False, False, False),
    }
    for kinds, kept in masked.items():
        told = load(tmp_path, entry, redact=kinds).sql("SELECT body FROM log_records").item()
        assert ("ann@example.com" in told, "4111111111111111" in told, "hunter2" in told) == kept
    history = load(tmp_path, entry, redact=False)
    assert history.sql("SELECT body FROM log_records").item() == entry["msg"]
    assert history.loads["redacted"].item() == 0


def test_people_are_salted_hashes_unless_opted_in(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(
        "number,short_description,assigned_to,caller_id,assignment_group,state,opened_at,sys_updated_on\n"
        "INC1,x,Ann Smith,Bob Jones,Network,New,2026-01-05 10:00:00,2026-01-05 11:00:00\n"
        "INC2,x,Ann Smith,Bob Jones,Network,New,2026-01-05 10:00:00,2026-01-05 11:00:00\n"
    )
    hashed = [ha.load(path, quiet=True, timezone="UTC") for _ in range(2)]
    for history in hashed:
        told = everything(history)
        assert "Ann" not in told
        assert "Bob" not in told
        assert history.sql("SELECT count(DISTINCT person) FROM tickets").item() == 1
    # Two histories have two salts: their hashes cannot be matched.
    people = [history.sql("SELECT DISTINCT person FROM tickets").item() for history in hashed]
    assert people[0] != people[1]
    assert people[0].startswith("person-")
    named = ha.load(path, quiet=True, timezone="UTC", people="names")
    assert named.sql("SELECT DISTINCT person FROM tickets").item() == "Ann Smith"


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_people_are_hashes_in_large_logs_too(tmp_path: Path, shape: str) -> None:
    # Large files may be read in another way than small ones.
    who: dict[str, Any] = {"full_name": "Ann Smith", "user_email": "ann@acme.example", "customer_id": "C-77"}
    more = who if shape == "flat" else {"about": {"author": {"displayName": "Ann Smith"}} | who}
    path = tmp_path / "shop.jsonl"
    path.write_text(
        "".join(json.dumps({"time": AT, "level": "info", "msg": f"order {n}", **more}) + "\n" for n in range(9_000))
    )
    history = ha.load(path, quiet=True)
    assert history.loads["loaded"].item() == 9_000
    kept = history.sql("SELECT DISTINCT attributes FROM log_records")["attributes"].to_list()
    assert not [text for text in kept for name in ("Ann Smith", "ann@acme.example", "C-77") if name in text]
    assert all("person-" in text for text in kept)


@given(
    st.lists(
        st.sampled_from([*(text for text, _ in SECRETS.values()), *INNOCENT, "\n", " ", ".", "x", "日本"]), max_size=5
    ).map("".join)
)
def test_what_is_suspect_covers_all_that_is_masked(text: str) -> None:
    # One look by a fast engine decides which texts are searched: it must miss none.
    redaction = Redaction(("cards", "secrets", "emails"))
    wanted = redaction.masked(text)[0]
    frame = redaction.applied(pl.DataFrame({"body": [text], "attributes": [json.dumps({"a": text})]}))
    assert frame["body"].item() == wanted
    assert json.loads(frame["attributes"].item()) == {"a": wanted}


def test_the_report_counts_what_was_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.jsonl"
    path.write_text(json.dumps({"time": AT, "level": "info", "msg": "password=a1 password=b2"}) + "\n")
    history = ha.load(path)
    assert history.loads["redacted"].item() == 2
    assert "masked" in capsys.readouterr().err
