"""Does each mapping pack recognise its export, and read it?"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from benches import Bench

from handoff_analytics.loaders import tabular
from handoff_analytics.loaders.mapping import TARGETS

AT = "2026-01-05T10:00:00Z"
LATER = "2026-01-05T10:00:30Z"
MS = 1767607200000  # 2026-01-05 10:00 UTC
STARTED = datetime(2026, 1, 5, 10)  # noqa: DTZ001 - times of a history are UTC without a zone

# Pack, a tiny export, and columns of the one row that it makes.
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "zapier": (
        [{"data": [{"id": "r1", "zap_id": 7, "status": "held", "start_time": AT, "end_time": LATER, "steps": []}]}],
        {"run_id": "r1", "workflow": "7", "technical_status": "running", "platform_type": "ipaas", "duration_us": 30_000_000},
    ),
    "make": (
        {"scenarioLogs": [{"imtId": "m1", "duration": 1500, "operations": 3, "status": 2, "timestamp": AT, "type": "auto"}]},
        {"run_id": "m1", "technical_status": "ok", "business_status": "failed", "duration_us": 1_500_000, "operations": 3},
    ),
    "workato": (
        "Job ID,Recipe name,Status,Started at,Completed at,Error\nj1,Sync,failed,2026-01-05T10:00:00Z,2026-01-05T10:00:30Z,422\n",
        {"run_id": "j1", "technical_status": "error", "error_message": "422", "workflow": "Sync"},
    ),
    "boomi": (
        {"result": [{"executionId": "e1", "executionTime": AT, "status": "COMPLETE", "processName": "Orders",
                     "executionDuration": ["Long", 200], "inboundErrorDocumentCount": ["Long", 2]}]},
        {"run_id": "e1", "technical_status": "ok", "business_status": "failed", "duration_us": 200_000},
    ),
    "mulesoft": (
        {"data": [{"transactionId": "t1", "applicationName": "crm", "status": "FAILURE", "startTime": MS, "correlationId": "c"}]},
        {"run_id": "t1", "technical_status": "error", "correlation_id": "c", "started_at": STARTED},
    ),
    "power_automate": (
        {"value": [{"flowrunid": "f", "name": "n1", "starttime": AT, "endtime": LATER, "status": "TimedOut", "duration": 30000}]},
        {"run_id": "n1", "technical_status": "timeout", "platform_type": "low_code"},
    ),
    "prefect_runs": (
        [{"id": "p1", "flow_id": "f1", "state_type": "CRASHED", "start_time": AT, "end_time": LATER, "run_count": 2}],
        {"run_id": "p1", "technical_status": "error", "attempt": 2, "platform_type": "orchestrator"},
    ),
    "prefect_events": (
        [{"occurred": AT, "event": "prefect.flow-run.Late", "resource": {"prefect.resource.id": "run.1"}, "related": []}],
        {"event_name": "prefect.flow-run.Late", "system": "run.1", "logged_at": STARTED},
    ),
    "dagster": (
        {"data": [{"runId": "d1", "jobName": "load", "status": "FAILURE", "startTime": MS / 1000, "endTime": MS / 1000 + 1.5}]},
        {"run_id": "d1", "technical_status": "error", "duration_us": 1_500_000},
    ),
    "jenkins": (
        {"fullDisplayName": "orders » main #12", "timestamp": MS, "duration": 900, "result": "UNSTABLE", "url": "u/12"},
        {"run_id": "u/12", "workflow": "orders", "technical_status": "error", "started_at": STARTED},
    ),
    "gitlab_jobs": (
        [{"id": 5, "name": "build", "stage": "test", "status": "failed", "created_at": AT, "started_at": None,
          "pipeline": {"id": 9}, "runner": None, "failure_reason": "stuck_or_timeout_failure"}],
        {"run_id": "5", "root_run_id": "9", "technical_status": "error", "started_at": STARTED},
    ),
    "gitlab_issues": (
        [{"iid": 3, "project_id": 1, "title": "Broken", "state": "closed", "closed_at": LATER, "created_at": AT,
          "references": {"full": "g/p#3"}, "labels": ["team::payments"]}],
        {"ticket_id": "g/p#3", "state_category": "closed", "title": "Broken"},
    ),
    "azure_devops": (
        {"value": [{"id": 8, "buildNumber": "1.2", "definition": {"name": "ship"}, "queueTime": "2026-01-05T10:00:00.1234567Z",
                    "startTime": "2026-01-05T10:00:00.1234567Z", "finishTime": "0001-01-01T00:00:00", "result": "partiallySucceeded"}]},
        {"run_id": "8", "workflow": "ship", "technical_status": "error", "ended_at": None},
    ),
    "circleci_jobs": (
        {"items": [{"id": "j", "job_number": 4, "name": "build", "project_slug": "gh/a/b", "type": "build", "status": "infrastructure_fail",
                    "dependencies": [], "started_at": AT, "stopped_at": LATER}]},
        {"run_id": "j", "workflow": "build", "technical_status": "error", "duration_us": 30_000_000},
    ),
    "circleci": (
        {"items": [{"id": "w", "pipeline_id": "p", "pipeline_number": 4, "name": "ci", "status": "on_hold", "created_at": AT,
                    "stopped_at": None}]},
        {"run_id": "w", "technical_status": "running", "root_run_id": "p"},
    ),
    "camunda": (
        [{"id": "a", "activityId": "pay", "activityName": "Payment", "processInstanceId": "P1", "durationInMillis": 12,
          "startTime": "2026-01-05T11:00:00.000+0100", "endTime": None, "canceled": True, "parentActivityInstanceId": "P0"}],
        {"trace_id": "p1", "system": "Payment", "status": "cancelled", "started_at": STARTED, "duration_us": 12_000},
    ),
    "nifi": (
        {"provenanceEvents": [], "records": [{"eventId": "e", "eventOrdinal": 1, "eventType": "SEND", "componentId": "c",
          "componentName": "PutSFTP", "lineageStart": MS, "timestampMillis": MS, "entityId": "x", "transitUri": "sftp://partner/in"}]},
        {"kind": "producer", "peer": "sftp://partner/in", "system": "PutSFTP", "started_at": STARTED},
    ),
    "kafka_dlq": (
        {"topic": "dlq", "partition": 0, "offset": 1, "timestamp": MS, "key": "k", "headers": {
            "__connect.errors.topic": "orders", "__connect.errors.connector.name": "warehouse-sink",
            "__connect.errors.stage": "VALUE_CONVERTER", "__connect.errors.exception.class.name": "DataException"}},
        {"system": "orders", "peer": "warehouse-sink", "kind": "client", "channel": "messaging", "status": "error"},
    ),
    "xray": (
        {"trace_id": "1-58406520-a006649127e371903a2de979", "id": "s1", "name": "shop", "start_time": MS / 1000,
         "end_time": MS / 1000 + 2, "fault": True},
        {"system": "shop", "status": "error", "kind": "internal", "duration_us": 2_000_000},
    ),
    "xray_batch": (
        {"Traces": [{"Segments": [{"Document": json.dumps(
            {"trace_id": "1-5-a", "id": "s1", "name": "shop", "start_time": MS / 1000, "end_time": MS / 1000 + 2})}]}]},
        {"system": "shop", "status": "unset", "started_at": STARTED},
    ),
    "datadog_spans": (
        {"data": [{"id": "1", "type": "spans", "attributes": {"trace_id": "7", "span_id": "8", "service": "crm", "status": "ok",
          "start_timestamp": AT, "end_timestamp": LATER}}]},
        {"system": "crm", "status": "ok", "duration_us": 30_000_000},
    ),
    "kibana": (
        '"@timestamp",message,"log.level","service.name"\n2026-01-05T10:00:00.250Z,no answer,error,erp\n',
        {"system": "erp", "body": "no answer", "severity": 17, "logged_at": STARTED.replace(microsecond=250_000)},
    ),
    "datadog_logs": (f"Date,Host,Service,Content\n{AT},h1,crm,It broke\n", {"system": "crm", "body": "It broke", "host": "h1"}),
    "splunk": (f"_raw,_time,host,source\nIt broke,{AT},h1,erp\n", {"body": "It broke", "system": "erp", "logged_at": STARTED}),
    "cloudwatch_insights": (
        "@timestamp,@message,@ptr,@logStream\n2026-01-05 10:00:00.000,It broke,x,fn/1\n",
        {"body": "It broke", "system": "fn/1", "logged_at": STARTED},
    ),
    "azure_log_analytics": (
        ("WorkflowName,RunId,Status,OperationName,StartTime,EndTime,ActionName,ClientTrackingId,Code\n"
        f"orders,08,Failed,Microsoft.Logic,{AT},{LATER},Call_ERP,SO-1,BadRequest\n"),
        {"system": "Call_ERP", "status": "error", "correlation_id": "SO-1", "workflow": "orders"},
    ),
    "opsgenie": (
        {"data": [{"id": "o", "tinyId": "1", "message": "Down", "priority": "P2", "status": "closed", "createdAt": AT, "entity": "erp"}]},
        {"ticket_id": "o", "priority": 2, "state_category": "closed", "kind": "alert"},
    ),
    "statuspage": (
        {"incidents": [{"id": "s", "name": "Down", "status": "resolved", "impact": "major", "created_at": AT, "resolved_at": None,
          "components": [{"name": "API"}],
          "incident_updates": [{"status": "investigating", "created_at": AT}, {"status": "resolved", "created_at": LATER}]}]},
        {"ticket_id": "s", "state_category": "resolved", "resolved_at": None},
    ),
    "incident_io": (
        {"incidents": [{"id": "i", "reference": "INC-1", "name": "Down", "incident_status": {"name": "Closed"},
          "severity": {"name": "Major"}, "created_at": AT}]},
        {"ticket_id": "INC-1", "state_category": "closed", "severity": "Major"},
    ),
    "firehydrant": (
        {"data": [{"id": "f", "number": 4, "name": "Down", "current_milestone": "resolved", "severity": "SEV1",
          "created_at": AT, "milestones": [{"type": "started", "occurred_at": AT}]}]},
        {"ticket_id": "4", "state_category": "resolved"},
    ),
    "rootly": (
        {"data": [{"id": "r", "type": "incidents", "attributes": {"sequential_id": 5, "title": "Down", "status": "resolved",
          "started_at": AT, "services": {"data": [{"attributes": {"name": "erp"}}]}}}]},
        {"ticket_id": "5", "state_category": "resolved", "title": "Down"},
    ),
    "freshdesk": (
        [{"id": 1, "subject": "Down", "status": 3, "priority": 4, "responder_id": 9, "group_id": 2, "fr_escalated": False,
          "is_escalated": True, "created_at": AT, "type": "Incident"}],
        {"ticket_id": "1", "state_category": "waiting", "priority": 1, "sla_met": False, "kind": "incident"},
    ),
    "freshservice": (
        {"tickets": [{"id": 1, "subject": "Down", "status": 4, "priority": 1, "responder_id": 9, "group_id": 2,
          "fr_escalated": False, "department_id": 3, "created_at": AT, "category": "Network"}]},
        {"ticket_id": "1", "state_category": "resolved", "priority": 4, "category": "Network"},
    ),
    "linear": (
        f'ID,Team,Title,Description,Status,Priority,Created,Completed,Blocked by\nENG-1,Core,Broken,,Done,Urgent,{AT},{LATER},"ENG-2, ENG-3"\n',
        {"ticket_id": "ENG-1", "priority": 1, "state_category": "resolved", "team": "Core"},
    ),
    "sentry": (
        [{"id": "1", "shortId": "APP-1", "title": "KeyError", "culprit": "pay", "status": "unresolved", "level": "error",
          "firstSeen": AT, "lastSeen": LATER, "project": {"slug": "payment"}}],
        {"ticket_id": "APP-1", "kind": "bug", "opened_at": STARTED},
    ),
    "gitlab_pipelines": (
        [{"id": 9, "iid": 2, "project_id": 3, "status": "failed", "source": "push", "ref": "main", "sha": "a", "created_at": AT,
          "updated_at": LATER, "started_at": None, "finished_at": LATER, "web_url": "u"}],
        {"run_id": "9", "workflow": "main", "technical_status": "error", "trigger_kind": "push", "duration_us": 30_000_000},
    ),
    "airflow_tasks": (
        (f"dag_id,run_id,task_id,state,start_date,end_date,try_number,operator\nnightly,r1,load,up_for_retry,{AT},{LATER},2,PythonOperator\n"),
        {"run_id": "nightly/r1/load#2", "parent_run_id": "nightly/r1", "attempt": 2, "technical_status": "running", "last_step": "load"},
    ),
    "openlineage": (
        {"eventType": "FAIL", "eventTime": AT, "run": {"runId": "r-1", "facets": {"errorMessage": {"message": "no table"}}},
         "job": {"namespace": "food", "name": "orders"}, "producer": "p", "schemaURL": "u"},
        {"event_name": "FAIL", "system": "orders", "severity": 17, "correlation_id": "r-1", "body": "no table", "logged_at": STARTED},
    ),
    "pagerduty_analytics": (
        ("id,incident_number,description,service_name,seconds_to_resolve,created_on,resolved_on,team_name,urgency\n"
        f"P1,7,Down,erp,30,{AT},{LATER},Core,high\n"),
        {"ticket_id": "P1", "team": "Core", "urgency": "high"},
    ),
}  # fmt: skip
PACKS = {pack.name: pack for pack in tabular.packs()}


@pytest.mark.parametrize("name", sorted(PACKS))
def test_a_pack_reads_its_export(name: str, tmp_path: Path) -> None:
    content, expected = CASES[name]
    bench, pack = Bench(tmp_path), PACKS[name]
    text = content if isinstance(content, str) else json.dumps(content)
    recognised = bool(pack.mapping.match.keys_all)
    sink = bench.load(text, format=None if recognised else name)
    assert bench.format == name
    assert (sink.counts["seen"], sink.counts["loaded"], sink.counts["rejected"]) == (1, 1, 0)
    row = bench.one(TARGETS[pack.mapping.target], *expected)
    assert dict(zip(expected, row, strict=True)) == expected


@pytest.mark.parametrize("name", sorted(PACKS))
def test_a_pack_rejects_a_record_without_what_identifies_it(name: str, tmp_path: Path) -> None:
    pack = PACKS[name]
    content, _ = CASES[name]
    if isinstance(content, str):
        header, row = content.splitlines()
        text = (
            f"{header}\n{row}\n{',' * row.count(',')}\n"
            if '"' not in row
            else f"{header}\n{row}\n{',' * header.count(',')}\n"
        )
    else:
        text = json.dumps(content) + "\n" + json.dumps(dict.fromkeys(pack.mapping.match.keys_all) | {"broken": 1})
    needed = [column for column in pack.column.values() if column.required]
    sink = Bench(tmp_path).load(text, format=name)
    # A record of nothing but nulls is no record of a document that is addressed by a path.
    assert sink.counts["rejected"] == (1 if needed and pack.mapping.records.path is None else 0)


def test_every_pack_says_where_it_is_from_and_is_tested() -> None:
    home = Path(tabular.__file__).parent / "mappings"
    for file in sorted(home.glob("*.toml")):
        assert file.read_text(encoding="utf-8").startswith(("# From a sample", "# From documentation")), file.name
    assert PACKS.keys() == CASES.keys()


def test_updates_of_a_status_page_are_changes_of_its_incident(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.load(json.dumps(CASES["statuspage"][0]))
    assert bench.rows(
        "SELECT e.field, e.new_value, t.ticket_id FROM ticket_events AS e JOIN tickets AS t USING (ticket_uid) ORDER BY changed_at"
    ) == [("state", "investigating", "s"), ("state", "resolved", "s")]
    assert bench.rows("SELECT system, role FROM ticket_systems") == [("API", "affected")]


def test_subsegments_are_children_of_the_segment_that_encloses_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    inner = {"id": "s2", "name": "dynamodb", "start_time": MS / 1000, "end_time": MS / 1000 + 1, "namespace": "aws",
             "subsegments": [{"id": "s3", "name": "retry", "start_time": MS / 1000, "end_time": MS / 1000 + 1}]}  # fmt: skip
    outer, _ = CASES["xray"]
    bench.load(json.dumps(outer | {"subsegments": [inner]}))
    assert bench.rows(
        "SELECT span_id, parent_span_id, system, kind, trace_id = lower($t) FROM spans ORDER BY span_id",
        t=outer["trace_id"],
    ) == [
        ("s1", None, "shop", "internal", True),
        ("s2", "s1", "shop", "client", True),
        ("s3", "s2", "shop", "internal", True),
    ]


def test_lists_of_links_are_split(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.load(CASES["linear"][0])
    assert bench.rows("SELECT other_id, link_type, outward FROM ticket_links ORDER BY other_id") == [
        ("ENG-2", "blocked_by", False),
        ("ENG-3", "blocked_by", False),
    ]


@pytest.mark.parametrize("form", [lambda headers: headers, lambda headers: [list(pair) for pair in headers.items()],
                                  lambda headers: [one for pair in headers.items() for one in pair],
                                  lambda headers: [{"key": name, "value": value} for name, value in headers.items()]])  # fmt: skip
def test_headers_of_dead_letters_are_read_in_any_form(form: Any, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    letter, expected = CASES["kafka_dlq"]
    bench.load(json.dumps(letter | {"headers": form(letter["headers"])}))
    assert bench.format == "kafka_dlq"
    assert dict(zip(expected, bench.one("spans", *expected), strict=True)) == expected
