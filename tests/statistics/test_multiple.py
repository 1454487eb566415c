"""Adjusted p-values agree with the closed form, with scipy, and keep the false discovery rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from handoff_analytics.statistics.multiple import adjusted

P_VALUES = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=40)


def test_the_textbook_example_by_hand():
    # m = 4; p(i) m / i = .04, .04, .0533, .5, then the running minimum from the right.
    assert adjusted([0.01, 0.02, 0.04, 0.5]) == pytest.approx([0.04, 0.04, 0.16 / 3, 0.5])
    # Yekutieli pays 1 + 1/2 + 1/3 + 1/4 = 25/12 for any dependence.
    assert adjusted([0.01, 0.02, 0.04, 0.5], dependent=True) == pytest.approx(
        [0.04 * 25 / 12, 0.04 * 25 / 12, 0.16 / 3 * 25 / 12, 1.0]
    )


@given(P_VALUES)
def test_scipy_says_the_same(p_values):
    assert adjusted(p_values) == pytest.approx(false_discovery_control(p_values, method="bh"))
    assert adjusted(p_values, dependent=True) == pytest.approx(false_discovery_control(p_values, method="by"))


@given(P_VALUES)
def test_order_is_kept_and_nothing_gets_smaller(p_values):
    found = adjusted(p_values)
    assert (found >= np.array(p_values) - 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(found[order]) >= -1e-12).all()


def test_at_most_the_wanted_share_of_findings_is_false():
    random = np.random.default_rng(1)
    false, power = [], []
    for _ in range(400):
        p = random.random(100)
        p[:10] = random.beta(0.05, 1, 10)
        found = adjusted(p) <= 0.1
        false.append(found[10:].sum() / max(1, found.sum()))
        power.append(found[:10].mean())
    # The rate is q * (true nulls) / all = .09, exactly, for independent tests; 3 standard errors of 400 runs.
    assert np.mean(false) == pytest.approx(0.09, abs=3 * np.std(false) / 20)
    assert np.mean(power) > 0.5


def test_no_findings_are_no_findings():
    assert adjusted([]).tolist() == []
