"""What did people declare: systems, handoffs, rules of a good outcome, costs and measures?"""

import json
from datetime import date, time

import duckdb
import pytest

from handoff_analytics.catalogue import Calendar, calendar, catalogue, currency, forget, is_catalogue, remember
from handoff_analytics.errors import MappingError
from handoff_analytics.schema import prepare
from handoff_analytics.store import MEMORY, connect

WHOLE = """
[catalogue]
format = 1
name = "acme"
currency = "EUR"
[[system]]
name = "erp"
team = "finance-systems"
platform = "custom"
type = "service"
criticality = "high"
namespace = "core"
aliases = ["SAP ERP", "erp-prod-01", "SAP ERP"]
[[system]]
name = "crm"
[[handoff]]
source = "crm"
target = "erp"
channel = "http"
mechanism = "api"
format = "JSON, customer v3"
timing_seconds = 2
timeout_seconds = 10.0
errors = ["422", "timeout"]
rollback = "compensate: cancel order"
transaction_model = "saga"
authority = "erp"
owner = "finance-systems"
per_day = 400
workflow = "order_to_cash"
value = 120.0
[[outcome]]
name = "payment_declined"
kind = "body"
source = "erp"
target = "payment"
field = "payment.result"
bad = ["declined", 5, true]
[[outcome]]
name = "order_fields_kept"
kind = "fields"
source = "crm"
target = "erp"
sent = "order.vat_id"
stored = "erp.order.vat_id"
[[outcome]]
name = "mail_bounced"
kind = "outcome"
source = "notification"
target = "mail_provider"
check = "mail_delivery"
[[outcome]]
name = "orders_reconcile"
kind = "reconcile"
left = "erp"
right = "shipping"
what = "count"
tolerance = 0.0
window = "day"
[[outcome]]
name = "invoice_follows"
kind = "continuation"
source = "payment"
target = "erp"
within_seconds = 3600
[costs.role]
engineer = [70, 85, 110]
support = 40
[costs.item]
support_contact = { category = "customer_support", low = 6, likely = 9, high = 20, unit = "EUR/contact", reference = "finance, 2026" }
credit = { category = "opportunity", likely = 50, unit = "EUR/event", basis = "measured" }
[costs.calendar]
timezone = "Europe/Berlin"
open = "09:00"
close = "18:00"
days = ["mon", "tue", "wed", "thu", "fri"]
holidays = ["2026-01-01", 2026-12-25]
[[measure]]
name = "token_refresh_ahead"
title = "Refresh tokens ahead of expiry"
category = "error_handling"
targets = [{ type = "authentication", mode = "expired_credentials" }]
handoffs = ["erp->partner"]
one_off = [4000, 6000, 9000]
yearly = [500, 800, 1200]
life_years = 4
ramp_up_months = 2
rate_reduction = [0.5, 0.8, 0.95]
magnitude_reduction = 0
overlap_group = "tokens"
requires = ["vault"]
team = "integration"
days = 12
[[measure]]
name = "vault"
category = "auditing"
"""


def rows(text: str, table: str) -> list[dict[str, object]]:
    return [row for one in catalogue(text, file="f.toml").declarations for name, row in one.rows if name == table]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    opened = connect(MEMORY)
    prepare(opened, MEMORY)
    return opened


def test_every_section_becomes_rows() -> None:
    systems = rows(WHOLE, "declared_systems")
    assert systems[0] == {
        "name": "erp",
        "team": "finance-systems",
        "platform_type": "custom",
        "system_type": "service",
        "criticality": "high",
        "namespace": "core",
    }
    assert systems[1]["name"] == "crm"
    assert [(row["alias"], row["system"], row["match"]) for row in rows(WHOLE, "system_aliases")] == [
        ("SAP ERP", "erp", "user"),
        ("erp-prod-01", "erp", "user"),
    ]
    (handoff,) = rows(WHOLE, "declared_handoffs")
    assert handoff["channel"] == "http"
    assert handoff["timing_s"] == 2.0
    assert handoff["error_conditions"] == "422; timeout"
    assert handoff["business_value"] == 120.0


def test_rules_keep_their_definition() -> None:
    rules = {row["rule"]: row for row in rows(WHOLE, "outcome_rules")}
    assert {name: row["kind"] for name, row in rules.items()} == {
        "payment_declined": "body",
        "order_fields_kept": "fields",
        "mail_bounced": "outcome",
        "orders_reconcile": "reconcile",
        "invoice_follows": "continuation",
    }
    assert json.loads(str(rules["payment_declined"]["definition"]))["bad"] == ["declined", 5.0, True]
    assert (rules["orders_reconcile"]["source"], rules["orders_reconcile"]["target"]) == ("erp", "shipping")
    assert json.loads(str(rules["orders_reconcile"]["definition"]))["window"] == "day"
    assert json.loads(str(rules["invoice_follows"]["definition"]))["within_seconds"] == 3600


