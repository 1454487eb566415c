"""What does a small file of each family look like, whole and broken?

One story in every format: order O-7 goes from the shop to the ERP, which refuses it; Ann Smith works on it. The broken
file holds the same records with one that lacks what it needs, and text that is no record at all.

``python tests/loaders/families.py`` writes what each file becomes to tests/assets/families.json: read the difference
before you keep it. ``python tests/loaders/families.py FOLDER`` writes the files themselves.
"""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from family_texts import ACCESS, CRI, LOGFMT, SYSLOG_3164, SYSLOG_5424, TIMESTAMPED, XES

MS = 1_767_607_200_000
AT, LATER = "2026-01-05T10:00:00Z", "2026-01-05T10:00:02Z"
TRACE, CLIENT, SERVER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
PERSON, MAIL = "Ann Smith", "ann.smith@acme.example"
HALF = b'{"half": '
ORDERS = {
    "mapping": {"format": 1, "name": "orders", "target": "runs", "reader": "csv", "platform": "own",
                "match": {"keys_all": ["run", "begin"]}, "values": {"timezone": "UTC"}},
    "column": {
        "run_id": {"from": "run", "required": True}, "workflow": {"from": "flow"}, "correlation_id": {"from": "order"},
        "started_at": {"from": "begin", "type": "time", "required": True},
        "technical_status": {"from": "state", "map": {"OK": "ok", "KO": "error"}},
    },
}  # fmt: skip


class Sample(NamedTuple):
    """Two files of one format."""

    family: str
    good: bytes
    broken: bytes
    mapping: dict[str, Any] | None = None


def lines(*values: Any) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def in_lines(family: str, *values: Any, bad: Any) -> Sample:
    return Sample(family, lines(*values), lines(*values, bad) + HALF + b"\n")


def in_document(family: str, *values: Any, bad: Any, under: str | None = None) -> Sample:
    """A document of records; under a name, or as a list."""
    held: list[Any] = [json.dumps(values if under is None else {under: values}, indent=1).encode()]
    held.append(
        json.dumps([*values, bad, "no record"] if under is None else {under: [*values, bad]}, indent=1).encode()
    )
    return Sample(family, *held)


def in_rows(family: str, header: str, *rows: str, bad: str) -> Sample:
    good = "\n".join((header, *rows)) + "\n"
    return Sample(family, good.encode(), f"{good}{bad}\nonly,two\n".encode())


