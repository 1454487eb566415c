"""How ready is each handoff, at least and at most?

What was not shown is neither a pass nor a fail: the lower bound counts it as failed, the upper one as passed. What was
shown long ago counts for less. No average makes good a critical failure, or a recovery that nobody has tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ..errors import EmptyHistoryError
from .checks import AREAS, CHECK, CHECKS, FAIL, NOT_APPLICABLE, NOT_RUN, PASS, STAGE
from .entries import audit_entries
from .moment import latest
from .observed import observed_answers

if TYPE_CHECKING:
    from datetime import datetime

    from ..history import History

HALF_LIFE_DAYS = 180.0
KEYS = ("source", "target", "channel")
AUDIT = pl.Schema(
    {
        "source": pl.String(),
        "target": pl.String(),
        "channel": pl.String(),
        "area": pl.String(),
        "stage_number": pl.Int64(),
        "stage": pl.String(),
        "check_name": pl.String(),
        "question": pl.String(),
        "state": pl.String(),
        "critical": pl.Boolean(),
        "weight": pl.Float64(),
        "basis": pl.String(),
        "evidence": pl.String(),
        "owner": pl.String(),
        "dated_at": pl.Datetime("us"),
        "age_days": pl.Float64(),
        "freshness": pl.Float64(),
    }
)


def audit(history: History, *, as_of: datetime | None = None, half_life_days: float = HALF_LIFE_DAYS) -> pl.DataFrame:
    """Ask every check of every handoff, declared or seen.

    Parameters
    ----------
    history
        Evidence in its window answers what evidence can; findings kept by `record_audit` and `load_test_results`
        answer the rest.
    as_of
        The moment from which ages are counted, UTC; the end of the telemetry, or the last finding, if not given.
    half_life_days
        After how many days a finding counts for half.

    Returns
    -------
    polars.DataFrame
        One row a handoff and check, in the order of handoff, stage and check.

        ============ ======== ===================================================================================
        source       String   system that hands over
        target       String   system that takes over
        channel      String   channel
        area         String   one of the five areas
        stage_number Int64    1 to 10
        stage        String   one of the ten stages
        check_name   String   the check
        question     String   what it asks
        state        String   pass, fail, not_run (not shown either way) or not_applicable
        critical     Boolean  whether a failure alone makes the handoff not ready
        weight       Float64  how much it counts in the score
        basis        String   observed, declared, attached, test or drill; null where nobody answered
        evidence     String   what was found, or a link
        owner        String   who answers for it
        dated_at     Datetime when it was found, UTC; null for what the catalogue says
        age_days     Float64  days since then
        freshness    Float64  0.5 ^ (age / half-life), 1 for what the catalogue says
        ============ ======== ===================================================================================

    Raises
    ------
    EmptyHistoryError
        If nothing was seen and nothing is declared.

    Notes
    -----
    Where several answer one check, a fail outweighs a pass, and a pass an absence; a person cannot wave through what
    the evidence contradicts. An answer past its validity counts as not run.
    """
    entries = audit_entries(history)
    moment = as_of or latest(history, *entries["entered_at"].tail(1))
    answers = observed_answers(history, as_of=as_of)
    handoffs = answers.select(KEYS).unique().sort(KEYS)
    if handoffs.is_empty():
        raise EmptyHistoryError("There is no handoff to audit. Load traces, logs, runs or a catalogue first.")
    known = {(*_key(row), row["check_name"]): row for row in answers.to_dicts()}
    kept = _latest_entries(entries)
    owners = {_key(row): row["evidence"] for row in answers.to_dicts() if row["check_name"] == "owner_named"}
    rows = []
    for handoff in handoffs.to_dicts():
        name = _key(handoff)
        owner = _owner(owners.get(name))
        for check in CHECKS:
            found = [known[(*name, check.name)]] if (*name, check.name) in known else []
            found += [entry for entry in kept if entry["check_name"] == check.name and _meets(entry, handoff)]
            answer = _decided(found, moment)
            age = _age(answer.get("dated_at"), moment)
            rows.append(
                handoff
                | {
                    "area": check.area,
                    "stage_number": STAGE[check.stage].number,
                    "stage": check.stage,
                    "check_name": check.name,
                    "question": check.question,
                    "state": answer["state"],
                    "critical": check.critical,
                    "weight": check.weight,
                    "basis": answer.get("basis"),
                    "evidence": answer.get("evidence"),
                    "owner": answer.get("owner") or owner,
                    "dated_at": answer.get("dated_at"),
                    "age_days": age,
                    "freshness": 0.5 ** (age / half_life_days) if age is not None else 1.0,
                }
            )
    return pl.DataFrame(rows, schema=AUDIT).sort(*KEYS, "stage_number", "check_name")


def _key(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    return row["source"], row["target"], row["channel"]


def _owner(evidence: str | None) -> str | None:
    return evidence.removeprefix("Owner: ").removesuffix(".") if evidence and evidence.startswith("Owner: ") else None


def _meets(entry: dict[str, Any], handoff: dict[str, Any]) -> bool:
    if entry["source"] is None:
        return True
    same = (entry["source"], entry["target"]) == (handoff["source"], handoff["target"])
    return same and entry["channel"] in {None, handoff["channel"]}


def _latest_entries(entries: pl.DataFrame) -> list[dict[str, Any]]:
    """Keep the last word on each check, handoff and scenario."""
    last = {
        (entry["source"], entry["target"], entry["channel"], entry["check_name"], entry["scenario"]): entry
        | {"dated_at": entry["entered_at"]}
        for entry in entries.to_dicts()
    }
    return list(last.values())


def _decided(answers: list[dict[str, Any]], moment: datetime | None) -> dict[str, Any]:
    """Return the answer that counts: a fail, else what does not apply, else a pass, else none."""
    current = [answer for answer in answers if not _expired(answer, moment)]
    for state in (FAIL, NOT_APPLICABLE, PASS, NOT_RUN):
        found = [answer for answer in current if answer["state"] == state]
        if found:
            # The freshest of them; what the catalogue says has no date and is as fresh as the catalogue.
            return max(found, key=lambda answer: (answer["dated_at"] is None, answer["dated_at"] or moment))
    if answers:
        return {"state": NOT_RUN, "evidence": "What was shown is no longer valid."}
    return {"state": NOT_RUN}


def _expired(answer: dict[str, Any], moment: datetime | None) -> bool:
    valid, age = answer.get("valid_days"), _age(answer.get("dated_at"), moment)
    return valid is not None and age is not None and age > valid


def _age(dated_at: datetime | None, moment: datetime | None) -> float | None:
    if dated_at is None or moment is None:
        return None
    return max((moment - dated_at).total_seconds() / 86400, 0.0)


def readiness(checked: pl.DataFrame, *, ranking: pl.DataFrame | None = None) -> pl.DataFrame:
    """Score each handoff, and all of them, as an interval with a verdict.

    Parameters
    ----------
    checked
        What `audit` returned.
    ranking
        What `rank` returned: its expected annual loss weighs the handoffs, so that a dear one that nobody tested
        dominates. Null weighs them alike.

    Returns
    -------
    polars.DataFrame
        One row a handoff, the least ready first, after one row for all of them (source, target and channel null).

        ================ ======= ============================================================================
        source           String  null in the row for all handoffs
        target           String
        channel          String
        lower            Float64 share of the checks that is shown to hold, by weight and freshness
        upper            Float64 the same if all that was not shown held
        passed           Int64   checks that hold
        failed           Int64   checks that do not
        not_run          Int64   checks that nobody could answer
        not_applicable   Int64   checks that do not apply
        weight           Float64 weight of the handoff in the row for all: its expected annual loss, or 1
        gate             String  what forbids production whatever the score, as words; null if nothing does
        verdict          String  ready, not ready (a gate) or not shown (no gate, but something was not run)
        ================ ======= ============================================================================

    Notes
    -----
    lower = sum(weight * freshness of passes) / sum(weight of applicable checks);
    upper = sum(weight of passes and of checks not run) / the same.
    """
    each = _scores(checked)
    if ranking is None:
        each = each.with_columns(weight=pl.lit(1.0))
    else:
        worth = ranking.select(*KEYS, weight=pl.col("expected_annual_loss"))
        each = each.join(worth, on=KEYS, how="left", nulls_equal=True).with_columns(pl.col("weight").fill_null(0.0))
    each = each.with_columns(
        verdict=pl.when(pl.col("gate").is_not_null())
        .then(pl.lit("not ready"))
        .when(pl.col("not_run") > 0)
        .then(pl.lit("not shown"))
        .otherwise(pl.lit("ready"))
    ).select(*KEYS, "lower", "upper", "passed", "failed", "not_run", "not_applicable", "weight", "gate", "verdict")
    return pl.concat([_all(each), each.sort("lower", "upper", *KEYS)])


def _scores(checked: pl.DataFrame) -> pl.DataFrame:
    applicable = pl.col("state") != NOT_APPLICABLE
    total = (pl.col("weight") * applicable).sum()
    shown = (pl.col("weight") * pl.col("freshness") * (pl.col("state") == PASS)).sum()
    hoped = (pl.col("weight") * pl.col("state").is_in([PASS, NOT_RUN])).sum()
    gates = (
        pl.when((pl.col("state") == FAIL) & pl.col("critical"))
        .then(pl.col("check_name") + " failed")
        .when((pl.col("state") == FAIL) & (pl.col("check_name") == "recovery_rehearsed"))
        .then(pl.lit("recovery failed when rehearsed"))
        .when((pl.col("state") == NOT_RUN) & (pl.col("check_name") == "recovery_rehearsed"))
        .then(pl.lit("recovery was never rehearsed"))
    )
    counts = {
        "passed": PASS,
        "failed": FAIL,
        "not_run": NOT_RUN,
        "not_applicable": NOT_APPLICABLE,
    }
    return (
        checked.sort(*KEYS, "stage_number", "check_name")
        .group_by(KEYS, maintain_order=True)
        .agg(
            lower=shown / total,
            upper=hoped / total,
            gate=gates.drop_nulls().str.join("; "),
            **{name: (pl.col("state") == state).sum().cast(pl.Int64) for name, state in counts.items()},
        )
        .with_columns(gate=pl.when(pl.col("gate") != "").then(pl.col("gate")))
    )


def _all(each: pl.DataFrame) -> pl.DataFrame:
    weights = each["weight"]
    if (total := float(weights.sum())) <= 0:
        weights, total = pl.Series("weight", [1.0] * each.height), float(each.height)
    stopped = each.filter(pl.col("gate").is_not_null()).height
    unshown = each.filter(pl.col("verdict") == "not shown").height
    return pl.DataFrame(
        {
            "source": [None],
            "target": [None],
            "channel": [None],
            "lower": [float((each["lower"] * weights).sum()) / total],
            "upper": [float((each["upper"] * weights).sum()) / total],
            **{name: [int(each[name].sum())] for name in ("passed", "failed", "not_run", "not_applicable")},
            "weight": [float(each["weight"].sum())],
            "gate": [f"{stopped} of {each.height} handoffs are not ready" if stopped else None],
            "verdict": ["not ready" if stopped else "not shown" if unshown else "ready"],
        },
        schema=each.schema,
    )


def audit_coverage(checked: pl.DataFrame) -> pl.DataFrame:
    """Cross the five areas with the handoffs: how much of each was shown, and how it went.

    Parameters
    ----------
    checked
        What `audit` returned.

    Returns
    -------
    polars.DataFrame
        One row a handoff and area, in that order.

        =========== ======= ========================================================================
        source      String
        target      String
        channel     String
        area        String  one of the five areas
        question    String  what the area asks
        passed      Int64   checks that hold
        failed      Int64   checks that do not
        not_run     Int64   checks that nobody could answer
        applicable  Int64   checks that apply
        covered     Float64 (passed + failed) / applicable; null where none applies
        state       String  fail if one failed, else not_run if one was not run, else pass; not_applicable
        =========== ======= ========================================================================
    """
    order = {area: place for place, area in enumerate(AREAS)}
    return (
        checked.group_by(*KEYS, "area")
        .agg(
            passed=(pl.col("state") == PASS).sum().cast(pl.Int64),
            failed=(pl.col("state") == FAIL).sum().cast(pl.Int64),
            not_run=(pl.col("state") == NOT_RUN).sum().cast(pl.Int64),
        )
        .with_columns(applicable=pl.col("passed") + pl.col("failed") + pl.col("not_run"))
        .with_columns(
            question=pl.col("area").replace_strict(AREAS),
            covered=pl.when(pl.col("applicable") > 0).then(
                (pl.col("passed") + pl.col("failed")) / pl.col("applicable")
            ),
            state=pl.when(pl.col("applicable") == 0)
            .then(pl.lit(NOT_APPLICABLE))
            .when(pl.col("failed") > 0)
            .then(pl.lit(FAIL))
            .when(pl.col("not_run") > 0)
            .then(pl.lit(NOT_RUN))
            .otherwise(pl.lit(PASS)),
            place=pl.col("area").replace_strict(order),
        )
        .sort(*KEYS, "place")
        .select(*KEYS, "area", "question", "passed", "failed", "not_run", "applicable", "covered", "state")
    )


def audit_checks() -> pl.DataFrame:
    """List the checks that an audit asks.

    Returns
    -------
    polars.DataFrame
        One row a check, by stage.

        ============ ======= ===============================================================
        check_name   String  its name
        stage_number Int64   1 to 10
        stage        String  the stage that it belongs to
        area         String  the area that it belongs to
        question     String  what it asks
        filled_by    String  who can answer: observed, declared, test, drill, attached
        weight       Float64 how much it counts in the score
        critical     Boolean whether a failure alone makes a handoff not ready
        ============ ======= ===============================================================

    Examples
    --------
    >>> audit_checks()["check_name"].head(2).to_list()
    ['declared', 'owner_named']
    """
    return pl.DataFrame(
        [
            {
                "check_name": check.name,
                "stage_number": STAGE[check.stage].number,
                "stage": check.stage,
                "area": check.area,
                "question": check.question,
                "filled_by": ", ".join(check.filled_by),
                "weight": check.weight,
                "critical": check.critical,
            }
            for check in CHECK.values()
        ]
    ).sort("stage_number", "check_name")
