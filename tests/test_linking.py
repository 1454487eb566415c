"""Tickets find their handoffs, against a simulation with a truth (methods.md, E16)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from handoff_analytics.linking import ELSEWHERE, ENDS, LAGS_HOURS, TicketEvidence, learned_linking

HANDOFFS, SYSTEMS, HOURS = 20, 10, 24 * 60.0


def before(failed: list[list[float]], at: np.ndarray) -> np.ndarray:
    counts = np.zeros((len(at), len(failed), len(LAGS_HOURS) - 1), dtype=np.float32)
    for handoff, times in enumerate(failed):
        for place, (low, high) in enumerate(pairwise(LAGS_HOURS)):
            delay = at[:, None] - np.array(times)[None, :]
            counts[:, handoff, place] = ((delay >= low) & (delay < high)).sum(axis=1)
    return counts


def world(seed: int, *, words: int = 0) -> tuple[np.ndarray, np.ndarray, TicketEvidence, dict[str, object]]:
    """Bursts at 20 handoffs, of which 60 % bring a ticket after some hours; 40 % more tickets are about nothing."""
    random = np.random.default_rng(seed)
    ends = np.array([random.choice(SYSTEMS, 2, replace=False) for _ in range(HANDOFFS)])
    failed = [sorted(random.uniform(0, HOURS, random.poisson(random.gamma(1, 6)))) for _ in range(HANDOFFS)]
    truth, at, named, cost = [], [], [], []
    for handoff, times in enumerate(failed):
        for time in times:
            if random.random() < 0.6:
                said = random.random(SYSTEMS) < 0.05
                said[ends[handoff]] |= random.random(2) < 0.55
                truth.append(handoff)
                at.append(time + random.lognormal(1, 1))
                named.append(said)
                cost.append(random.lognormal(5, 1))
    for _ in range(int(0.4 * len(truth))):
        truth.append(HANDOFFS)
        at.append(random.uniform(0, HOURS))
        named.append(random.random(SYSTEMS) < 0.1)
        cost.append(random.lognormal(4.5, 1))
    used = random.random((len(truth), words * (HANDOFFS + 1))) < 0.05
    for row, handoff in enumerate(truth):
        used[row, handoff * words : (handoff + 1) * words] |= random.random(words) < 0.5
    usual = np.full((HANDOFFS + 1, SYSTEMS), ELSEWHERE)
    usual[np.arange(HANDOFFS)[:, None], ends] = ENDS
    evidence = TicketEvidence(
        before(failed, np.array(at)),
        sparse.csr_array(np.array(named, dtype=float)),
        sparse.csr_array(used.astype(float)),
        np.zeros((len(truth), HANDOFFS), dtype=bool),
    )
    known: dict[str, object] = {
        "occurred": np.array([float(len(times)) for times in failed]),
        "hours": HOURS,
        "usual": usual,
        "hints": sparse.csr_array((HANDOFFS, used.shape[1])),
    }
    return np.array(truth), np.array(cost), evidence, known


def misplaced(shares: np.ndarray, truth: np.ndarray, cost: np.ndarray) -> float:
    """Cost charged to wrong handoffs or missing from right ones, over all cost that belongs to a handoff."""
    wanted = np.bincount(truth, weights=cost, minlength=HANDOFFS + 1)[:-1]
    return float(np.abs((shares * cost[:, None]).sum(axis=0)[:-1] - wanted).sum() / wanted.sum())


def by_mention(evidence: TicketEvidence, usual: np.ndarray) -> np.ndarray:
    """Charge every ticket to the handoffs both of whose ends it names, in equal parts; else to none."""
    both = (evidence.named.toarray()[:, None, :] >= (usual[None, :-1, :] == ENDS)).all(axis=2).astype(float)
    none = (both.sum(axis=1, keepdims=True) == 0).astype(float)
    shares = np.hstack([both, none])
    return shares / shares.sum(axis=1, keepdims=True)


def test_time_names_and_words_together_find_most_and_naming_alone_does_not() -> None:
    learnt, with_words, named, right = [], [], [], []
    for seed in range(25):
        truth, cost, evidence, known = world(seed)
        shares = learned_linking(evidence, **known).shares(evidence)
        assert shares.sum(axis=1) == pytest.approx(1.0)
        learnt.append(misplaced(shares, truth, cost))
        right.append((shares.argmax(axis=1) == truth).mean())
        named.append(misplaced(by_mention(evidence, known["usual"]), truth, cost))
        truth, cost, evidence, known = world(seed, words=4)
        with_words.append(misplaced(learned_linking(evidence, **known).shares(evidence), truth, cost))
    assert np.mean(right) >= 0.72
    assert np.mean(learnt) <= 0.25
    assert np.mean(with_words) <= 0.2
    assert np.mean(named) >= 2 * np.mean(learnt)


def test_a_system_that_everybody_names_first_is_not_charged_for_it() -> None:
    random = np.random.default_rng(4)
    # 0 fails every hour and has the system 0, which half of all tickets name; 1 fails once a day and brings them all.
    failed = [list(np.arange(0.0, HOURS)), list(np.arange(5.0, HOURS, 24))]
    at = np.array(failed[1]) + random.lognormal(0.5, 0.8, 60)
    named = np.column_stack([random.random(60) < 0.5, random.random(60) < 0.5, random.random(60) < 0.3])
    usual = np.array([[ENDS, ELSEWHERE, ELSEWHERE], [ELSEWHERE, ENDS, ENDS], [ELSEWHERE] * 3])
    sure = np.zeros((60, 2), dtype=bool)
    sure[::4, 1] = True
    evidence = TicketEvidence(
        before(failed, at), sparse.csr_array(named.astype(float)), sparse.csr_array((60, 0)), sure
    )
    found = learned_linking(
        evidence,
        occurred=np.array([HOURS, 60.0]),
        hours=HOURS,
        usual=usual,
        hints=sparse.csr_array((2, 0)),
    )
    shares = found.shares(evidence)
    assert shares[sure.any(axis=1)] == pytest.approx(np.array([[0.0, 1.0, 0.0]]).repeat(15, axis=0))
    assert shares[:, 1].mean() >= 0.9
    assert found.often[1] == pytest.approx(1.0, abs=0.4)
    assert found.often[0] < 0.02


def test_parts_of_the_tickets_are_shared_out_as_the_whole_is() -> None:
    truth, _, evidence, known = world(3, words=2)
    found = learned_linking(evidence, **known)
    whole = found.shares(evidence)
    half = np.arange(0, len(truth), 2)
    assert found.shares(evidence.rows(half)) == pytest.approx(whole[half])


def test_a_ticket_that_fits_nothing_is_about_nothing() -> None:
    _, _, evidence, known = world(5)
    silent = replace(
        evidence,
        failures=np.zeros_like(evidence.failures),
        named=sparse.csr_array(evidence.named.shape),
    )
    assert learned_linking(evidence, **known).shares(silent)[:, -1] == pytest.approx(1.0)
