"""What do the words mean?

Every other module, every table and every chart takes its words from here; each value says what it means.
"""

from enum import StrEnum


class HandoffType(StrEnum):
    """The five critical kinds of handoff failure, and the honest sixth."""

    DATA_VALIDATION = "data_validation"
    """The receiver cannot use what was sent: schema, format, encoding, size or contract version differ."""
    AUTHENTICATION = "authentication"
    """The receiver does not accept who asks: credentials expired, wrong, or of too small a scope."""
    ERROR_PROPAGATION = "error_propagation"
    """An error, a delay or an overload on one side is not handled by the other: timeouts, limits, outages, cycles."""
    STATE_SYNC = "state_sync"
    """Two systems disagree about one thing: conflicts, duplicates, missing references, wrong order, lag, loss."""
    ROLLBACK_RECOVERY = "rollback_recovery"
    """Undoing or repeating failed: rollbacks, compensations, retries and dead letters left it inconsistent."""
    UNCLASSIFIED = "unclassified"
    """No rule says; never a guess."""


class Channel(StrEnum):
    """How one system hands work to another."""

    HTTP = "http"
    RPC = "rpc"
    MESSAGING = "messaging"
    DATABASE = "database"
    FILE = "file"
    STEP = "step"
    """One step of a workflow run gives its result to the next."""
    HUMAN = "human"
    """One team hands a ticket to another."""
    UNKNOWN = "unknown"


class Status(StrEnum):
    """What the telemetry says of an operation. An unknown value is `unset`, never `ok`."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    RUNNING = "running"
    UNSET = "unset"
    """No error recorded; OpenTelemetry's default. Counts as no failure, but is not called a success."""


class SpanKind(StrEnum):
    """The role of a span, in OpenTelemetry's words, and two of our own for runs and tickets."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    STEP = "step"
    """A step, activity or task of a workflow run."""
    HUMAN = "human"


class Origin(StrEnum):
    """Where a failed crossing began."""

    BOUNDARY = "boundary"
    """At this handoff: rejected, never arrived, answered too late, unreadable or lost."""
    INSIDE = "inside"
    """Inside the receiving system, with nothing failing below it."""
    PROPAGATED = "propagated"
    """Further down: a call that the receiver made failed first. Not counted here."""


class Fate(StrEnum):
    """What became of a failed crossing."""

    SURFACED = "surfaced"
    """The caller failed too."""
    MASKED = "masked"
    """A later attempt of the same logical call succeeded."""
    HANDLED = "handled"
    """The caller went on through a fallback or a compensation that is on record."""
    SWALLOWED = "swallowed"
    """The caller went on as if nothing had happened: a candidate for a silent failure."""


class Side(StrEnum):
    """Which side of the handoff has to change."""

    CALLER = "caller"
    BOUNDARY = "boundary"
    CALLEE = "callee"
    BOUNDARY_OR_CALLEE = "boundary_or_callee"
    """The receiver sends no telemetry, so the two cannot be told apart."""


class Basis(StrEnum):
    """Where a number of money or time comes from."""

    MEASURED = "measured"
    DERIVED = "derived"
    """Computed from measured quantities by a stated rule."""
    ASSUMED = "assumed"
    """Given by a person, as a range."""


class Confidence(StrEnum):
    """How far an inferred handoff can be trusted."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


UNDOING = r"(?i)^delete\b|cancel|compensat|refund|revers|revert|roll.?back|release|undo|void"
"""Pattern (RE2) of what the operation of a compensation is called; catalogues and code agree on few words for it."""
