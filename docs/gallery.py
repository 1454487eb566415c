"""Draw every chart from the samples: `python docs/gallery.py` writes docs/gallery, a page and a picture each."""

import sys
from pathlib import Path

import handoff_analytics as ha

RETRIED = """
    SELECT * FROM crossings
    WHERE correlation_id = (
        SELECT correlation_id FROM main.crossings WHERE failed AND correlation_id IS NOT NULL
        GROUP BY ALL ORDER BY count(*) DESC, correlation_id LIMIT 1
    )
"""


def gallery(folder: Path) -> list[Path]:
    """Write a picture of every chart and a page that shows them; return the pictures."""
    history = ha.samples.load()
    ranking, reach, network = ha.rank(history), ha.cascade_reach(history), ha.dependency_graph(history)
    checked, seen = ha.audit(history), ha.visibility(history)
    late, early = history.between("2026-05-18", "2026-05-21"), history.between("2026-03-01", "2026-04-15")
    charts = {
        "ranking": ha.charts.ranking(ranking, top=8, history=history),
        "pareto": ha.charts.pareto(ranking, history=history),
        "why": ha.charts.why(ranking, history=history),
        "graph": ha.charts.graph(network, reach=reach, history=history),
        "matrix": ha.charts.matrix(network, history=history),
        "reach": ha.charts.reach(reach, history=history),
        "cascade": ha.charts.cascade(ha.cascade_pairs(history), history=history),
        "cascade_tree": ha.charts.cascade_tree(ha.widest_cascade(history), history=history),
        "failure_types": ha.charts.failure_types(ha.failure_types(history), history=history),
        "cost": ha.charts.cost(ha.recovery_cost(history), history=history),
        "silent_failures": ha.charts.silent_failures(seen, history=history),
        "time_to_detect": ha.charts.time_to_detect(seen, history=history),
        "loss_exceedance": ha.charts.loss_exceedance(ha.loss_exceedance(history), history=history),
        "attention": ha.charts.attention(ha.attention(history), history=history),
        "changes": ha.charts.changes(ha.compare(late, early), history=late),
        "degradation": ha.charts.degradation(ha.degradation(history), history=history),
        "green_but_failing": ha.charts.green_but_failing(
            ha.green_but_failing(history), whole=ha.green_but_failing(history, by_handoff=False), history=history
        ),
        "platforms": ha.charts.platforms(ha.platforms(history), history=history),
        "audit_coverage": ha.charts.audit_coverage(ha.audit_coverage(checked), history=history),
        "audit_stages": ha.charts.audit_stages(ha.audit_stages(checked), history=history),
        "frontier": ha.charts.frontier(ha.budget_frontier(history), history=history),
        "cash_flow": ha.charts.cash_flow(ha.cash_flow(history, budget=40_000), history=history),
        "tornado": ha.charts.tornado(ha.tornado(history, measure="token_refresh_ahead"), history=history),
        "transaction": ha.charts.transaction(history.sql(RETRIED), history=history),
        "timeline": ha.charts.timeline(ha.trace(history, history.sql(RETRIED)["correlation_id"][0]), history=history),
        "quality": ha.charts.quality(history.loads, doubts=history.quality, history=history),
    }
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [ha.charts.save(chart, folder / f"{name}.svg") for name, chart in charts.items()]
    shown = [f"## {name}\n\n![{chart.to_dict()['description']}]({name}.svg)\n" for name, chart in charts.items()]
    page = "# Gallery\n\nEvery chart, drawn from the samples by `python docs/gallery.py`.\n\n" + "\n".join(shown)
    (folder / "README.md").write_text(page, encoding="utf-8")
    return pictures


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "gallery"
    sys.stdout.write(f"{len(gallery(place))} pictures in {place}\n")
