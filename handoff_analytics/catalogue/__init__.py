"""What did people declare: systems, handoffs, rules of a good outcome, costs and measures?

A catalogue is one TOML file; every section may be absent, so that costs or measures can live in files of their own:

- ``[catalogue]`` names it; loading the same name again replaces what it said before.
- ``[[system]]`` and ``[[handoff]]`` say what should be there, for the audit, and what else a system is called.
- ``[[outcome]]`` says what a good outcome is, so that a reported success can be found wanting.
- ``[costs.role]``, ``[costs.item]`` and ``[costs.calendar]`` price an hour and a unit, and say when people work.
- ``[[measure]]`` says what a prevention costs and what it prevents.

The rows go to ``declared_systems``, ``system_aliases``, ``declared_handoffs``, ``outcome_rules``, ``cost_rates`` and
``prevention_measures``. The name, the currency and the calendar go to ``history_facts`` as ``catalogue:<name>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import msgspec

from ..declarations import declared, toml
from ..errors import MappingError
from .faults import fault
from .sections import DAYS, SHARES, File, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from .sections import Handoff, Hours, Measure, Range, System

SECTIONS = ("catalogue", "system", "handoff", "outcome", "costs", "measure")
"""A TOML file with one of these at its top is a catalogue."""
_FACT = "catalogue:"
_TABLES = ("declared_systems", "declared_handoffs", "outcome_rules", "cost_rates", "prevention_measures")


@dataclass(frozen=True, slots=True)
class Calendar:
    """When people work: what turns elapsed hours into business hours."""

    timezone: str
    open: time
    close: time
    days: tuple[int, ...]
    """Weekdays that are worked; 0 is Monday."""
    holidays: frozenset[date]


@dataclass(frozen=True, slots=True)
class Declaration:
    """One thing that a catalogue declares, as rows of evidence tables."""

    pointer: str
    """RFC 6901 pointer to it in the file."""
    content: str
    """The declaration as JSON, keys sorted: two that say the same are the same."""
    rows: tuple[tuple[str, dict[str, Any]], ...]
    """Table and row; the first is the declaration itself, the rest follow from it."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue that was read and found valid."""

    name: str
    currency: str | None
    calendar: Calendar | None
    declarations: tuple[Declaration, ...]

    @property
    def aliases(self) -> list[tuple[str, str]]:
        """Other names of systems, each with the name that counts."""
        return [
            (row["alias"], row["system"])
            for one in self.declarations
            for table, row in one.rows
            if table == "system_aliases"
        ]


def is_catalogue(document: dict[str, Any]) -> bool:
    """Say whether a TOML document is a catalogue: it has a section of one, and is no mapping file."""
    return "mapping" not in document and any(section in document for section in SECTIONS)


def catalogue(content: bytes | str, *, file: str) -> Catalogue:
    r"""Read a catalogue and check all that it says.

    Parameters
    ----------
    content
        The TOML.
    file
        Name of the file, for messages; its stem names a catalogue that has no name.

    Returns
    -------
    Catalogue
        The declarations as rows, in the order of the file.

    Raises
    ------
    MappingError
        If it is no TOML, has an unknown key, or says what cannot be.

    Examples
    --------
    >>> acme = catalogue('[[system]]\nname = "erp"\naliases = ["SAP"]', file="acme.toml")
    >>> acme.name, acme.aliases
    ('acme', [('SAP', 'erp')])
    """
    document = declared(toml(content, file=file), File, file=file)
    if (wrong := fault(document)) is not None:
        raise MappingError(f"{file}: {wrong}")
    currency = document.catalogue.currency
    return Catalogue(
        name=document.catalogue.name or PurePath(file).stem,
        currency=currency,
        calendar=_calendar(document.costs.calendar) if document.costs.calendar else None,
        declarations=tuple(_declarations(document, currency)),
    )


def _declarations(document: File, currency: str | None) -> Iterator[Declaration]:
    for index, system in enumerate(document.system):
        aliases = (
            ("system_aliases", {"alias": alias, "system": system.name, "match": "user", "confidence": 1.0})
            for alias in dict.fromkeys(system.aliases)
            if alias != system.name
        )
        yield _declaration(f"/system/{index}", system, ("declared_systems", _system(system)), *aliases)
    for index, handoff in enumerate(document.handoff):
        yield _declaration(f"/handoff/{index}", handoff, ("declared_handoffs", _handoff(handoff)))
    for index, rule in enumerate(document.outcome):
        row = {
            "rule": rule.name,
            "kind": rule.__struct_config__.tag,
            "source": getattr(rule, "source", None) or getattr(rule, "left", None),
            "target": getattr(rule, "target", None) or getattr(rule, "right", None),
            "definition": _json(rule),
        }
        yield _declaration(f"/outcome/{index}", rule, ("outcome_rules", row))
    for name, rate in document.costs.role.items():
        unit = f"{currency}/hour" if currency else "per hour"
        row = _cost(f"role:{name}", None, rate, unit=unit, currency=currency, basis="assumed", reference=None)
        yield _declaration(f"/costs/role/{name}", rate, ("cost_rates", row))
    for name, cost in document.costs.item.items():
        low = cost.likely if cost.low is None else cost.low
        high = cost.likely if cost.high is None else cost.high
        row = _cost(
            name,
            cost.category,
            (low, cost.likely, high),
            unit=cost.unit,
            currency=currency,
            basis=cost.basis,
            reference=cost.reference,
        )
        yield _declaration(f"/costs/item/{name}", cost, ("cost_rates", row))
    for index, measure in enumerate(document.measure):
        row = {
            "measure": measure.name,
            "title": measure.title or measure.name.replace("_", " "),
            "category": measure.category,
            "definition": _json(_full(measure)),
        }
        yield _declaration(f"/measure/{index}", measure, ("prevention_measures", row))


