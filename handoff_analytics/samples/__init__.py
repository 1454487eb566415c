"""What do the methods say of a company whose failures are known?

A seeded generator of one coherent company, order to cash: it writes what its systems would export, and beside it what
truly happened. The same seed gives the same bytes.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .. import loaders
from ..errors import ArgumentError, UnreadableFileError
from . import company, logs, runs, tickets, truth
from .plants import TIMES, moment
from .recording import DAY, HOUR, Record, stream
from .small import one_retry, slow_message, three_systems
from .telemetry import blemish, compact, iso, otlp_lines
from .transactions import Flow, orders
from .volume import spans, write_spans

if TYPE_CHECKING:
    from ..history import History
    from .recording import Crossing, Order

__all__ = [
    "EVIDENCE",
    "MAPPED",
    "folder",
    "load",
    "one_retry",
    "slow_message",
    "spans",
    "three_systems",
    "write",
    "write_spans",
]

SEED = 20260101
ORDERS = 1150
SINCE, UNTIL = "2026-01-01", "2026-07-01"
EVIDENCE = (
    "catalogue.toml",
    "costs.toml",
    "traces.otlp.jsonl",
    "logs.jsonl",
    "workflow_runs.n8n.json",
    "orchestrator_runs.json",
    "orchestrator_tasks.json",
    "incidents.servicenow.csv",
    "issues.jira.csv",
)
"""The files that a loader recognises by themselves, in the order in which they are loaded."""
MAPPED = {"outcomes.csv": "outcomes.mapping.toml", "health.csv": "outcomes.mapping.toml"}
"""The files that need a mapping, each with it."""
TRUTH = "truth.json"
TEMPLATES = "logs.templates.csv"
OUTCOME_COLUMNS = ("Order", "Check", "System", "Expected", "Actual", "Passed", "Checked at", "Amount")
_PICKED_EVERY = 4

OUTCOMES_MAPPING = """\
[mapping]
format = 1
name = "acme_outcomes"
target = "outcomes"
reader = "csv"
platform = "acme"

[mapping.match]
keys_all = ["Order", "Check", "Expected", "Actual", "Passed"]

[mapping.values]
null = ["", "?"]
true = ["yes"]
false = ["no"]
timezone = "UTC"

[column.correlation_id]
from = "Order"
type = "text"

[column.check_name]
from = "Check"
type = "text"
required = true

[column.system]
from = "System"
type = "text"

[column.expected]
from = "Expected"
type = "text"

[column.actual]
from = "Actual"
type = "text"

[column.passed]
from = "Passed"
type = "bool"
required = true

[column.checked_at]
from = "Checked at"
type = "time"
formats = ["iso"]
required = true

