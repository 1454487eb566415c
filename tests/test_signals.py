"""Each metric counts what it says, where it could be known, checked by hand."""

from datetime import timedelta

import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError, EmptyHistoryError

DAY = timedelta(days=1)


def counted(history, metric, **more):
    rows = ha.handoff_signals(history, **more).filter(metric=metric)
    return rows.select("bucket_at", "trials", "events").rows()


def midnight(days):
    return NOON.replace(hour=0) + days * DAY


def test_undelivered_and_refused_calls_are_counted_once_and_at_their_origin():
    history = history_with(
        crossings=[
            crossing(1, "crm", "erp"),
            # One call, tried twice, refused twice.
            crossing(2, "crm", "erp", call_id=2, is_last_attempt=False),
            crossing(3, "crm", "erp", call_id=2),
            crossing(4, "crm", "erp"),
            crossing(5, "crm", "erp", is_duplicate=True),
        ],
        failures=[
            failure(2, "crm", "erp", handoff_type="data_validation", origin_weight=0.0),
            failure(3, "crm", "erp", handoff_type="data_validation"),
            failure(4, "crm", "erp", origin="propagated", origin_weight=0.0, handoff_type="error_propagation"),
        ],
    )
    assert counted(history, "transformation_success") == [(midnight(0), 3.0, 1.0)]
    assert counted(history, "validation_errors") == [(midnight(0), 3.0, 1.0)]


def test_a_refusal_that_a_retry_saved_is_a_sign_of_drift_and_no_undelivered_call():
    history = history_with(
        crossings=[crossing(1, "crm", "erp", call_id=1, is_last_attempt=False), crossing(2, "crm", "erp", call_id=1)],
        failures=[failure(1, "crm", "erp", handoff_type="data_validation", fate="masked")],
    )
    assert counted(history, "transformation_success") == [(midnight(0), 1.0, 0.0)]
    assert counted(history, "validation_errors") == [(midnight(0), 1.0, 1.0)]


def test_a_silent_failure_counts_when_it_can_be_known():
    history = history_with(
        crossings=[crossing(1, "crm", "erp")],
        failures=[failure(1, "crm", "erp", silent=True, fate="swallowed")],
        silent_findings=[
            {"finding_id": 9, "crossing_id": 1, "source": "crm", "target": "erp", "detectable_at": NOON + 3 * DAY}
        ],
    )
    assert counted(history, "transformation_success") == [(midnight(0), 1.0, 0.0), (midnight(3), 1.0, 1.0)]


def test_a_token_counts_as_expired_from_the_second_it_expires():
    spans = [
        {"trace_key": 1, "span_key": 11, "attributes": '{"auth.token.expires_in_s": 30}'},
        {"trace_key": 2, "span_key": 12, "attributes": '{"auth.token.expires_in_s": "0"}'},
        {"trace_key": 3, "span_key": 13, "attributes": '{"auth.token.expires_at": "2026-03-02T12:02:00Z"}'},
        {"trace_key": 4, "span_key": 14, "attributes": '{"http.route": "/labels"}'},
    ]
    history = history_with(crossings=[crossing(n, "shipping", "carrier", source_span_key=10 + n) for n in range(1, 5)])
    with history._store.writer() as connection:
        connection.register("new_spans", pl.DataFrame(spans).to_arrow())
        connection.execute("INSERT INTO spans BY NAME SELECT * FROM new_spans").fetchall()
    rows = ha.handoff_signals(history).filter(metric="token_slack")
    # The third started at 12:03 with a token good until 12:02.
    assert rows.select("trials", "events", "seconds").row(0) == (3.0, 2.0, -60.0)


def test_times_beyond_what_95_of_100_took_at_first_are_counted():
    calls = [
        crossing(n, "crm", "erp", duration_us=1_000_000 + n * 1000, callee_us=1_000_000, started_at=NOON + n * DAY / 10)
        for n in range(100)
    ]
    late = crossing(200, "crm", "erp", duration_us=9_000_000, callee_us=1_000_000, started_at=NOON + 40 * DAY)
    rows = ha.handoff_signals(history_with(crossings=[*calls, late]), learning_days=28).filter(metric="latency_gap")
    # Gaps of 0 to 99 ms: linear between 94 and 95 gives 94.05.
    assert rows["threshold"].unique().to_list() == pytest.approx([0.09405])
    assert rows["events"].sum() == 5 + 1
    assert rows.row(-1, named=True)["seconds"] == pytest.approx(8.0)


def test_delays_are_counted_of_channels_that_carry_state_and_gaps_of_the_others():
    rows = [
        crossing(n, "erp", "shop", channel="messaging", transit_us=n * 1000, started_at=NOON + n * DAY / 10)
        for n in range(40)
    ]
    metrics = set(ha.handoff_signals(history_with(crossings=rows))["metric"])
    assert metrics == {"transformation_success", "validation_errors", "state_sync_delay"}


def test_how_long_an_error_took_to_be_known_is_counted_at_its_origin():
    cascades = [
        {
            "root_id": n,
            "root_source": "erp",
            "root_target": "bank",
            "root_channel": "http",
            "failure_id": n,
            "source": "shop",
            "target": "erp",
            "channel": "http",
            "delay_us": 10_000 * (n % 20) if n < 40 else 60_000_000,
            "failed_at": NOON + n * DAY / 4,
        }
        for n in range(44)
    ]
    # A sender that was done before the receiver failed learns nothing.
    cascades.append(cascades[0] | {"root_id": 99, "delay_us": -5})
    history = history_with(crossings=[crossing(1, "erp", "bank")], cascades=cascades)
    rows = ha.handoff_signals(history, learning_days=10).filter(metric="propagation_latency")
    assert rows["trials"].sum() == 44
    # 95 % took up to 180.5 ms in the first ten days: 190 ms twice, and four times a minute later.
    assert rows["events"].sum() == 2 + 4
    assert set(rows.select("source", "target").rows()) == {("erp", "bank")}


def test_hours_are_buckets_too_and_nothing_else_is():
    history = history_with(crossings=[crossing(1, "crm", "erp"), crossing(70, "crm", "erp")])
    assert len(counted(history, "transformation_success", bucket="hour")) == 2
    with pytest.raises(ArgumentError, match="Choose hour or day"):
        ha.handoff_signals(history, bucket="week")
    with pytest.raises(ArgumentError, match="at least 1"):
        ha.handoff_signals(history, learning_days=0)
    with pytest.raises(EmptyHistoryError, match="no crossings"):
        ha.handoff_signals(history_with())
