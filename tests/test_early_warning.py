"""Warnings are matched with incidents by hand, and by the truth of the samples."""

import json
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
import yaml
from test_degradation import START, signals

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.degradation import watched
from handoff_analytics.errors import ArgumentError


def day(number):
    return START + timedelta(days=number)


@pytest.fixture(scope="module")
def drifting():
    """One handoff: a calm half, a drift from day 80, everything lost on days 100 to 102; and one that stays well."""
    random = np.random.default_rng(3)
    events = random.poisson(0.4, (2, 130))
    events[0, 80:100] += random.poisson(2.0, 20)
    events[0, 100:103] = 18
    return watched(signals(events, np.full((2, 130), 20.0), metric="transformation_success"))


def test_a_warning_before_the_incident_is_early_by_the_days_between(drifting):
    row = ha.early_warnings(drifting).filter(source="s000").row(0, named=True)
    first = drifting.filter(pl.col("alarm"), pl.col("source") == "s000")["bucket_at"].min()
    assert row["warned_at"] == first + timedelta(days=1)
    assert row["incident_at"] == day(100)
    assert row["lead_days"] == (day(100) - row["warned_at"]).days > 5
    assert row["outcome"] == "early"
    assert abs((row["since"] - day(80)).days) <= 4
    assert row["share"] > 3 * row["usual"]
    assert row["confirmed_at"] > row["since"]


def test_the_record_counts_incidents_months_and_unanswered_warnings(drifting):
    given = ha.early_warnings(drifting)
    row = ha.warning_record(drifting).row(0, named=True)
    watched_days = drifting["usual"].is_not_null().sum()
    assert row["handoffs"] == 2
    assert row["handoff_months"] == pytest.approx(watched_days / (365.25 / 12))
    assert (row["incidents"], row["incidents_foreseen"]) == (1, 1)
    assert row["warnings"] == given.height
    assert row["warnings_unanswered"] == given.filter(outcome="no_incident").height
    assert row["false_alarms_a_month"] == pytest.approx(row["warnings_unanswered"] / row["handoff_months"])
    assert row["lead_days_low"] <= row["lead_days_median"] <= row["lead_days_high"]


def test_incidents_can_be_given(drifting):
    given = pl.DataFrame({"source": ["s000"], "target": ["t"], "channel": ["http"], "incident_at": [day(50)]})
    rows = ha.early_warnings(drifting, incidents=given.cast({"incident_at": pl.Datetime("us")}))
    # Nothing stood on day 50: every warning is without an incident.
    assert set(rows.filter(pl.col("warned_at") > day(60))["outcome"]) == {"no_incident"}
    with pytest.raises(ArgumentError, match="incident_at"):
        ha.early_warnings(drifting, incidents=given.drop("incident_at"))


def test_a_sudden_break_has_no_lead_time():
    events = np.zeros(90)
    events[[5, 30]] = 1
    events[60:62] = 9
    frame = watched(signals(events, np.full(90, 10.0), metric="transformation_success"))
    row = ha.early_warnings(frame).row(0, named=True)
    assert (row["lead_days"], row["outcome"]) == (-1.0, "late")
    assert ha.warning_record(frame).row(0, named=True)["incidents_foreseen"] == 0


def test_another_frame_is_refused(drifting):
    for function in (ha.early_warnings, ha.warning_record, ha.alert_rules):
        with pytest.raises(ArgumentError, match="not what degradation returns"):
            function(drifting.drop("usual"))


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return samples.load(into=tmp_path_factory.mktemp("warning") / "samples.duckdb")


@pytest.fixture(scope="module")
def truth():
    return json.loads((samples.folder() / "truth.json").read_text())


@pytest.fixture(scope="module")
def watch(history):
    return ha.degradation(history)


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=None)


def test_the_drift_of_the_samples_is_seen_days_before_it_breaks(watch, truth):
    planted = truth["degrading"]
    found = ha.early_warnings(watch).filter(
        source=planted["source"], target=planted["target"], channel=planted["channel"]
    )
    drift = found.filter(metric="validation_errors").row(0, named=True)
    incident = moment(planted["incident_at"])
    # 28 failures were planted, four of them in the four weeks before the break: three days is what they allow.
    assert drift["outcome"] == "early"
    assert drift["incident_at"].date() == incident.date()
    assert (incident - drift["warned_at"]).days >= 3
    assert drift["since"] >= moment(planted["since"])


