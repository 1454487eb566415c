"""Which part of a history may a measure see?"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from .errors import ArgumentError

# The column of each table that the time window of a scope applies to.
_TIMES = {
    "crossings": "started_at",
    "failures": "failed_at",
    "cascades": "failed_at",
    "silent_findings": "occurred_at",
    "recoveries": "opened_at",
    "attention": "opened_at",
    "tickets": "opened_at",
    "runs": "started_at",
    "spans": "started_at",
    "log_records": "logged_at",
    "outcomes": "checked_at",
}
# The columns by which a scope narrows a table; a table without the column is left whole.
_FILTERS = {
    "crossings": ("source", "target", "channel", "workflow", "platform"),
    "failures": ("source", "target", "channel", "workflow", "platform", "handoff_type"),
    "silent_findings": ("source", "target", "channel", "workflow"),
    "recoveries": ("source", "target", "channel"),
    "handoffs": ("source", "target", "channel"),
    "runs": ("workflow",),
}
_OWNED = {"crossings", "failures", "silent_findings", "recoveries", "handoffs"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a history a measure may see; null means all."""

    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None
    target: str | None = None
    channel: str | None = None
    workflow: str | None = None
    platform: str | None = None
    handoff_type: str | None = None
    team: str | None = None
    weeks: tuple[tuple[datetime, datetime], ...] | None = None
    """Mondays: each week that is seen, and the week at whose place it is seen; one may be seen several times."""

    def condition(self, table: str) -> tuple[str, dict[str, Any]]:
        """Return the scope of one table as an SQL condition and its parameters; an empty one means no limit."""
        terms: list[str] = []
        values: dict[str, Any] = {}
        if (moment := _TIMES.get(table)) is not None:
            if self.since is not None:
                terms.append(f"{moment} >= $scope_since")
                values["scope_since"] = self.since
            if self.until is not None:
                terms.append(f"{moment} < $scope_until")
                values["scope_until"] = self.until
        for column in _FILTERS.get(table, ()):
            if (wanted := getattr(self, column)) is not None:
                terms.append(f"{column} = $scope_{column}")
                values[f"scope_{column}"] = wanted
        if self.team is not None and table in _OWNED:
            owned = "(SELECT name FROM main.systems WHERE team = $scope_team)"
            terms.append(f"(source IN {owned} OR target IN {owned})")
            values["scope_team"] = self.team
        if self.team is not None and table == "tickets":
            terms.append("team = $scope_team")
            values["scope_team"] = self.team
        return " AND ".join(terms), values

    def over(self, text: str) -> tuple[str, dict[str, Any]]:
        """Return a query with every table that it names narrowed to the scope, and the parameters of that.

        Parameters
        ----------
        text
            One SELECT.
        """
        overlays: list[str] = []
        values: dict[str, Any] = {}
        for table in sorted(set(_TIMES) | set(_FILTERS)):
            if not re.search(rf"\b{table}\b", text):
                continue
            condition, wanted = self.condition(table)
            seen = f"main.{table}"
            if self.weeks is not None and table in _TIMES:
                seen, condition = f"({self._drawn(table)}) AS seen", condition or "TRUE"
                values |= {"scope_weeks": [week for week, _ in self.weeks]}
                values |= {"scope_places": [place for _, place in self.weeks]}
            if condition:
                overlays.append(f"{table} AS (SELECT * FROM {seen} WHERE {condition})")
                values |= wanted
        if not overlays:
            return text, values
        return f"WITH {', '.join(overlays)} SELECT * FROM ({text}\n)", values

    @staticmethod
    def _drawn(table: str) -> str:
        """Return the rows of the weeks that are seen, each moved to the place where it is seen."""
        at = _TIMES[table]
        return f"""
            SELECT t.* REPLACE (t.{at} + (drawn.place - drawn.week) AS {at})
            FROM main.{table} AS t
            JOIN (SELECT unnest($scope_weeks) AS week, unnest($scope_places) AS place) AS drawn
                ON drawn.week = date_trunc('week', t.{at})
        """

    def __str__(self) -> str:
        """Say the scope in words, for titles and footers."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "weeks"}
        parts = [f"{name} {value}" for name, value in told.items() if value is not None]
        if self.weeks is not None:
            parts.append(f"{len(self.weeks)} weeks drawn")
        return ", ".join(parts) or "all of the history"


def moment(value: str | date) -> datetime:
    """Read a bound of a window: UTC unless it says otherwise, and stored without a zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as fault:
            raise ArgumentError(f"{value!r} is no time. Write it like 2026-01-31 or 2026-01-31T09:00.") from fault
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - times of a history are UTC without a zone
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
