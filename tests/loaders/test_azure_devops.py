"""Which stages, jobs and tasks does the timeline of an Azure DevOps pipeline hold?"""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

from benches import Bench

ADDRESS = "https://dev.azure.com/acme/1/_apis/build/builds/12"


def record(key: str, kind: str, parent: str | None, second: int | None, **more: Any) -> dict[str, Any]:
    return {
        "id": key, "parentId": parent, "type": kind, "name": f"{kind} {key}", "order": 1, "attempt": 1,
        "startTime": None if second is None else f"2026-01-05T10:00:{second:02}.1234567Z",
        "finishTime": None if second is None else f"2026-01-05T10:00:{second + 5:02}.1234567Z",
        "state": "completed", "result": "succeeded", "workerName": "agent-1", "percentComplete": None, "task": None,
        "log": {"id": 1, "url": f"{ADDRESS}/logs/1"}, "issues": [], "previousAttempts": [],
    } | more  # fmt: skip


RECORDS = [
    record("S1", "Stage", None, 0),
    record("J1", "Job", "S1", 0),
    record("T1", "Task", "J1", 1, result="succeededWithIssues", task={"name": "Bash"}, issues=[{"message": "old"}]),
    record("J2", "Job", "S1", 10, result="failed", issues=[{"type": "error", "message": "no licence"}]),
    record("T2", "Task", "J2", None, state="pending", result=None, log=None),
]
TIMELINE = {
    "records": RECORDS,
    "lastChangedOn": "2026-01-05T10:01:00Z",
    "id": "t",
    "changeId": 9,
    "url": f"{ADDRESS}/Timeline/t",
}


def test_jobs_hand_over_and_what_is_in_them_does_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    sink = bench.load(json.dumps(TIMELINE))
    assert (bench.format, sink.counts["loaded"], sink.counts["skipped"]) == ("azure_devops_timeline", 4, 1)
    assert bench.rows("SELECT name, kind, channel, status, status_message, run_id FROM spans ORDER BY span_id") == [
        ("Job J1", "step", "step", "ok", None, "12"),
        ("Job J2", "step", "step", "error", "no licence", "12"),
        ("Stage S1", "internal", None, "ok", None, "12"),
        ("Task T1", "internal", None, "ok", "old", "12"),
    ]
    assert bench.one("spans", "duration_us", "host", where="name = 'Job J2'") == (5_000_000, "agent-1")


def test_a_timeline_is_of_the_build_that_any_address_names(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.load(json.dumps({name: value for name, value in TIMELINE.items() if name != "url"}))
    assert bench.rows("SELECT DISTINCT run_id FROM spans") == [("12",)]
    lines = Bench(tmp_path)
    sink = lines.load("\n".join(json.dumps(one | {"log": None}) for one in RECORDS))
    assert (sink.counts["rejected"], sink.counts["skipped"]) == (4, 1)
    assert lines.rows("SELECT DISTINCT code, column_name FROM rejects") == [("MISSING", "url")]


def test_builds_and_their_timelines_meet(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    build = {
        "id": 12, "buildNumber": "1.2", "definition": {"name": "ship"}, "queueTime": "2026-01-05T10:00:00Z",
        "startTime": "2026-01-05T10:00:00Z", "finishTime": "2026-01-05T10:01:00Z", "result": "failed",
    }  # fmt: skip
    bench.load(json.dumps({"value": [build]}))
    bench.load(json.dumps(TIMELINE))
    assert bench.rows("SELECT DISTINCT r.workflow FROM runs AS r JOIN spans AS s USING (run_id)") == [("ship",)]


def test_what_is_no_record_is_rejected_and_an_unknown_result_flagged(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    odd = [
        RECORDS[0],
        record("J3", "Job", None, 1, result="partly"),
        {"no": 1},
        record("J4", "Job", None, 1, startTime="soon"),
    ]
    sink = bench.load(json.dumps(TIMELINE | {"records": odd}))
    assert (sink.counts["loaded"], sink.counts["rejected"], sink.flags["unknown_status"]) == (2, 2, 1)
    assert bench.one("spans", "status", where="name = 'Job J3'") == ("unset",)