[column.amount]
from = "Amount"
type = "float"
"""


def write(
    folder: str | Path,
    *,
    seed: int = SEED,
    orders: int = ORDERS,
    since: str = SINCE,
    until: str = UNTIL,
    telemetry: Literal["all", "traces"] = "all",
    faults: bool = True,
    templates: bool = False,
) -> Path:
    """Write the company's evidence, and the truth about it, into a folder.

    Parameters
    ----------
    folder
        Where to write; it is made if it does not exist, and files of the same names are replaced.
    seed
        The same seed gives the same bytes.
    orders
        Number of orders in the window.
    since, until
        The window, ISO dates in UTC. What happens when (releases, outages, the drift) lies in the first half of 2026.
    telemetry
        ``"all"`` files, or only the ``"traces"`` with catalogue and truth.
    faults
        Whether anything goes wrong; without faults every alarm is a false one.
    templates
        Also write ``logs.templates.csv``: the true template of each log line.

    Returns
    -------
    pathlib.Path
        The folder. It holds

        ========================  ===================================================================================
        file                      what it is
        ========================  ===================================================================================
        traces.otlp.jsonl         spans as OTLP JSON lines
        logs.jsonl                structured log lines, most of them without a trace
        workflow_runs.n8n.json    executions of the low-code tool
        orchestrator_runs.json    runs of the nightly batch
        orchestrator_tasks.json   its task instances
        incidents.servicenow.csv  every state of every incident
        issues.jira.csv           follow-up issues
        outcomes.csv              what became of mails and parcels; outcomes.mapping.toml says how to read it
        health.csv                every system's own health, green throughout but for one outage
        catalogue.toml            what was declared
        costs.toml                what an hour and a lost order cost
        truth.json                the answers
        ========================  ===================================================================================

        ``truth.json`` holds ``handoffs`` (a handoff each: crossings, calls, failed attempts by origin and fate,
        failures by type and mode, the silent share, mean reach, tickets, cost by category, cost per year), ``plants``
        (a phenomenon each, with its orders), ``silent`` (transactions with the detector that should find them),
        ``cycles``, ``undeclared``, ``reversed``, ``stale``, ``tickets`` (right handoff, right team, path of teams,
        hours), ``degrading``, ``token``, ``windows``, ``outage_inconsistencies``, ``races``, ``failed_compensations``,
        ``late_charges``, ``duplicate_deliveries``, ``zip_plus_four``, ``self_employed``, ``clock_skew``,
        ``orphan_span_ids``, ``duplicate_span_ids``, ``n8n``, ``airflow``, ``log_handoffs`` (of the orders that left
        log lines only) and ``step_handoffs`` (between the steps of flows and batches).
        A failure there is an origin: the last attempt of a call that failed at this boundary or inside the receiver,
        was not made good by a retry, or was silent.

    Raises
    ------
    ArgumentError
        If the window is empty or there are no orders.

    Examples
    --------
    >>> import tempfile
    >>> from handoff_analytics import samples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = samples.write(folder, orders=20, until="2026-01-11", telemetry="traces")
    ...     sorted(path.name for path in made.iterdir())
    ['catalogue.toml', 'traces.otlp.jsonl', 'truth.json']
    """
    start, end = moment(since), moment(until)
    if start >= end:
        raise ArgumentError(f"The window from {since} to {until} is empty: since must be before until.")
    if orders < 1:
        raise ArgumentError(
            f"orders is {orders}; a company without an order has nothing to hand over. Ask for 1 or more."
        )
    company_files = _Company(seed=seed, count=orders, since=start, until=end, faults=faults)
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    for name, text in company_files.texts(telemetry=telemetry, templates=templates).items():
        (path / name).write_bytes(text.encode())
    return path


class _Company:
    """One run of the generator, from its orders to its texts."""

    def __init__(self, *, seed: int, count: int, since: int, until: int, faults: bool) -> None:
        self.seed, self.since, self.until, self.has_faults = seed, since, until, faults
        self.record = Record(seed)
        self.orders = orders(count, seed=seed, since=since, until=until)
        flow = Flow(self.record, faults=faults)
        for order in self.orders:
            flow.place(order)
        for day in range(since, until, DAY):
            flow.settle(day)
        self.unbooked = sorted(flow.unbooked)
        self.lines, self.floor = self._warehouse(flow)
        self.lines += logs.refusal_lines(self.record)
        race, self.races = logs.race_lines(self.record, self.orders) if faults else ([], [])
        self.lines = sorted(self.lines + race)
        self.blemishes = blemish(self.record, orphans=count // 60, duplicates=count // 30)
        self.tickets = tickets.opened(self.record, until=until)

    def _warehouse(self, flow: Flow) -> tuple[list[logs.Line], list[Crossing]]:
        """Let every fourth order be picked; only every third of those leaves spans beside its log lines."""
        blind = Flow(Record(self.seed), faults=self.has_faults)
        lines = []
        for index, order in enumerate(self.orders[::_PICKED_EVERY]):
            at = order.placed_us + 2 * HOUR
            lines += logs.floor_lines(flow if index % 3 == 0 else blind, order, at, instrumented=index % 3 == 0)
        for crossing in blind.record.crossings:
            crossing.evidence = "logs"
        return lines, blind.record.crossings

    def texts(self, *, telemetry: str, templates: bool) -> dict[str, str]:
        """Return every file by its name."""
        flows, lead_faults, lead_steps = runs.n8n(
            240, seed=self.seed, since=self.since, until=self.until, faults=self.has_faults
        )
        nightly = runs.airflow(seed=self.seed, since=self.since, until=self.until, faults=self.has_faults)
        extra: dict[str, Any] = {
            "outage_inconsistencies": self.unbooked,
            "races": self.races,
            "n8n": lead_faults,
            "airflow": nightly.wrong,
            "step_handoffs": runs.step_handoffs(lead_steps + nightly.steps),
        }
        everything = self.record.crossings + self.floor
        known = truth.answers(everything, self.tickets, self.blemishes, since=self.since, until=self.until, extra=extra)
        texts = {
            "traces.otlp.jsonl": _lines(otlp_lines(self.record.spans, repeated=self.blemishes.duplicates)),
            "catalogue.toml": company.CATALOGUE,
            TRUTH: _truth_text(known),
        }
        if telemetry == "traces":
            return texts
        texts |= {
            "logs.jsonl": _lines(line.text() for line in self.lines),
            "workflow_runs.n8n.json": compact(flows) + "\n",
            "orchestrator_runs.json": compact(nightly.dag_runs) + "\n",
            "orchestrator_tasks.json": compact(nightly.task_instances) + "\n",
            "incidents.servicenow.csv": tickets.servicenow_csv(self.tickets, seed=self.seed, until=self.until),
            "issues.jira.csv": tickets.jira_csv(self.tickets, seed=self.seed),
            "outcomes.csv": self._outcomes(),
            "health.csv": self._health(),
            "outcomes.mapping.toml": OUTCOMES_MAPPING,
            "costs.toml": company.COSTS,
        }
        if templates:
            texts[TEMPLATES] = _lines(
                ["line,template", *(f"{number},{line.template}" for number, line in enumerate(self.lines, 1))]
            )
        return texts

    def _outcomes(self) -> str:
        """Return what became of each mail and parcel, as two providers report it a day or two later."""
        random = stream(self.seed, "outcomes")
        rows = []
        for crossing in self.record.crossings:
            if not crossing.is_last or crossing.failed:
                continue
            order: Order = crossing.order
            if crossing.target == "mail-provider":
                actual, expected, check, system, days = (
                    ("bounced" if crossing.silent else "delivered"),
                    "delivered",
                    "mail_delivery",
                    "mail-provider",
                    0.2,
                )
            elif crossing.target == "carrier-api":
                actual, expected, check, system, days = "delivered", "delivered", "shipment", "carrier-api", 2.5
            else:
                continue
            at = crossing.end_us + int(days * (0.2 + random.random()) * DAY)
            rows.append(
                (
                    at,
                    order.order_id,
                    check,
                    system,
                    expected,
                    actual,
                    "yes" if actual == expected else "no",
                    order.amount,
                )
            )
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(OUTCOME_COLUMNS)
        for at, order_id, check, system, expected, actual, passed, amount in sorted(rows):
            if at < self.until:
                writer.writerow([order_id, check, system, expected, actual, passed, iso(at), amount])
        return out.getvalue()

    def _health(self) -> str:
        """Return what each system says of its own health, twice a day: green, whatever its handoffs do."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(OUTCOME_COLUMNS)
        for at in range(self.since, self.until, 12 * HOUR):
            for system in company.WATCHED:
                is_down = self.has_faults and system == "orders-db" and TIMES.database_outage.holds(at)
                actual, passed = ("red", "no") if is_down else ("green", "yes")
                writer.writerow(["", "system_health", system, "green", actual, passed, iso(at), ""])
        return out.getvalue()


