"""Airflow, versions 1 to 3: runs and tries of tasks, and what never ran."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest

import handoff_analytics as ha


def task(name: str, minute: int = 0, *, state: str | None = "success", **more: Any) -> dict[str, Any]:
    return {
        "dag_id": "nightly", "dag_run_id": "scheduled__2026-01-05", "task_id": name, "state": state, "try_number": 1,
        "map_index": -1, "operator": "SnowflakeOperator", "duration": 30.0, "queued_when": f"2026-01-05T08:0{minute}:00+00:00",
        "start_date": f"2026-01-05T08:0{minute}:10+00:00", "end_date": f"2026-01-05T08:0{minute}:40+00:00", "hostname": "w1",
        **more,
    }  # fmt: skip


def run(**more: Any) -> dict[str, Any]:
    return {
        "dag_id": "nightly", "dag_run_id": "scheduled__2026-01-05", "state": "success", "run_type": "scheduled",
        "start_date": "2026-01-05T08:00:00+00:00", "end_date": "2026-01-05T09:00:00+00:00", **more,
    }  # fmt: skip


def load(folder: Path, content: Any, **options: Any) -> ha.History:
    path = folder / "airflow.json"
    path.write_text(json.dumps(content))
    history = ha.load(path, quiet=True, **options)
    load = history.loads.row(0, named=True)
    assert load["format"] == "airflow"
    assert load["seen"] == load["loaded"] + load["rejected"] + load["duplicate"] + load["skipped"]
    return history


@pytest.mark.parametrize(
    "version",
    [
        {"execution_date": "2026-01-05T00:00:00+00:00", "logical_date": "2026-01-05T00:00:00+00:00"},
        {"logical_date": "2026-01-05T00:00:00Z", "data_interval_start": "2026-01-04T00:00:00Z"},
        {"logical_date": None, "run_after": "2026-01-05T00:00:00Z"},
    ],
)
def test_runs_of_every_version(tmp_path: Path, version: dict[str, Any]) -> None:
    history = load(tmp_path, {"dag_runs": [run(**version)], "total_entries": 1})
    assert history.sql("SELECT run_id, workflow, technical_status, duration_us FROM runs").rows() == [
        ("nightly/scheduled__2026-01-05", "nightly", "ok", 3_600_000_000)
    ]


def test_a_run_without_id_is_known_by_its_date(tmp_path: Path) -> None:
    old = run(execution_date="2026-01-05T00:00:00+00:00")
    del old["dag_run_id"]
    assert load(tmp_path, [old]).sql("SELECT run_id FROM runs").item() == "nightly/2026-01-05T00:00:00+00:00"


def test_every_try_of_a_task_is_a_step(tmp_path: Path) -> None:
    tries = [
        task("post", state="failed"),
        task("post", 2, try_number=2, state="up_for_retry"),
        task("post", 4, try_number=3),
    ]
    history = load(tmp_path, {"task_instances": tries})
    assert history.sql("SELECT name, attempt, status FROM spans ORDER BY start_us").rows() == [
        ("post", 1, "error"),
        ("post", 2, "running"),
        ("post", 3, "ok"),
    ]


def test_mapped_tasks_are_steps_of_their_own(tmp_path: Path) -> None:
    history = load(tmp_path, {"task_instances": [task("load", map_index=n) for n in (0, 1)]})
    assert history.sql("SELECT name FROM spans ORDER BY name")["name"].to_list() == ["load[0]", "load[1]"]


def test_what_never_ran_keeps_why(tmp_path: Path) -> None:
    never = {"start_date": None, "end_date": None, "duration": None}
    tasks = [
        task("extract", state="failed"),
        task("post", state="upstream_failed", **never),
        task("other", state="skipped", **never, queued_when=None),
        task("later", state=None, **never, queued_when=None),
    ]
    history = load(tmp_path, {"task_instances": tasks})
    assert history.sql("SELECT name FROM spans")["name"].to_list() == ["extract"]
    told = history.sql("SELECT last_step, technical_status, attributes->>'state' AS why FROM runs ORDER BY ALL").rows()
    assert ("post", "skipped", "upstream_failed") in told
    assert history.loads["skipped"].item() == 2


def test_tasks_and_runs_meet_in_one_run(tmp_path: Path) -> None:
    load_both = {"dag_runs": [run()], "x": 1}
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps({"task_instances": [task("extract"), task("load", 1, operator="PythonOperator")]}))
    history = load(tmp_path, load_both)
    history = ha.load(path, into=history, quiet=True)
    runs = history.sql("SELECT DISTINCT s.run_id FROM spans AS s JOIN runs AS r USING (run_id)")
    assert runs.rows() == [("nightly/scheduled__2026-01-05",)]
    assert history.sql("SELECT system FROM spans ORDER BY name")["system"].to_list() == ["SnowflakeOperator", "airflow"]


def test_a_running_task_has_no_end(tmp_path: Path) -> None:
    history = load(tmp_path, {"task_instances": [task("load", state="running", end_date=None, duration=None)]})
    assert history.sql("SELECT status, duration_us FROM spans").row(0) == ("running", None)


def test_an_unknown_state_is_unset_and_flagged_and_a_broken_time_rejected(tmp_path: Path) -> None:
    tasks = [
        task("a", state="odd"),
        task("b", start_date="soon"),
        {"dag_id": "nightly", "state": "success", "try_number": 1},
    ]
    history = load(tmp_path, {"task_instances": tasks}, on_reject="keep")
    assert history.sql("SELECT status FROM spans").item() == "unset"
    assert "unknown_status" in history.quality["flag"].to_list()
    assert history.rejects["json_pointer"].to_list()[0] == "/task_instances/1"
