"""Runs of workflows become runs, and their steps spans that hand work to each other."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import handoff_analytics as ha


def n8n(**more: Any) -> dict[str, Any]:
    def step(at: int, index: int, before: str | None, **extra: Any) -> list[dict[str, Any]]:
        row = {
            "startTime": 1_767_600_000_000 + at,
            "executionTime": 40,
            "executionIndex": index,
            "executionStatus": "success",
        }
        row |= {"source": [{"previousNode": before}] if before else [], "data": {"main": [[{"json": {}}]]}}
        return [row | extra]

    hidden = {"data": {"main": [[{"json": {"error": "invalid login"}}]]}}
    run = {"Form": step(0, 0, None), "CRM": step(50, 1, "Form"), "Mail": step(100, 2, "CRM", **hidden)}
    nodes = [{"name": name, "type": f"n8n-nodes-base.{name.lower()}"} for name in run]
    return {
        "id": 7, "finished": True, "mode": "webhook", "workflowId": "w1", "startedAt": "2026-01-05T08:00:00.000Z",
        "stoppedAt": "2026-01-05T08:00:00.150Z", "status": "success", "customData": {"lead": "L-1"},
        "workflowData": {"name": "leads", "nodes": nodes}, "data": {"resultData": {"runData": run}}, **more,
    }  # fmt: skip


def loaded(folder: Path, content: Any) -> ha.History:
    path = folder / "runs.json"
    path.write_text(json.dumps(content))
    return ha.load(path, quiet=True)


def test_an_n8n_execution_is_a_run_whose_nodes_hand_over(tmp_path: Path) -> None:
    history = loaded(tmp_path, {"data": [n8n()]})
    assert history.sql(
        "SELECT run_id, workflow, technical_status, business_status, failed_step, correlation_id FROM runs"
    ).rows() == [("7", "leads", "ok", "failed", "Mail", "L-1")]
    assert history.sql("SELECT name, status, business_status FROM spans ORDER BY start_us").rows() == [
        ("Form", "ok", None), ("CRM", "ok", None), ("Mail", "ok", "failed")
    ]  # fmt: skip
    pairs = history.sql("SELECT source, target, channel FROM crossings WHERE channel = 'step' ORDER BY start_us").rows()
    assert ("n8n-nodes-base.crm", "n8n-nodes-base.mail", "step") in pairs


def test_an_error_passed_on_as_data_is_a_silent_failure(tmp_path: Path) -> None:
    history = loaded(tmp_path, [n8n()])
    assert history.sql("SELECT target, detector FROM failures WHERE silent").rows() == [
        ("n8n-nodes-base.mail", "contradicting_body")
    ]


def test_finished_is_not_success(tmp_path: Path) -> None:
    failed = n8n(status="error")
    failed["data"]["resultData"]["error"] = {"name": "NodeApiError", "message": "403"}
    assert loaded(tmp_path, [failed]).sql("SELECT technical_status, error_type FROM runs").row(0) == (
        "error",
        "NodeApiError",
    )


def test_flatted_data_is_unflattened(tmp_path: Path) -> None:
    flat = '[{"resultData":"1"},{"runData":"2"},{"Form":"3"},["4"],{"startTime":1767600000000,"executionTime":5,"executionStatus":"5"},"success"]'
    history = loaded(tmp_path, [n8n(data=flat)])
    assert history.sql("SELECT name, status FROM spans").rows() == [("Form", "ok")]


def test_an_airflow_task_is_a_step_of_its_dag_run(tmp_path: Path) -> None:
    def task(name: str, minute: int, state: str) -> dict[str, Any]:
        times = {"start_date": f"2026-01-05T08:0{minute}:00+00:00", "end_date": f"2026-01-05T08:0{minute}:30+00:00"}
        return {"dag_id": "nightly", "dag_run_id": "r1", "task_id": name, "state": state, "try_number": 1, **times}

    history = loaded(
        tmp_path, {"task_instances": [task("extract", 0, "success"), task("post", 1, "failed"), task("late", 2, "odd")]}
    )
    assert history.sql("SELECT name, status FROM spans ORDER BY start_us").rows() == [
        ("extract", "ok"),
        ("post", "error"),
        ("late", "unset"),
    ]
    assert "unknown_status" in history.quality["flag"].to_list()


def tasks(*operators: str, **last: Any) -> dict[str, Any]:
    rows: list[dict[str, Any]] = [
        {"dag_id": "nightly", "dag_run_id": "r1", "task_id": f"t{number}", "state": "success", "try_number": 1,
         "logical_date": "2026-01-05T08:00:00+00:00", "start_date": f"2026-01-05T08:0{number}:00+00:00",
         "end_date": f"2026-01-05T08:0{number}:30+00:00", "operator": operator}
        for number, operator in enumerate(operators)
    ]  # fmt: skip
    rows[-1] |= last
    return {"task_instances": rows}


def steps(history: ha.History) -> list[tuple[str, str]]:
    return history.sql("SELECT source, target FROM crossings WHERE channel = 'step' ORDER BY start_us").rows()


def test_an_operator_that_does_the_work_itself_is_the_orchestrator(tmp_path: Path) -> None:
    history = loaded(tmp_path, tasks("PostgresOperator", "PythonOperator", "BashOperator"))
    assert steps(history) == [("PostgresOperator", "airflow")]


def test_the_catalogue_may_name_the_system_of_a_step_which_its_tool_does_not(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(
        '[catalogue]\nformat = 1\nname = "c"\n[[system]]\nname = "orders-db"\naliases = ["nightly.t0"]\n'
        '[[system]]\nname = "ledger"\naliases = ["Nightly.T1"]\n[[system]]\nname = "batch"\naliases = ["airflow"]\n'
    )
    runs = tmp_path / "runs.json"
    runs.write_text(json.dumps(tasks("SimpleHttpOperator", "SimpleHttpOperator", "PythonOperator")))
    listed = tmp_path / "dag_runs.json"
    listed.write_text(json.dumps({"dag_runs": [
        {"dag_id": "nightly", "dag_run_id": "r1", "state": "success", "start_date": "2026-01-05T08:00:00+00:00"}
    ]}))  # fmt: skip
    history = ha.load([catalogue, runs, listed], quiet=True)
    assert steps(history) == [("batch", "orders-db"), ("orders-db", "ledger"), ("ledger", "batch")]
    assert history.sql("SELECT name FROM systems ORDER BY name")["name"].to_list() == ["batch", "ledger", "orders-db"]


def test_nothing_is_handed_to_a_task_that_never_ran(tmp_path: Path) -> None:
    history = loaded(
        tmp_path,
        tasks("PostgresOperator", "KafkaOperator", "SlackOperator", state="upstream_failed", start_date=None),
    )
    assert steps(history) == [("PostgresOperator", "KafkaOperator")]
    assert history.sql("SELECT technical_status FROM runs WHERE last_step = 't2'").item() == "skipped"


def test_a_step_that_reports_a_failure_does_not_fail_the_next_one(tmp_path: Path) -> None:
    run = n8n()
    steps_of = run["data"]["resultData"]["runData"]
    steps_of["CRM"][0]["data"], steps_of["Mail"][0]["data"] = steps_of["Mail"][0]["data"], steps_of["CRM"][0]["data"]
    history = loaded(tmp_path, [run])
    assert history.sql("SELECT target FROM failures WHERE silent").rows() == [("n8n-nodes-base.crm",)]
