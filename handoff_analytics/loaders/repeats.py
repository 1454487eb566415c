"""How often has a file said the same already?

Lines of text and events of a case carry no id: those that are alike to the letter are told apart by counting them, so
that a file with three holds three, however often and in however many overlapping files it is loaded.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

_MOST = 100_000


class Repeats:
    """Counts what is alike within a group of entries that stand together: those of one second, of one case.

    Examples
    --------
    >>> repeats = Repeats()
    >>> [repeats.told(second, said) for second, said in ((1, "a"), (1, "a"), (1, "b"), (2, "a"))]
    [{}, {'repeated': 2}, {}, {}]
    """

    def __init__(self) -> None:
        self._group: Hashable = None
        self._seen: Counter[int] = Counter()

    def told(self, group: Hashable, said: Hashable) -> dict[str, Any]:
        """Return the attribute that tells an entry from those before it that are alike; none where it is the first."""
        if group != self._group or len(self._seen) > _MOST:
            self._seen.clear()
            self._group = group
        alike = hash(said)
        self._seen[alike] += 1
        return {"repeated": self._seen[alike]} if self._seen[alike] > 1 else {}
