"""How far is a ticket, and how urgent, in one vocabulary?

Every tracker has words of its own for both. A word that nobody knows is null, never a guess.
"""

from __future__ import annotations

import re

CATEGORIES = ("open", "in_progress", "waiting", "resolved", "closed", "cancelled")
_WORDS = {
    "open": "new open opened reopened to_do todo backlog triggered triage unassigned received submitted registered "
    "draft investigating reported identified selected_for_development requested",
    "in_progress": "in_progress active work_in_progress wip assigned in_review review acknowledged acked ack working "
    "started in_development in_testing testing monitoring mitigated fixing implement implementing escalated doing",
    "waiting": "on_hold hold pending waiting blocked suspended snoozed paused deferred stalled",
    "resolved": "resolved solved fixed done completed complete verified verifying postmortem",
    "closed": "closed archived final ended finished",
    "cancelled": "cancelled canceled rejected declined wont_fix won't_fix duplicate invalid merged deleted withdrawn "
    "closed_incomplete closed_skipped",
}
_STAGES = {word: stage for stage, words in _WORDS.items() for word in words.split()}
_BEGINNINGS = (
    ("awaiting", "waiting"), ("waiting", "waiting"), ("pending", "waiting"), ("on_hold", "waiting"),
    ("cancel", "cancelled"), ("closed", "closed"), ("close", "closed"), ("resolved", "resolved"),
    ("in_", "in_progress"), ("work_in", "in_progress"), ("ready_for", "in_progress"), ("under_", "in_progress"),
)  # fmt: skip
_PRIORITIES = {
    1: "critical blocker highest urgent emergency sev1 p1 1 very_high immediate show_stopper p0 sev0",
    2: "high major sev2 p2 2 important",
    3: "medium moderate normal sev3 p3 3 average default",
    4: "low minor sev4 p4 4",
    5: "lowest trivial planning very_low info informational sev5 p5 5 none",
}
_LEVELS = {word: level for level, words in _PRIORITIES.items() for word in words.split()}


def _plain(text: str) -> str:
    return re.sub(r"[\s\-]+", "_", text.strip().lower())


def stage(state: str | None) -> str | None:
    """Return open, in_progress, waiting, resolved, closed or cancelled; null for a word that nobody knows.

    Examples
    --------
    >>> stage("Work in Progress"), stage("Awaiting Vendor"), stage("-100")
    ('in_progress', 'waiting', None)
    """
    if state is None:
        return None
    word = _plain(state)
    if word in _STAGES:
        return _STAGES[word]
    return next((found for beginning, found in _BEGINNINGS if word.startswith(beginning)), None)


def priority(text: str | None) -> int | None:
    """Return a priority from 1, the highest, to 5; null for a word that nobody knows.

    Examples
    --------
    >>> priority("3 - Moderate"), priority("P1"), priority("Blocker"), priority("unknown")
    (3, 1, 1, None)
    """
    if text is None:
        return None
    word = _plain(text)
    if word in _LEVELS:
        return _LEVELS[word]
    leading = re.match(r"(?:p|sev|priority_)?_?([1-5])(?:\D|$)", word)
    if leading:
        return int(leading[1])
    return next((_LEVELS[part] for part in word.split("_") if part in _LEVELS), None)
