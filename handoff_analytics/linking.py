"""Which handoff is a ticket about?

Seldom does a ticket say so. What it does say is when it was opened, which systems it names and in which words, and
each of these fits some handoffs better than others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    Floats = NDArray[np.float64]

LAGS_HOURS = np.array([0.0, 1.0, 3.0, 8.0, 24.0, 72.0, 168.0, 336.0, 720.0, 1440.0])
"""Edges of the delays between a failure and its ticket that are told apart, hours."""
ENDS, LOOKED_AT, ELSEWHERE = 0.45, 0.2, 0.04
"""How often a ticket names an end of its handoff, an end as a place where somebody looked, and any other system."""
_ROUNDS = 20
# What is believed before any ticket is worth so many tickets. How often failures bring one differs by orders of
# magnitude between handoffs: that is worth a single ticket.
_NAMED_WORTH, _WORDS_WORTH, _DELAY_WORTH, _OFTEN_WORTH = 10.0, 10.0, 3.0, 1.0
# Before any ticket, delays are believed to fall off as the square of their length, from so many hours on.
_SOON_HOURS = 8.0
# The words of a ticket hang together: however many, they tell no more than so many independent ones.
_INDEPENDENT_WORDS = 4.0
# Share of the tickets that is expected to be about something else.
_BACKGROUND = 0.3
# A ticket that names a transaction is about one that failed for it, even if long ago: the least that time can say.
_FAINT = 1e-6


@dataclass(frozen=True, slots=True)
class TicketEvidence:
    """What tickets (rows) say that fits handoffs (columns)."""

    failures: NDArray[np.float32]
    """Failures of each handoff before each ticket, by delay (third axis, between `LAGS_HOURS`)."""
    named: sparse.csr_array
    """Which systems, in which role, each ticket names."""
    words: sparse.csr_array
    """Which words each ticket uses."""
    certain: NDArray[np.bool_]
    """Handoffs that failed for a transaction that the ticket names; a row without any is open."""

    def rows(self, chosen: slice | NDArray[np.int64]) -> TicketEvidence:
        """Return the evidence of some of the tickets."""
        return TicketEvidence(self.failures[chosen], self.named[chosen], self.words[chosen], self.certain[chosen])


@dataclass(frozen=True, slots=True)
class Linking:
    """What was learnt of how tickets follow failures; the last row of each is of tickets about no handoff."""

    often: Floats
    """Tickets that one failure of each handoff brings; the last: tickets an hour about something else."""
    delay: Floats
    """Density of the delays, per hour, between `LAGS_HOURS`."""
    named: Floats
    """Share of each handoff's tickets that names each system."""
    words: Floats
    """Share of each handoff's tickets that uses each word, over the share of all tickets."""

    def shares(self, evidence: TicketEvidence) -> Floats:
        """Divide each ticket over the handoffs, the last column being for none; every row sums to 1."""
        brought = np.einsum("thl,l->th", evidence.failures, self.delay, dtype=np.float64) * self.often[:-1]
        sure = np.pad(evidence.certain, ((0, 0), (0, 1)))
        known = sure.any(axis=1)
        brought[known] += _FAINT
        fits = np.column_stack([brought, np.full(len(brought), self.often[-1])])
        fits[known] *= sure[known]
        with np.errstate(divide="ignore"):
            score = np.log(fits)
        score += np.log1p(-self.named).sum(axis=1) + evidence.named @ np.log(self.named / (1 - self.named)).T
        used = np.asarray(evidence.words.sum(axis=1)).ravel()
        tempered = np.minimum(1.0, _INDEPENDENT_WORDS / np.maximum(used, 1.0))
        score += (evidence.words @ np.log(self.words).T) * tempered[:, None]
        score = np.exp(score - score.max(axis=1, keepdims=True))
        return np.asarray(score / score.sum(axis=1, keepdims=True), dtype=np.float64)


def learned_linking(
    evidence: TicketEvidence, *, occurred: Floats, hours: float, usual: Floats, hints: sparse.csr_array
) -> Linking:
    """Learn from all tickets together how they follow failures.

    Every ticket is about one handoff or none. Failures of a handoff bring tickets at a rate of its own, after delays
    that are alike for all; a ticket names each system, and uses each word, with a probability that depends on the
    handoff. Tickets that name a transaction which failed are known to be about a handoff at which it did; they teach
    the rest, by expectation-maximisation. So a system that everybody looks at first soon says little, and a
    handoff that always fails is not blamed for every ticket opened while it did.

    Parameters
    ----------
    evidence
        Of the tickets.
    occurred
        Failures of each handoff in all.
    hours
        Length of the time in which the tickets were opened.
    usual
        For each handoff (and, in the last row, for none) the share of tickets expected to name each system.
    hints
        For each handoff, the words that its errors use.

    Returns
    -------
    Linking
        What was learnt.

    References
    ----------
    Words: Nigam, McCallum, Thrun and Mitchell, Text classification from labeled and unlabeled documents using EM,
    Machine Learning 39, 2000. Delays: Veen and Schoenberg, Estimation of space-time branching process models in
    seismology using an EM-type algorithm, JASA 103, 2008.
    """
    tickets, handoffs, _ = evidence.failures.shape
    width = np.diff(LAGS_HOURS)
    before = width / (_SOON_HOURS + (LAGS_HOURS[1:] + LAGS_HOURS[:-1]) / 2) ** 2
    before /= before.sum()
    pooled = (1 - _BACKGROUND) * tickets / max(float(occurred.sum()), 1.0)
    often = np.append(np.full(handoffs, pooled), _BACKGROUND * tickets / hours)
    everywhere = (np.asarray(evidence.words.sum(axis=0)).ravel() + 0.5) / (tickets + 1.0)
    told = np.vstack([hints.toarray(), np.zeros((1, len(everywhere)))])
    found = Linking(
        often, before / width, usual, _worded(np.zeros_like(told), np.zeros(handoffs + 1), everywhere, told)
    )
    for _ in range(_ROUNDS):
        shares = found.shares(evidence)
        total = shares.sum(axis=0)
        rate = (total[:-1] + _OFTEN_WORTH) / (occurred + _OFTEN_WORTH / pooled)
        often = np.append(rate, max(float(total[-1]), 0.5) / hours)
        by_lag = evidence.failures * found.delay.astype(np.float32)
        summed = by_lag.sum(axis=2, dtype=np.float64)
        weight = np.divide(shares[:, :-1], summed, out=np.zeros_like(summed), where=summed > 0)
        lagged = np.einsum("thl,th->l", by_lag, weight, dtype=np.float64) + _DELAY_WORTH * before
        named = (np.asarray((evidence.named.T @ shares).T) + _NAMED_WORTH * usual) / (total[:, None] + _NAMED_WORTH)
        worded = np.asarray((evidence.words.T @ shares).T)
        found = Linking(often, lagged / lagged.sum() / width, named, _worded(worded, total, everywhere, told))
    return found


def _worded(counts: Floats, total: Floats, everywhere: Floats, told: Floats) -> Floats:
    """Return how much more often than usual each handoff's tickets use each word."""
    share = (counts + _WORDS_WORTH * everywhere + told) / (total[:, None] + _WORDS_WORTH + told)
    return np.asarray(np.minimum(share, 1.0) / everywhere, dtype=np.float64)
