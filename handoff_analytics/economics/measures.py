"""Which measures could prevent failures, and what is each believed to do?

A measure comes from a catalogue: what it costs once and every year, how long it lives, what it is aimed at, and by
which share it lowers four things: the rate of failures, what one failure costs, the time until a silent one is
noticed, and how far it travels. Each share is a range, because nobody knows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..catalogue import catalogue
from ..errors import ArgumentError
from ..statistics.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..history import History

_NOTHING = Range(0, 0, 0)
CATEGORIES = ("auditing", "error_handling", "monitoring", "training")
"""The four kinds of prevention that the article budgets."""


@dataclass(frozen=True, slots=True)
class Target:
    """A handoff type, and a mode of it or all of them."""

    handoff_type: str
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that could be done, its costs in the catalogue's currency and its effects as shares from 0 to 1."""

    name: str
    title: str
    category: str
    targets: tuple[Target, ...] = ()
    """What it is aimed at; none means every type."""
    handoffs: tuple[tuple[str, str], ...] = ()
    """Source and target it is built for; none means every handoff, and ``*`` any system."""
    one_off: Range = _NOTHING
    yearly: Range = _NOTHING
    life_years: float = 3.0
    ramp_up_months: float = 0.0
    rate_reduction: Range = _NOTHING
    magnitude_reduction: Range = _NOTHING
    detection_reduction: Range = _NOTHING
    propagation_reduction: Range = _NOTHING
    overlap_group: str | None = None
    """Measures of one group do the same work twice: only the strongest counts."""
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    team: str | None = None
    days: float = 0.0

    @property
    def cost(self) -> float:
        """Expected outlay: once."""
        return self.one_off.mean

    @property
    def yearly_cost(self) -> float:
        """Expected upkeep of a year."""
        return self.yearly.mean

    def is_aimed_at(self, source: str, target: str, handoff_type: str, mode: str | None) -> bool:
        """Say whether it touches failures of this mode on this handoff."""
        here = not self.handoffs or any(begin in {source, "*"} and end in {target, "*"} for begin, end in self.handoffs)
        this = not self.targets or any(
            aim.handoff_type == handoff_type and aim.mode in {None, mode} for aim in self.targets
        )
        return here and this

    @classmethod
    def of(cls, name: str, title: str | None, category: str, definition: dict[str, Any]) -> Measure:
        """Read a measure as the catalogue stores it."""
        handoffs = tuple(
            tuple(part.strip() for part in handoff.split("->", 1)) for handoff in definition.get("handoffs", ())
        )
        targets = tuple(Target(aim["type"], aim.get("mode")) for aim in definition.get("targets", ()))
        ranges = {
            key: Range.of(definition.get(key))
            for key in (
                *("one_off", "yearly", "rate_reduction", "magnitude_reduction"),
                *("detection_reduction", "propagation_reduction"),
            )
        }
        return cls(
            name=name,
            title=title or name.replace("_", " "),
            category=category,
            targets=targets,
            handoffs=tuple((pair[0], pair[1]) for pair in handoffs),
            life_years=float(definition.get("life_years", 3.0)),
            ramp_up_months=float(definition.get("ramp_up_months", 0.0)),
            overlap_group=definition.get("overlap_group"),
            requires=tuple(definition.get("requires", ())),
            excludes=tuple(definition.get("excludes", ())),
            team=definition.get("team"),
            days=float(definition.get("days", 0.0)),
            **ranges,
        )


def measures_of(history: History, measures: Iterable[Measure] | str | Path | None = None) -> tuple[Measure, ...]:
    """Return the measures under study, by name.

    Parameters
    ----------
    history
        The history whose catalogue may declare measures.
    measures
        Null for those of the history; a TOML file for those it holds; or measures made in Python.

    Returns
    -------
    tuple of Measure
        Each name once.

    Raises
    ------
    ArgumentError
        If a measure needs or excludes one that is not among them, or a name comes twice.
    """
    if measures is None:
        found: Sequence[Measure] = declared_measures(history)
    elif isinstance(measures, str | Path):
        found = measures_in(measures)
    else:
        found = list(measures)
    names = [measure.name for measure in found]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ArgumentError(f"Measure {repeated[0]!r} comes twice. Give each a name of its own.")
    for measure in found:
        for other in (*measure.requires, *measure.excludes):
            if other not in names:
                raise ArgumentError(f"Measure {measure.name!r} names {other!r}, which is not among the measures.")
    return tuple(sorted(found, key=lambda measure: measure.name))


def declared_measures(history: History) -> list[Measure]:
    """Return the measures that the history's catalogues declare."""
    rows = history.sql("""
        SELECT measure, title, category, definition::VARCHAR AS definition
        FROM prevention_measures
        ORDER BY measure, load_id, record_no
    """)
    return [
        Measure.of(name, title, category, orjson.loads(definition)) for name, title, category, definition in rows.rows()
    ]


def measures_in(path: str | Path) -> list[Measure]:
    """Return the measures of a catalogue file."""
    file = Path(path)
    said = catalogue(file.read_bytes(), file=file.name)
    return [
        Measure.of(row["measure"], row["title"], row["category"], orjson.loads(row["definition"]))
        for one in said.declarations
        for table, row in one.rows
        if table == "prevention_measures"
    ]
