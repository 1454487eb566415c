"""Every format of the fourteen families has a good and a broken file, and becomes what it became when it was read over."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from benches import Bench
from families import MAIL, PERSON, samples
from golden import PLACE, WRITTEN_AT, outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ledger import CLASSES, NOISE, TABLES, damaged, state

from handoff_analytics.errors import HandoffError
from handoff_analytics.loaders import formats

SAMPLES = samples()
FAMILIES = (
    *("OTLP", "tabular", "ServiceNow", "Jira", "JSON lines", "Jaeger", "Zipkin", "n8n", "PagerDuty", "Zendesk", "text logs"),
    *("GitHub", "execution histories", "event logs"),
)  # fmt: skip
# Forms of the same exports, each with tests of its own.
FURTHER = {
    *("azure_devops_timeline", "compose", "gelf", "jaeger_spans", "jira_issue_ids", "jira_work_items", "otlp_metrics"),
    *("servicenow_audit_rest", "servicenow_list", "servicenow_metrics", "servicenow_states", "tempo_search"),
    *("extended_log", "zendesk_groups"),
}


KEPT = (*TABLES, "object_changes", "object_links", "event_objects")


@cache
def kept() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(PLACE.read_text(encoding="utf-8"))
    return told


@pytest.mark.parametrize("which", ["good", "broken"])
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_file_becomes_what_it_became(name: str, which: str) -> None:
    sample = SAMPLES[name]
    assert outcome(sample, getattr(sample, which)) == kept()[name][which]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_is_good_loads_whole_and_what_is_broken_says_where(name: str) -> None:
    good, broken = kept()[name]["good"], kept()[name]["broken"]
    assert good["counts"]["loaded"] == good["counts"]["seen"]
    assert len(broken["rejects"]) == broken["counts"]["rejected"] > 0
    # What is around a broken record is loaded as if it were alone; where a file's own end is broken, all but that.
    assert broken["counts"]["loaded"] >= good["counts"]["loaded"] - 1
    assert all({"code", "reason"} <= reject.keys() for reject in broken["rejects"])
    if name != "orders_parquet":
        assert all({"line", "json_pointer"} & reject.keys() for reject in broken["rejects"])


def test_the_fourteen_families_are_all_there() -> None:
    assert {sample.family for sample in SAMPLES.values()} == set(FAMILIES)
    assert kept().keys() == SAMPLES.keys()
    # A new format comes with its samples: only those of a mapping pack, and declared ones, are tested elsewhere.
    seen = {kept()[name]["good"]["format"] for name in SAMPLES}
    of_code = {one.name for one in formats() if not isinstance(one.parse, partial) and one.shape != "toml"}
    assert of_code - seen == FURTHER


def test_no_person_is_stored_of_any_of_them() -> None:
    named = [name for name, sample in SAMPLES.items() if PERSON.encode() in sample.good or MAIL.encode() in sample.good]
    assert len(named) > len(SAMPLES) / 2
    told = json.dumps(kept(), ensure_ascii=False)
    assert PERSON not in told
    assert MAIL not in told


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_format_loaded_twice_is_loaded_once(tmp_path: Path, name: str) -> None:
    sample = SAMPLES[name]
    bench = Bench(tmp_path)
    counts, told = [], []
    for _ in range(2):
        path = bench.file(sample.good, "shop.log")
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))
        counts.append(bench.load(path, mapping=sample.mapping).counts)
        told.append(
            {table: bench.rows(f"SELECT * EXCLUDE (load_id, record_no) FROM {table} ORDER BY ALL") for table in KEPT}
        )
    assert told[0] == told[1]
    assert (counts[1]["loaded"], counts[1]["duplicate"]) == (0, counts[0]["loaded"])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(SAMPLES)),
    st.sampled_from(CLASSES),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["flip", "cut", "insert", "delete"]),
    st.sampled_from(NOISE),
)
def test_corruption_of_any_format_loses_no_record(name: str, where: str, share: float, how: str, noise: bytes) -> None:
    sample = SAMPLES[name]
    content = damaged(sample.good, where, share, how, noise)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            # Checks inside that seen = loaded + rejected + duplicate + skipped.
            sink = bench.load(content, timezone="UTC", mapping=sample.mapping)
        except HandoffError:
            assert not any(state(bench).values())
        else:
            assert sink.counts["rejected"] == bench.rows("SELECT count(*) FROM rejects")[0][0]
        finally:
            bench.connection.close()
