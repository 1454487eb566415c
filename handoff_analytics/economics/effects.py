"""What does a measure, or a set of measures, do to which part of the loss?

The loss is cut into cells on which measures act alike: a handoff, a way of failing, whether a status told, and whether
it is the failure itself or the cascade behind it. On a cell the shares that measures leave multiply. Of an overlap
group only the strongest counts. What is left of a cascade is not the product of shares but is computed again from the
impact graph (`propagation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..identity import key
from .cash import Stream
from .choice import Menu
from .propagation import stopping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from .exposure import Exposure
    from .measures import Measure
    from .propagation import Spread

    Floats = npt.NDArray[np.float64]

_MOST = 24
"""Streams simulated incident by incident; what is left beyond the dearest ones enters by its expectation."""
EFFECTS = ("rate_reduction", "magnitude_reduction", "detection_reduction", "propagation_reduction")


def loss_cells(exposed: Exposure) -> pl.DataFrame:
    """Cut the expected loss into cells: the failure itself and its cascade, for each way of failing of each handoff."""
    cascade = pl.Series("cascade_share", exposed.cascading)
    losses = exposed.handoffs.select("expected_annual_loss", cascade).with_row_index("column")
    cells = exposed.cells.join(
        losses.with_columns(pl.col("column").cast(pl.Int64)), on="column", how="left", maintain_order="left"
    )
    parts = [
        cells.with_columns(cascade=pl.lit(value=False), part=1 - pl.col("cascade_share")),
        cells.with_columns(cascade=pl.lit(value=True), part=pl.col("cascade_share")),
    ]
    return (
        pl.concat(parts)
        .with_columns(loss=pl.col("expected_annual_loss") * pl.col("share") * pl.col("part"))
        .filter((pl.col("part") > 0) | ~pl.col("cascade"))
        .sort("column", "handoff_type", "mode", "silent", "cascade")
        .select(
            *("column", "source", "target", "channel", "handoff_type", "mode", "silent", "cascade"),
            *("share", "part", "loss"),
        )
    )


def menu_of(
    measures: Sequence[Measure],
    exposed: Exposure,
    *,
    discount_rate: float,
    capacity_days: Mapping[str, float] | None = None,
) -> Menu:
    """Put measures and the cells of `loss_cells` into numbers, every effect at its mean.

    What a measure costs a year is its upkeep and the annuity of its outlay: one that does not earn both over its life
    is no use of a budget, even of one that is not exhausted.
    """
    cells = loss_cells(exposed)
    places = {measure.name: place for place, measure in enumerate(measures)}
    teams = {team: number for number, team in enumerate(sorted({one.team for one in measures if one.team}))}
    groups = {
        name: number for number, name in enumerate(sorted({m.overlap_group for m in measures if m.overlap_group}))
    }
    return Menu(
        losses=cells["loss"].to_numpy(),
        reductions=np.array([_reduction(one, cells, exposed.spread) for one in measures]).reshape(
            len(measures), cells.height
        ),
        costs=np.array([measure.cost for measure in measures]),
        running=np.array([measure.yearly_cost + annuity(measure, discount_rate) for measure in measures]),
        groups=np.array(
            [groups[m.overlap_group] if m.overlap_group else len(groups) + at for at, m in enumerate(measures)],
            dtype=np.int64,
        ),
        requires=tuple((places[m.name], places[other]) for m in measures for other in m.requires),
        excludes=tuple((places[m.name], places[other]) for m in measures for other in m.excludes),
        teams=np.array([teams[m.team] if m.team else -1 for m in measures], dtype=np.int64),
        days=np.array([m.days for m in measures]),
        capacity={teams[team]: days for team, days in (capacity_days or {}).items() if team in teams},
        together=_Together(measures, cells, exposed.spread) if len(stopping(measures)) > 1 else None,
    )


class _Together:
    """What sets of measures that stop cascades leave of each cell, relative to what each leaves alone."""

    def __init__(self, measures: Sequence[Measure], cells: pl.DataFrame, spread: Spread) -> None:
        self._measures, self._cells, self._spread = measures, cells, spread
        self._stops = frozenset(place for place, one in enumerate(measures) if one.propagation_reduction.high > 0)
        self._aims = {place: _aimed(measures[place], cells) > 0 for place in self._stops}
        self._cascades = np.flatnonzero(cells["cascade"].to_numpy())
        self._found: dict[frozenset[int], Floats] = {}

    def __call__(self, chosen: Iterable[int]) -> Floats:
        acting = frozenset(chosen) & self._stops
        if len(acting) < 2:
            return np.ones(self._cells.height)
        if acting not in self._found:
            self._found[acting] = self._factors(sorted(acting))
        return self._found[acting]

    def _factors(self, acting: list[int]) -> Floats:
        factors = np.ones(self._cells.height)
        measures = [self._measures[place] for place in acting]
        columns = self._cells["column"].to_list()
        for cell in self._cascades:
            own = [bool(self._aims[place][cell]) for place in acting]
            whole = self._spread.mean_left(columns[cell], measures, own)
            groups: dict[str, float] = {}
            for one, mine in zip(measures, own, strict=True):
                alone = self._spread.mean_left(columns[cell], [one], [mine])
                group = one.overlap_group or f"\x00{one.name}"
                groups[group] = min(groups.get(group, 1.0), alone)
            product = prod(groups.values())
            factors[cell] = whole / product if product > 0 else 1.0
        return factors


def annuity(measure: Measure, discount_rate: float) -> float:
    """Return the even yearly payment over its life that has the present value of a measure's outlay."""
    years = max(measure.life_years, 1 / 12)
    if discount_rate == 0:
        return measure.cost / years
    return float(measure.cost * discount_rate / (1 - (1 + discount_rate) ** -years))


