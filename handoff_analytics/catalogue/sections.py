"""What can a catalogue say?

One struct a table of the file; `declarations.declared` refuses whatever is not here.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads the annotations
from typing import Literal

import msgspec

from ..vocabulary import Channel, HandoffType  # noqa: TC001 - msgspec reads the annotations

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHARES = ("rate_reduction", "magnitude_reduction", "detection_reduction", "propagation_reduction")

Range = float | tuple[float, float, float]
Platform = Literal["ipaas", "low_code", "custom", "orchestrator"]
CostCategory = Literal[
    "debugging",
    "manual_intervention",
    "data_cleanup",
    "customer_support",
    "opportunity",
    "customer_impact",
    "regulatory",
    "productivity",
]


class Table(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Base of every table of a catalogue: its keys are all there are."""


class Head(Table, kw_only=True, frozen=True):
    """What the file is: its name, and the currency of its amounts."""

    format: Literal[1] = 1
    name: str | None = None
    currency: str | None = None
    description: str | None = None


class System(Table, kw_only=True, frozen=True):
    """A system: named as its telemetry names it, with the other names it goes by."""

    name: str
    team: str | None = None
    platform: Platform | None = None
    type: (
        Literal[
            "service",
            "database",
            "queue",
            "external_api",
            "saas_app",
            "workflow_step",
            "human_team",
            "file_store",
        ]
        | None
    ) = None
    criticality: Literal["low", "medium", "high", "critical"] | None = None
    namespace: str | None = None
    aliases: list[str] = []


class Handoff(Table, kw_only=True, frozen=True):
    """A boundary that should be there, and what was agreed for it."""

    source: str
    target: str
    channel: Channel | None = None
    mechanism: Literal["api", "transfer", "shared_database", "file", "asynchronous"] | None = None
    format: str | None = None
    timing_seconds: float | None = None
    timeout_seconds: float | None = None
    errors: list[str] = []
    rollback: str | None = None
    transaction_model: Literal["acid", "saga", "compensation", "idempotent", "none"] | None = None
    authority: str | None = None
    owner: str | None = None
    per_day: float | None = None
    workflow: str | None = None
    value: float | None = None


class Rule(Table, kw_only=True, frozen=True, tag_field="kind"):
    """What a good outcome is; `kind` says how it is checked."""

    name: str


class BodyRule(Rule, kw_only=True, frozen=True, tag="body"):
    """A field of the answer must not hold one of these values, whatever the status says."""

    source: str | None = None
    target: str | None = None
    field: str
    bad: list[str | float | bool]


class FieldsRule(Rule, kw_only=True, frozen=True, tag="fields"):
    """What was sent in one field must be stored in another."""

    source: str
    target: str
    sent: str
    stored: str


class OutcomeRule(Rule, kw_only=True, frozen=True, tag="outcome"):
    """A check that another system recorded must have passed."""

    source: str
    target: str
    check: str


class ReconcileRule(Rule, kw_only=True, frozen=True, tag="reconcile"):
    """Two systems must agree in number or sum, window by window."""

    left: str
    right: str
    what: Literal["count", "sum"] = "count"
    tolerance: float = 0.0
    window: Literal["hour", "day", "week", "month"] = "day"


class ContinuationRule(Rule, kw_only=True, frozen=True, tag="continuation"):
    """After the source, the target must follow in time."""

    source: str
    target: str
    within_seconds: float


class Cost(Table, kw_only=True, frozen=True):
    """The price of one unit or event."""

    category: CostCategory
    low: float | None = None
    likely: float
    high: float | None = None
    unit: str
    basis: Literal["measured", "derived", "assumed"] = "assumed"
    reference: str | None = None


class Hours(Table, kw_only=True, frozen=True):
    """When people work."""

    timezone: str
    open: str
    close: str
    days: list[str] = msgspec.field(default_factory=lambda: list(DAYS[:5]))
    holidays: list[date] = []


class Costs(Table, kw_only=True, frozen=True):
    """Hourly rates by role, prices by item, and the working hours."""

    role: dict[str, Range] = {}
    item: dict[str, Cost] = {}
    calendar: Hours | None = None


class Target(Table, kw_only=True, frozen=True):
    """Kind of failure that a measure prevents."""

    type: HandoffType
    mode: str | None = None


class Measure(Table, kw_only=True, frozen=True):
    """A prevention: what it costs, how long it lasts, and what it prevents."""

    name: str
    title: str | None = None
    category: Literal["auditing", "error_handling", "monitoring", "training"]
    targets: list[Target] = []
    handoffs: list[str] = []
    one_off: Range = 0.0
    yearly: Range = 0.0
    life_years: float = 3.0
    ramp_up_months: float = 0.0
    rate_reduction: Range = 0.0
    magnitude_reduction: Range = 0.0
    detection_reduction: Range = 0.0
    propagation_reduction: Range = 0.0
    overlap_group: str | None = None
    requires: list[str] = []
    excludes: list[str] = []
    team: str | None = None
    days: float = 0.0


class File(Table, kw_only=True, frozen=True):
    """A whole catalogue."""

    catalogue: Head = Head()
    system: list[System] = []
    handoff: list[Handoff] = []
    outcome: list[BodyRule | FieldsRule | OutcomeRule | ReconcileRule | ContinuationRule] = []
    costs: Costs = Costs()
    measure: list[Measure] = []


def spread(value: Range) -> tuple[float, float, float]:
    """Return low, likely and high; a single number is all three."""
    return value if isinstance(value, tuple) else (value, value, value)
