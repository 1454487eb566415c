"""Which company do the samples tell of?

An order-to-cash business of a dozen teams. What its systems are called, who owns them, what was declared about them,
and what an hour or a lost order costs stands in two TOML files beside this module; they are part of the samples.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files

WORKFLOW = "order_to_cash"
NAMESPACE = "order-to-cash"
SERVICE_DESK = "service-desk"

CATALOGUE = files(__package__).joinpath("catalogue.toml").read_text("utf-8")
COSTS = files(__package__).joinpath("costs.toml").read_text("utf-8")
_systems = tomllib.loads(CATALOGUE)["system"]
_costs = tomllib.loads(COSTS)["costs"]

TEAM: dict[str, str] = {system["name"]: system["team"] for system in _systems}
PLATFORM: dict[str, str] = {system["name"]: system["platform"] for system in _systems}
MEANT: dict[str, str] = {alias: system["name"] for system in _systems for alias in system["aliases"]}
"""The system that a name other than its own means: a kind of node, a task of a batch, a name in a ticket."""
# They send no telemetry of their own: only their callers' client spans show them.
SILENT_PEERS = frozenset({"card-network", "carrier-api", "mail-provider", "orders-db", "stock-db"})
DATABASES = frozenset({"orders-db", "stock-db"})

# The systems whose own health is watched: green, nearly always.
WATCHED = (
    "carrier-api",
    "crm",
    "erp",
    "inventory",
    "invoicing",
    "ipaas",
    "notification",
    "orders-db",
    "payment",
    "shipping",
    "shop",
)

LIKELY: dict[str, float] = {item: price["likely"] for item, price in _costs["item"].items()}
"""The likely price of each item: what the truth is reckoned with."""
ENGINEER_HOUR: float = _costs["role"]["engineer"][1]

# `notification -> crm` is in use and in no catalogue; `credit-check -> crm` is declared the wrong way round; nobody has
# called `erp -> fax-gateway` for years.
UNDECLARED = (("notification", "crm", "http"),)
REVERSED = (("crm", "credit-check", "http"),)
STALE = (("erp", "fax-gateway", "file"),)


def hosts(system: str) -> tuple[str, ...]:
    """Return the hosts of a system; the inventory has two, of which the second one's clock will run behind."""
    return ("inventory-1", "inventory-2") if system == "inventory" else (f"{system}-1",)
