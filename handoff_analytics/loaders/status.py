"""Did it succeed, in one vocabulary?

Platforms have dozens of words for it. An unknown word is `unset`, never `ok`: the caller flags it.
"""

from __future__ import annotations

from ..vocabulary import Status

_WORDS = {
    Status.OK: "ok success succeeded completed complete finished done passed pass status_code_ok true",
    Status.ERROR: "error failed failure fail crashed startup_failure action_required faulted fault unstable throttle "
    "status_code_error false",
    Status.TIMEOUT: "timeout timed_out timedout",
    Status.CANCELLED: "cancelled canceled aborted stale killed terminated",
    Status.SKIPPED: "skipped neutral upstream_failed ignored discarded filtered",
    Status.RUNNING: "running in_progress queued waiting pending requested inprocess new suspended scheduled "
    "up_for_retry",
    Status.UNSET: "unset status_code_unset",
}
_STATUS = {word: status for status, words in _WORDS.items() for word in words.split()}


def normalised(value: object) -> Status | None:
    """Return the status that a platform's word means; null for a word that nobody knows (store unset, and flag it)."""
    word = str(value).strip().lower().replace(" ", "_").replace("-", "_")
    if word in _STATUS:
        return _STATUS[word]
    for suffix, status in (
        ("timed_out", Status.TIMEOUT), ("timedout", Status.TIMEOUT), ("canceled", Status.CANCELLED),
        ("cancelled", Status.CANCELLED), ("succeeded", Status.OK), ("completed", Status.OK), ("failed", Status.ERROR),
    ):  # fmt: skip
        if word.endswith(suffix):
            return status
    return None
