"""What is the right answer?

Everything that the generator knows about its own failures, in the words that the measures use, so that a measure can
be held against it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .company import ENGINEER_HOUR, LIKELY, REVERSED, STALE, UNDECLARED
from .phenomena import PLANT, TYPE_OF
from .plants import SKEW_US, SKEWED_HOST, TIMES, TOKEN_LIFETIME_US, token_late_us
from .recording import DAY, HOUR, SECOND, per_handoff
from .telemetry import iso

if TYPE_CHECKING:
    from .plants import Window
    from .recording import Crossing
    from .telemetry import Blemishes
    from .tickets import Ticket


def counts(crossing: Crossing) -> bool:
    """Say whether a crossing counts as a failure of its handoff: an origin that nobody's retry made good."""
    return (
        crossing.is_last and bool(crossing.plant) and crossing.fate != "masked" and (crossing.failed or crossing.silent)
    )


def costs(failures: list[Crossing], tickets: list[Ticket]) -> dict[str, float]:
    """Return what the failures of some plants cost, by category, over the window of the samples.

    Work is booked once a ticket; the rest follows from the number of failures and the orders' values at likely prices.
    """
    total = dict.fromkeys(
        (
            "debugging",
            "manual_intervention",
            "data_cleanup",
            "customer_support",
            "opportunity",
            "customer_impact",
            "regulatory",
        ),
        0.0,
    )
    for ticket in tickets:
        total["debugging"] += ticket.touch_hours * ENGINEER_HOUR
    for failure in failures:
        plant = PLANT[failure.plant]
        total["manual_intervention"] += plant.manual_share * LIKELY["manual_fix"]
        total["data_cleanup"] += plant.cleanup_records * LIKELY["record_cleanup"]
        total["customer_support"] += plant.contacts * LIKELY["support_contact"]
        total["opportunity"] += plant.lost_value_share * LIKELY["lost_value_share"] * failure.order.amount
        total["customer_impact"] += plant.churn * LIKELY["churned_customer"]
        total["regulatory"] += plant.regulatory * LIKELY["tax_correction"]
    return {category: round(money, 2) for category, money in total.items()}


def answers(
    crossings: list[Crossing],
    tickets: list[Ticket],
    blemishes: Blemishes,
    *,
    since: int,
    until: int,
    extra: dict[str, Any],
) -> dict[str, Any]:
    """Return the truth as one document; `samples.write` tells what is in it."""
    years = (until - since) / (365.25 * DAY)
    downstream: dict[int, set[tuple[str, str, str]]] = {}
    for crossing in crossings:
        if crossing.failed and crossing.origin == "propagated" and crossing.root is not None:
            downstream.setdefault(id(crossing.root), set()).add(crossing.handoff)
    traced = [one for one in crossings if one.evidence == "spans"]
    logged = [one for one in crossings if one.evidence == "logs"]
    handoffs = [_handoff(handoff, group, tickets, downstream, years) for handoff, group in per_handoff(traced)]
    silent = [
        {
            "order_id": one.order.order_id,
            "trace_id": one.trace_id,
            "source": one.source,
            "target": one.target,
            "channel": one.channel,
            "detector": one.detector,
            "plant": one.plant,
            "occurred_at": iso(one.start_us),
        }
        for one in crossings
        if one.silent
    ]
    return {
        "about": "The right answers for the samples. Not evidence: no loader reads it.",
        "since": iso(since),
        "until": iso(until),
        "handoffs": handoffs,
        # The orders of the warehouse floor that left log lines and no spans.
        "log_handoffs": [_handoff(handoff, group, [], downstream, years) for handoff, group in per_handoff(logged)],
        "plants": _plants(crossings, tickets, years),
        "silent": silent,
        "cycles": [["erp", "pricing"]],
        "undeclared": [list(handoff) for handoff in UNDECLARED],
        "reversed": [list(handoff) for handoff in REVERSED],
        "stale": [list(handoff) for handoff in STALE],
        "tickets": [_ticket(ticket) for ticket in tickets],
        "degrading": {
            "source": "ipaas",
            "target": "inventory",
            "channel": "http",
            "plant": "units_drift",
            "since": iso(TIMES.units_drift.since),
            "incident_at": iso(TIMES.units_break.since),
            "until": iso(TIMES.units_break.until),
        },
        "token": {
            "source": "shipping",
            "target": "carrier-api",
            "channel": "http",
            "lifetime_seconds": TOKEN_LIFETIME_US // SECOND,
            "control": ["notification", "mail-provider", "http"],
            "late_refreshes": [
                [iso(at), iso(at + token_late_us(at))]
                for at in range(since, until, TOKEN_LIFETIME_US)
                if token_late_us(at) > 0
            ],
        },
        "windows": {name: _window(window) for name, window in TIMES._asdict().items()},
        "duplicate_deliveries": sorted(one.order.order_id for one in crossings if one.is_duplicate),
        "failed_compensations": sorted(one.order.order_id for one in crossings if one.plant == "compensation_failed"),
        "late_charges": sorted({one.order.order_id for one in crossings if one.plant == "late_charge"}),
        "zip_plus_four": sorted({one.order.order_id for one in crossings if one.plant == "zip_plus_four"}),
        "self_employed": sorted({one.order.order_id for one in crossings if one.plant == "self_employed"}),
        "clock_skew": {
            "host": SKEWED_HOST,
            "system": "inventory",
            "offset_seconds": SKEW_US / SECOND,
            "since": iso(TIMES.skewed_clock.since),
        },
        "orphan_span_ids": list(blemishes.orphans),
        "duplicate_span_ids": list(blemishes.duplicates),
    } | extra


