"""What follows from one ticket of a JSON export?

A ticket, its changes, the systems it names and its links, written in one way whatever tracker they come from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...identity import key
from ..moments import Clock, Moment

if TYPE_CHECKING:
    from datetime import datetime

    from ..ledger import Sink
    from ..readers import Record

LINK_TYPES = (
    (r"block", "blocks", "blocked_by"),
    (r"depend", "blocked_by", "blocks"),
    (r"caus|problem|incident", "caused_by", "caused_by"),
    (r"duplicat|clone", "duplicate", "duplicate"),
    (r"parent|child|epic|subtask|split", "parent", "parent"),
)
"""What a link is called, and which link that is seen from the ticket that has it, outward and inward."""


_TO_PEOPLE = frozenset(("person", "escalation", "notification"))


def link_type(name: str, *, outward: bool) -> str:
    """Return the kind of a link by what a tracker calls it.

    Examples
    --------
    >>> link_type("Blocks", outward=True), link_type("Blocks", outward=False), link_type("Relates", outward=True)
    ('blocks', 'blocked_by', 'relates')
    """
    for pattern, out, back in LINK_TYPES:
        if re.search(pattern, name, re.IGNORECASE):
            return out if outward else back
    return "relates"


@dataclass(frozen=True)
class Desk:
    """Writes the tickets of one file."""

    sink: Sink
    platform: str

    @cached_property
    def clock(self) -> Clock:
        """Reads the times of the file."""
        return Clock(timezone=self.sink.timezone)

    def moment(self, value: Any, record: Record, uid: int | None = None) -> datetime | None:
        """Return a time in UTC; what had to be assumed to know it is flagged."""
        read: Moment | None = self.clock.read(value)
        if read is None:
            if value not in (None, ""):
                self.sink.flag("tickets", uid, "unreadable_value", f"{value!r} is no time", record)
            return None
        if read.flag is not None:
            self.sink.flag("tickets", uid, read.flag, read.detail or repr(value), record)
        return read.at

    def uid(self, ticket_id: str) -> int:
        """Return the key of a ticket."""
        return key("tickets", self.platform, ticket_id)

    def ticket(self, record: Record, row: dict[str, Any], *, primary: bool = True) -> int:
        """Write a ticket, and return its key; `primary` where the record is the ticket and not a change of it."""
        row = {name: value for name, value in row.items() if value not in (None, "", {}, [])}
        row["platform"] = self.platform
        row["person"] = self.sink.person(row.get("person"))
        return (self.sink.load if primary else self.sink.add)(record, "tickets", row)

    def event(
        self,
        record: Record,
        ticket_id: str,
        *,
        at: datetime | None,
        field: str,
        new: Any = None,
        old: Any = None,
        actor: str | None = None,
        human: bool | None = None,
        sequence: int = 0,
        basis: str = "changelog",
        worked_s: float | None = None,
        primary: bool = False,
    ) -> None:
        """Write one change of a ticket; `primary` where the record is the change and not the ticket."""
        person = self.sink.person if field in _TO_PEOPLE else _same
        row = {
            "ticket_uid": self.uid(ticket_id),
            "changed_at": at,
            "sequence": sequence,
            "field": field,
            "old_value": person(_text(old)),
            "new_value": person(_text(new)),
            "actor": self.sink.person(actor),
            "actor_kind": None if human is None else "human" if human else "automation",
            "worked_s": worked_s,
            "basis": basis,
        }
        told = (row["ticket_uid"], at, field, row["old_value"], row["new_value"], worked_s)
        row["event_uid"] = key("ticket_events", *(None if part is None else str(part) for part in told))
        if primary:
            self.sink.load(record, "ticket_events", row)
        else:
            self.sink.add(record, "ticket_events", row)

    def system(
        self,
        record: Record,
        ticket_id: str,
        name: str | None,
        *,
        role: str,
        at: datetime | None,
        evidence: str,
        confidence: float,
    ) -> None:
        """Write that a ticket names a system."""
        if name:
            row = {
                "ticket_uid": self.uid(ticket_id),
                "system": name,
                "role": role,
                "named_at": at,
                "evidence": evidence,
                "confidence": confidence,
            }
            self.sink.add(record, "ticket_systems", row)

    def link(self, record: Record, ticket_id: str, other: str | None, *, kind: str, outward: bool) -> None:
        """Write a link between tickets."""
        if other:
            row = {"ticket_uid": self.uid(ticket_id), "other_id": other, "link_type": kind, "outward": outward}
            self.sink.add(record, "ticket_links", row)


def _same(value: str | None) -> str | None:
    return value


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