def test_the_expiring_token_of_the_samples_is_seen_and_its_control_is_not(watch, truth):
    token = truth["token"]
    found = ha.early_warnings(watch).filter(metric="token_slack")
    assert found.select("source", "target").rows() == [(token["source"], token["target"])]
    row = found.row(0, named=True)
    assert row["warned_at"] < moment(truth["since"]) + timedelta(days=14)
    late = [(moment(since), moment(until)) for since, until in token["late_refreshes"]]
    expired = watch.filter(pl.col("metric") == "token_slack", pl.col("events") > 0)
    days = {since.date() for since, _ in late} | {until.date() for _, until in late}
    assert {at.date() for at in expired["bucket_at"]} <= days
    assert expired["seconds"].max() <= 0


def test_fewer_warnings_than_allowed_go_unanswered_in_the_samples(watch):
    row = ha.warning_record(watch).row(0, named=True)
    assert row["incidents_foreseen"] >= 1
    # One in 90 days was allowed, and some of these are of handoffs that did become worse without breaking.
    assert row["false_alarms_a_month"] < 30.44 / 90


def test_a_narrower_window_replays_the_same_warnings(history, watch):
    until = datetime(2026, 5, 18)  # noqa: DTZ001 - as in a history
    columns = ["source", "target", "channel", "metric", "bucket_at", "alarm"]
    then = ha.degradation(history.between(None, until)).filter("alarm").select(columns)
    now = watch.filter(pl.col("alarm"), pl.col("bucket_at") < until).select(columns)
    # Replaying truly: only silent failures, which a later detector dates, may differ, and here none does.
    assert then.rows() == now.rows()


def test_the_rules_of_the_samples_parse_and_say_what_they_watch(watch):
    rules = yaml.safe_load(ha.alert_rules(watch))
    assert len(rules["groups"]) == watch.filter(pl.col("usual").is_not_null()).select("source", "target").n_unique()
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
            assert rule["expr"].count("{") == rule["expr"].count("}") > 0
            assert f'source="{rule["labels"]["source"]}"' in rule["expr"]


def test_nearly_all_minutes_of_failure_are_green_in_the_samples_but_those_of_the_outage(history, truth):
    rows = ha.green_but_failing(history)
    outage = rows.filter(source="erp", target="orders-db").row(0, named=True)
    since, until = (moment(at) for at in truth["windows"]["database_outage"])
    # Health was red from noon of the first day: the first six hours of the outage looked green.
    expected = history.sql(
        """
        SELECT count(DISTINCT date_trunc('minute', failed_at)) FROM failures
        WHERE source = 'erp' AND target = 'orders-db' AND origin <> 'propagated' AND fate <> 'masked'
            AND failed_at >= $red AND failed_at < $until
        """,
        red=since.replace(hour=12),
        until=until + timedelta(hours=6),
    ).item()
    assert outage["red_minutes"] == expected > 0
    planted = rows.filter(source="crm", target="erp").row(0, named=True)
    assert planted["green_minutes"] == planted["silent_minutes"] == planted["failing_minutes"]
    whole = ha.green_but_failing(history, by_handoff=False).row(0, named=True)
    assert whole["green_low"] < whole["green_share"] < whole["green_high"]
    assert whole["green_share"] > 0.9


@pytest.mark.slow
def test_nothing_is_confirmed_where_nothing_goes_wrong(tmp_path):
    calm = ha.load(samples.write(tmp_path / "calm", faults=False, telemetry="traces"), into=tmp_path / "calm.duckdb")
    watch = ha.degradation(calm)
    row = ha.warning_record(watch).row(0, named=True)
    assert row["incidents"] == 0
    assert watch.filter("confirmed").is_empty()
    # Measured .05 with all telemetry; one in 90 days is allowed.
    assert row["false_alarms_a_month"] < 30.44 / 90
