"""n8n as its interface lists it and as its database stores it: loops, ties, hidden errors and flatted data."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.loaders.runs.n8n import unflattened

MS = 1_767_607_200_000


def step(at: int = 0, index: int = 0, *before: str, **more: Any) -> dict[str, Any]:
    return {
        "startTime": MS + at, "executionTime": 10, "executionIndex": index, "executionStatus": "success",
        "source": [{"previousNode": name} for name in before], "data": {"main": [[{"json": {}}]]}, **more,
    }  # fmt: skip


def execution(run_data: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "7", "finished": True, "mode": "webhook", "workflowId": "w1", "startedAt": "2026-01-05T10:00:00.000Z",
        "stoppedAt": "2026-01-05T10:00:01.000Z", "status": "success", "data": {"resultData": {"runData": run_data}}, **more,
    }  # fmt: skip


def load(folder: Path, *executions: Any, **options: Any) -> ha.History:
    path = folder / "runs.json"
    path.write_text(json.dumps({"data": list(executions), "nextCursor": None}))
    history = ha.load(path, quiet=True, **options)
    load = history.loads.row(0, named=True)
    assert load["format"] == "n8n"
    assert load["seen"] == load["loaded"] + load["rejected"] + load["duplicate"] + load["skipped"]
    return history


def flatted(value: Any) -> str:
    """Return a value as the flatted package writes it: every text and container once, referred to by its place."""
    cells: list[Any] = []
    texts: dict[str, int] = {}

    def kept(one: Any) -> Any:
        if isinstance(one, str):
            if one not in texts:
                texts[one] = len(cells)
                cells.append(one)
            return str(texts[one])
        if isinstance(one, dict | list):
            place = len(cells)
            cells.append(None)
            cells[place] = (
                {name: kept(item) for name, item in one.items()}
                if isinstance(one, dict)
                else [kept(item) for item in one]
            )
            return str(place)
        return one

    kept(value)
    return json.dumps(cells)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4) | st.lists(JSON, max_size=4))
def test_flatted_data_is_what_it_was(value: Any) -> None:
    assert unflattened(flatted(value)) == value


def test_flatted_executions_say_the_same_as_plain_ones(tmp_path: Path) -> None:
    data = {
        "Form": [step()],
        "CRM": [
            step(
                20,
                1,
                "Form",
                executionStatus="error",
                error={"name": "NodeApiError", "message": "403", "httpCode": "403"},
            )
        ],
    }
    plain = execution(data, status="error")
    histories = [load(tmp_path, plain), load(tmp_path, plain | {"data": flatted(plain["data"])})]
    for table in ("runs", "spans", "span_links"):
        told = [
            history.sql(f"SELECT * EXCLUDE (load_id, record_no) FROM {table} ORDER BY ALL") for history in histories
        ]
        assert told[0].equals(told[1])
        assert told[0].height > 0
    assert histories[1].sql("SELECT name, status, http_status FROM spans ORDER BY start_us").rows() == [
        ("Form", "ok", None),
        ("CRM", "error", 403),
    ]


@pytest.mark.parametrize("broken", ['[{"a":"9"}]', "[", "[]", '["0"]', "not flatted", '[{"a":"0"}]'])
def test_flatted_data_that_is_broken_is_one_reject(tmp_path: Path, broken: str) -> None:
    history = load(tmp_path, execution({}), execution({}, id=8, data=broken), on_reject="keep")
    assert history.loads.select("seen", "loaded").row(0)[0] == 2
    assert history.loads["loaded"].item() + history.loads["rejected"].item() == 2


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"finished": True, "status": "error"}, "error"),
        ({"finished": True, "status": None}, "ok"),
        ({"finished": False, "status": None}, "running"),
        ({"finished": False, "status": "crashed"}, "error"),
        ({"finished": False, "status": "waiting"}, "running"),
        ({"finished": False, "status": "canceled"}, "cancelled"),
        ({"finished": True, "status": "weird"}, "unset"),
    ],
)
def test_finished_is_not_success(tmp_path: Path, more: dict[str, Any], status: str) -> None:
    one = {name: value for name, value in (execution({}) | more).items() if value is not None}
    history = load(tmp_path, one)
    assert history.sql("SELECT technical_status FROM runs").item() == status
    assert ("unknown_status" in history.quality["flag"].to_list()) == (status == "unset")


@pytest.mark.parametrize("run_data", [None, [], {}, {"Form": None}, {"Form": []}])
def test_executions_without_data_are_runs(tmp_path: Path, run_data: Any) -> None:
    history = load(tmp_path, execution(run_data), execution(run_data, id=8, data=None))
    assert history.loads["loaded"].item() == 2
    assert history.sql("SELECT count(*) FROM spans").item() == 0


def test_ids_may_be_numbers_and_a_retry_names_what_it_repeats(tmp_path: Path) -> None:
    history = load(tmp_path, execution({}, id=7), execution({}, id="8", retryOf=7, mode="retry"))
    assert history.sql("SELECT run_id, retry_of FROM runs ORDER BY 1").rows() == [("7", None), ("8", "7")]


def test_a_node_that_ran_in_a_loop_is_a_step_each_time(tmp_path: Path) -> None:
    again = {"source": [{"previousNode": "Loop", "previousNodeRun": 1}]}
    data = {"Loop": [step(0, 0), step(40, 2)], "CRM": [step(20, 1, "Loop"), step(60, 3) | again]}
    history = load(tmp_path, execution(data))
    assert history.sql("SELECT span_id FROM spans ORDER BY start_us")["span_id"].to_list() == [
        "Loop#0",
        "CRM#0",
        "Loop#1",
        "CRM#1",
    ]
    fed = history.sql("SELECT linked_span_id FROM span_links ORDER BY 1")["linked_span_id"].to_list()
    assert fed == ["Loop#0", "Loop#1"]


def test_nodes_without_a_workflow_are_named_by_themselves(tmp_path: Path) -> None:
    nodes = [{"name": "CRM", "type": "n8n-nodes-base.hubspot"}]
    one = execution({"CRM": [step()], "Form": [step(5, 1)]}, workflowData={"name": "leads", "nodes": nodes})
    history = load(tmp_path, one, execution({"CRM": [step()]}, id=8))
    assert history.sql("SELECT run_id, system FROM spans ORDER BY ALL").rows() == [
        ("7", "Form"), ("7", "n8n-nodes-base.hubspot"), ("8", "CRM"),
    ]  # fmt: skip


def test_an_error_that_is_passed_on_as_data_is_silent(tmp_path: Path) -> None:
    hidden = {"data": {"main": [[{"json": {"error": {"message": "invalid login"}}}]]}}
    history = load(tmp_path, execution({"CRM": [step(**hidden)], "Mail": [step(20, 1, "CRM")]}))
    assert history.sql("SELECT technical_status, business_status, failed_step FROM runs").row(0) == (
        "ok",
        "failed",
        "CRM",
    )
    assert history.sql("SELECT status, business_status, status_message FROM spans WHERE name = 'CRM'").row(0) == (
        "ok",
        "failed",
        "invalid login",
    )


def test_a_broken_execution_is_rejected_alone(tmp_path: Path) -> None:
    no_id = execution({})
    del no_id["id"]
    history = load(tmp_path, execution({}), no_id, execution({}, id=9, startedAt="soon"), on_reject="keep")
    assert history.loads.select("seen", "loaded", "rejected").row(0) == (3, 1, 2)
    assert history.rejects["json_pointer"].to_list() == ["/data/1", "/data/2"]
