"""A failure explains itself: which rule, which text, where it began, what it caused."""

from __future__ import annotations

import pytest
from histories import failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError


def told(**more: object) -> dict[str, list[tuple[str, str]]]:
    history = history_with(failures=[failure(1, "erp", "bank", rule="A3", **more)])
    found: dict[str, list[tuple[str, str]]] = {}
    for row in ha.explain(history, 1).iter_rows(named=True):
        found.setdefault(row["about"], []).append((row["finding"], row["because"]))
    return found


def test_rule_text_and_reason_are_said() -> None:
    found = told(http_status=401, error_text="access token expired", handoff_type="authentication",
                 mode="expired_credentials", type_rule="R154", ambiguous=False)  # fmt: skip
    assert found["failure"][0][0] == "erp → bank (http)"
    assert found["origin"][0] == ("boundary (A3)", "The receiver answered, and refused what was asked or who asked.")
    assert found["type"][0][0] == "authentication: expired_credentials"
    assert found["evidence"][0][0].endswith("expired_credentials")
    assert ("R002: invalid_credentials", "HTTP 401: Unauthorized.") in found["evidence"]


def test_what_no_rule_knows_is_said_not_to_be_known() -> None:
    found = told(handoff_type="unclassified", error_text="blorp")
    assert "not guessed" in found["type"][0][1]
    assert "evidence" not in found


@pytest.mark.parametrize("rule", ["structure:cycle", "structure:A6"])
def test_structure_needs_no_text(rule: str) -> None:
    assert told(type_rule=rule, mode="x", handoff_type="error_propagation", ambiguous=False)["type"][0][1]


def test_a_silent_failure_names_its_detector() -> None:
    found = told(silent=True, detector="outcome", type_rule="silent:outcome", mode="swallowed_error",
                 handoff_type="error_propagation", error_text="mail bounced")  # fmt: skip
    assert found["type"][0][1] == "Found by the detector outcome."


def test_the_chain_is_told_from_both_ends() -> None:
    history = history_with(
        failures=[
            failure(1, "erp", "bank", rule="A1"),
            failure(2, "web", "erp", rule="A6", origin="propagated", root_id=1, depth=1, type_rule="structure:A6"),
        ],
        cascades=[{"root_id": 1, "failure_id": 2, "source": "web", "target": "erp", "channel": "http", "depth": 1, "delay_us": 2_000_000}],
    )  # fmt: skip
    cause = ha.explain(history, 2).filter(about="cause")
    assert cause.select("finding", "because").rows() == [("erp → bank (http)", "The origin, 1 handoffs further down.")]
    consequence = ha.explain(history, 1).filter(about="consequence")
    assert consequence.select("finding", "because").rows() == [("web → erp (http)", "Failed in turn, 2.000 s later.")]


def test_an_unknown_failure_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no failure 9"):
        ha.explain(history_with(), 9)