def _handoff(
    handoff: tuple[str, str, str],
    group: list[Crossing],
    tickets: list[Ticket],
    downstream: dict[int, set[tuple[str, str, str]]],
    years: float,
) -> dict[str, Any]:
    failed = [one for one in group if one.failed]
    origins = [one for one in group if counts(one)]
    reaches = [len(downstream.get(id(one), set()) - {handoff}) for one in origins]
    mine = [
        ticket
        for ticket in tickets
        if ticket.plant is not None and any(one.handoff == handoff for one in ticket.failures)
    ]
    cost = costs(origins, mine)
    window_cost = sum(cost.values())
    modes = Counter(one.mode for one in origins)
    types: Counter[str] = Counter()
    for mode, number in modes.items():
        types[TYPE_OF[mode]] += number
    return {
        "source": handoff[0],
        "target": handoff[1],
        "channel": handoff[2],
        "crossings": sum(one.is_observed for one in group),
        "calls": len({one.call for one in group if one.is_observed}),
        "failed_attempts": len(failed),
        "attempts_boundary": sum(one.origin == "boundary" for one in failed),
        "attempts_inside": sum(one.origin == "inside" for one in failed),
        "attempts_propagated": sum(one.origin == "propagated" for one in failed),
        "attempts_masked": sum(one.fate == "masked" for one in failed),
        "failed_calls": len({one.call for one in failed if one.is_last}),
        "origins_boundary": sum(one.origin == "boundary" and not one.silent for one in origins),
        "origins_inside": sum(one.origin == "inside" for one in origins),
        "propagated": sum(one.origin == "propagated" and one.is_last and one.fate != "masked" for one in failed),
        "masked_calls": len({one.call for one in failed if one.fate == "masked"}),
        "handled": sum(one.fate == "handled" and one.is_last for one in failed),
        "swallowed": sum(one.fate == "swallowed" and one.is_last for one in failed),
        "silent": sum(one.silent for one in origins),
        "failures": len(origins),
        "silent_share": round(sum(one.silent for one in origins) / len(origins), 4) if origins else 0.0,
        "types": dict(sorted(types.items())),
        "modes": dict(sorted(modes.items())),
        "mean_reach": round(sum(reaches) / len(reaches), 4) if reaches else 0.0,
        "tickets": len(mine),
        "cost": cost,
        "cost_window": round(window_cost, 2),
        "cost_per_year": round(window_cost / years, 2),
    }


def _plants(crossings: list[Crossing], tickets: list[Ticket], years: float) -> list[dict[str, Any]]:
    rows = []
    for plant in PLANT.values():
        failures = [one for one in crossings if one.plant == plant.name and counts(one)]
        mine = [ticket for ticket in tickets if ticket.plant is plant]
        cost = sum(costs(failures, mine).values())
        rows.append(
            {
                "plant": plant.name,
                "source": plant.source,
                "target": plant.target,
                "channel": plant.channel,
                "mode": plant.fault.mode,
                "type": TYPE_OF[plant.fault.mode].value,
                "silent": plant.fault.kind == "silent",
                "failures": len(failures),
                "masked": len({one.call for one in crossings if one.plant == plant.name and one.fate == "masked"}),
                "order_ids": sorted({one.order.order_id for one in failures}),
                "tickets": len(mine),
                "cost_per_year": round(cost / years, 2),
            }
        )
    return rows


def _ticket(ticket: Ticket) -> dict[str, Any]:
    plant = ticket.plant
    return {
        "number": ticket.number,
        "handoff": None if plant is None else [plant.source, plant.target, plant.channel],
        "plant": None if plant is None else plant.name,
        "order_ids": [one.order.order_id for one in ticket.failures],
        "touch_hours": ticket.touch_hours,
        "opened_at": iso(ticket.opened_us),
        "resolved_at": iso(ticket.resolved_us),
        "elapsed_hours": round((ticket.resolved_us - ticket.opened_us) / HOUR, 3),
        "teams": [team for team, _ in ticket.stretches],
        "right_team": ticket.right_team,
        "wrong_first": plant is not None and ticket.first_is_wrong,
        "ping_pong": ticket.has_ping_pong,
    }


def _window(window: Window) -> list[str]:
    return [iso(window.since), iso(window.until)]
