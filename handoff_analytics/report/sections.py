"""What stands in the report, in which order?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import __version__, charts
from ..attention import attention
from ..cascade import cascade_reach
from ..charts import canvas, words
from ..economics.flow import cash_flow
from ..economics.measures import measures_of
from ..economics.prevention import prevention_case
from ..economics.shares import type_shares
from ..graph import dependency_graph
from ..kinds import failure_types
from ..ranking import rank
from ..recovery import recovery_cost
from ..remediation.planning import budget_frontier, plan
from ..visibility import visibility
from .html import Html, element, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import altair as alt
    import polars as pl

    from ..history import History

RANKED = {
    "rank": "rank",
    "source": "source",
    "target": "target",
    "channel": "channel",
    "expected_annual_loss": "expected annual loss",
    "loss_low": "at least (5%)",
    "loss_high": "at most (95%)",
    "failures_per_year": "failures a year",
    "cost_per_failure": "cost of one",
    "reach_expected": "fail in consequence",
    "handoff_type": "mostly",
    "owner": "owner",
}


TYPED = {
    "handoff_type": "type",
    "failures": "failures",
    "failure_share": "share of failures",
    "expected_annual_loss": "expected annual loss",
    "loss_share": "share of the loss",
    "ambiguous_share": "could be another mode",
}


PLANNED = {
    "place": "order",
    "title": "measure",
    "handoffs": "handoffs",
    "team": "team",
    "cost": "cost, once",
    "yearly_cost": "upkeep a year",
    "saving": "saves a year",
    "cumulative_cost": "cost so far",
    "cumulative_saving": "saved so far, a year",
    "chosen_share": "chosen in draws",
}


CASE = {
    "title": "measure",
    "verdict": "verdict",
    "one_off": "cost, once",
    "yearly": "upkeep a year",
    "saving_per_year": "saves a year",
    "npv": "net present value",
    "npv_low": "at least (5%)",
    "npv_high": "at most (95%)",
    "p_npv_positive": "probability that it pays",
    "payback_months": "months to repay, median",
}
MONEY = frozenset(
    {
        *("expected_annual_loss", "cost_per_failure", "cost", "yearly_cost", "saving", "cumulative_cost"),
        *("cumulative_saving", "one_off", "yearly", "saving_per_year", "npv"),
    }
)
METHOD = """
A failure is counted at the handoff where it began; what it caused elsewhere is its cascade, and an attempt that a retry
made up for is no failure.

Rates are estimated with all handoffs in view: where little was seen, an estimate leans towards what is usual. An
interval of 90% means that the true value is outside in one case of ten, if the model holds.

Prices come from the catalogue; what it does not say is assumed and marked. A share that is called assumed rests on
somebody's word and not on records.

What no rule explains stays unclassified, and what is linked to no handoff is shown as such: nothing is guessed to make
a total.