def _lines(lines: Any) -> str:
    return "".join(f"{line}\n" for line in lines)


def _truth_text(known: dict[str, Any]) -> str:
    """Write one answer a line, so that a difference between two versions can be read."""
    parts = []
    for name, value in known.items():
        if isinstance(value, list) and value:
            rows = ",\n".join(compact(row) for row in value)
            parts.append(f"{compact(name)}:[\n{rows}\n]")
        else:
            parts.append(f"{compact(name)}:{compact(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def folder() -> Path:
    """Return where the shipped samples are: in the installed package, or in the checkout it is installed from.

    Returns
    -------
    pathlib.Path
        The folder of the files that `write` made.

    Raises
    ------
    UnreadableFileError
        If neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "_samples", package.parent / "data" / "samples"):
        if (place / TRUTH).is_file():
            return place
    raise UnreadableFileError("The shipped samples are missing. Make them with ha.samples.write('data/samples').")


def load(into: str | Path | History | None = None) -> History:
    """Load the shipped samples.

    Parameters
    ----------
    into
        The file, or the history, to load into; in memory when left out.

    Returns
    -------
    History
        The company's half year.

    Raises
    ------
    UnreadableFileError
        If the samples are missing.
    """
    place = folder()
    history = loaders.load([place / name for name in EVIDENCE], into=into)
    by_mapping: dict[str, list[Path]] = {}
    for name, mapping in MAPPED.items():
        by_mapping.setdefault(mapping, []).append(place / name)
    for mapping, paths in by_mapping.items():
        history = loaders.load(paths, into=history, mapping=place / mapping)
    return history
