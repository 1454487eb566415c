"""What is a goal, and what does it take to say whether it is met?

A `Pair` times the library against the plainest way to the same answer; a `Figure` measures one number. Both name the
issue that sets the goal. What a run cannot measure is a row as well, with the reason.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Call = Callable[[], object]

PAIRS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results."""

    issue: str
    goal: str
    size: int | None
    wanted: str
    measured: str
    spread: str
    cpu_s: float | None
    verdict: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A goal of a ratio: the library's time over the reference's, median of pairs in alternation."""

    issue: str
    goal: str
    made: Callable[[Path, int], tuple[Call, Call, Callable[[], None]]]
    """Makes the library's call, the reference and a check that both answer the same."""
    sizes: Mapping[str, int]
    """How much in a quick and in a full run; `goal` is what the issue speaks of, where a full run has less."""
    most: float
    note: str = ""

    def row(self, folder: Path, size: str) -> Row:
        """Check that both answer the same, then time them in turns."""
        library, reference, same = self.made(folder, self.sizes[size])
        library()
        reference()
        same()
        ratios, used, took = [], [], []
        for _ in range(PAIRS):
            ours, theirs = seconds(library), seconds(reference)
            ratios.append(ours[0] / theirs[0])
            used.append(ours[1])
            took.append(ours[0])
        middle = statistics.median(ratios)
        return Row(
            self.issue,
            self.goal,
            self.sizes[size],
            f"<= {self.most:.3g} x",
            f"{middle:.3g} x",
            f"{min(ratios):.3g} to {max(ratios):.3g}",
            statistics.median(used),
            verdict(middle <= self.most, self.sizes, size),
            self.note or f"{statistics.median(took):.3g} s",
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """A goal of one number: seconds, megabytes, growth, an error."""

    issue: str
    goal: str
    made: Callable[[Path, int], Measured]
    sizes: Mapping[str, int]
    most: float
    unit: str
    note: str = ""

    def row(self, folder: Path, size: str) -> Row:
        """Measure it."""
        found = self.made(folder, self.sizes[size])
        return Row(
            self.issue,
            self.goal,
            self.sizes[size],
            f"<= {self.most:.4g} {self.unit}",
            f"{found.value:.3g} {self.unit}",
            found.spread,
            found.cpu_s,
            verdict(found.value <= self.most, self.sizes, size),
            found.note or self.note,
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """A number, how far repetitions of it lie apart, and what it rests on."""

    value: float
    spread: str = ""
    cpu_s: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A goal that this run does not measure, and why."""

    issue: str
    goal: str
    wanted: str
    why: str

    def row(self, folder: Path, size: str) -> Row:
        """Say so."""
        del folder, size
        return Row(self.issue, self.goal, None, self.wanted, "", "", None, "not measured here", self.why)


def verdict(is_met: bool, sizes: Mapping[str, int], size: str) -> str:  # noqa: FBT001 - the one thing it says
    """Return the word for it; what was met with less than the goal speaks of is not met yet."""
    if not is_met:
        return "missed"
    return "met" if sizes[size] >= sizes.get("goal", sizes["full"]) else "met at this smaller size"


def seconds(call: Call) -> tuple[float, float]:
    """Return wall and processor seconds of one call."""
    wall, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - used


def repeated(call: Call, *, times: int = PAIRS) -> Measured:
    """Return the median seconds of a call, after one that is not counted."""
    call()
    took = [seconds(call) for _ in range(times)]
    wall = [one[0] for one in took]
    return Measured(
        statistics.median(wall), f"{min(wall):.3g} to {max(wall):.3g}", statistics.median(one[1] for one in took)
    )


def told(row: Row) -> dict[str, Any]:
    """Return a row for JSON."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}
