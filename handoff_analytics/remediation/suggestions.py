"""Which measure is usual for a way of failing?"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from ..economics.measures import Measure, measures_in

if TYPE_CHECKING:
    from collections.abc import Iterable


@cache
def suggested_measures() -> tuple[Measure, ...]:
    """Return the shipped catalogue of measures, by type and mode; copy ``remediation/measures.toml`` to change it.

    Returns
    -------
    tuple of Measure
        In the order of the file. Their costs and effects are assumptions, and meant for one handoff.

    Examples
    --------
    >>> [measure.name for measure in suggested_measures() if "token" in measure.name]
    ['token_refresh_ahead']
    """
    with as_file(files(__package__).joinpath("measures.toml")) as path:
        return tuple(measures_in(path))


def usual_for(measures: Iterable[Measure], handoff_type: str, mode: str | None) -> list[Measure]:
    """Return the measures that name a mode; where none does, those that take its whole type."""
    exact, broad = [], []
    for measure in measures:
        for aim in measure.targets:
            if aim.handoff_type == handoff_type and mode is not None and aim.mode == mode:
                exact.append(measure)
                break
            if aim.handoff_type == handoff_type and aim.mode is None:
                broad.append(measure)
                break
    return exact or broad
