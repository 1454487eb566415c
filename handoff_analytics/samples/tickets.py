"""Which tickets did people open, who looked where, and what did it take?

Failures of one phenomenon that come close together share a ticket. A share of tickets starts with the wrong team, the
one that owns the system where everybody looks first.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .company import SERVICE_DESK, TEAM
from .phenomena import PLANTS
from .recording import DAY, HOUR, MINUTE, Record, stream

if TYPE_CHECKING:
    from random import Random

    from .plants import Plant
    from .recording import Crossing

_CI = {
    "ipaas": "Integration hub",
    "erp": "SAP ERP",
    "crm": "CRM",
    "payment": "Payment gateway",
    "carrier-api": "Carrier API",
}
_PRIORITY = {1: "1 - Critical", 2: "2 - High", 3: "3 - Moderate", 4: "4 - Low"}
_NOISE = (
    ("Password reset for the accounting laptop", "access"),
    ("Printer on the second floor is out of toner", "hardware"),
    ("New colleague needs an account", "access"),
    ("VPN drops in the home office", "network"),
    ("Monitor flickers", "hardware"),
    ("Calendar invitations arrive twice", "office"),
    ("Please restore a deleted folder", "office"),
)
PEOPLE_A_TEAM = 4


@dataclass(slots=True)
class Ticket:
    """One ticket as it truly went."""

    number: str
    plant: Plant | None
    failures: list[Crossing]
    title: str
    opened_us: int
    priority: int
    category: str
    touch_hours: float = 0.0
    resolved_us: int = 0
    closed_us: int = 0
    right_team: str = ""
    stretches: list[tuple[str, int]] = field(default_factory=list)
    """Team and the moment from which it held the ticket."""

    @property
    def first_is_wrong(self) -> bool:
        """Whether the first team, other than the service desk, is not the right one."""
        held = [team for team, _ in self.stretches if team != SERVICE_DESK]
        return bool(held) and held[0] != self.right_team

    @property
    def has_ping_pong(self) -> bool:
        """Whether a team got the ticket back from the one that it had given it to."""
        teams = [team for team, _ in self.stretches]
        return any(a == c and a != b for a, b, c in zip(teams, teams[1:], teams[2:], strict=False))


def opened(record: Record, *, until: int) -> list[Ticket]:
    """Return the tickets about the record's failures, and unrelated ones, in order of opening."""
    tickets: list[Ticket] = []
    for plant in PLANTS:
        random = stream(record.seed, "tickets", plant.name)
        batch: list[Crossing] = []
        for crossing in sorted(_origins(record, plant.name), key=lambda one: (one.start_us, one.source_span)):
            size = max(1, round(plant.failures_per_ticket * (0.5 + random.random())))
            if batch and (len(batch) >= size or crossing.start_us - batch[0].start_us > 21 * DAY):
                tickets.append(_ticket(plant, batch, random))
                batch = []
            batch.append(crossing)
        if batch:
            tickets.append(_ticket(plant, batch, random))
    random = stream(record.seed, "tickets", "noise")
    since = min((crossing.start_us for crossing in record.crossings), default=until)
    for _ in range(round(0.25 * len(tickets)) + 8):
        at = since + int(random.random() * (until - since))
        title, category = random.choice(_NOISE)
        ticket = Ticket(
            "",
            None,
            [],
            title,
            at,
            4,
            category,
            touch_hours=round(0.2 + 1.5 * random.random(), 2),
            right_team=SERVICE_DESK,
        )
        ticket.stretches = [(SERVICE_DESK, at)]
        ticket.resolved_us = at + int((0.5 + 20 * random.random()) * HOUR)
        ticket.closed_us = ticket.resolved_us + 5 * DAY
        tickets.append(ticket)
    tickets = sorted(
        (ticket for ticket in tickets if ticket.opened_us < until), key=lambda one: (one.opened_us, one.title)
    )
    for index, ticket in enumerate(tickets):
        ticket.number = f"INC{10_001 + index:07d}"
    return tickets