def attributes(**values: Any) -> list[dict[str, Any]]:
    return [
        {"key": name.replace("__", "."), "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for name, value in values.items()
    ]  # fmt: skip


def otlp_span(system: str, span_id: str, parent: str | None, kind: Any, **more: Any) -> dict[str, Any]:
    span = {
        "traceId": TRACE, "spanId": span_id, "name": "POST /orders", "kind": kind, "startTimeUnixNano": f"{MS}000000",
        "endTimeUnixNano": f"{MS + 250}000000", "attributes": attributes(order__id="O-7", user__email=MAIL), **more,
    }  # fmt: skip
    if parent is not None:
        span["parentSpanId"] = parent
    scope = {"scope": {"name": "http"}, "spans": [span]}
    return {"resource": {"attributes": attributes(service__name=system)}, "scopeSpans": [scope]}


def otlp() -> dict[str, Sample]:
    def based(ident: str) -> str:
        return base64.b64encode(bytes.fromhex(ident)).decode()

    refused = {"code": 2, "message": "no VAT id"}
    shop = {"resourceSpans": [otlp_span("shop", CLIENT, None, 3, status=refused)]}
    erp = {"resourceSpans": [otlp_span("erp", SERVER, CLIENT, 2)]}
    tempo = {"batches": [
        otlp_span("shop", based(CLIENT), None, "SPAN_KIND_CLIENT", traceId=based(TRACE), status={"code": "STATUS_CODE_ERROR"}),
        otlp_span("erp", based(SERVER), based(CLIENT), "SPAN_KIND_SERVER", traceId=based(TRACE)),
    ]}  # fmt: skip
    lost = otlp_span("shop", "", None, 3)
    record = {
        "timeUnixNano": f"{MS}000000", "severityNumber": 17, "body": {"stringValue": "order refused"}, "traceId": TRACE,
        "spanId": CLIENT, "attributes": attributes(exception__type="Rejected", order__id="O-7", user__name=PERSON),
    }  # fmt: skip

    def logs(*records: Any) -> dict[str, Any]:
        return {
            "resourceLogs": [
                {"resource": {"attributes": attributes(service__name="shop")}, "scopeLogs": [{"logRecords": records}]}
            ]
        }

    broken = json.dumps({"batches": [*tempo["batches"], otlp_span("shop", "?", None, 3)]}).encode()
    return {
        "otlp_traces": in_lines("OTLP", shop, erp, bad={"resourceSpans": [lost]}),
        "otlp_tempo": Sample("OTLP", json.dumps(tempo).encode(), broken),
        "otlp_logs": in_lines("OTLP", logs(record), bad=logs(record | {"timeUnixNano": "soon"})),
    }


def tabular() -> dict[str, Sample]:
    header, good = "run,flow,order,begin,state,Author", f"1,order,O-7,{AT},KO,{PERSON}"
    csv = in_rows("tabular", header, good, bad=f",order,O-8,{AT},OK,{PERSON}")
    rows = [dict(zip(header.split(","), good.split(","), strict=True))]
    parquet = []
    for some in (rows, [*rows, rows[0] | {"run": None}]):
        content = io.BytesIO()
        pl.DataFrame(some).write_parquet(content, compression="uncompressed", statistics=False)
        parquet.append(content.getvalue())
    as_ = {reader: {**ORDERS, "mapping": ORDERS["mapping"] | {"reader": reader}} for reader in ("jsonl", "parquet")}
    jsonl = in_lines("tabular", *rows, bad=rows[0] | {"run": None})
    return {
        "orders_csv": csv._replace(mapping=ORDERS),
        "orders_tsv": Sample("tabular", csv.good.replace(b",", b"\t"), csv.broken.replace(b",", b"\t"), ORDERS),
        "orders_jsonl": jsonl._replace(mapping=as_["jsonl"]),
        "orders_parquet": Sample("tabular", *parquet, as_["parquet"]),
    }


def servicenow() -> dict[str, Sample]:
    head = "number,sys_id,state,sys_mod_count,opened_at,sys_updated_on,assignment_group,assigned_to,priority,cmdb_ci,short_description"
    first = f"INC7,a1,New,0,2026-01-05 10:00:00,2026-01-05 10:00:00,desk,{PERSON},3 - Moderate,erp,Order O-7 refused"
    second = first.replace(",New,0,", ",Resolved,1,").replace(":00,desk", ":09,core")
    record = {
        "number": {"value": "INC7", "display_value": "INC7"}, "sys_id": "a1", "opened_at": {"value": "2026-01-05 10:00:00"},
        "sys_updated_on": {"value": "2026-01-05 11:00:00", "display_value": "05.01.2026 12:00"}, "state": "6",
        "short_description": "Order O-7 refused", "assignment_group": {"link": "https://x/g", "value": "g1"},
        "assigned_to": {"value": "u1", "display_value": PERSON},
    }  # fmt: skip
    audit = "documentkey,tablename,fieldname,oldvalue,newvalue,sys_created_on,user"
    return {
        "servicenow": in_rows("ServiceNow", head.replace("sys_mod_count,", ""), first.replace(",0,", ","), bad=first.replace("INC7", "").replace(",0,", ",")),
        "servicenow_snapshots": in_rows("ServiceNow", head, first, second, bad=first.replace("INC7", "")),
        "servicenow_audit": in_rows("ServiceNow", audit, f"a1,incident,assignment_group,desk,core,2026-01-05 10:30:00,{PERSON}", bad=f"a1,incident,state,1,2,someday,{PERSON}"),
        "servicenow_rest": in_document("ServiceNow", record, bad=record | {"number": ""}, under="result"),
    }  # fmt: skip


def jira() -> dict[str, Sample]:
    header = (
        "Summary,Issue key,Issue id,Issue Type,Status,Priority,Assignee,Created,Updated,Component/s,Component/s,Comment"
    )
    row = f'Order O-7 refused,OPS-7,10007,Incident,Done,High,{PERSON},05/Jan/26 10:00 AM,05/Jan/26 11:00 AM,erp,shop,"05/Jan/26 10:30 AM;{PERSON};It is the VAT id"'
    who = {"accountId": "5b10", "displayName": PERSON, "emailAddress": MAIL}
    issue = {
        "id": "10007", "key": "OPS-7", "fields": {
            "summary": "Order O-7 refused", "created": "2026-01-05T10:00:00.000+0000", "updated": "2026-01-05T11:00:00.000+0000",
            "status": {"name": "已完成", "statusCategory": {"key": "done"}}, "assignee": who, "reporter": who, "components": [{"name": "erp"}],
        },
        "changelog": {"total": 1, "maxResults": 100, "histories": [
            {"id": "1", "author": who, "created": "2026-01-05T10:30:00.000+0000", "items": [
                {"field": "status", "fromString": "Open", "toString": "Done"}, {"field": "assignee", "from": None, "toString": PERSON},
            ]},
        ]},
    }  # fmt: skip
    wide = row.replace("erp,shop", "erp,shop,further") + ",more"
    return {
        "jira_csv": in_rows("Jira", header, row, bad=wide),
        "jira_rest": in_document("Jira", issue, bad={"id": "8", "key": "OPS-8"}, under="issues"),
    }


def json_lines() -> dict[str, Sample]:
    said = {"msg": "order O-7 refused", "order_id": "O-7", "user_email": MAIL}
    inner = json.dumps(said | {"level": "error", "time": AT})
    profiles: dict[str, Any] = {
        "ecs": {"@timestamp": AT, "log.level": "ERROR", "message": said["msg"], "service.name": "shop", "trace.id": TRACE,
                "ecs.version": "8.1.0", "user": {"name": PERSON, "email": MAIL}, "error": {"type": "Rejected", "message": "no VAT id"}},
        "pino": {"level": 50, "time": MS, "pid": 1, "hostname": "h", **said, "err": {"type": "Rejected", "message": "no VAT id"}},
        "bunyan": {"name": "shop", "v": 0, "level": 50, "time": AT, "pid": 1, "hostname": "h", **said},
        "structlog": {"event": said["msg"], "level": "error", "timestamp": AT, "order_id": "O-7", "user": PERSON},
        "docker": {"log": inner + "\n", "stream": "stdout", "time": AT},
        "journald": {"__REALTIME_TIMESTAMP": f"{MS}000", "MESSAGE": said["msg"], "PRIORITY": "3", "_SYSTEMD_UNIT": "shop.service", "_HOSTNAME": "h"},
        "gcp": {"logName": "projects/p/logs/stdout", "timestamp": AT, "severity": "ERROR", "insertId": "i1", "trace": f"projects/p/traces/{TRACE}",
                "resource": {"type": "k8s_container", "labels": {"container_name": "shop"}}, "jsonPayload": {"message": said["msg"], "orderId": "O-7"}},
        "splunk": {"preview": False, "offset": 0, "result": {"_raw": inner, "_time": AT, "sourcetype": "_json", "host": "h", "source": "shop.log"}},
        "datadog": {"id": "d1", "type": "log", "attributes": {"timestamp": AT, "status": "error", "service": "shop", "message": said["msg"], "host": "h",
                    "attributes": {"order_id": "O-7", "usr": {"email": MAIL, "name": PERSON}}}},
    }  # fmt: skip
    event = {"id": "1", "timestamp": MS, "message": inner}
    sent = {
        "messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/aws/shop", "logStream": "s1", "subscriptionFilters": [],
    }  # fmt: skip
    made = {name: in_lines("JSON lines", one, bad=[1]) for name, one in profiles.items()}
    return made | {
        "cloudwatch": Sample(
            "JSON lines", *(lines(sent | {"logEvents": events}) for events in ([event], [event, [1]]))
        ),
        "cri": Sample("JSON lines", CRI.encode(), f"no container wrote this\n{CRI}{CRI[:40]}\n".encode()),
    }


def jaeger_and_zipkin() -> dict[str, Sample]:
    tags = [{"key": "span.kind", "type": "string", "value": "client"}, {"key": "error", "type": "bool", "value": True}]
    tags += [
        {"key": "order.id", "type": "string", "value": "O-7"},
        {"key": "user.email", "type": "string", "value": MAIL},
    ]
    span = {"traceID": TRACE, "spanID": CLIENT, "operationName": "POST /orders", "processID": "p1", "startTime": MS * 1000,
            "duration": 250_000, "references": [], "tags": tags, "logs": []}  # fmt: skip
    answer = span | {"spanID": SERVER, "processID": "p2", "references": [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": CLIENT}],
                     "tags": [{"key": "span.kind", "type": "string", "value": "server"}]}  # fmt: skip
    processes = {"p1": {"serviceName": "shop", "tags": []}, "p2": {"serviceName": "erp", "tags": []}}
    traces = [
        {"data": [{"traceID": TRACE, "spans": [span, answer, *more], "processes": processes}]}
        for more in ([], [span | {"startTime": "soon"}])
    ]
    zipkin = {"traceId": TRACE, "id": CLIENT, "kind": "CLIENT", "name": "post /orders", "timestamp": MS * 1000, "duration": 250_000,
              "localEndpoint": {"serviceName": "shop"}, "remoteEndpoint": {"serviceName": "erp"}, "tags": {"error": "", "order.id": "O-7", "user.email": MAIL}}  # fmt: skip
    half = zipkin | {
        "kind": "SERVER",
        "shared": True,
        "localEndpoint": {"serviceName": "erp"},
        "remoteEndpoint": None,
        "tags": {},
    }
    ends = [{"timestamp": MS * 1000 + place * 1000, "value": value, "endpoint": {"serviceName": name}}
            for place, (value, name) in enumerate([("cs", "shop"), ("sr", "erp"), ("ss", "erp"), ("cr", "shop")])]  # fmt: skip
    old = {"traceId": TRACE, "id": CLIENT, "name": "post /orders", "annotations": ends,
           "binaryAnnotations": [{"key": "error", "value": "no VAT id", "endpoint": {"serviceName": "shop"}}]}  # fmt: skip
    return {
        "jaeger": Sample("Jaeger", *(json.dumps(trace).encode() for trace in traces)),
        "zipkin": in_document("Zipkin", zipkin, half, bad=zipkin | {"timestamp": "soon"}),
        "zipkin_1": in_document("Zipkin", old, bad={"traceId": TRACE}),
    }


def n8n() -> dict[str, Sample]:
    def step(index: int, before: str | None, **more: Any) -> dict[str, Any]:
        return {"startTime": MS + index, "executionTime": 10, "executionIndex": index, "executionStatus": "success",
                "source": [{"previousNode": before}] if before else [], "data": {"main": [[{"json": {"orderId": "O-7"}}]]}, **more}  # fmt: skip

    fault = {"name": "NodeApiError", "message": "no VAT id"}
    data = {"resultData": {"runData": {
        "Webhook": [step(0, None)], "ERP": [step(1, "Webhook", executionStatus="error", error=fault)],
    }, "lastNodeExecuted": "ERP", "error": fault}}  # fmt: skip
    nodes = [{"name": "Webhook", "type": "n8n-nodes-base.webhook"}, {"name": "ERP", "type": "n8n-nodes-base.sap"}]
    run = {"id": "7", "finished": True, "mode": "webhook", "workflowId": "w1", "startedAt": AT, "stoppedAt": LATER, "status": "error",
           "workflowData": {"name": "order", "nodes": nodes}, "data": data}  # fmt: skip
    flat = json.dumps(
        [
            {"resultData": "1"},
            {"runData": "2"},
            {"Webhook": "3"},
            ["4"],
            {"startTime": MS, "executionTime": 10, "executionStatus": "5", "source": "6"},
            "success",
            [],
        ]
    )
    return {
        "n8n": in_document("n8n", run, bad=run | {"startedAt": "soon"}, under="data"),
        "n8n_flatted": in_document("n8n", run | {"status": "success", "data": flat}, bad=run | {"data": "[not flatted"}, under="data"),
    }  # fmt: skip


def desks() -> dict[str, Sample]:
    who = {"id": "PU1", "type": "user_reference", "summary": PERSON}
    incident = {"id": "PT7", "incident_number": 7, "title": "Order O-7 refused", "status": "resolved", "urgency": "high", "created_at": AT,
                "last_status_change_at": "2026-01-05T12:00:00Z", "last_status_change_by": who, "service": {"summary": "erp"}, "teams": [{"summary": "core"}],
                "assignments": [{"assignee": who}], "acknowledgements": [{"at": AT, "acknowledger": who}], "escalation_policy": {"summary": "core"}}  # fmt: skip
    entry = {"id": "R1", "type": "escalate_log_entry", "created_at": LATER, "channel": {"type": "timeout"}, "agent": {"type": "service_reference", "summary": "erp"},
             "incident": {"id": "PT7"}, "summary": f"Escalated to {PERSON} by timeout"}  # fmt: skip
    webhook = {"event": {"id": "W1", "event_type": "incident.triggered", "resource_type": "incident", "occurred_at": AT, "agent": who, "client": None,
                         "data": {"id": "PT7", "type": "incident", "number": 7, "status": "triggered", "title": "Order O-7 refused", "created_at": AT,
                                  "service": {"summary": "erp"}, "assignees": [who], "teams": [], "urgency": "high"}}}  # fmt: skip
    ticket = {"id": 7253394974479.0, "requester_id": 1, "via": {"channel": "email", "source": {"from": {"name": PERSON, "address": MAIL}}}, "subject": "Order O-7 refused",
              "status": "hold", "type": "incident", "priority": "urgent", "group_id": 20.0, "assignee_id": 5, "created_at": AT, "updated_at": LATER, "recipient": "support@acme.example"}  # fmt: skip
    audit = {"id": 1, "ticket_id": 7253394974479, "author_id": 5, "created_at": LATER, "via": {"channel": "rule"},
             "events": [{"type": "Change", "field_name": "group_id", "previous_value": "10", "value": "20"}]}  # fmt: skip
    metric = {"id": 3, "ticket_id": 7253394974479, "group_stations": 3, "reopens": 1, "solved_at": None, "initially_assigned_at": AT, "updated_at": LATER,
              "reply_time_in_minutes": {"calendar": 9, "business": 5}, "full_resolution_time_in_minutes": {"calendar": None, "business": None}}  # fmt: skip
    header = "Id,Requester,Requester email,Assignee,Group,Subject,Status,Priority,Via,Ticket type,Created at,Updated at,Solved at,Group stations,Reopens"
    row = f"7,{PERSON},{MAIL},{PERSON},core,Order O-7 refused,Solved,Urgent,Mail,Incident,2026-01-05 10:00,2026-01-05 11:00,2026-01-05 11:00,3,1"
    return {
        "pagerduty": in_document("PagerDuty", incident, bad=incident | {"id": None}, under="incidents"),
        "pagerduty_log": in_document("PagerDuty", entry, bad=entry | {"created_at": "soon"}, under="log_entries"),
        "pagerduty_webhooks": in_lines("PagerDuty", webhook, bad={"event": webhook["event"] | {"occurred_at": "soon"}}),
        "zendesk": in_document("Zendesk", ticket, bad=ticket | {"id": None}, under="tickets"),
        "zendesk_audits": in_document("Zendesk", audit, bad=audit | {"created_at": None}, under="audits"),
        "zendesk_metrics": in_document("Zendesk", metric, bad=7, under="ticket_metrics"),
        "zendesk_csv": in_rows("Zendesk", header, row, bad=row.removeprefix("7")),
    }


def texts() -> dict[str, Sample]:
    torn = "\x1b[31m\xff not a line of this log\n".encode("latin-1")
    said = {
        "syslog_3164": SYSLOG_3164,
        "syslog_5424": SYSLOG_5424,
        "access": ACCESS,
        "logfmt": LOGFMT,
        "timestamped": TIMESTAMPED,
    }
    return {name: Sample("text logs", text.encode(), torn + text.encode()) for name, text in said.items()}


def github() -> dict[str, Sample]:
    who = {"login": PERSON, "id": 1, "type": "User"}
    run = {"id": 70, "run_number": 7, "workflow_id": 5, "name": "deploy", "status": "completed", "conclusion": "failure", "run_attempt": 1, "head_sha": "c0ffee",
           "event": "push", "created_at": AT, "run_started_at": AT, "updated_at": LATER, "actor": who, "triggering_actor": who}  # fmt: skip
    job = {"id": 71, "run_id": 70, "name": "deploy to erp", "workflow_name": "deploy", "status": "completed", "conclusion": "failure", "run_attempt": 1,
           "started_at": AT, "completed_at": LATER, "runner_name": "r1", "steps": [
               {"name": "copy", "number": 1, "status": "completed", "conclusion": "failure", "started_at": "2026-01-05T18:00:00+08:00", "completed_at": LATER}]}  # fmt: skip
    issue = {"number": 7, "title": "Order O-7 refused", "state": "closed", "state_reason": "completed", "user": who, "body": "It broke", "labels": [{"name": "team/core"}],
             "repository_url": "https://api.github.com/repos/acme/shop", "assignees": [who], "created_at": AT, "updated_at": LATER, "closed_at": LATER,
             "author_association": "MEMBER", "comments": 0}  # fmt: skip
    event = {"id": 5, "event": "assigned", "actor": who, "assignee": who, "commit_id": None, "created_at": LATER,
             "issue": {"number": 7, "repository_url": issue["repository_url"]}}  # fmt: skip
    return {
        "github_runs": in_document(
            "GitHub", run, bad=run | {"id": None, "run_started_at": "soon"}, under="workflow_runs"
        ),
        "github_jobs": in_document("GitHub", job, bad=job | {"started_at": "soon"}, under="jobs"),
        "github_issues": in_document("GitHub", issue, bad=issue | {"number": None}),
        "github_events": in_document("GitHub", event, bad=event | {"created_at": "soon"}),
    }


def histories() -> dict[str, Sample]:
    arn = "arn:aws:states:eu-central-1:1:execution:order:run-7"
    task = {
        "resourceType": "lambda",
        "resource": "invoke",
        "parameters": json.dumps({"FunctionName": "arn:aws:lambda:eu:1:function:erp:prod"}),
    }
    rows: list[tuple[str, dict[str, Any]]] = [
        ("ExecutionStarted", {"executionStartedEventDetails": {"input": json.dumps({"orderId": "O-7"})}}),
        ("TaskStateEntered", {"stateEnteredEventDetails": {"name": "Post", "input": "{}"}}),
        ("TaskScheduled", {"taskScheduledEventDetails": task}),
        (
            "TaskFailed",
            {"taskFailedEventDetails": {"error": "Rejected", "cause": json.dumps({"errorMessage": "no VAT id"})}},
        ),
        ("TaskStateExited", {"stateExitedEventDetails": {"name": "Post", "output": "{}"}}),
        ("ExecutionSucceeded", {"executionSucceededEventDetails": {"output": json.dumps({"Error": "Rejected"})}}),
    ]
    states = [{"id": n, "previousEventId": n - 1, "type": kind, "timestamp": f"2026-01-05T10:00:{n:02}.000Z", "executionArn": arn, **more}
              for n, (kind, more) in enumerate(rows, 1)]  # fmt: skip
    flow: list[tuple[str, str, dict[str, Any]]] = [
        ("WORKFLOW_EXECUTION_STARTED", "workflowExecutionStarted", {"workflowType": {"name": "Order"}, "workflowId": "O-7", "originalExecutionRunId": "run-7", "taskQueue": {"name": "orders"}, "attempt": 1}),
        ("ACTIVITY_TASK_SCHEDULED", "activityTaskScheduled", {"activityType": {"name": "Post"}, "taskQueue": {"name": "erp"}}),
        ("ACTIVITY_TASK_STARTED", "activityTaskStarted", {"scheduledEventId": "2", "attempt": 3}),
        ("ACTIVITY_TASK_FAILED", "activityTaskFailed", {"scheduledEventId": "2", "failure": {"message": "no VAT id", "applicationFailureInfo": {"type": "Rejected"}}}),
        ("WORKFLOW_EXECUTION_FAILED", "workflowExecutionFailed", {"failure": {"message": "no VAT id"}}),
    ]  # fmt: skip
    temporal = [{"eventId": str(n), "eventTime": f"2026-01-05T10:00:{n:02}.000Z", "eventType": f"EVENT_TYPE_{kind}", f"{name}EventAttributes": more}
                for n, (kind, name, more) in enumerate(flow, 1)]  # fmt: skip
    tasks = {"dag_id": "order", "dag_run_id": "r7", "task_id": "post", "state": "failed", "try_number": 2, "map_index": -1, "operator": "HttpOperator", "duration": 2.0,
             "queued_when": AT, "start_date": AT, "end_date": LATER, "hostname": "w1", "unixname": "airflow"}  # fmt: skip
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/order/runs/r7"
    tracked = {"clientTrackingId": "O-7"}
    action = {"properties": {"startTime": "2026-01-05T10:00:00.1234567Z", "endTime": LATER, "status": "Failed", "code": "BadRequest",
                             "error": {"code": "422", "message": "no VAT id"}, "correlation": tracked},
              "id": f"{resource}/actions/Post_to_erp", "name": "Post_to_erp", "type": "Microsoft.Logic/workflows/runs/actions"}  # fmt: skip
    run = {"properties": {"startTime": AT, "endTime": LATER, "status": "Failed", "code": "ActionFailed", "correlation": tracked, "trigger": {"name": "http"}},
           "id": resource, "name": "r7", "type": "Microsoft.Logic/workflows/runs"}  # fmt: skip
    return {
        "step_functions": in_document(
            "execution histories", *states, bad=states[1] | {"id": 7, "timestamp": "soon"}, under="events"
        ),
        "temporal": in_document(
            "execution histories", *temporal, bad=temporal[1] | {"eventId": "6", "eventTime": "soon"}, under="events"
        ),
        "airflow": in_document(
            "execution histories", tasks, bad=tasks | {"start_date": "soon"}, under="task_instances"
        ),
        "logic_apps": in_document("execution histories", run, action, bad=action | {"id": "elsewhere"}, under="value"),
    }


def event_logs() -> dict[str, Sample]:
    header = "case:concept:name,concept:name,time:timestamp,org:group,org:resource,case:customer name"
    row = f"O-7,Refused,2026-01-05T10:00:00+00:00,core,{PERSON},{PERSON}"
    events = [
        {
            "id": "e1",
            "type": "Refuse",
            "time": AT,
            "attributes": [{"name": "org:resource", "value": PERSON}],
            "relationships": [{"objectId": "O-7", "qualifier": "order"}],
        }
    ]
    objects = [
        {
            "id": "O-7",
            "type": "order",
            "attributes": [{"name": "total", "time": "1970-01-01T00:00:00Z", "value": "5"}],
            "relationships": [],
        }
    ]

    def ocel(more: list[Any]) -> bytes:
        return json.dumps({"objectTypes": [], "eventTypes": [], "events": events + more, "objects": objects}).encode()

    return {
        "xes": Sample("event logs", XES.encode(), XES.replace("2026-01-05T10:00:01Z", "someday").encode()),
        "eventlog_csv": in_rows("event logs", header, row, bad=row.replace("2026-01-05T10:00:00+00:00", "someday")),
        "ocel": Sample("event logs", ocel([]), ocel([events[0] | {"id": "e2", "time": "someday"}])),
        "ocel_sqlite": Sample("event logs", database(AT), database("someday")),
    }


def database(time: str) -> bytes:
    """An object-centric log as SQLite; its second event is at the time given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.sqlite")
        with closing(sqlite3.connect(path)) as db:
            for statement in (
                "CREATE TABLE event (ocel_id TEXT, ocel_type TEXT)", "CREATE TABLE object (ocel_id TEXT, ocel_type TEXT)",
                "CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT)",
                "CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT)",
                "CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT)",
                "CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT)",
                "CREATE TABLE event_Refuse (ocel_id TEXT, ocel_time TEXT, resource TEXT)",
                "CREATE TABLE object_order (ocel_id TEXT, ocel_time TEXT, ocel_changed_field TEXT, total TEXT)",
                "INSERT INTO event VALUES ('e1', 'Refuse'), ('e2', 'Refuse')", "INSERT INTO object VALUES ('O-7', 'order')",
                "INSERT INTO event_map_type VALUES ('Refuse', 'Refuse')", "INSERT INTO object_map_type VALUES ('order', 'order')",
                "INSERT INTO event_object VALUES ('e1', 'O-7', 'order')",
                "INSERT INTO object_order VALUES ('O-7', '1970-01-01T00:00:00Z', NULL, '5')",
            ):  # fmt: skip
                db.execute(statement)
            rows = [("e1", AT, PERSON), ("e2", time, PERSON)]
            db.executemany("INSERT INTO event_Refuse VALUES (?, ?, ?)", rows)
            db.commit()
        return path.read_bytes()


def samples() -> dict[str, Sample]:
    """Every format, by name."""
    made: dict[str, Sample] = {}
    for some in (otlp, tabular, servicenow, jira, json_lines, jaeger_and_zipkin, n8n, desks, texts, github, histories, event_logs):  # fmt: skip
        made |= some()
    return made


if __name__ == "__main__":
    from golden import outcomes, write

    if len(sys.argv) > 1:
        for name, sample in samples().items():
            Path(sys.argv[1], f"{name}.good").write_bytes(sample.good)
            Path(sys.argv[1], f"{name}.broken").write_bytes(sample.broken)
    else:
        write(outcomes(samples()))
