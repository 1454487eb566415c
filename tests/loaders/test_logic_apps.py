"""Logic Apps: correlation by client tracking id, retries of actions, seven-digit fractions, skipped actions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import handoff_analytics as ha

if TYPE_CHECKING:
    from pathlib import Path

RUN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/order-sync/runs/08586"


def run(**more: Any) -> dict[str, Any]:
    properties = {
        "startTime": "2026-01-05T08:00:00.1234567Z", "endTime": "2026-01-05T08:00:09.7654321Z", "status": "Failed",
        "code": "ActionFailed", "error": {"code": "ActionFailed", "message": "An action failed."}, "originRunId": "08500",
        "correlation": {"clientTrackingId": "O-7"}, "trigger": {"name": "Recurrence"}, **more,
    }  # fmt: skip
    return {"properties": properties, "id": RUN, "name": "08586", "type": "Microsoft.Logic/workflows/runs"}


def action(name: str, start: str, end: str | None, status: str, **more: Any) -> dict[str, Any]:
    properties = {"startTime": start, "endTime": end, "status": status, "code": "OK", **more}
    properties["correlation"] = {"clientTrackingId": "O-7", "actionTrackingId": f"track-{name}"}
    return {
        "properties": properties,
        "id": f"{RUN}/actions/{name}",
        "name": name,
        "type": "Microsoft.Logic/workflows/runs/actions",
    }


def loaded(folder: Path, *rows: Any, **options: Any) -> ha.History:
    path = folder / "runs.json"
    path.write_text(json.dumps({"value": list(rows), "nextLink": None}))
    return ha.load(path, quiet=True, **options)


def test_a_run_and_its_actions(tmp_path: Path) -> None:
    second = "2026-01-05T08:00:0{}.0000000Z".format
    history = [
        {
            "startTime": second(3),
            "endTime": second(4),
            "code": "BadGateway",
            "error": {"code": "502", "message": "bad gateway"},
        }
    ]
    found = loaded(
        tmp_path,
        run(),
        action("Get_order", second(1), second(2), "Succeeded"),
        action(
            "Post_to_erp",
            second(3),
            second(7),
            "Failed",
            retryHistory=history,
            error={"code": "Timeout", "message": "late"},
        ),
        action("Mail", second(8), second(8), "Skipped", code="ActionSkipped"),
    )
    assert found.loads.select("format", "seen", "loaded").row(0) == ("logic_apps", 4, 4)
    assert found.sql("SELECT run_id, workflow, technical_status, correlation_id, replay_of, trigger_kind, duration_us FROM runs").rows() == [
        ("08586", "order-sync", "error", "O-7", "08500", "schedule", 9_641_976)
    ]  # fmt: skip
    assert found.sql("SELECT name, attempt, status, error_type FROM spans ORDER BY start_us, attempt").rows() == [
        ("Get_order", 1, "ok", None),
        ("Post_to_erp", 1, "error", "502"),
        ("Post_to_erp", 2, "error", "Timeout"),
        ("Mail", 1, "skipped", None),
    ]
    assert ("Get_order", "Post_to_erp") in found.sql("SELECT source, target FROM crossings").rows()


def test_other_resources_and_broken_times_are_rejected(tmp_path: Path) -> None:
    other = {"properties": {}, "id": "/subscriptions/s", "name": "n", "type": "Microsoft.Web/sites"}
    waiting = action("Wait", "", None, "Waiting")
    found = loaded(tmp_path, run(), run(startTime="late"), other, waiting, on_reject="keep")
    assert found.loads.select("seen", "loaded", "rejected", "skipped").row(0) == (4, 1, 2, 1)
