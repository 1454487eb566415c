"""GitHub Actions: runs, jobs and steps; re-runs; two interfaces with two spellings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics as ha

if TYPE_CHECKING:
    from pathlib import Path


def run(**more: Any) -> dict[str, Any]:
    return {
        "id": 501, "run_number": 12, "workflow_id": 9, "name": "deploy", "run_attempt": 1, "status": "completed",
        "conclusion": "failure", "event": "schedule", "head_sha": "c0ffee", "head_branch": "main",
        "created_at": "2026-01-05T08:00:00Z", "run_started_at": "2026-01-05T08:00:05Z", "updated_at": "2026-01-05T08:20:00Z",
        "actor": {"login": "ann"}, "repository": {"full_name": "shop/erp"}, **more,
    }  # fmt: skip


def job(number: int, name: str, start: int, end: int, conclusion: str = "success", **more: Any) -> dict[str, Any]:
    steps = [{"name": "Set up", "number": 1, "status": "completed", "conclusion": "success"}]
    steps += [{"name": "Work", "number": 2, "status": "completed", "conclusion": conclusion}]
    for step in steps:
        step |= {
            "started_at": f"2026-01-05T16:{start:02}:00.000+08:00",
            "completed_at": f"2026-01-05T16:{end:02}:00.000+08:00",
        }
    return {
        "id": number, "run_id": 501, "name": name, "workflow_name": "deploy", "status": "completed", "conclusion": conclusion,
        "started_at": f"2026-01-05T08:{start:02}:00Z", "completed_at": f"2026-01-05T08:{end:02}:00Z", "head_sha": "c0ffee",
        "runner_name": "runner-3", "steps": steps, **more,
    }  # fmt: skip


def loaded(folder: Path, *values: Any, **options: Any) -> ha.History:
    paths = []
    for place, value in enumerate(values):
        path = folder / f"{place}.json"
        path.write_text(json.dumps(value))
        paths.append(path)
    return ha.load(paths, quiet=True, **options)


def test_completed_is_not_success_and_a_rerun_is_another_run(tmp_path: Path) -> None:
    again = run(run_attempt=2, status="COMPLETED", conclusion="SUCCESS", updated_at="2026-01-05T09:00:00Z")
    queued = run(id=502, status="queued", conclusion="")
    found = loaded(tmp_path, {"total_count": 3, "workflow_runs": [run(), again, queued]})
    assert found.sql("SELECT run_id, technical_status, retry_of, trigger_kind FROM runs ORDER BY run_id").rows() == [
        ("501", "error", None, "schedule"), ("501#2", "ok", "501", "schedule"), ("502", "running", None, "schedule")
    ]  # fmt: skip
    assert found.quality.filter(flag="end_assumed")["doubtful"].to_list() == [2]
    assert "ann" not in json.dumps(found.sql("SELECT triggered_by FROM runs").rows())


def test_jobs_hand_over_and_their_steps_do_not(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, {"jobs": [job(1, "build", 1, 5), job(2, "deploy", 6, 9, "failure")]}, {"workflow_runs": [run()]}
    )
    assert found.loads["format"].to_list() == ["github_jobs", "github_runs"]
    assert found.sql("SELECT name, kind, status, status_message FROM spans ORDER BY start_us, span_id").rows() == [
        ("build", "step", "ok", None), ("Set up", "internal", "ok", None), ("Work", "internal", "ok", None),
        ("deploy", "step", "error", "step Work"), ("Set up", "internal", "ok", None), ("Work", "internal", "error", None),
    ]  # fmt: skip
    pairs = found.sql("SELECT source, target FROM crossings WHERE channel = 'step'").rows()
    assert ("build", "deploy") in pairs
    assert len(found.sql("SELECT DISTINCT trace_id FROM spans")) == 1


def test_webhooks_are_opened_and_skipped_jobs_flagged(tmp_path: Path) -> None:
    hook = {
        "action": "completed",
        "workflow_job": job(3, "late", 9, 8, "skipped"),
        "repository": {"full_name": "shop/erp"},
    }
    found = loaded(tmp_path, hook)
    assert found.sql("SELECT status FROM spans WHERE kind = 'step'").item() == "skipped"
    assert "negative_duration" in found.quality["flag"].to_list()


def test_broken_records_are_rejected_and_jobs_that_never_began_skipped(tmp_path: Path) -> None:
    waiting = job(4, "never", 1, 2, started_at=None, created_at=None, status="queued", conclusion=None)
    broken = job(5, "odd", 1, 2, started_at="yesterday")
    found = loaded(tmp_path, {"jobs": [job(1, "build", 1, 5), waiting, broken, 7]}, on_reject="keep")
    assert found.loads.select("seen", "loaded", "rejected", "skipped").row(0) == (4, 1, 2, 1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("together", [True, False])
def test_what_was_said_of_a_job_before_it_ended_gives_way(
    tmp_path: Path, order: tuple[int, ...], together: bool
) -> None:
    done = job(7, "build", 10, 12, "failure")
    running = done | {"status": "in_progress", "conclusion": None, "completed_at": None, "steps": done["steps"][:1]}
    queued = running | {"status": "queued", "started_at": "2026-01-05T08:09:00Z", "steps": []}
    told = [{"action": one["status"], "workflow_job": one, "repository": {"full_name": "a/b"}} for one in (queued, running, done)]  # fmt: skip
    told = [told[place] for place in order]
    found = loaded(tmp_path, told) if together else loaded(tmp_path, *told)
    query = "SELECT name, status, count(*) FROM spans WHERE parent_span_id IS NULL GROUP BY ALL"
    assert found.sql(query).rows() == [("build", "error", 1)]
    loads = found.loads
    assert loads["seen"].sum() == 3
    assert loads["loaded"].sum() + loads["duplicate"].sum() == 3
    assert found.quality.filter(flag="duplicate_id").is_empty()
