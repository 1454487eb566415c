"""Which names mean the same system?"""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from benches import Bench

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError
from handoff_analytics.loaders import aliases


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    rows = ", ".join(f"('{name}')" for name in ("payment", "order-service", "erp", "hubspot", "stock_db"))
    bench.connection.execute(f"INSERT INTO declared_systems (name) VALUES {rows}").fetchall()
    return bench


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("Payment", None),  # the same but for its case: the model joins it without an alias
        ("payment-prod", "payment"),
        ("payment-prod-01", "payment"),
        ("PAYMENT_STAGING", "payment"),
        ("Payment Service", "payment"),
        ("payment.shop.internal", "payment"),
        ("https://api.payment.example:8443/v1", "payment"),
        ("prod.payment", "payment"),
        ("order_service", "order-service"),
        ("Order Service", "order-service"),
        ("n8n-nodes-base.hubspot", "hubspot"),
        ("ERP-7d9f8b6c5d-x2x4z", "erp"),
        ("stock-db", "stock_db"),
        ("payroll", None),
        ("10.0.0.1", None),
        ("localhost", None),
    ],
)
def test_rules(bench: Bench, name: str, system: str | None) -> None:
    bench.connection.execute(
        "INSERT INTO ticket_systems (ticket_uid, system, role) VALUES (1, $name, 'affected')", {"name": name}
    ).fetchall()
    aliases.meet(bench.connection)
    assert bench.rows("SELECT system FROM system_aliases WHERE match = 'rule'") == (
        [] if system is None else [(system,)]
    )


def test_a_name_that_fits_several_systems_is_left_to_a_person(bench: Bench) -> None:
    bench.connection.execute(
        "INSERT INTO declared_systems (name) VALUES ('payment-eu-prod'), ('payment-eu-test')"
    ).fetchall()
    bench.connection.execute(
        "INSERT INTO ticket_systems (ticket_uid, system, role) VALUES (1, 'Payment EU', 'affected')"
    ).fetchall()
    assert aliases.meet(bench.connection) == 0


def test_what_a_person_said_comes_first_and_stays(bench: Bench) -> None:
    bench.connection.execute("INSERT INTO system_aliases VALUES ('payment-prod', 'erp', 'user', 1)").fetchall()
    bench.connection.execute(
        "INSERT INTO ticket_systems (ticket_uid, system, role) VALUES (1, 'payment-prod', 'affected')"
    ).fetchall()
    for _ in range(2):
        assert aliases.meet(bench.connection) == 0
    assert bench.rows("SELECT system, match FROM system_aliases") == [("erp", "user")]


def test_texts_of_tickets_name_systems_as_whole_words(bench: Bench) -> None:
    bench.connection.execute(
        """
        INSERT INTO tickets (ticket_uid, title, cause, opened_at) VALUES
            (1, 'Payment stuck between order service and ERP.', 'the hubspot token', TIMESTAMP '2026-01-05 10:00'),
            (2, 'interpayments and erps are other words', NULL, NULL)
        """
    ).fetchall()
    bench.connection.execute(
        "INSERT INTO ticket_events (ticket_uid, field, new_value) VALUES (1, 'comment', 'looked at stock db')"
    ).fetchall()
    bench.connection.execute(
        "INSERT INTO ticket_systems (ticket_uid, system, role, evidence) VALUES (1, 'erp', 'affected', 'field')"
    ).fetchall()
    for _ in range(2):
        aliases.meet(bench.connection)
    assert bench.rows("SELECT ticket_uid, system, role FROM ticket_systems WHERE evidence = 'text' ORDER BY ALL") == [
        (1, "hubspot", "caused"), (1, "order-service", "affected"), (1, "payment", "affected"), (1, "stock_db", "looked_at"),
    ]  # fmt: skip


@pytest.fixture
def acme(tmp_path: Path) -> ha.History:
    catalogue = tmp_path / "acme.toml"
    catalogue.write_text('[[system]]\nname = "payment"\naliases = ["Geld"]\n[[system]]\nname = "order-service"\n')
    tickets = tmp_path / "tickets.csv"
    rows = [
        ("INC1", "Paymnet", "2026-01-05 10:00:00", "2026-01-05 12:00:00"),
        ("INC2", "Paymnet", "2026-01-06 10:00:00", "2026-01-06 11:00:00"),
        ("INC3", "Geld", "2026-01-06 10:00:00", ""),
        ("INC4", "The old order-service box", "2026-01-06 10:00:00", ""),
        ("INC5", "payment-prod-01", "2026-01-06 10:00:00", ""),
    ]
    lines = [f"{number},{opened},{resolved},{name}" for number, name, opened, resolved in rows]
    tickets.write_text("\n".join(["number,opened_at,resolved_at,cmdb_ci", *lines]) + "\n")
    return ha.load([catalogue, tickets], quiet=True)


def test_what_matches_nothing_is_listed_with_what_is_behind_it(acme: ha.History) -> None:
    assert ha.unmatched_names(acme).select("name", "kind", "tickets", "hours").rows() == [
        ("Paymnet", "ticket", 2, 3.0),
        ("The old order-service box", "ticket", 1, 0.0),
    ]


def test_proposals_are_for_a_person_to_accept(acme: ha.History) -> None:
    proposed = ha.alias_proposals(acme)
    assert proposed.select("alias", "system", "tickets").rows() == [
        ("Paymnet", "payment", 2),
        ("The old order-service box", "order-service", 1),
    ]
    assert proposed["confidence"].is_between(0, 1).all()


def test_what_is_accepted_counts_at_once_and_stays(acme: ha.History, tmp_path: Path) -> None:
    accepted = ha.accept_aliases(acme, {"Paymnet": "payment"})
    assert ha.unmatched_names(accepted)["name"].to_list() == ["The old order-service box"]
    again = tmp_path / "more.csv"
    again.write_text("number,opened_at,resolved_at,cmdb_ci\nINC9,2026-01-07 10:00:00,,Paymnet\n")
    history = ha.load(again, into=accepted, quiet=True)
    assert "Paymnet" not in ha.unmatched_names(history)["name"].to_list()
    # A second thought replaces the first, whatever its case.
    changed = ha.accept_aliases(history, {"paymnet": "order-service"})
    told = changed.sql("SELECT alias, system FROM system_aliases WHERE match = 'user' ORDER BY 1").rows()
    assert told == [("Geld", "payment"), ("paymnet", "order-service")]


def test_a_system_that_is_none_cannot_be_meant(acme: ha.History) -> None:
    with pytest.raises(ArgumentError, match=r"'paymint' is no system.*Did you mean 'payment'"):
        ha.accept_aliases(acme, {"Paymnet": "paymint"})
    assert ha.unmatched_names(acme).height == 2


def test_a_name_that_cannot_be_kept_undoes_those_before_it(acme: ha.History) -> None:
    before = acme.sql("SELECT * FROM system_aliases ORDER BY ALL").rows()
    no_text: Any = object()
    with pytest.raises(duckdb.Error):
        ha.accept_aliases(acme, {"The old order-service box": "order-service", no_text: "payment"})
    assert acme.sql("SELECT * FROM system_aliases ORDER BY ALL").rows() == before
    assert ha.accept_aliases(acme, {"Paymnet": "payment"}).sql("SELECT count(*) FROM system_aliases").item()
