"""Set what peers answer beside what this library answers, on the same samples.

    python docs/compare_peers.py [a Python in which peers are installed]

writes the table of docs/comparison.md. pm4py and riskquant are started in an environment of their own, and left out
where they are not installed. pm4py sees each span as an event of its transaction; riskquant gets, for each handoff, the
frequency and the 90 % range of a loss that an expert would give. Two programs need running servers, so that their rules
are applied here: that of service graphs (a client span and the server span below it; failed when either reports an
error) and Dispatch's classic cost of an incident. Truth is what the samples planted.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

import handoff_analytics as ha

PAGE = Path(__file__).parent / "comparison.md"
NOT_ASKED = "not asked"
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


RISKQUANT = """
import json, sys, numpy
from riskquant.multiloss import MultiLoss
from riskquant.simpleloss import SimpleLoss
numpy.random.seed(1)
losses = MultiLoss([SimpleLoss(*row) for row in json.load(open(sys.argv[1]))])
years = losses.simulate_years(2000)
expected = sum(loss for _, _, loss in losses.prioritized_losses())
print(json.dumps({"expected": expected, "bad": float(numpy.quantile(years, 0.95))}))
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


def hours(history: ha.History) -> tuple[float, float, float]:
    """Return the hours of work on the incidents that were planted: as planted, as measured, by Dispatch's rule."""
    truth = json.loads((ha.samples.folder() / "truth.json").read_text(encoding="utf-8"))["tickets"]
    known = {row["number"]: row["touch_hours"] for row in truth}
    tickets = history.sql("""
        SELECT t.ticket_id, t.opened_at, t.resolved_at, max(r.touch_hours) AS worked
        FROM tickets AS t
        LEFT JOIN recoveries AS r USING (ticket_uid)
        WHERE t.resolved_at IS NOT NULL
        GROUP BY ALL
        ORDER BY t.ticket_id
    """).filter(pl.col("ticket_id").is_in(list(known)))
    rule = 0.0
    for opened, resolved in tickets.select("opened_at", "resolved_at").iter_rows():
        elapsed = (resolved - opened).total_seconds() / 3600
        if elapsed > 24:  # whoever works for days works eight hours of each
            elapsed = math.ceil(elapsed // 24 * 8 + elapsed % 24)
        rule += elapsed + 1.5  # one person from the opening to the end, and the review afterwards
    return sum(known[ticket] for ticket in tickets["ticket_id"]), float(tickets["worked"].sum()), rule


def asked(python: str | None, program: str, file: Path) -> dict[str, object] | None:
    """Return what a peer's program prints in its own environment; null where the peer is not installed."""
    if python is None:
        return None
    command = [python, "-W", "ignore", "-c", program, str(file)]  # the interpreter that the user named
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    if "ModuleNotFoundError" in told.stderr:
        return None
    told.check_returncode()
    answer: dict[str, object] = json.loads(told.stdout.splitlines()[-1])
    return answer


def columns(python: str | None) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the questions, and who answers what."""
    history = ha.samples.load()
    true, began = planted()
    graph = history.sql(SERVICE_GRAPH)
    kinds = ha.failure_types(history).group_by("source", "target").agg(pl.col("failures").sum())
    counted = sum(n for a, b, n in kinds.select("source", "target", "failures").iter_rows() if (a, b) in began)
    rule = {(a, b): n for a, b, n in graph.select("source", "target", "failures").iter_rows()}
    year = ha.loss_exceedance(history).filter(name="P95").row(0, named=True)
    ranking = ha.rank(history).filter(pl.col("loss_low") > 0)
    each = pl.col("expected_annual_loss") / pl.col("failures_per_year")
    low, high = (each * pl.col(f"loss_{end}") / pl.col("expected_annual_loss") for end in ("low", "high"))
    expert = ranking.select("source", "target", "failures_per_year", low=low, high=high).rows()
    with tempfile.TemporaryDirectory() as folder:
        events, losses = Path(folder) / "events.csv", Path(folder) / "losses.json"
        history.sql(EVENTS).write_csv(events)
        losses.write_text(json.dumps(expert), encoding="utf-8")
        mined, simulated = asked(python, PM4PY, events), asked(python, RISKQUANT, losses)
    worked, measured, by_rule = hours(history)

    def found(pairs: set[tuple[str, str]]) -> dict[str, str]:
        return {"pairs": f"{len(pairs)}", "right": f"{len(pairs & true)} of {len(true)}"}

    questions = {
        "pairs": "pairs of systems found",
        "right": "of them planted handoffs",
        "failures": f"failures that began at a handoff of the traces ({sum(began.values()):,.0f} planted)",
        "silent": "silent failures",
        "hours": f"hours of work on the planted incidents ({worked:,.0f} planted)",
        "year": "loss to expect in a year, EUR",
        "bad": "one year in twenty loses more than, EUR",
    }
    silent = ha.visibility(history)["silent_failures"].sum()
    answers = {
        "this library": found(set(ha.dependency_graph(history).edges))
        | {"failures": f"{counted:,.0f}", "silent": f"{silent:,}", "hours": f"{measured:,.0f}"}
        | {"year": f"{year['expected_annual_loss']:,.0f}", "bad": f"{year['loss']:,.0f}"},
        "rule of service graphs": found(set(rule)) | {"failures": f"{sum(rule.values()):,}", "silent": "none"},
    }
    if mined is not None:
        pairs = {(a, b) for a, b, _ in mined["pairs"]}  # type: ignore[attr-defined] # what the program above prints
        answers[f"pm4py {mined['version']}, directly follows"] = found(pairs) | {"silent": "none"}
    answers["Dispatch's classic cost"] = {"hours": f"{by_rule:,.0f}"}
    if simulated is not None:
        answers["riskquant, given frequency and range"] = {
            "year": f"{simulated['expected']:,.0f}",
            "bad": f"{simulated['bad']:,.0f}",
        }
    return questions, answers


def table(questions: dict[str, str], answers: dict[str, dict[str, str]]) -> str:
    """Return the answers as a table in Markdown."""
    lines = [f"| | {' | '.join(answers)} |", f"|---{'|---' * len(answers)}|"]
    for key, said in questions.items():
        lines.append(f"| {said} | {' | '.join(told.get(key, NOT_ASKED) for told in answers.values())} |")
    return "\n".join(lines)


def main(python: str | None) -> None:
    """Write the table into its page, and print it."""
    made = table(*columns(python))
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(re.sub(r"(?m)^\|.*\n(?:\|.*\n)*", lambda _: made + "\n", text, count=1), encoding="utf-8")
    sys.stdout.write(made + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
