"""Which set of measures saves most within what may be spent?

The saving of a set is no sum: two measures on one handoff share its losses, measures of an overlap group do the same
work twice, some need others first and some exclude each other. Two answers are given. The greedy one is immediate and
near the best; the exact one is a mixed-integer programme that is refined until its bound and its answer meet.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_TANGENTS = 12  # to begin with; more are added where the answer lies
_CLOSE = 1e-6  # relative gap at which bound and answer are called one: what the solver's tolerances leave
_SMALL = 1 - 1e-9  # a share of 1 would be minus infinity on the log scale


@dataclass(frozen=True, slots=True)
class Menu:
    """What can be chosen, and what it does.

    Parameters
    ----------
    losses
        Expected yearly loss of each cell: a part of a handoff's failures that measures act on alike.
    reductions
        One row a measure, one column a cell: the share of the cell's loss that the measure takes away alone.
    costs
        What each measure costs out of the budget.
    running
        What each measure costs every year, set against what it saves.
    groups
        Number of each measure's overlap group; measures of one number count only by the strongest.
    requires, excludes
        Pairs of measures: the first needs, or forbids, the second.
    teams, days
        Who would do it, by number (-1: nobody in particular), and for how many days.
    capacity
        Days that each team has; a team that is not named has no limit.
    together
        By what a set multiplies what its members leave of each cell, where they do more or less together than apart.
    """

    losses: Floats
    reductions: Floats
    costs: Floats
    running: Floats
    groups: npt.NDArray[np.int64]
    requires: tuple[tuple[int, int], ...] = ()
    excludes: tuple[tuple[int, int], ...] = ()
    teams: npt.NDArray[np.int64] | None = None
    days: Floats | None = None
    capacity: Mapping[int, float] = field(default_factory=dict)
    together: Callable[[Iterable[int]], Floats] | None = None

    def value(self, chosen: Iterable[int]) -> float:
        """Return what a set saves in a year, after upkeep."""
        places = sorted(chosen)
        if not places:
            return 0.0
        kept = np.ones_like(self.losses)
        for group in np.unique(self.groups[places]):
            members = [place for place in places if self.groups[place] == group]
            kept *= 1 - self.reductions[members].max(axis=0)
        if self.together is not None:
            kept = np.minimum(kept * self.together(places), 1.0)
        return float(self.losses @ (1 - kept) - self.running[places].sum())

    def allows(self, chosen: Iterable[int], budget: float) -> bool:
        """Say whether a set keeps the budget, the prerequisites, the exclusions and the teams' days."""
        places = set(chosen)
        ordered = sorted(places)
        # A sum of prices may differ from the budget in its last digits.
        if self.costs[ordered].sum() > budget * (1 + 1e-12) + 1e-12:
            return False
        if any(one in places and other not in places for one, other in self.requires):
            return False
        if any(one in places and other in places for one, other in self.excludes):
            return False
        if self.teams is None or self.days is None:
            return True
        return all(
            sum(self.days[place] for place in ordered if self.teams[place] == team) <= days * (1 + 1e-12)
            for team, days in self.capacity.items()
        )

    def with_prerequisites(self, place: int) -> frozenset[int]:
        """Return a measure together with all that it needs, directly or not."""
        found = {place}
        while more := {other for one, other in self.requires if one in found} - found:
            found |= more
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of measures, in the order in which they were or should be taken."""

    chosen: tuple[int, ...]
    value: float
    """What it saves in a year, after upkeep."""
    bound: float
    """No set saves more than this."""
    proven: bool
    """Whether value and bound meet."""

    @property
    def gap(self) -> float:
        """Share of the bound that the set may be missing."""
        return max(0.0, (self.bound - self.value) / self.bound) if self.bound > 0 else 0.0


def greedy(menu: Menu, budget: float) -> tuple[int, ...]:
    """Return the better of two greedy sets: by saving for each unit of money, and by saving.

    Prices of prerequisites are counted with the measure that needs them.

    References
    ----------
    Khuller, Moss & Naor (1999), The budgeted maximum coverage problem, Information Processing Letters 70;
    Krause & Golovin (2014), Submodular function maximization, in Tractability.
    """
    sets = [_greedy(menu, budget, by_price=by_price) for by_price in (True, False)]
    return max(sets, key=lambda chosen: (menu.value(chosen), -menu.costs[list(chosen)].sum()))


def _greedy(menu: Menu, budget: float, *, by_price: bool) -> tuple[int, ...]:
    chosen: list[int] = []
    bundles = [menu.with_prerequisites(place) for place in range(len(menu.costs))]
    gains = _Gains(menu)
    while True:
        held = frozenset(chosen)
        best: tuple[float, int] | None = None
        for place, bundle in enumerate(bundles):
            if place in held:
                continue
            missing = bundle - held
            gain = gains.of(missing)
            if gain <= 0 or not menu.allows(held | bundle, budget):
                continue
            price = float(menu.costs[sorted(missing)].sum())
            score = gain / max(price, 1e-12) if by_price else gain
            if best is None or score > best[0]:
                best = (score, place)
        if best is None:
            return tuple(chosen)
        missing = bundles[best[1]] - held
        gains.take(missing)
        # What is needed comes before what needs it.
        chosen += sorted(missing, key=lambda place: (len(bundles[place]), place))


class _Gains:
    """What one more measure saves, given those taken."""

    def __init__(self, menu: Menu) -> None:
        self._menu = menu
        self._strongest: dict[int, Floats] = {}

    def of(self, places: Iterable[int]) -> float:
        """Return what some measures together add."""
        added = sorted(places)
        running = float(self._menu.running[added].sum())
        kept = self._kept(self._strongest)
        return float(self._menu.losses @ (kept - self._kept(self._with(added)))) - running

    def take(self, places: Iterable[int]) -> None:
        self._strongest = self._with(sorted(places))

    def _with(self, places: Sequence[int]) -> dict[int, Floats]:
        strongest = dict(self._strongest)
        for place in places:
            group = int(self._menu.groups[place])
            reduction = self._menu.reductions[place]
            strongest[group] = np.maximum(strongest[group], reduction) if group in strongest else reduction
        return strongest

    def _kept(self, strongest: dict[int, Floats]) -> Floats:
        kept = np.ones_like(self._menu.losses)
        for reduction in strongest.values():
            kept = kept * (1 - reduction)
        return kept


def best(menu: Menu, budget: float, *, seconds: float = 2.0) -> Choice:
    """Return the set that saves most, with a proof, or the best found in the time given, with its gap.

    Parameters
    ----------
    menu
        What can be chosen.
    budget
        What may be spent, in the unit of the costs.
    seconds
        Time after which the best set so far is returned.

    Returns
    -------
    Choice
        The set, its value and the bound that no set exceeds.

    Notes
    -----
    What is left of a cell is loss * exp(y), y the sum of log(1 - reduction) over what is chosen: convex in y, so it
    lies above each of its tangents. A programme with some tangents gives a set and a bound. The tangents at that set
    are added and the programme solved again until the bound is reached: at the set itself they are exact, so no set
    comes twice without being the best. Of an overlap group each cell takes one measure. Where sets do more or less
    together than apart, the best set by shares is improved by exact evaluation of its neighbours, without a proof.

    References
    ----------
    Kelley (1960), The cutting-plane method for solving convex programs, SIAM Journal 8(4); Huangfu & Hall (2018),
    Parallelizing the dual revised simplex method, Mathematical Programming Computation 10 (HiGHS).
    """
    until = time.monotonic() + seconds
    if menu.together is not None:
        apart = best(replace(menu, together=None), budget, seconds=0.8 * seconds)
        return _improved(menu, budget, apart, until)
    menu = _merged(menu)
    incumbent = greedy(menu, budget)
    value = menu.value(incumbent)
    programme = _Programme(menu, budget)
    bound = float(menu.losses.sum())
    proven = False
    touched: set[tuple[int, ...]] = set()
    while (left := until - time.monotonic()) > 0:
        found, claimed, solved = programme.solve(left)
        bound = min(bound, claimed)
        if found is None:
            break
        if not menu.allows(found, budget):
            programme.forbid(found)  # a solver's tolerance let it through
            continue
        worth = menu.value(found)
        if worth > value:
            incumbent, value = found, worth
        # Where the tangents touch, the programme's value is the set's own: then no set has more.
        at_its_best = found in touched or not programme.refine(found)
        proven = bound - value <= _CLOSE * abs(bound) or (at_its_best and solved)
        if proven:
            break
        touched.add(found)
    bound = max(bound, value)
    return Choice(_in_order(menu, incumbent), value, bound, proven)


def _improved(menu: Menu, budget: float, start: Choice, until: float) -> Choice:
    """Add, drop and swap measures, one or a pair at a time, as long as the set saves more by exact evaluation."""
    chosen = frozenset(start.chosen)
    value = menu.value(chosen)
    bundles = [menu.with_prerequisites(place) for place in range(len(menu.costs))]
    while time.monotonic() < until:
        outside = [place for place in range(len(menu.costs)) if place not in chosen]
        moves = [chosen | bundles[place] for place in outside]
        moves += [chosen - {place} for place in sorted(chosen)]
        moves += [(chosen - {gone}) | bundles[place] for gone in sorted(chosen) for place in outside]
        moves += [chosen | bundles[one] | bundles[other] for one, other in combinations(outside, 2)]
        found = max(
            ((menu.value(move), place) for place, move in enumerate(moves) if menu.allows(move, budget)),
            key=lambda pair: (pair[0], -pair[1]),
            default=(value, -1),
        )
        if found[0] <= value * (1 + 1e-12) + 1e-12:
            break
        value, chosen = found[0], moves[found[1]]
    return Choice(_in_order(menu, chosen), value, max(start.bound, value), proven=False)


def _merged(menu: Menu) -> Menu:
    """Make one cell of all those on which every measure acts alike: the value of every set stays the same."""
    columns, place = np.unique(menu.reductions, axis=1, return_inverse=True)
    losses = np.bincount(place.reshape(-1), weights=menu.losses, minlength=columns.shape[1])
    return replace(menu, losses=losses.astype(np.float64), reductions=columns)


def _in_order(menu: Menu, chosen: Iterable[int]) -> tuple[int, ...]:
    """Order a set by what each adds to those before it, for its price, what is needed first."""
    left = set(chosen)
    gains = _Gains(menu)
    ordered: list[int] = []
    while left:
        ready = [
            place for place in sorted(left) if all(other not in left for one, other in menu.requires if one == place)
        ]
        # A circle of prerequisites is taken as a whole, in the order of the names.
        ready = ready or sorted(left)
        following = max(ready, key=lambda place: (gains.of([place]) / max(float(menu.costs[place]), 1e-12), -place))
        gains.take([following])
        ordered.append(following)
        left.remove(following)
    return tuple(ordered)


class _Programme:
    """The choice as a mixed-integer programme with tangents instead of the exponential."""

    def __init__(self, menu: Menu, budget: float) -> None:
        self._menu = menu
        self._logs = np.log1p(-np.minimum(menu.reductions, _SMALL))
        measures = len(menu.costs)
        touched = np.flatnonzero((menu.reductions > 0).any(axis=0) & (menu.losses > 0))
        self._cells = touched
        self._scale = max(float(menu.losses.sum()), 1e-300)
        # Of a group with several members each cell takes the one that is strongest there, by a variable of its own.
        self._takes: list[tuple[int, int]] = []
        self._slopes: list[dict[int, float]] = []
        self._limits: list[tuple[dict[int, float], float, float]] = []
        first_take = measures + len(touched)
        alone = np.bincount(menu.groups, minlength=int(menu.groups.max(initial=0)) + 1)[menu.groups] == 1
        for cell in touched:
            slope = {int(p): float(self._logs[p, cell]) for p in np.flatnonzero(self._logs[:, cell]) if alone[p]}
            for group in np.unique(menu.groups[~alone]):
                members = [int(p) for p in np.flatnonzero(menu.groups == group) if self._logs[p, cell] < 0]
                variables = []
                for place in members:
                    variable = first_take + len(self._takes)
                    self._takes.append((place, int(cell)))
                    variables.append(variable)
                    slope[variable] = float(self._logs[place, cell])
                    self._limits.append(({variable: 1.0, place: -1.0}, -np.inf, 0.0))
                if len(variables) > 1:
                    self._limits.append((dict.fromkeys(variables, 1.0), -np.inf, 1.0))
            self._slopes.append(slope)
        self._size = first_take + len(self._takes)
        self._constrain(budget)
        for row, slope in enumerate(self._slopes):
            lowest = max(sum(slope.values()), -12.0)
            for point in np.linspace(lowest, 0, _TANGENTS):
                self._tangent(row, slope, float(point))

    def _constrain(self, budget: float) -> None:
        menu = self._menu
        scale = max(budget, 1e-300)
        self._limits.append(
            ({place: float(cost) / scale for place, cost in enumerate(menu.costs)}, -np.inf, budget / scale)
        )
        for one, other in menu.requires:
            self._limits.append(({one: 1.0, other: -1.0}, -np.inf, 0.0))
        for one, other in menu.excludes:
            self._limits.append(({one: 1.0, other: 1.0}, -np.inf, 1.0))
        if menu.teams is not None and menu.days is not None:
            for team, days in menu.capacity.items():
                mine = {int(place): float(menu.days[place]) for place in np.flatnonzero(menu.teams == team)}
                if mine:
                    self._limits.append((mine, -np.inf, days))

    def _tangent(self, row: int, slope: dict[int, float], point: float) -> None:
        height = float(np.exp(point))
        line = {variable: -height * log for variable, log in slope.items()}
        line[len(self._menu.costs) + row] = 1.0
        self._limits.append((line, height * (1 - point), np.inf))

    def refine(self, chosen: Sequence[int]) -> bool:
        """Add the tangents at a set; say whether any is new."""
        places = set(chosen)
        new = False
        for row, cell in enumerate(self._cells):
            depth = 0.0
            for group in {int(self._menu.groups[place]) for place in places}:
                depth += min(self._logs[place, cell] for place in places if self._menu.groups[place] == group)
            gap = np.exp(depth) - self._lefts[row]
            if gap > 1e-8:
                new = True
                self._tangent(row, self._slopes[row], float(depth))
        return new

    def forbid(self, chosen: Sequence[int]) -> None:
        """Rule out one set."""
        places = set(chosen)
        line = {place: 1.0 if place in places else -1.0 for place in range(len(self._menu.costs))}
        self._limits.append((line, -np.inf, len(places) - 1.0))

    def solve(self, seconds: float) -> tuple[tuple[int, ...] | None, float, bool]:
        """Return a set, null if none was found in time; a bound on the value of every set; and whether it ended."""
        menu, measures = self._menu, len(self._menu.costs)
        objective = np.zeros(self._size)
        objective[:measures] = menu.running / self._scale
        objective[measures : measures + len(self._cells)] = menu.losses[self._cells] / self._scale
        rows, columns, values = [], [], []
        for number, (line, _, _) in enumerate(self._limits):
            rows += [number] * len(line)
            columns += list(line)
            values += list(line.values())
        matrix = sparse.csr_array((values, (rows, columns)), shape=(len(self._limits), self._size))
        lows = np.array([low for _, low, _ in self._limits])
        highs = np.array([high for _, _, high in self._limits])
        answer = optimize.milp(
            objective,
            constraints=optimize.LinearConstraint(matrix, lows, highs),
            integrality=np.concatenate([np.ones(measures), np.zeros(self._size - measures)]),
            bounds=optimize.Bounds(0, 1),
            options={"time_limit": max(seconds, 0.05), "mip_rel_gap": 1e-10},
        )
        touched = float(menu.losses[self._cells].sum())
        bound = np.inf if answer.mip_dual_bound is None else touched - float(answer.mip_dual_bound) * self._scale
        if answer.x is None:
            # No set fits, not even the empty one, once all have been ruled out: then the incumbent is the best.
            return None, -np.inf if answer.status == 2 else bound, False
        self._lefts = answer.x[measures : measures + len(self._cells)]
        return tuple(int(place) for place in np.flatnonzero(answer.x[:measures] > 0.5)), bound, answer.status == 0