def test_costs_say_their_range_unit_and_basis() -> None:
    costs = {row["item"]: row for row in rows(WHOLE, "cost_rates")}
    engineer = costs["role:engineer"]
    assert (engineer["low"], engineer["likely"], engineer["high"]) == (70, 85, 110)
    assert (engineer["unit"], engineer["currency"], engineer["basis"]) == ("EUR/hour", "EUR", "assumed")
    assert (costs["role:support"]["low"], costs["role:support"]["high"]) == (40, 40)
    assert (costs["credit"]["low"], costs["credit"]["high"], costs["credit"]["basis"]) == (50, 50, "measured")
    assert costs["support_contact"]["reference"] == "finance, 2026"


def test_a_measure_is_written_with_every_default() -> None:
    measures = {row["measure"]: json.loads(str(row["definition"])) for row in rows(WHOLE, "prevention_measures")}
    assert measures["token_refresh_ahead"]["rate_reduction"] == [0.5, 0.8, 0.95]
    assert measures["token_refresh_ahead"]["magnitude_reduction"] == [0, 0, 0]
    assert measures["token_refresh_ahead"]["targets"] == [{"type": "authentication", "mode": "expired_credentials"}]
    assert measures["vault"]["title"] == "vault"
    assert measures["vault"]["life_years"] == 3.0


def test_the_calendar_and_the_currency_are_remembered(connection: duckdb.DuckDBPyConnection) -> None:
    assert calendar(connection) is None
    assert currency(connection) is None
    remember(connection, catalogue(WHOLE, file="f.toml"), load_id=1)
    remember(connection, catalogue("[[system]]\nname = 'x'", file="other.toml"), load_id=2)
    assert calendar(connection) == Calendar(
        timezone="Europe/Berlin",
        open=time(9),
        close=time(18),
        days=(0, 1, 2, 3, 4),
        holidays=frozenset({date(2026, 1, 1), date(2026, 12, 25)}),
    )
    assert currency(connection) == "EUR"


def test_a_catalogue_of_the_same_name_is_forgotten_first(connection: duckdb.DuckDBPyConnection) -> None:
    said = catalogue(WHOLE, file="f.toml")
    assert not forget(connection, said.name)
    connection.execute("INSERT INTO declared_systems (name, load_id) VALUES ('erp', 7), ('kept', 8)").fetchall()
    connection.execute(
        "INSERT INTO system_aliases VALUES ('SAP ERP', 'erp', 'user', 1), ('a', 'b', 'user', 1)"
    ).fetchall()
    remember(connection, said, load_id=7)
    assert forget(connection, said.name)
    assert connection.execute("SELECT name FROM declared_systems").fetchall() == [("kept",)]
    assert connection.execute("SELECT alias FROM system_aliases").fetchall() == [("a",)]
    assert calendar(connection) is None


def test_a_file_without_a_name_is_named_by_its_stem() -> None:
    assert catalogue("[costs.role]\nx = 1", file="some/costs.toml").name == "costs"
    assert rows("[costs.role]\nx = 1", "cost_rates")[0]["unit"] == "per hour"


def test_detection_is_by_sections() -> None:
    assert is_catalogue({"costs": {}})
    assert not is_catalogue({"mapping": {}, "system": []})
    assert not is_catalogue({"tool": {}})