def _aimed(measure: Measure, cells: pl.DataFrame) -> Floats:
    rows = cells.select("source", "target", "handoff_type", "mode").iter_rows()
    return np.array([float(measure.is_aimed_at(*row)) for row in rows])


def _reduction(measure: Measure, cells: pl.DataFrame, spread: Spread) -> Floats:
    """Return the share of each cell that a measure takes away on its own."""
    kept = (1 - measure.rate_reduction.mean) * (1 - measure.magnitude_reduction.mean)
    aimed = _aimed(measure, cells)
    left = 1 - aimed * (1 - kept * (1 - measure.detection_reduction.mean * cells["silent"].to_numpy()))
    if measure.propagation_reduction.mean > 0:
        cascades = np.flatnonzero(cells["cascade"].to_numpy())
        columns = cells["column"].to_list()
        left[cascades] *= [spread.mean_left(columns[cell], [measure], [bool(aimed[cell] > 0)]) for cell in cascades]
    return np.asarray(1 - left, dtype=np.float64)


def drawn_effects(measure: Measure, *, draws: int, seed: int) -> dict[str, Floats]:
    """Draw what a measure costs and does: the same draws whatever else is studied."""
    random = np.random.default_rng([seed, key(measure.name)])
    names = ("one_off", "yearly", *EFFECTS)
    return {name: getattr(measure, name).draws(random, draws) for name in names}


@dataclass(frozen=True, slots=True)
class Rest:
    """What is not simulated incident by incident but enters by its expectation; one entry an outer draw."""

    loss: Floats
    saving: Floats


def streams_of(
    exposed: Exposure,
    measures: Sequence[Measure],
    effects: Sequence[Mapping[str, Floats]],
    *,
    incidents: Floats,
    costs: Floats,
) -> tuple[list[Stream], Rest]:
    """Return the incidents that some measures are aimed at, and what enters by expectation only.

    Parameters
    ----------
    exposed
        The loss taken apart.
    measures, effects
        What is done together, and the draws of what each does.
    incidents, costs
        Draws of incidents a year and of their mean cost, one column a handoff.

    Returns
    -------
    tuple
        Streams, the dearest first; and the loss and the saving of all further streams, and of cascades that begin at
        other handoffs and are stopped where they come through.
    """
    cells = exposed.cells
    aims = [_aimed(measure, cells) > 0 for measure in measures]
    stops = [number for number, measure in enumerate(measures) if measure.propagation_reduction.high > 0]
    found: dict[tuple[int, bool, tuple[int, ...]], float] = {}
    for place, (column, silent, share) in enumerate(cells.select("column", "silent", "share").iter_rows()):
        acting = tuple(number for number, aim in enumerate(aims) if aim[place])
        if (acting or stops) and share > 0:
            name = (column, silent, acting)
            found[name] = found.get(name, 0.0) + share
    streams = []
    rest = Rest(np.zeros(len(incidents)), np.zeros(len(incidents)))
    for (column, silent, acting), share in sorted(found.items()):
        cascading = float(exposed.cascading[column])
        spreading = np.ones(len(incidents))
        if cascading > 0:
            spreading = exposed.spread.drawn_left(
                column,
                [measures[number] for number in stops],
                [number in acting for number in stops],
                [effects[number]["propagation_reduction"] for number in stops],
                len(incidents),
            )
        if not acting:
            passing = incidents[:, column] * costs[:, column] * share * cascading
            if passing.any() and (spreading < 1).any():
                rest = Rest(rest.loss + passing, rest.saving + passing * (1 - spreading))
            continue
        strongest = _strongest([measures[number] for number in acting], silent=silent, cascading=cascading)
        counted = [effects[acting[number]] for number in strongest]
        happening = np.prod([1 - one["rate_reduction"] for one in counted], axis=0)
        dear = np.prod([1 - one["magnitude_reduction"] for one in counted], axis=0)
        if silent:
            dear = dear * np.prod([1 - one["detection_reduction"] for one in counted], axis=0)
        streams.append(
            Stream(
                per_year=incidents[:, column] * share,
                severities=exposed.shapes[column],
                scale=costs[:, column],
                prevented=np.asarray(1 - happening),
                cheapened=np.asarray(1 - dear * (1 - cascading + cascading * spreading)),
            )
        )
    streams.sort(key=lambda stream: -float(stream.saving.mean()))
    further = streams[_MOST:]
    return streams[:_MOST], Rest(
        rest.loss + sum((stream.loss for stream in further), np.zeros(len(incidents))),
        rest.saving + sum((stream.saving for stream in further), np.zeros(len(incidents))),
    )


def _strongest(measures: Sequence[Measure], *, silent: bool, cascading: float) -> list[int]:
    """Return the places of the measures that count: of each overlap group, the one that takes most of this cell."""
    best: dict[str, tuple[float, int]] = {}
    for place, measure in enumerate(measures):
        kept = (1 - measure.rate_reduction.mean) * (1 - measure.magnitude_reduction.mean)
        kept *= 1 - measure.detection_reduction.mean * silent
        kept *= 1 - measure.propagation_reduction.mean * cascading
        group = measure.overlap_group or f"\x00{measure.name}"
        if group not in best or kept < best[group][0]:
            best[group] = (kept, place)
    return sorted(place for _, place in best.values())
