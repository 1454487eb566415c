"""A person answers the checks of the audit in a notebook, and the answers stay."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import Any

import pytest
from histories import history_with

import handoff_analytics as ha
from handoff_analytics.errors import EmptyHistoryError

JUNE = datetime(2026, 6, 1)  # noqa: DTZ001 - times of a history are UTC without a zone
CATALOGUE = """
[catalogue]
format = 1
name = "c"
[[system]]
name = "crm"
team = "sales"
[[handoff]]
source = "crm"
target = "erp"
channel = "http"
[[handoff]]
source = "crm"
target = "<img src=x onerror=alert(1)>"
channel = "http"
"""


@pytest.fixture
def history(tmp_path: Path) -> ha.History:
    (tmp_path / "catalogue.toml").write_text(CATALOGUE)
    return ha.load(tmp_path / "catalogue.toml", into=tmp_path / "audit.duckdb", quiet=True)


def parts(form: Any) -> Any:
    return form.parts


def drawn(form: Any) -> str:
    return str(form.parts.picture.outputs)


def test_an_answer_is_kept_in_the_file_and_opens_its_stage(history: ha.History, tmp_path: Path) -> None:
    form = parts(ha.audit_form(history, as_of=JUNE))
    form.handoff.value = ("crm", "erp", "http")
    form.check.value = "rules_kept"
    form.state.value = "pass"
    form.owner.value, form.evidence.value = "legal", "DPIA-12"
    before = ha.audit_stages(ha.audit(history), by_handoff=True).filter(stage="compliance_check", target="erp")
    form.record.click()
    assert form.said.value == "<p>Recorded: rules kept is pass at crm → erp.</p>"
    assert (form.evidence.value, form.owner.value) == ("", "legal")
    again = ha.open(tmp_path / "audit.duckdb")
    assert ha.audit_entries(again).select("target", "check_name", "state", "owner", "evidence").rows() == [
        ("erp", "rules_kept", "pass", "legal", "DPIA-12")
    ]
    after = ha.audit_stages(ha.audit(again), by_handoff=True).filter(stage="compliance_check", target="erp")
    assert after["passed"][0] == before["passed"][0] + 1


def test_what_is_refused_says_why_and_is_not_kept(history: ha.History) -> None:
    form = parts(ha.audit_form(history))
    form.check.value = "rules_kept"
    form.record.click()
    assert "Not recorded: A pass of &#x27;rules_kept&#x27; needs evidence" in form.said.value
    assert ha.audit_entries(history).is_empty()


def test_names_from_evidence_are_no_markup(history: ha.History) -> None:
    form = parts(ha.audit_form(history))
    form.handoff.value = next(value for _, value in form.handoff.options if value[1] and value[1].startswith("<img"))
    form.check.value, form.state.value = "rules_kept", "fail"
    form.record.click()
    assert "Recorded" in form.said.value
    assert "<img" not in form.said.value


def test_the_ten_stages_are_drawn_for_what_is_chosen(history: ha.History, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    ha.audit_form(history)
    monkeypatch.setattr(
        sys.modules["handoff_analytics.audit_form"], "display", lambda chart: shown.append(str(chart.to_dict()))
    )
    form = parts(ha.audit_form(history))
    form.handoff.value = ("crm", "erp", "http")
    assert "all handoffs together" in shown[0]
    assert "crm → erp" in shown[1]
    assert all("Final\\napproval" in one or "Final\\\\napproval" in one for one in shown)


def test_only_what_a_person_can_answer_is_asked(history: ha.History) -> None:
    form = parts(ha.audit_form(history))
    asked = {value for _, value in form.check.options}
    checks = {row["check_name"]: row["filled_by"] for row in ha.audit_checks().to_dicts()}
    assert asked < set(checks)
    assert all(set(checks[name].replace(",", " ").split()) & {"attached", "test", "drill"} for name in asked)
    assert "rules_kept" in asked


def test_nothing_to_audit_is_refused() -> None:
    with pytest.raises(EmptyHistoryError):
        ha.audit_form(history_with())
