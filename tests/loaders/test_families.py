"""Every format of the fourteen families has a good and a broken file, and becomes what it became when it was read over."""

from __future__ import annotations

import json
from functools import cache, partial
from typing import Any

import pytest
from families import MAIL, PERSON, samples
from golden import PLACE, outcome

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
