"""Set what peers answer beside what this library answers, on the same samples.

    python docs/compare_peers.py [a Python in which pm4py is installed]

Peers that are not installed are named as such. pm4py is started in an environment of its own, and sees each span as an
event of its transaction. The rule of service graphs (a client span and the server span below it; failed when either
reports an error) is applied by a query: the program itself needs a running pipeline. Truth is what the samples planted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import handoff_analytics as ha

SERVICE_GRAPH = """
    SELECT parent.system AS source, child.system AS target, count(*) AS calls,
        count(*) FILTER (WHERE child.status = 'error' OR parent.status = 'error') AS failures
    FROM spans AS child
    JOIN spans AS parent ON parent.span_key = child.parent_key AND parent.trace_key = child.trace_key
    WHERE parent.system <> child.system AND parent.kind IN ('client', 'producer')
        AND child.kind IN ('server', 'consumer')
    GROUP BY parent.system, child.system
    ORDER BY failures DESC, source, target
"""
EVENTS = """
    SELECT coalesce(correlation_id, trace_id) AS correlation_id, system,
        strftime(started_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS started_at
    FROM spans
    WHERE coalesce(correlation_id, trace_id) IS NOT NULL AND kind <> 'step'
    ORDER BY start_us, span_uid
"""
PM4PY = """
import json, sys, pandas, pm4py
log = pandas.read_csv(sys.argv[1], parse_dates=["started_at"])
log = pm4py.format_dataframe(log, case_id="correlation_id", activity_key="system", timestamp_key="started_at")
followed, _, _ = pm4py.discover_dfg(log)
pairs = [[a, b, int(count)] for (a, b), count in followed.items() if a != b]
print(json.dumps({"version": pm4py.__version__, "pairs": pairs}))
"""


def planted() -> tuple[set[tuple[str, str]], dict[tuple[str, str], float]]:
    """Return the handoffs that there are, and how many failures began at each of those in traces, silent ones too."""
    truth = json.loads((ha.samples.folder() / "truth.json").read_text(encoding="utf-8"))
    began: dict[tuple[str, str], float] = {}
    for row in truth["handoffs"]:
        pair = (row["source"], row["target"])
        began[pair] = began.get(pair, 0) + row["origins_boundary"] + row["origins_inside"]
    for row in truth["silent"]:
        began[row["source"], row["target"]] += 1
    others = [(row["source"], row["target"]) for row in (*truth["log_handoffs"], *truth["step_handoffs"])]
    return {*began, *others}, began


def found(name: str, pairs: set[tuple[str, str]], true: set[tuple[str, str]]) -> str:
    """Say how many of the pairs are handoffs, and how many of the handoffs were found."""
    right = len(pairs & true)
    return f"{name}: {len(pairs)} pairs, {right} of them handoffs; {right} of {len(true)} handoffs found"


def main(python: str | None) -> None:
    """Print the comparison."""
    history = ha.samples.load()
    true, began = planted()
    graph = history.sql(SERVICE_GRAPH)
    ours = ha.failure_types(history).select("source", "target", "failures").group_by("source", "target").sum()
    counted = {(a, b): n for a, b, n in ours.select("source", "target", "failures").iter_rows() if (a, b) in began}
    rule = {(a, b): n for a, b, n in graph.select("source", "target", "failures").iter_rows()}
    silent = ha.visibility(history)["silent_failures"].sum()
    counts = f"{sum(counted.values()):,.0f} counted by handoff_analytics, {sum(rule.values()):,} by the rule"
    lines = [
        found("handoff_analytics", set(ha.dependency_graph(history).edges), true),
        found("rule of service graphs", set(rule), true),
        f"failures that began at handoffs of the traces: {sum(began.values()):,.0f} planted, {counts}",
        f"silent failures: {silent:,} found by handoff_analytics; the others look at statuses, and these were good",
    ]
    if python is None:
        lines.append("pm4py: not installed (give the Python that has it)")
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "events.csv"
            history.sql(EVENTS).write_csv(file)
            command = [python, "-c", PM4PY, str(file)]  # the interpreter that the user named
            told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - as above
        answer = json.loads(told.stdout.splitlines()[-1])
        pairs = {(a, b) for a, b, _ in answer["pairs"]}
        lines.append(found(f"pm4py {answer['version']}, directly follows", pairs, true))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
