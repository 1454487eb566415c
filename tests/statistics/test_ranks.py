"""Ranks are counted draw by draw."""

from __future__ import annotations

import numpy as np
import pytest

from handoff_analytics.statistics.ranks import rank_summary


def test_ranks_are_counted_draw_by_draw() -> None:
    ranks = rank_summary(np.array([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), top=1)
    assert ranks.p_top == pytest.approx([2 / 3, 0, 1 / 3])
    assert ranks.median.tolist() == [1.0, 2.0, 2.0]
