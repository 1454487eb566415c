"""A mean of few observations is believed as the textbook says."""

from __future__ import annotations

import numpy as np
import pytest

from handoff_analytics.statistics.credibility import credible_means


def test_credibility_is_the_textbook_formula() -> None:
    groups = [np.array([3.0, 5.0, 4.0]), np.array([8.0, 12.0, 10.0, 10.0]), np.array([6.0, 7.0])]
    n = np.array([len(one) for one in groups], dtype=float)
    means = np.array([one.mean() for one in groups])
    squares = np.array([((one - one.mean()) ** 2).sum() for one in groups])
    found = credible_means(means, n, squares, n - 1)
    within = squares.sum() / (n - 1).sum()
    pooled = (n * means).sum() / n.sum()
    between = ((n * (means - pooled) ** 2).sum() - 2 * within) / (n.sum() - (n**2).sum() / n.sum())
    z = n / (n + within / between)
    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx(between)
    assert found.means == pytest.approx(z * means + (1 - z) * (z * means).sum() / z.sum())


def test_groups_that_cannot_be_told_apart_share_a_mean() -> None:
    assert credible_means([5.0, 5.0], [10, 10], [90.0, 90.0], [9, 9]).means.tolist() == [5.0, 5.0]
    assert credible_means([1.0, 9.0], [1, 1], [0.0, 0.0], [0, 0]).means.tolist() == [5.0, 5.0]
    assert np.isnan(credible_means([0.0], [0], [0.0], [0]).grand_mean)


def test_relative_spreads_are_those_of_the_groups_over_their_own_means() -> None:
    groups = [np.array([3.0, 5.0, 4.0]), np.array([80.0, 120.0, 100.0, 100.0]), np.array([6.0, 7.0])]
    n = np.array([len(one) for one in groups], dtype=float)
    means = np.array([one.mean() for one in groups])
    squares = np.array([((one - one.mean()) ** 2).sum() for one in groups])
    found = credible_means(means, n, squares, n - 1, relative=True)
    ratios = [one / one.mean() for one in groups]
    scaled = credible_means(means, n, [((one - 1) ** 2).sum() for one in ratios], n - 1)
    pooled = (n * means).sum() / n.sum()
    assert found.within == pytest.approx(scaled.within * pooled**2)
    assert found.weight[0] > credible_means(means, n, squares, n - 1).weight[0]