def test_order_of_keys_does_not_change_what_is_said() -> None:
    one = catalogue("[[system]]\nname = 'a'\nteam = 't'", file="f.toml").declarations[0]
    two = catalogue("[[system]]\nteam = 't'\nname = 'a'", file="f.toml").declarations[0]
    assert one == two


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[system]]\nname = 'a'\nplattform = 'ipaas'", "'plattform' is not known here.*Did you mean 'platform'"),
        ("[sytem]\nx = 1", "key in the file: 'sytem'.*Did you mean 'system'"),
        ("[[system]]\nname = 'a'\nplatform = 'zapier'", r"f.toml: system\[0\].platform.*'zapier'"),
        ("[[system]]\nteam = 'a'", r"f.toml: system\[0\]: table missing required field `name`"),
        ("[[system]]\nname = 'a'\n[[system]]\nname = 'a'", "system 'a' is declared twice"),
        ("[[system]]\nname = ' '", "empty name"),
        ("[[system]]\nname = 'a'\naliases = ['x']\n[[system]]\nname = 'b'\naliases = ['x']", "alias 'x' is given to"),
        ("[[system]]\nname = 'a'\naliases = ['b']\n[[system]]\nname = 'b'", "is the name of another system"),
        ("[catalogue]\ncurrency = 'euro'", "'euro' is no currency"),
        ("[[handoff]]\nsource = 'a'\ntarget = 'a'", "to itself"),
        ("[[handoff]]\nsource = 'a'\ntarget = 'b'\n[[handoff]]\nsource = 'a'\ntarget = 'b'", "declared twice"),
        ("[[handoff]]\nsource = 'a'\ntarget = 'b'\nper_day = -1", "per_day = -1.0, must be 0 or more"),
        ("[[handoff]]\nsource = 'a'\ntarget = 'b'\nchannel = 'carrier pigeon'", "channel"),
        ("[[outcome]]\nname = 'a'\nkind = 'boddy'", r"outcome\[1\].kind: 'boddy'.*Did you mean 'body'"),
        ("[[outcome]]\nname = 'a'\nkind = 'body'\nfield = 'x'\nbad = []", "bad is empty"),
        ("[[outcome]]\nname = 'a'\nkind = 'body'\nfield = 'x'\ngood = ['y']\nbad = ['z']", "'good' is not known"),
        (
            "[[outcome]]\nname = 'a'\nkind = 'continuation'\nsource = 'a'\ntarget = 'b'\nwithin_seconds = 0",
            "more than 0",
        ),
        ("[[outcome]]\nname = 'a'\nkind = 'reconcile'\nleft = 'a'\nright = 'b'\ntolerance = -1", "0 or more"),
        (
            (
                "[[outcome]]\nname = 'a'\nkind = 'outcome'\nsource = 'a'\ntarget = 'b'\ncheck = 'x'\n"
                "[[outcome]]\nname = 'a'\nkind = 'outcome'\nsource = 'a'\ntarget = 'b'\ncheck = 'x'"
            ),
            "outcome 'a' is declared twice",
        ),
        ("[costs.role]\nx = [3, 2, 1]", "rising order"),
        ("[costs.role]\nx = -1", "between 0 and inf"),
        ("[costs.role]\nx = [1, 2]", "length 3"),
        ("[costs.item]\nx = { category = 'fun', likely = 1, unit = 'EUR' }", "'fun'"),
        ("[costs.item]\nx = { category = 'opportunity', likely = 1, low = 2, unit = 'EUR' }", "rising order"),
        (
            "[costs.calendar]\ntimezone = 'Europe/Berln'\nopen = '09:00'\nclose = '18:00'",
            "Did you mean 'Europe/Berlin'",
        ),
        ("[costs.calendar]\ntimezone = 'UTC'\nopen = 'nine'\nclose = '18:00'", "times of day"),
        ("[costs.calendar]\ntimezone = 'UTC'\nopen = '19:00'\nclose = '18:00'", "must be before"),
        ("[costs.calendar]\ntimezone = 'UTC'\nopen = '09:00'\nclose = '18:00'\ndays = ['noday']", "no day"),
        ("[costs.calendar]\ntimezone = 'UTC'\nopen = '09:00'\nclose = '18:00'\nholidays = ['x']", "holidays"),
        ("[[measure]]\nname = 'a'\ncategory = 'monitoring'\nrate_reduction = 1.5", "between 0 and 1"),
        ("[[measure]]\nname = 'a'\ncategory = 'monitoring'\nlife_years = 0", "more than 0"),
        ("[[measure]]\nname = 'a'\ncategory = 'monitoring'\nhandoffs = ['a to b']", "source->target"),
        ("[[measure]]\nname = 'a'\ncategory = 'monitoring'\nrequires = ['b']", "no other measure"),
        ("[[measure]]\nname = 'a'\ncategory = 'monitoring'\n[[measure]]\nname = 'a'\ncategory = 'monitoring'", "twice"),
        ("[[measure]]\nname = 'a'\ncategory = 'monitoring'\ntargets = [{ type = 'authn' }]", "targets"),
        ("x = ", "f.toml is no TOML"),
    ],
)
def test_what_cannot_be_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        catalogue(text, file="f.toml")


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(MappingError, match="not UTF-8 at byte 7"):
        catalogue(b"# caf\xc3\xa9\xe9", file="f.toml")