def _origins(record: Record, plant: str) -> list[Crossing]:
    return [
        one
        for one in record.crossings
        if one.plant == plant and one.is_last and one.fate != "masked" and (one.failed or one.silent)
    ]


def _ticket(plant: Plant, failures: list[Crossing], random: Random) -> Ticket:
    delay = plant.detect_hours * (0.4 + 1.2 * random.random())
    at = failures[-1].end_us + int(delay * HOUR)
    right = TEAM[plant.target]
    wrong = next(
        (
            team
            for team in (TEAM[plant.looked_at], TEAM[plant.source], "storefront", "finance-systems")
            if team != right
        ),
        right,
    )
    touch = plant.hours * (0.45 + 1.4 * random.random() ** 2)
    order = f" ({failures[0].order.order_id})" if random.random() < 0.45 else ""
    names = (
        f" between {_CI.get(plant.source, plant.source)} and {_CI.get(plant.target, plant.target)}"
        if random.random() < 0.55
        else ""
    )
    ticket = Ticket(
        "", plant, failures, f"{plant.title}{names}{order}", at, plant.priority, "integration", right_team=right
    )
    is_wrong = random.random() < plant.wrong_first
    is_ping_pong = is_wrong and random.random() < 0.3
    teams = [SERVICE_DESK] if random.random() < 0.3 else []
    teams += ([wrong, right, wrong, right] if is_ping_pong else [wrong, right]) if is_wrong else [right]
    # Tickets that wander cost more hands and more time: each further team reads itself in.
    ticket.touch_hours = round(touch * (1 + 0.25 * (len(teams) - 1)), 2)
    elapsed = int(ticket.touch_hours * (2 + 5 * random.random() ** 2) * HOUR) + 20 * MINUTE
    now = at
    for index, team in enumerate(teams):
        ticket.stretches.append((team, now))
        share = 0.05 if team == SERVICE_DESK else 0.25 + 0.3 * random.random()
        if index < len(teams) - 1:
            now += max(MINUTE, int(elapsed * share))
    ticket.resolved_us = now + max(10 * MINUTE, elapsed // 2)
    ticket.closed_us = ticket.resolved_us + 5 * DAY
    return ticket


SERVICENOW_COLUMNS = (
    "number",
    "incident_state",
    "active",
    "reassignment_count",
    "reopen_count",
    "sys_mod_count",
    "made_sla",
    "caller_id",
    "opened_at",
    "sys_updated_at",
    "contact_type",
    "category",
    "subcategory",
    "cmdb_ci",
    "impact",
    "urgency",
    "priority",
    "assignment_group",
    "assigned_to",
    "short_description",
    "time_worked",
    "close_code",
    "resolved_at",
    "closed_at",
)


def servicenow_csv(tickets: list[Ticket], *, seed: int, until: int) -> str:
    """Return every state of every ticket, as an incident event log with ServiceNow's habits.

    The final times are copied back into the early rows, an empty field is a question mark, and tickets that are still
    open at the end stay open.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(SERVICENOW_COLUMNS)
    for ticket in tickets:
        writer.writerows(_snapshots(ticket, stream(seed, "servicenow", ticket.number), until))
    return out.getvalue()


def _snapshots(ticket: Ticket, random: Random, until: int) -> list[list[str]]:
    states: list[tuple[int, str, str, int]] = []
    for index, (team, at) in enumerate(ticket.stretches):
        if index == 0:
            states.append((at, "New", team, 0))
        else:
            states.append((at, "Active", team, index))
    last_team, last_at = ticket.stretches[-1]
    moves = len(ticket.stretches) - 1
    begun = last_at + (ticket.resolved_us - last_at) // 4
    states.append((begun, "Active", last_team, moves))
    if random.random() < 0.25:
        states.append((begun + (ticket.resolved_us - begun) // 3, "Awaiting User Info", last_team, moves))
    states.extend(((ticket.resolved_us, "Resolved", last_team, moves), (ticket.closed_us, "Closed", last_team, moves)))
    plant = ticket.plant
    ci = "?"
    if plant is not None and random.random() < 0.5:
        looked = plant.looked_at if ticket.first_is_wrong else plant.target
        ci = _CI.get(looked, looked)
    caller = f"Caller {random.randrange(1, 300)}"
    person = random.randrange(PEOPLE_A_TEAM)
    is_resolved, is_closed = ticket.resolved_us < until, ticket.closed_us < until
    rows = []
    for count, (at, state, team, moved) in enumerate(states):
        if at >= until:
            break
        done = min(1.0, max(0.0, (at - ticket.opened_us) / (ticket.resolved_us - ticket.opened_us)))
        rows.append(
            [
                ticket.number,
                state,
                "false" if state == "Closed" else "true",
                str(moved),
                "0",
                str(count),
                "true" if ticket.priority > 2 else "false",
                caller,
                _time(ticket.opened_us),
                _time(at),
                "Self service" if plant is None else "Monitoring" if plant.priority < 3 else "Email",
                ticket.category,
                plant.fault.mode if plant is not None and random.random() < 0.3 else "?",
                ci,
                "2 - Medium",
                "2 - Medium",
                _PRIORITY[ticket.priority],
                team,
                "?" if state == "New" else f"{team}.{person + 1}",
                ticket.title,
                str(round(ticket.touch_hours * 3600 * done)),
                "Solved (Permanently)" if is_resolved and state in {"Resolved", "Closed"} else "?",
                _time(ticket.resolved_us) if is_resolved else "?",
                _time(ticket.closed_us) if is_closed else "?",
            ]
        )
    return rows


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1_000_000, tz=UTC):%Y-%m-%d %H:%M:%S}"


def jira_csv(tickets: list[Ticket], *, seed: int) -> str:
    """Return the follow-up issues of the costlier tickets, with Jira's repeated headers."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            "Summary",
            "Issue key",
            "Issue id",
            "Issue Type",
            "Status",
            "Project key",
            "Priority",
            "Resolution",
            "Assignee",
            "Reporter",
            "Created",
            "Updated",
            "Resolved",
            "Component/s",
            "Component/s",
            "Labels",
            "Labels",
            "Description",
            "Comment",
            "Comment",
            "Custom field (Team)",
            "Custom field (Incident)",
        ]
    )
    number = 0
    for ticket in tickets:
        plant = ticket.plant
        random = stream(seed, "jira", ticket.number)
        if plant is None or random.random() > 0.09 * plant.hours:
            continue
        number += 1
        created = ticket.resolved_us + int(random.random() * DAY)
        took = int((2 + 30 * random.random()) * DAY)
        is_done = random.random() < 0.7
        seen = f"Seen in {plant.source}, caused where it hands over to {plant.target}."
        looked = f"Looked at {plant.looked_at} first." if ticket.first_is_wrong else ""
        author = f"{ticket.right_team}.{random.randrange(PEOPLE_A_TEAM) + 1}"
        writer.writerow(
            [
                f"Prevent: {plant.title}",
                f"HAND-{number}",
                str(30_000 + number),
                "Bug",
                "Done" if is_done else "In Progress",
                "HAND",
                ("Highest", "High", "Medium", "Low")[plant.priority - 1],
                "Done" if is_done else "",
                author,
                "integration.1",
                _jira_time(created),
                _jira_time(created + took),
                _jira_time(created + took) if is_done else "",
                plant.source,
                plant.target,
                "handoff",
                plant.fault.mode,
                f"Follow-up of {ticket.number}. {plant.fault.text or 'No error was reported by either side.'}",
                f"{_jira_time(created + HOUR)};{author};{seen}",
                f"{_jira_time(created + took // 2)};integration.1;{looked}" if looked else "",
                ticket.right_team,
                ticket.number,
            ]
        )
    return out.getvalue()


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _jira_time(at: int) -> str:
    moment = datetime.fromtimestamp(at // 1_000_000, tz=UTC)
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    # The month's name is written here, for strftime's depends on the machine's language.
    return f"{moment.day:02d}/{_MONTHS[moment.month - 1]}/{moment.year % 100:02d} {hour:02d}:{moment.minute:02d} {half}"
