"""How far failures travel: what is on record, what the structure allows, and both together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.cascade import reach_posterior
from handoff_analytics.errors import EmptyHistoryError


def chain(**tables: list[dict[str, Any]]) -> ha.History:
    """web -> shop -> stock: 40 failures at stock, of which 20 reach the shop's caller; orders of 10 customers."""
    crossings = [crossing(n, "web", "shop", customer=f"c{n % 10}", amount=5.0) for n in range(400)]
    crossings += [crossing(1000 + n, "shop", "stock", correlation_id=f"order-{n}") for n in range(200)]
    failures, cascades = [], []
    for n in range(40):
        more = {"correlation_id": f"order-{n}", "customer": f"c{n % 10}", "amount": 5.0, "workflow": "sale"}
        at = NOON + timedelta(minutes=n)
        failures.append(failure(1000 + n, "shop", "stock", failed_at=at, **more))
        if n < 20:
            later = at + timedelta(seconds=1)
            spread = {"origin": "propagated", "origin_weight": 0.0, "root_id": 1000 + n, "depth": 1, "failed_at": later}
            failures.append(failure(n, "web", "shop", **more, **spread))
            cascades.append(
                {"root_id": 1000 + n, "root_source": "shop", "root_target": "stock", "root_channel": "http"}
                | {"failure_id": n, "source": "web", "target": "shop", "channel": "http", "depth": 1}
                | {"delay_us": 1_000_000, "failed_at": later, **more}
            )
    return history_with(crossings=crossings, failures=failures, cascades=cascades, **tables)


def test_reach_is_counted_from_the_record_and_shrunk_to_what_was_learnt() -> None:
    first, last = ha.cascade_reach(chain()).rows(named=True)
    assert (first["source"], first["incidents"], first["reach_structural"]) == ("shop", 40.0, 1)
    assert (first["reach_observed"], first["share_cascading"], first["depth"]) == (0.5, 0.5, 1)
    assert first["reach_expected"] == pytest.approx((20 + 10 * first["reach_learned"]) / 50)
    assert first["reach_low"] < first["reach_expected"] < first["reach_high"]
    assert (last["reach_structural"], last["reach_observed"], last["reach_expected"]) == (0, None, 0.0)
    assert last["reach_high"] > 0, "nothing seen is no proof"


def test_business_reach_counts_each_transaction_and_customer_once() -> None:
    first = ha.cascade_reach(chain()).row(0, named=True)
    assert (first["systems"], first["workflows"], first["transactions"], first["customers"]) == (3, 1, 40, 10)
    assert (first["value"], first["value_share"]) == (200.0, 200.0)


def test_a_transaction_that_met_two_origins_is_shared_between_them() -> None:
    both = {"correlation_id": "order-1", "amount": 100.0, "customer": "c"}
    history = history_with(
        crossings=[crossing(1, "a", "b"), crossing(2, "a", "c")],
        failures=[failure(1, "a", "b", **both), failure(2, "a", "c", **both)],
    )
    found = ha.cascade_reach(history)
    assert found["value"].to_list() == [100.0, 100.0]
    assert found["value_share"].sum() == 100.0


def test_masked_failures_are_no_incidents() -> None:
    history = history_with(crossings=[crossing(1, "a", "b")], failures=[failure(1, "a", "b", fate="masked")])
    assert ha.cascade_reach(history)["incidents"].to_list() == [0.0]


def test_the_posterior_is_the_stated_mean_and_widens_when_reaches_vary() -> None:
    n, total, learnt = np.array([100.0]), np.array([200.0]), np.array([1.0])
    calm, calm_rate = reach_posterior(n, total, np.array([500.0]), learnt)
    wild, wild_rate = reach_posterior(n, total, np.array([4000.0]), learnt)
    assert calm / calm_rate == pytest.approx((200 + 10) / 110)
    assert wild / wild_rate == pytest.approx((200 + 10) / 110)
    assert wild_rate < calm_rate


def test_the_answer_repeats_and_an_empty_scope_says_so() -> None:
    assert ha.cascade_reach(chain()).equals(ha.cascade_reach(chain()))
    with pytest.raises(EmptyHistoryError):
        ha.cascade_reach(history_with())


def test_what_was_seen_is_within_what_could_be_whatever_was_declared() -> None:
    declared = [{"source": "shop", "target": "stock", "channel": "http", "mechanism": "asynchronous"}]
    first = ha.cascade_reach(chain(declared_handoffs=declared)).filter(source="shop").row(0, named=True)
    assert first["reach_observed"] == 0.5  # the caller did fail with it, though nobody should have waited
    assert first["reach_structural"] == 1
    assert first["reach_expected"] <= first["reach_structural"]
