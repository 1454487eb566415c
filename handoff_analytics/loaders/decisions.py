"""What can only many values decide?

Whether 03/04/2026 is in March or in April, and whether a number counts seconds or milliseconds: one value may mean
either, a file hardly ever does. What decided is noted with the load; where nothing decides, the user is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from ..errors import MappingError
from . import times
from .casts import cast
from .columns import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .casts import Cast
    from .columns import Plan
    from .delimited import Batch
    from .ledger import Sink
    from .mapping import Column

MOST_ROWS = 2_000_000
"""Rows that are read ahead for a decision."""


def decided(batches: Iterator[Batch], made: Plan, sink: Sink) -> Iterator[tuple[Plan, Batch, dict[str, Cast]]]:
    """Yield the batches with a plan that leaves nothing open, and the columns that were read on the way.

    Parameters
    ----------
    batches
        The rows; as many are read ahead as a decision takes.
    made
        The plan so far.
    sink
        Gets a note of what decided.

    Yields
    ------
    tuple
        The plan, the batch, and the columns of the batch that were read already.

    Raises
    ------
    MappingError
        If dates of the file can be read both ways, and no value decides.
    """
    for batch in batches:
        undecided = _undecided(made)
        known = {
            name: cast(text(batch, made, name), _formatted(column, _sure(column)), made.values, zone=made.zone)
            for name, column in undecided.items()
        }
        if all(read.bad is None or not read.bad.any() for read in known.values()):
            yield made, batch, known
            continue
        ahead = [batch]
        made = _decide(ahead, batches, made, undecided, sink)
        while ahead:
            yield made, ahead.pop(0), {}


def _undecided(made: Plan) -> dict[str, Column]:
    return {
        name: column
        for name, column in made.columns.items()
        if column.type == "time" and name in made.positions and len(_sure(column)) < len(column.time_formats)
    }


def _sure(column: Column) -> list[str]:
    """Return the formats of a column that can mean only one thing."""
    unsure = times.ambiguous(column.time_formats) | {"epoch"}
    return [fmt for fmt in column.time_formats if fmt not in unsure]


def _formatted(column: Column, formats: list[str]) -> Column:
    return msgspec.structs.replace(column, formats=formats)


def _decide(ahead: list[Batch], batches: Iterator[Batch], made: Plan, undecided: dict[str, Column], sink: Sink) -> Plan:
    """Return the plan with one order of day and month and one unit a column; batches that are read go to `ahead`."""
    both = {name: column for name, column in undecided.items() if times.ambiguous(column.time_formats)}
    days = months = rows = seen = 0
    evidence = example = None
    units: dict[str, str] = {}
    while True:
        batch = ahead[seen]
        seen += 1
        rows += batch.frame.height
        for name, column in both.items():
            texts = text(batch, made, name)
            day, month, decider, either = times.day_first(texts, column.time_formats)
            days, months = days + day, months + month
            evidence = evidence or (decider and f"{name} {decider!r}")
            example = example or either
        for name in undecided.keys() - units.keys():
            if (
                "epoch" in undecided[name].time_formats
                and (unit := times.epoch_unit(text(batch, made, name))) is not None
            ):
                units[name] = unit
        following = None if days or months or example is None or rows >= MOST_ROWS else next(batches, None)
        if following is None:
            break
        ahead.append(following)
    if example is not None and not (days or months):
        raise MappingError(
            f"{made.file}: dates such as {example!r} can be day/month as well as month/day, and no value of the file "
            f"decides. Say it in a mapping: formats = ['%d/%m/%Y %H:%M'] or ['%m/%d/%Y %H:%M'], for {', '.join(both)}."
        )
    if evidence is not None:
        order = "day before month" if days >= months else "month before day"
        sink.note(f"dates are read {order}: {evidence} can be nothing else")
    columns = dict(made.columns)
    for name, column in undecided.items():
        formats = [units.get(name, fmt) if fmt == "epoch" else fmt for fmt in column.time_formats]
        columns[name] = _formatted(column, list(times.ordered(formats, day=days >= months)))
        if name in units:
            told = f"{name}: numbers are read as {units[name]}, by their size"
            sink.note(told)
            sink.flag("loads", sink.load_id, "epoch_unit_guessed", told, ahead[0].record(0))
    return replace(made, columns=columns)
