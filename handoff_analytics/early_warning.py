"""How long before it broke was there a warning, and how often was there one for nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from .degradation import SERIES
from .errors import ArgumentError
from .signals import KEYS

if TYPE_CHECKING:
    from datetime import timedelta

_MONTH_DAYS = 365.25 / 12
# An incident is a bucket in which at least half of the calls failed, and so many.
_BROKEN_SHARE, _BROKEN_EVENTS = 0.5, 3
# Broken buckets less than this apart are one incident.
_APART_DAYS = 7
_NEEDED = (*SERIES, "bucket_at", "trials", "events", "usual", "calm_days", "alarm", "confirmed", "since", "degraded")


def early_warnings(frame: pl.DataFrame, *, incidents: pl.DataFrame | None = None) -> pl.DataFrame:
    """List the warnings that a watch gave, and what became of them.

    A warning is the first alarm of a series; it stands until two weeks have passed without another. Its lead time
    runs from the end of the bucket that raised it to the incident that came while it stood.

    Parameters
    ----------
    frame
        What `degradation` returned.
    incidents
        source, target, channel, incident_at: when each handoff broke. Left out, a handoff breaks in the first bucket
        in which at least half of its calls, and at least three, were not delivered.

    Returns
    -------
    polars.DataFrame
        One row a warning, in order of time.

        =======================  ========  ====================================================================
        column                   dtype     meaning
        =======================  ========  ====================================================================
        source, target, channel  String    the handoff
        metric                   String    what became worse
        warned_at                Datetime  end of the bucket that raised the first alarm, UTC
        since                    Datetime  when the change began, as it then seemed
        confirmed_at             Datetime  when the evidence was above the false discovery rate's bar; or null
        alarms                   Int64     alarms while it stood
        usual                    Float64   share of events that was expected
        share                    Float64   share of events from `since` to `warned_at`
        calm_days                Float64   a handoff that is well shows the strongest evidence once in so many days
        incident_at              Datetime  the incident that it belongs to; or null
        lead_days                Float64   from the warning to the incident; negative when it came after; or null
        outcome                  String    early, late (when or after it broke) or no_incident
        =======================  ========  ====================================================================

    Raises
    ------
    ArgumentError
        If the frame is not that of `degradation`.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.early_warnings(ha.degradation(ha.samples.three_systems())).height
    0
    """
    length = _bucket(frame)
    runs = (
        frame.with_columns(
            run=(pl.col("degraded") != pl.col("degraded").shift(1).over(SERIES)).fill_null(value=True).cum_sum()
        )
        .filter("degraded")
        .group_by(*SERIES, "run", maintain_order=True)
        .agg(
            warned_at=pl.col("bucket_at").first() + length,
            since=pl.col("since").first(),
            confirmed_at=pl.col("bucket_at").filter(pl.col("confirmed")).first() + length,
            ended_at=pl.col("bucket_at").last() + length,
            alarms=pl.col("alarm").sum().cast(pl.Int64),
            usual=pl.col("usual").first(),
            calm_days=pl.col("calm_days").max(),
        )
    )
    counted = (
        runs.select(*SERIES, "run", "since", "warned_at")
        .join(frame.select(*SERIES, "bucket_at", "trials", "events"), on=SERIES)
        .filter(pl.col("bucket_at") >= pl.col("since"), pl.col("bucket_at") < pl.col("warned_at"))
        .group_by(*SERIES, "run")
        .agg(share=pl.col("events").sum() / pl.col("trials").sum())
    )
    broken = _incidents(frame, incidents, length)
    met = (
        runs.select(*SERIES, "run", "warned_at", "ended_at")
        .join(broken, on=KEYS)
        # A warning that came in the incident's own days belongs to it, if late.
        .filter(
            pl.col("incident_at") < pl.col("ended_at"),
            pl.col("warned_at") <= pl.col("until") + pl.duration(days=_APART_DAYS),
        )
        .sort("incident_at")
        .unique([*SERIES, "run"], keep="first", maintain_order=True)
        .select(*SERIES, "run", "incident_at")
    )
    lead = (pl.col("incident_at") - pl.col("warned_at")).dt.total_microseconds() / 86_400e6
    return (
        runs.join(counted, on=[*SERIES, "run"], how="left")
        .join(met, on=[*SERIES, "run"], how="left")
        .with_columns(lead_days=lead)
        .with_columns(
            outcome=pl.when(pl.col("incident_at").is_null())
            .then(pl.lit("no_incident"))
            .when(pl.col("lead_days") > 0)
            .then(pl.lit("early"))
            .otherwise(pl.lit("late"))
        )
        .sort("warned_at", *SERIES)
        .select(
            *SERIES,
            *("warned_at", "since", "confirmed_at", "alarms", "usual", "share", "calm_days"),
            *("incident_at", "lead_days", "outcome"),
        )
    )


def warning_record(frame: pl.DataFrame, *, incidents: pl.DataFrame | None = None) -> pl.DataFrame:
    """Say how good the warnings of a watch were: lead time, and how often there was one for nothing.

    The watch judged every bucket with what was known at its end, so that this is what it would have done on the day.
    A warning without an incident need not be false: what degrades need not break. The rate is an upper bound.

    Parameters
    ----------
    frame
        What `degradation` returned.
    incidents
        As in `early_warnings`.

    Returns
    -------
    polars.DataFrame
        One row.

        =====================  =======  =======================================================================
        column                 dtype    meaning
        =====================  =======  =======================================================================
        handoffs               Int64    handoffs watched
        handoff_months         Float64  handoffs times the months in which each was watched
        incidents              Int64    incidents while the handoff was watched
        incidents_foreseen     Int64    those that a warning came before
        lead_days_median       Float64  days from the first warning to the incident, of those foreseen; or null
        lead_days_low, _high   Float64  the shortest and the longest
        warnings               Int64    warnings given, by all metrics
        warnings_unanswered    Int64    those that no incident belongs to
        false_alarms_a_month   Float64  warnings_unanswered / handoff_months: false alarms a handoff-month, at most
        =====================  =======  =======================================================================

    Raises
    ------
    ArgumentError
        If the frame is not that of `degradation`.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> record = ha.warning_record(ha.degradation(ha.samples.three_systems()))
    >>> record.select("handoffs", "incidents", "warnings").row(0)
    (0, 0, 0)
    """
    length = _bucket(frame)
    given = early_warnings(frame, incidents=incidents)
    watched = frame.filter(pl.col("usual").is_not_null()).select(*KEYS, "bucket_at").unique()
    broken = _incidents(frame, incidents, length).join(
        watched.group_by(KEYS).agg(first_at=pl.col("bucket_at").min()), on=KEYS
    )
    broken = broken.filter(pl.col("incident_at") >= pl.col("first_at"))
    foreseen = (
        given.filter(outcome="early")
        .join(broken.select(*KEYS, "incident_at"), on=[*KEYS, "incident_at"])
        .group_by(*KEYS, "incident_at")
        .agg(pl.col("lead_days").max())
    )
    months = watched.height * length.total_seconds() / 86_400 / _MONTH_DAYS
    unanswered = given.filter(outcome="no_incident").height
    return pl.DataFrame(
        {
            "handoffs": [watched.select(KEYS).n_unique()],
            "handoff_months": [months],
            "incidents": [broken.height],
            "incidents_foreseen": [foreseen.height],
            "lead_days_median": [foreseen["lead_days"].median()],
            "lead_days_low": [foreseen["lead_days"].min()],
            "lead_days_high": [foreseen["lead_days"].max()],
            "warnings": [given.height],
            "warnings_unanswered": [unanswered],
            "false_alarms_a_month": [unanswered / months if months else None],
        },
        schema_overrides={
            "lead_days_median": pl.Float64,
            "lead_days_low": pl.Float64,
            "lead_days_high": pl.Float64,
            "false_alarms_a_month": pl.Float64,
        },
    )


def _bucket(frame: pl.DataFrame) -> timedelta:
    """Return the length of a bucket, after checking that the frame is the right one."""
    missing = [column for column in _NEEDED if column not in frame.columns]
    if missing:
        raise ArgumentError(
            f"The frame has no column {', '.join(missing)}: it is not what degradation returns. "
            f"Give ha.degradation(history)."
        )
    steps = frame.select(step=pl.col("bucket_at").diff().over(SERIES)).filter(pl.col("step").is_not_null())
    shortest: timedelta = steps["step"].min() if steps.height else pl.select(pl.duration(days=1)).item()  # type: ignore[assignment]
    return shortest


def _incidents(frame: pl.DataFrame, incidents: pl.DataFrame | None, length: timedelta) -> pl.DataFrame:
    """Return when each handoff broke, and until when: those given, else those that the calls show."""
    if incidents is not None:
        missing = [column for column in (*KEYS, "incident_at") if column not in incidents.columns]
        if missing:
            raise ArgumentError(
                f"The incidents have no column {', '.join(missing)}. Wanted: source, target, channel, incident_at."
            )
        return incidents.select(*KEYS, pl.col("incident_at").cast(pl.Datetime("us"))).with_columns(
            until=pl.col("incident_at")
        )
    broken = frame.filter(
        pl.col("metric") == "transformation_success",
        pl.col("events") >= _BROKEN_EVENTS,
        pl.col("events") >= _BROKEN_SHARE * pl.col("trials"),
    )
    apart = pl.col("bucket_at").diff().over(KEYS) > pl.duration(days=_APART_DAYS)
    return (
        broken.with_columns(number=apart.fill_null(value=True).cum_sum())
        .group_by(*KEYS, "number", maintain_order=True)
        .agg(incident_at=pl.col("bucket_at").min(), until=pl.col("bucket_at").max() + length)
        .drop("number")
    )
