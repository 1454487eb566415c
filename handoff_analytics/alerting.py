"""Which alert rules would have given these warnings?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
from scipy import stats

from .degradation import SERIES
from .errors import ArgumentError
from .signals import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

# The counter of events, or the histogram of times, that each metric reads.
_COUNTERS = {
    "transformation_success": "handoff_failures_total",
    "validation_errors": "handoff_validation_errors_total",
}
_HISTOGRAMS = {
    "propagation_latency": "handoff_propagation_latency_seconds",
    "state_sync_delay": "handoff_state_sync_delay_seconds",
    "latency_gap": "handoff_latency_gap_seconds",
}
_CALLS, _TOKEN = "handoff_calls_total", "handoff_token_expires_in_seconds"
_NAMES = {
    "transformation_success": "HandoffFailing",
    "validation_errors": "HandoffSchemaDrift",
    "token_slack": "HandoffTokenExpiring",
    "propagation_latency": "HandoffErrorsToldLate",
    "state_sync_delay": "HandoffStateLate",
    "latency_gap": "HandoffSlow",
}
_SAYS = {
    "transformation_success": "{n} of its calls or more were not delivered in {days} days; usual is {usual} of {calls}",
    "validation_errors": "{n} calls or more were refused for their data in {days} days; usual is {usual} of {calls}. "
    "The two sides may have different ideas of the schema",
    "token_slack": "its token was less than {margin} s from its end",
    "propagation_latency": "{share} of its errors took longer than {limit} s to be known upstream; usual is {usual}",
    "state_sync_delay": "{share} of what it hands over took longer than {limit} s to arrive; usual is {usual}",
    "latency_gap": "{share} of its calls lost more than {limit} s between the systems; usual is {usual}",
}


def alert_rules(
    frame: pl.DataFrame, *, false_alarm_days: float = 90.0, window_days: int = 7, token_margin_seconds: float = 300.0
) -> str:
    """Write Prometheus alert rules with the limits that a watch has learnt.

    A rule compares the last days with what was usual at the end of the watch: it fires when both the number and the
    share of events are beyond what chance exceeds once in `false_alarm_days`, by the negative binomial with the bursts
    that were measured. It is coarser than `degradation`, which adds up small excesses over weeks, and needs nothing
    but a Prometheus.

    The metrics must exist, with the labels source, target and channel: the counters ``handoff_calls_total``,
    ``handoff_failures_total``, ``handoff_validation_errors_total``; the gauge ``handoff_token_expires_in_seconds``;
    the histograms ``handoff_propagation_latency_seconds``, ``handoff_state_sync_delay_seconds`` and
    ``handoff_latency_gap_seconds``.

    Parameters
    ----------
    frame
        What `degradation` returned.
    false_alarm_days
        Wanted mean days between false alarms of one handoff; its rules share them.
    window_days
        How far back a rule looks, days.
    token_margin_seconds
        A token with less than this ahead of it should have been refreshed.

    Returns
    -------
    str
        A rule file in YAML: one group a handoff, one rule a metric.

    Raises
    ------
    ArgumentError
        If the frame is not that of `degradation`, or a parameter is not positive.
    """
    needed = (*SERIES, "bucket_at", "trials", "usual", "burst", "threshold", "confirmed", "degraded")
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        raise ArgumentError(
            f"The frame has no column {', '.join(missing)}: it is not what degradation returns. "
            f"Give ha.degradation(history)."
        )
    if not (false_alarm_days > 0 and window_days > 0 and token_margin_seconds > 0):
        raise ArgumentError(
            f"false_alarm_days={false_alarm_days}, window_days={window_days} and token_margin_seconds="
            f"{token_margin_seconds} must be positive."
        )
    lines = ["groups:"]
    for keys, series in _learnt(frame).group_by(KEYS, maintain_order=True):
        rules = list(
            _rules(
                series,
                chance=min(window_days / (false_alarm_days * series.height), 0.5) if series.height else 0.0,
                window_days=window_days,
                margin=token_margin_seconds,
            )
        )
        if rules:
            lines += [f"  - name: {_text('handoff ' + ' '.join(str(part) for part in keys))}", "    rules:", *rules]
    return "\n".join(lines if len(lines) > 1 else ["groups: []"]) + "\n"


def _learnt(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what was usual at the end of the watch, and the calls of a day, of each series that could be judged."""
    return (
        frame.filter(pl.col("usual").is_not_null())
        .group_by(SERIES, maintain_order=True)
        .agg(
            pl.col("usual", "burst", "degraded", "confirmed").last(),
            threshold=pl.col("threshold").drop_nulls().last(),
            calls=pl.col("trials").sum(),
            days=(pl.col("bucket_at").last() - pl.col("bucket_at").first()).dt.total_seconds() / 86_400 + 1,
        )
        .with_columns(calls_a_day=pl.col("calls") / pl.col("days"))
    )