def _declaration(pointer: str, said: Any, *rows: tuple[str, dict[str, Any]]) -> Declaration:
    return Declaration(pointer, _json(said), rows)


def _json(value: Any) -> str:
    return msgspec.json.encode(msgspec.to_builtins(value), order="sorted").decode()


def _system(system: System) -> dict[str, Any]:
    return {
        "name": system.name,
        "team": system.team,
        "platform_type": system.platform,
        "system_type": system.type,
        "criticality": system.criticality,
        "namespace": system.namespace,
    }


def _handoff(handoff: Handoff) -> dict[str, Any]:
    return {
        "source": handoff.source,
        "target": handoff.target,
        "channel": handoff.channel.value if handoff.channel else None,
        "mechanism": handoff.mechanism,
        "data_format": handoff.format,
        "timing_s": handoff.timing_seconds,
        "timeout_s": handoff.timeout_seconds,
        "error_conditions": "; ".join(handoff.errors) or None,
        "rollback_procedure": handoff.rollback,
        "transaction_model": handoff.transaction_model,
        "authority": handoff.authority,
        "owner_team": handoff.owner,
        "expected_per_day": handoff.per_day,
        "workflow": handoff.workflow,
        "business_value": handoff.value,
    }


def _cost(item: str, category: str | None, rate: Range, **more: str | None) -> dict[str, Any]:
    low, likely, high = spread(rate)
    return {"item": item, "category": category, "low": low, "likely": likely, "high": high} | more


def _full(measure: Measure) -> dict[str, Any]:
    """Return a measure with every default filled in and every range as low, likely, high."""
    said: dict[str, Any] = msgspec.to_builtins(measure)
    for name in ("one_off", "yearly", *SHARES):
        said[name] = list(spread(getattr(measure, name)))
    said["title"] = measure.title or measure.name.replace("_", " ")
    return said


def _calendar(hours: Hours) -> Calendar:
    return Calendar(
        timezone=hours.timezone,
        open=time.fromisoformat(hours.open),
        close=time.fromisoformat(hours.close),
        days=tuple(sorted({DAYS.index(day.lower()[:3]) for day in hours.days})),
        holidays=frozenset(hours.holidays),
    )


def forget(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Remove what a catalogue of this name said when it was last loaded; say whether there was one."""
    facts = connection.execute(
        "SELECT content FROM history_facts WHERE fact = $fact", {"fact": _FACT + name}
    ).fetchall()
    if not facts:
        return False
    said = msgspec.json.decode(facts[0][0])
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE load_id = $load_id", {"load_id": said["load_id"]}).fetchall()
    for alias, system in said["aliases"]:
        connection.execute(
            "DELETE FROM system_aliases WHERE alias = $alias AND system = $system AND match = 'user'",
            {"alias": alias, "system": system},
        ).fetchall()
    connection.execute("DELETE FROM history_facts WHERE fact = $fact", {"fact": _FACT + name}).fetchall()
    return True


def remember(connection: duckdb.DuckDBPyConnection, said: Catalogue, *, load_id: int) -> None:
    """Write down which load brought a catalogue, with its currency and calendar."""
    content = {
        "name": said.name,
        "load_id": load_id,
        "currency": said.currency,
        "aliases": said.aliases,
        "calendar": None
        if said.calendar is None
        else {
            "timezone": said.calendar.timezone,
            "open": said.calendar.open,
            "close": said.calendar.close,
            "days": said.calendar.days,
            "holidays": sorted(said.calendar.holidays),
        },
    }
    connection.execute(
        "INSERT INTO history_facts VALUES ($fact, $content)",
        {"fact": _FACT + said.name, "content": msgspec.json.encode(content).decode()},
    ).fetchall()


def _latest(connection: duckdb.DuckDBPyConnection, key: str) -> Any:
    """Return one thing that catalogues say of the whole history; where several do, the one loaded last counts."""
    facts = connection.execute(
        "SELECT content FROM history_facts WHERE starts_with(fact, $prefix)", {"prefix": _FACT}
    ).fetchall()
    said = sorted((msgspec.json.decode(content) for (content,) in facts), key=lambda one: int(one["load_id"]))
    return next((one[key] for one in reversed(said) if one[key] is not None), None)


def calendar(connection: duckdb.DuckDBPyConnection) -> Calendar | None:
    """Return the working hours that a catalogue declares; None when none does.

    Parameters
    ----------
    connection
        The history's connection.

    Returns
    -------
    Calendar or None
        Time zone, opening hours, weekdays (0 is Monday) and holidays. Where several catalogues declare one, the
        catalogue that was loaded last counts.
    """
    said = _latest(connection, "calendar")
    return None if said is None else msgspec.convert(said, Calendar)


def currency(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the currency that the catalogue loaded last declares; None when none does."""
    said = _latest(connection, "currency")
    return None if said is None else str(said)
