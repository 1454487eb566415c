"""What does a well-written catalogue say that cannot be?"""

from __future__ import annotations

import math
import re
from datetime import time
from typing import TYPE_CHECKING

from ..declarations import suggestion, zone_fault
from .sections import DAYS, SHARES, BodyRule, ContinuationRule, Range, ReconcileRule, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .sections import File, Hours


def fault(document: File) -> str | None:
    """Return the first thing that a well-typed catalogue says and that cannot be, or nothing."""
    checks = (_head_faults, _system_faults, _handoff_faults, _outcome_faults, _cost_faults, _measure_faults)
    return next((found for check in checks for found in check(document)), None)


def _head_faults(document: File) -> Iterator[str]:
    currency = document.catalogue.currency
    if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
        yield f"catalogue.currency: {currency!r} is no currency. Write its ISO 4217 code, such as EUR."


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _system_faults(document: File) -> Iterator[str]:
    for name in _repeated([system.name for system in document.system]):
        yield f"system {name!r} is declared twice. Keep one."
    owners: dict[str, str] = {}
    names = {system.name for system in document.system}
    for system in document.system:
        if not system.name.strip():
            yield "a system has an empty name. Name it as its telemetry does."
        for alias in system.aliases:
            if (owner := owners.setdefault(alias, system.name)) != system.name:
                yield f"alias {alias!r} is given to {owner!r} and {system.name!r}. It can mean only one of them."
            if alias in names and alias != system.name:
                yield f"alias {alias!r} of {system.name!r} is the name of another system."


def _handoff_faults(document: File) -> Iterator[str]:
    keys = [f"{one.source} -> {one.target} ({one.channel or 'any channel'})" for one in document.handoff]
    for name in _repeated(keys):
        yield f"handoff {name} is declared twice. Keep one."
    for key, handoff in zip(keys, document.handoff, strict=True):
        if handoff.source == handoff.target:
            yield f"handoff {key} goes from a system to itself. Name two systems."
        for field in ("timing_seconds", "timeout_seconds", "per_day"):
            value = getattr(handoff, field)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                yield f"handoff {key}: {field} = {value}, must be 0 or more."


def _outcome_faults(document: File) -> Iterator[str]:
    for name in _repeated([rule.name for rule in document.outcome]):
        yield f"outcome {name!r} is declared twice. Give each rule a name of its own."
    for rule in document.outcome:
        if isinstance(rule, BodyRule) and not rule.bad:
            yield f"outcome {rule.name!r}: bad is empty. List the values that mean failure."
        if isinstance(rule, ReconcileRule) and not rule.tolerance >= 0:
            yield f"outcome {rule.name!r}: tolerance = {rule.tolerance}, must be 0 or more."
        if isinstance(rule, ContinuationRule) and not rule.within_seconds > 0:
            yield f"outcome {rule.name!r}: within_seconds = {rule.within_seconds}, must be more than 0."


def _range_fault(name: str, value: Range, *, highest: float = math.inf) -> Iterator[str]:
    low, likely, high = spread(value)
    if not low <= likely <= high:
        yield f"{name} = {[low, likely, high]}, must be [low, likely, high] in rising order."
    elif not (low >= 0 and high <= highest and math.isfinite(high)):
        yield f"{name} = {[low, likely, high]}, must lie between 0 and {highest:g}."


def _cost_faults(document: File) -> Iterator[str]:
    for name, rate in document.costs.role.items():
        yield from _range_fault(f"costs.role.{name}", rate)
    for name, cost in document.costs.item.items():
        low = cost.likely if cost.low is None else cost.low
        yield from _range_fault(
            f"costs.item.{name}", (low, cost.likely, cost.likely if cost.high is None else cost.high)
        )
    if document.costs.calendar is not None:
        yield from _hours_faults(document.costs.calendar)


def _hours_faults(hours: Hours) -> Iterator[str]:
    wrong = zone_fault(hours.timezone)
    if wrong:
        yield f"costs.calendar.timezone: {wrong}"
    for day in hours.days:
        if day.lower()[:3] not in DAYS:
            yield f"costs.calendar.days: {day!r} is no day. Write {', '.join(DAYS)}."
    try:
        opens, closes = time.fromisoformat(hours.open), time.fromisoformat(hours.close)
    except ValueError:
        yield f"costs.calendar: open {hours.open!r} and close {hours.close!r} must be times of day, like 09:00."
    else:
        if opens >= closes:
            yield f"costs.calendar: open {hours.open} must be before close {hours.close}."


def _measure_faults(document: File) -> Iterator[str]:
    names = [measure.name for measure in document.measure]
    for name in _repeated(names):
        yield f"measure {name!r} is declared twice. Give each a name of its own."
    for measure in document.measure:
        here = f"measure {measure.name!r}"
        for field in SHARES:
            yield from _range_fault(f"{here}: {field}", getattr(measure, field), highest=1)
        for field in ("one_off", "yearly", "ramp_up_months", "days"):
            yield from _range_fault(f"{here}: {field}", getattr(measure, field))
        if not (measure.life_years > 0 and math.isfinite(measure.life_years)):
            yield f"{here}: life_years = {measure.life_years}, must be more than 0."
        for handoff in measure.handoffs:
            source, arrow, target = (part.strip() for part in handoff.partition("->"))
            if not (source and arrow and target):
                yield f"{here}: handoff {handoff!r} must be written source->target."
        for field in ("requires", "excludes"):
            for other in getattr(measure, field):
                if other not in names or other == measure.name:
                    yield f"{here}: {field} names {other!r}, which is no other measure.{suggestion(other, names)}"
