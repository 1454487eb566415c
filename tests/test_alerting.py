"""Alert rules are YAML, with limits that can be computed by hand and names that cannot break out."""

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson
from test_degradation import signals

import handoff_analytics as ha
from handoff_analytics.alerting import fewest_beyond
from handoff_analytics.degradation import watched
from handoff_analytics.errors import ArgumentError


def rules(frame, **more):
    found = yaml.safe_load(ha.alert_rules(frame, **more))
    return [rule for group in found["groups"] for rule in group["rules"]]


def test_the_rule_by_hand():
    """20 calls a day, one in 20 refused: 7 of 140 a week are usual; Poisson, as the counts never vary."""
    frame = watched(signals(np.full(100, 1.0), np.full(100, 20.0)))
    (rule,) = rules(frame, false_alarm_days=90, window_days=7)
    usual = frame["usual"][-1]
    assert usual == pytest.approx(0.05, abs=0.001)
    # Chance may exceed it in 7/90 of the weeks. Doubt about what is usual: 1 / (56 + 1/2) events of the baseline.
    mean, size = usual * 140, 56.5
    n = next(k for k in range(1, 99) if nbinom.sf(k - 1, size, size / (size + mean)) <= 7 / 90)
    assert n == 12
    where = '{source="s000",target="t",channel="http"}[7d]'
    assert rule["alert"] == "HandoffSchemaDrift"
    assert rule["expr"] == (
        f"sum(increase(handoff_validation_errors_total{where})) > 11.5 and "
        f"sum(increase(handoff_validation_errors_total{where})) / sum(increase(handoff_calls_total{where})) > 0.08214"
    )
    assert rule["labels"] == {"severity": "ticket", "source": "s000", "target": "t", "channel": "http"}
    assert "12 calls or more were refused for their data in 7 days" in rule["annotations"]["description"]


def test_a_handoff_that_is_degraded_for_sure_pages():
    events = np.r_[np.full(80, 1.0), np.full(20, 8.0)]
    (rule,) = rules(watched(signals(events, np.full(100, 20.0))))
    assert rule["labels"]["severity"] == "page"


def test_times_and_tokens_have_rules_of_their_own():
    late = signals(np.full(60, 1.0), np.full(60, 20.0), metric="latency_gap")
    late = late.with_columns(threshold=0.25)
    (rule,) = rules(watched(late))
    assert rule["alert"] == "HandoffSlow"
    assert rule["expr"].startswith("histogram_quantile(0.9")
    assert rule["expr"].endswith(
        'sum by (le) (rate(handoff_latency_gap_seconds_bucket{source="s000",target="t",channel="http"}[7d]))) > 0.25'
    )
    (token,) = rules(watched(signals(np.zeros(60), np.full(60, 9.0), metric="token_slack")), token_margin_seconds=60)
    assert token["expr"] == (
        'min_over_time(handoff_token_expires_in_seconds{source="s000",target="t",channel="http"}[7d]) < 60'
    )


@pytest.mark.parametrize(
    "evil", ['a"} or vector(1) #', "x: [y]\n- z", "\\", "é\u202e\0", "{{ $labels }}", "\U0001f600"]
)
def test_a_name_stays_a_name(evil):
    frame = watched(signals(np.full(60, 1.0), np.full(60, 20.0)))
    frame = frame.with_columns(source=frame["source"].replace("s000", evil))
    (rule,) = rules(frame)
    # Labels are templates: what looks like one has to come out as the text that it is.
    assert rule["labels"]["source"] == evil.replace("{{", '{{"{{"}}')
    # Outside of the quotes no character of the name is left.
    assert rule["expr"].count('source="') == 3
    assert "or vector(1)" not in rule["expr"].replace('\\"} or vector(1)', "")


@given(st.floats(0.01, 40), st.floats(0, 2), st.floats(1e-4, 0.4))
def test_the_limit_is_the_smallest_that_chance_seldom_reaches(mean, burst, chance):
    n = fewest_beyond(mean, burst, chance)
    if burst < 1e-6:
        assert poisson.sf(n - 1, mean) <= chance * (1 + 1e-3)
    else:
        size = 1 / burst
        law = nbinom(size, size / (size + mean))
        assert law.sf(n - 1) <= chance * (1 + 1e-9)
        assert n == 1 or law.sf(n - 2) > chance * (1 - 1e-9)


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ArgumentError, match="must be positive"):
        ha.alert_rules(watched(signals(np.zeros(60), np.full(60, 9.0))), window_days=0)


def test_nothing_learnt_is_no_rule():
    assert yaml.safe_load(ha.alert_rules(watched(signals(np.zeros(9), np.full(9, 9.0))))) == {"groups": []}