def _rules(series: pl.DataFrame, *, chance: float, window_days: int, margin: float) -> Iterator[str]:
    for row in series.iter_rows(named=True):
        metric, calls = row["metric"], row["calls_a_day"] * window_days
        labels = ",".join(f"{key}={_text(row[key])}" for key in KEYS)
        over = f"{{{labels}}}[{window_days}d]"
        n = fewest_beyond(row["usual"] * calls, row["burst"], chance)
        share = min(n / calls, 1.0) if calls else 1.0
        if metric == "token_slack":
            expression = f"min_over_time({_TOKEN}{over}) < {margin:g}"
        elif metric in _COUNTERS:
            if n > calls:
                continue  # Even if every call failed, chance would do so too often: no rule can tell.
            events, whole = (f"sum(increase({name}{over}))" for name in (_COUNTERS[metric], _CALLS))
            # Prometheus extrapolates a counter's increase, so that whole numbers come out with a fraction.
            expression = f"{events} > {n - 0.5} and {events} / {whole} > {(n - 0.5) / calls:.4g}"
        else:
            if n > calls:
                continue
            rate = f"sum by (le) (rate({_HISTOGRAMS[metric]}_bucket{over}))"
            expression = f"histogram_quantile({1 - share:.4g}, {rate}) > {row['threshold']:.4g}"
        said = _SAYS[metric].format(
            n=n,
            days=window_days,
            usual=f"{row['usual']:.2%}",
            calls=f"about {calls:.0f} calls",
            share=f"{share:.1%}",
            limit=f"{row['threshold'] or 0:.4g}",
            margin=f"{margin:g}",
        )
        name = f"{row['source']} -> {row['target']} ({row['channel']})"
        yield f"      - alert: {_NAMES[metric]}"
        yield f"        expr: {_text(expression)}"
        yield "        for: 15m"
        yield "        labels:"
        yield f"          severity: {'page' if row['degraded'] and row['confirmed'] else 'ticket'}"
        for key in KEYS:
            yield f"          {key}: {_plain(row[key])}"
        yield "        annotations:"
        yield f"          summary: {_plain(f'{name} is getting worse')}"
        yield f"          description: {_plain(f'{name}: {said}.')}"


def fewest_beyond(mean: float, burst: float, chance: float) -> int:
    """Return the smallest number of events that chance reaches with at most this probability.

    Parameters
    ----------
    mean
        Events to expect.
    burst
        How they cluster: variance = mean + burst * mean².
    chance
        Probability, from 0 to 1.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    Of Poisson events with mean 1, three or more come with probability .080, four or more with .019.

    >>> fewest_beyond(1.0, 0.0, 0.05)
    4
    """
    if mean <= 0:
        return 1
    size = 1 / max(burst, 1e-9)
    return max(int(stats.nbinom.isf(chance, size, size / (size + mean))) + 1, 1)


def _text(value: Any) -> str:
    """Return a text in quotes that YAML and PromQL both read as that text; JSON's quotes are valid in both."""
    quoted = json.dumps(str(value), ensure_ascii=False)
    # Not JSON's way with characters beyond 16 bits, which neither of the two knows.
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)


def _plain(value: Any) -> str:
    """Return a text for labels and annotations, which Prometheus expands as templates."""
    return _text(str(value).replace("{{", '{{"{{"}}'))