These are findings about the window that is named, from the evidence that was loaded. Differences between teams or
platforms are associations, not causes.
"""


@dataclass(frozen=True)
class Section:
    """One question of the report, and its answer."""

    title: str
    charts: tuple[alt.TopLevelMixin, ...]
    basis: str
    """Definition, window, rows and version: what a reader needs to trust the numbers above it."""
    tables: tuple[Html, ...] = ()
    text: tuple[str, ...] = field(default=())


def sections(history: History) -> list[Section]:
    """Measure the history and return the sections, the ranking first."""
    ranking, costs, seen = rank(history), recovery_cost(history), visibility(history)
    reach, looked = cascade_reach(history), attention(history)
    rows = {
        name: history.sql(f"SELECT count(*) AS n FROM {name}").item()
        for name in ("crossings", "failures", "tickets", "silent_findings")
    }

    def basis(definition: str, **counts: int) -> str:
        numbers = ", ".join(f"{number:,} {words.plain(name)}" for name, number in counts.items())
        return f"{definition} Window: {canvas.caption(history)}. Rows: {numbers}. handoff_analytics {__version__}."

    return [
        Section(
            "Fix these first",
            (charts.ranking(ranking, history=history), charts.why(ranking, history=history)),
            basis(
                "Expected annual loss: failures that begin at the handoff in a year, times what one of them costs with "
                "all that follows from it. Intervals hold 90% of the posterior; handoffs of one tier cannot be told "
                "apart.",
                handoffs=ranking.height,
                failures=rows["failures"],
            ),
            tables=(table(ranking, _priced(RANKED, ranking)),),
        ),
        *_plan(history, basis),
        Section(
            "Who hands work to whom",
            (charts.graph(dependency_graph(history), reach=reach, history=history),),
            basis(
                "A crossing is one attempt of one transaction to pass from one system to another.",
                crossings=rows["crossings"],
            ),
        ),
        Section(
            "What kind of failure",
            (charts.failure_types(failure_types(history), history=history),),
            basis(
                "Failures at the handoff where they began, by the rule that recognised them. What no rule knows stays "
                "unclassified; its share, by count and by cost, says how far the others can be trusted.",
                failures=rows["failures"],
            ),
            tables=(table(type_shares(history), TYPED),),
        ),
        Section(
            "What recovery costs",
            (charts.cost(costs, history=history),),
            basis(
                "Work on tickets, repairs, contacts, value lost or delayed. Assumed amounts rest on the prices given "
                "in the catalogue or, without them, on those of the library.",
                tickets=rows["tickets"],
                failures=rows["failures"],
            ),
        ),
        Section(
            "What nobody saw",
            (charts.silent_failures(seen, history=history),),
            basis(
                "A failure is silent when both sides reported success and a detector found otherwise.",
                silent_findings=rows["silent_findings"],
            ),
        ),
        Section(
            "Where teams looked",
            (charts.attention(looked, history=history),),
            basis(
                "Elapsed hours of tickets with each team, against the handoff that the ticket is linked to.",
                tickets=rows["tickets"],
            ),
        ),
        Section(
            "How good the data is",
            (charts.quality(history.loads, doubts=history.quality, history=history),),
            basis("Each record that was read, and what became of it.", files=history.loads.height),
        ),
        Section(
            "How the numbers are made", (), basis("All numbers above.", crossings=rows["crossings"]), text=_method()
        ),
    ]


def _priced(columns: Mapping[str, str], frame: pl.DataFrame) -> dict[str, str]:
    """Name the currency in the headings of what is money."""
    currency = words.currency(frame)
    return {name: f"{said}, {currency}" if currency and name in MONEY else said for name, said in columns.items()}


def _method() -> tuple[str, ...]:
    return tuple(METHOD.strip().split("\n\n"))


def _plan(history: History, basis: Callable[..., str]) -> list[Section]:
    """Return what to do with which budget; nothing when the catalogue declares no measures."""
    if not measures_of(history, None):
        return []
    frontier = budget_frontier(history)
    budget = float(frontier["cost"][-1])
    chosen = plan(history, budget=budget)
    return [
        Section(
            "What to do with a budget",
            (charts.frontier(frontier, history=history),),
            basis(
                "Each measure's saving is what it adds a year to those above it, after its upkeep. The list is the "
                f"plan at {words.money(budget, words.currency(frontier))}, beyond which nothing is gained; the curve "
                "shows the best plan at each smaller budget. The effects are those that the catalogue declares.",
                measures=chosen.height,
            ),
            tables=(table(chosen, _priced(PLANNED, chosen)),),
        ),
        _case(history, basis, budget, words.currency(frontier)),
    ]


def _case(history: History, basis: Callable[..., str], budget: float, currency: str | None) -> Section:
    """Return whether prevention pays, for the plan as a whole and for each of its measures."""
    case = prevention_case(history, budget=budget)
    together = case.row(0, named=True)
    repays = words.share(float(together["p_one_failure_repays"]))
    return Section(
        "Does prevention pay",
        (charts.cash_flow(cash_flow(history, budget=budget), history=history),),
        basis(
            f"Costs and savings of the plan at {words.money(budget, currency)}, month by month, from accounts that are "
            f"simulated incident by incident; bands hold 80%. {together['assumptions']}",
            measures=case.height - 1,
        ),
        tables=(table(case, _priced(CASE, case)),),
        text=(f"{together['reason']} One incident alone repays the outlay with a probability of {repays}.",),
    )


def summary(history: History, parts: list[Section]) -> list[Html]:
    """Return the head of the report: title, scope, the state of the data, and each finding as one sentence."""
    findings = [str(chart.to_dict()["description"]) for part in parts for chart in part.charts]
    loads = history.loads
    rejected, seen = (int(loads[name].fill_null(0).sum()) for name in ("rejected", "seen"))
    doubtful = int(history.quality["doubtful"].sum())
    good = not rejected and not doubtful
    read = words.counted(seen, "record")
    said = f"Data quality: {read} read, {rejected:,} rejected, {words.counted(doubtful, 'doubt')}."
    low = history.sql("SELECT avg((tier = 'low')::INTEGER) AS low FROM crossings").item()
    if low:
        said += f" {words.share(low)} of the crossings are inferred with low confidence."
    return [
        element("h1", "Handoffs: what to fix first"),
        element("p", canvas.caption(history), class_="scope"),
        element("p", said, class_="banner good" if good else "banner"),
        element("ul", *(element("li", said) for said in dict.fromkeys(findings) if "nothing to show" not in said)),
    ]
