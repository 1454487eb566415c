"""What goes wrong in this company, when and how often?

The phenomena are rows of ``phenomena.toml``; the circumstances under which some of them strike are functions here.
"""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..vocabulary import HandoffType
from .plants import TIMES, Plant, load, memory_pressure, token_age_us, token_late_us
from .recording import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from .recording import Order

    Chance = Callable[[Order, int], float]

TYPE_OF = {
    "schema_mismatch": HandoffType.DATA_VALIDATION,
    "validation_rejected": HandoffType.DATA_VALIDATION,
    "encoding": HandoffType.DATA_VALIDATION,
    "contract_version": HandoffType.DATA_VALIDATION,
    "expired_credentials": HandoffType.AUTHENTICATION,
    "insufficient_scope": HandoffType.AUTHENTICATION,
    "invalid_credentials": HandoffType.AUTHENTICATION,
    "timeout": HandoffType.ERROR_PROPAGATION,
    "rate_limit": HandoffType.ERROR_PROPAGATION,
    "unreachable": HandoffType.ERROR_PROPAGATION,
    "overload": HandoffType.ERROR_PROPAGATION,
    "memory_exhaustion": HandoffType.ERROR_PROPAGATION,
    "pool_exhaustion": HandoffType.ERROR_PROPAGATION,
    "circular_dependency": HandoffType.ERROR_PROPAGATION,
    "swallowed_error": HandoffType.ERROR_PROPAGATION,
    "write_conflict": HandoffType.STATE_SYNC,
    "deadlock": HandoffType.STATE_SYNC,
    "ordering": HandoffType.STATE_SYNC,
    "lost_message": HandoffType.STATE_SYNC,
    "stale_or_missing_reference": HandoffType.STATE_SYNC,
    "rollback_failed": HandoffType.ROLLBACK_RECOVERY,
}


def _short_zip(order: Order, _at: int) -> float:
    return 0.85 if order.country == "US" and len(order.postal_code) == 5 else 0.0


def _self_employed(order: Order, _at: int) -> float:
    return 0.55 if order.segment == "self_employed" else 0.004


def _vat_number_after_release(order: Order, at: int) -> float:
    return 0.8 if order.vat_id and TIMES.erp_release.holds(at) else 0.0


def _busy(_order: Order, at: int) -> float:
    return 0.22 if load(at) > 1.6 else 0.004


def _unit_drift(_order: Order, at: int) -> float:
    """Rise for four weeks, then break."""
    if TIMES.units_break.holds(at):
        return 0.9
    if TIMES.units_drift.holds(at):
        return 0.012 + 0.2 * TIMES.units_drift.done(at) ** 2
    return 0.012 if at < TIMES.units_drift.since else 0.008


def _two_writers(_order: Order, at: int) -> float:
    return 0.05 if load(at) > 1.4 else 0.016


def _suspected_fraud(order: Order, _at: int) -> float:
    return 0.035 if order.amount > 250 else 0.014


def _load(_order: Order, at: int) -> float:
    return 0.02 + 0.03 * max(0.0, load(at) - 1)


def _heap_pressure(_order: Order, at: int) -> float:
    return 0.28 if memory_pressure(at) > 0.93 else 0.0


def _late_token(_order: Order, at: int) -> float:
    return 0.93 if token_age_us(at) < token_late_us(at) else 0.0


def _mail_domain(order: Order, _at: int) -> float:
    return 0.09 if order.mail_domain == "mail.example" else 0.008


CIRCUMSTANCES: dict[str, Chance] = {
    "short_zip": _short_zip,
    "self_employed": _self_employed,
    "vat_number_after_release": _vat_number_after_release,
    "busy": _busy,
    "unit_drift": _unit_drift,
    "two_writers": _two_writers,
    "suspected_fraud": _suspected_fraud,
    "load": _load,
    "heap_pressure": _heap_pressure,
    "late_token": _late_token,
    "mail_domain": _mail_domain,
}


def _chance(row: dict[str, Any]) -> Chance:
    """Return the chance of a phenomenon: a named circumstance, a window, or always the same."""
    if "circumstance" in row:
        return CIRCUMSTANCES[row["circumstance"]]
    inside, outside = row["chance"], row.get("chance_outside", 0.0)
    if "window" in row:
        window = getattr(TIMES, row["window"])
        return lambda _order, at: inside if window.holds(at) else outside
    return lambda _order, _at: inside


def _plant(row: dict[str, Any]) -> Plant:
    attributes = [*row.get("attributes", {}).items(), *((name, None) for name in row.get("removes", ()))]
    known = {field.name for field in fields(Fault)} - {"attributes"}
    fault = Fault(
        plant=row["name"],
        attributes=tuple(attributes),
        **{"text": ""} | {name: value for name, value in row.items() if name in known},
    )
    own = {field.name for field in fields(Plant)}
    return Plant(fault=fault, chance=_chance(row), **{k: v for k, v in row.items() if k in own - {"chance"}})


PLANTS = tuple(
    _plant(row) for row in tomllib.loads(files(__package__).joinpath("phenomena.toml").read_text("utf-8"))["plant"]
)
PLANT = {plant.name: plant for plant in PLANTS}


def draw(
    random: Random, order: Order, at: int, *, source: str, target: str, operation: str
) -> Callable[[int], Fault | None]:
    """Decide what one logical call will meet, attempt by attempt."""
    struck = None
    for plant in PLANTS:
        if (plant.source, plant.target) != (source, target) or (plant.operation and plant.operation != operation):
            continue
        # One number is drawn for each candidate, so that a plant switched off does not shift the others.
        if random.random() < plant.chance(order, at) and struck is None:
            struck = plant.fault
    if struck is None:
        return lambda _attempt: None
    fault = struck
    if fault.plant == "zip_plus_four":
        fault = replace(fault, text=fault.text.replace("94107", order.postal_code))
    # An attempt is free once the cause has cleared, and stays so.
    struck_until = 1
    while struck_until < 5 and random.random() >= fault.clears:
        struck_until += 1
    return lambda attempt: fault if attempt <= struck_until else None
