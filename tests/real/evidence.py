"""What becomes of every file of real evidence?

Each group of files loads by a loader, or by a mapping of `mappings/`. Run it for the table:
``python tests/real/evidence.py``.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import handoff_analytics as ha

DATA = Path(os.environ.get("HANDOFFS_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
MAPPINGS = Path(__file__).parent / "mappings"
COUNTS = ("seen", "loaded", "rejected", "duplicate", "skipped")


@dataclass(frozen=True)
class Evidence:
    """Some files of one kind, and how they load."""

    files: str
    mapping: str | None = None
    rejects: str = ""
    """What the rejects are, where there are any."""
    skips: str = ""
    """What is skipped, where anything is."""
    slow: bool = False


_JAEGER_UI = "formats/jaeger_ui_samples/packages/jaeger-ui/src"
_OPENLINEAGE = "formats/marquez_openlineage/api/src/test/resources/open_lineage"
EVIDENCE = (
    Evidence(f"{_JAEGER_UI}/utils/fixtures/otlp2jaeger*-in*"),
    Evidence(f"{_JAEGER_UI}/utils/fixtures/*-out.json"),
    Evidence(f"{_JAEGER_UI}/components/DependencyGraph/sample_data/*.json", "jaeger_dependencies"),
    Evidence("formats/kiali_jaeger_samples/tracing/tracingtest/response*.json"),
    Evidence(f"{_OPENLINEAGE}/**/*.json"),
    Evidence(
        "formats/marquez_openlineage/docker/metadata.template.json",
        rejects="a template: {{RUN_START_TIME}} stands for each time",
    ),
    Evidence("formats/marquez_openlineage/web/docker/db/data/*.json", "marquez_names"),
    Evidence("formats/otlp_json_examples/examples/*.json", skips="metrics: no spans and no log records"),
    Evidence("formats/zipkin_testdata/zipkin-lens/testdata/*.json"),
    Evidence("logs/apache_logs"),
    Evidence("logs/nginxplus_json_logs"),
    Evidence("servicenow_rest/incidents_REST.csv"),
    Evidence("gitbugs/hadoop_bugs.csv"),
    Evidence("uci_incident_event_log/incident_event_log.zip", slow=True),
    Evidence("nezha_dev/**/trace/*_trace.csv.gz", "nezha_trace", slow=True),
    Evidence("nezha_dev/**/log/*_log.csv.gz", "nezha_log", slow=True),
    Evidence("nezha_dev/**/traceid/*_traceid.csv.gz", "nezha_traceid"),
    Evidence("nezha_dev/*/metric_*_data/dependency.csv.gz", "nezha_dependency"),
    Evidence("nezha_dev/*/metric_*_data/front_service.csv.gz", "nezha_front"),
    Evidence("nezha_dev/*/metric_*_data/*_50.csv.gz", "nezha_latency"),
    Evidence("petshop_train/*/graph.csv", "petshop_graph"),
    Evidence("petshop_train/**/metrics.csv*", "petshop_metrics", slow=True),
    Evidence("petshop_train/*/train/*/target.json", "petshop_issue"),
    Evidence("tvdiag_hotel/label.csv", "hotel_labels"),
    Evidence("tvdiag_hotel/raw/traces.json", "hotel_traces"),
    Evidence("tvdiag_hotel/raw/[ml]*.json", "hotel_alerts"),
    Evidence("tvdiag_hotel/raw/nodes.json", "hotel_nodes"),
    Evidence("tvdiag_hotel/raw/edges.json", "hotel_edges"),
)
NO_EVIDENCE = {
    "*LICENSE*": "a licence",
    "*NOTICE": "a licence",
    "*README.md": "a text about the files",
    "SOURCES.md": "a text about the files",
    "*/mock.go": "a program",
    "nezha_dev/faults_dev.json": "the answers",
    "itbench_groundtruth/*.yaml": "answers without telemetry",
    "insight_bench/*.json": "questions and answers",
    "insight_bench/*.csv": "synthetic tables: test_real_tickets.py loads those of incidents",
}
"""Files that hold no evidence, and what they are."""


def loaded(one: Evidence) -> ha.History:
    """Return the history of one kind of evidence, rejects kept."""
    mapping = MAPPINGS / f"{one.mapping}.toml" if one.mapping else None
    return ha.load(
        sorted(DATA.glob(one.files)),
        mapping=mapping,
        timezone="UTC",
        on_reject="keep",
        max_reject_share=1.0,
        quiet=True,
    )


def table() -> pl.DataFrame:
    """Return a row for each kind of evidence: what became of its records, in how many seconds."""
    rows = []
    for one in EVIDENCE:
        begun = time.perf_counter()
        loads = loaded(one).loads
        how = one.mapping or ", ".join(loads["format"].unique().sort())
        why = "; ".join(filter(None, (one.rejects, one.skips)))
        counts = {name: loads[name].sum() for name in COUNTS}
        seconds = round(time.perf_counter() - begun, 1)
        rows.append({"files": one.files, "how": how, "n": loads.height, **counts, "seconds": seconds, "why": why})
    return pl.DataFrame(rows)


if __name__ == "__main__":
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=90, tbl_width_chars=250, tbl_formatting="ASCII_MARKDOWN"):
        print(table())  # noqa: T201 - a script that prints
