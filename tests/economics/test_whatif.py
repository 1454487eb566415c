"""What-if answers are those of the slow way: other prices in the catalogue, everything measured again."""

import pytest

import handoff_analytics as ha
from handoff_analytics.economics.whatif import Assumed, basis, what_if
from handoff_analytics.errors import ArgumentError


@pytest.fixture(scope="module")
def history():
    return ha.samples.load()


@pytest.fixture(scope="module")
def known(history):
    return basis(history)


def repriced(condition, multiple):
    """Return the samples with other prices in their catalogue."""
    history = ha.samples.load()
    with history._store.writer() as connection:
        connection.execute(
            f"UPDATE cost_rates SET low = low * $m, likely = likely * $m, high = high * $m WHERE {condition}",
            {"m": multiple},
        ).fetchall()
    return history


@pytest.mark.parametrize(
    ("condition", "assumed"),
    [("item LIKE 'role:%'", Assumed(hour=2.0)), ("item NOT LIKE 'role:%'", Assumed(other=0.5))],
    ids=["hour", "other"],
)
def test_another_price_is_as_if_the_catalogue_had_said_it(known, condition, assumed):
    # Draws of rates and of costs run along a little by chance, which the share of the means leaves out.
    slow = ha.rank(repriced(condition, assumed.hour * assumed.other))
    assert what_if(known, assumed=assumed).loss == pytest.approx(slow["expected_annual_loss"].sum(), rel=5e-4)


def test_as_believed_it_is_the_plan_and_the_case(history, known):
    answer = what_if(known, budget=20_000)
    chosen = answer.measures.filter("chosen")
    plan = ha.plan(history, budget=20_000).filter("chosen")
    assert chosen["measure"].to_list() == plan["measure"].to_list()
    assert chosen["saving_alone"].to_list() == pytest.approx(plan["saving_alone"].to_list())
    case = ha.prevention_case(history, budget=20_000).row(0, named=True)
    assert answer.cost == pytest.approx(case["one_off"], rel=0.02)
    assert answer.npv == pytest.approx(case["npv"], rel=0.02)  # other draws of the same
    assert answer.loss == pytest.approx(ha.rank(history)["expected_annual_loss"].sum())


def test_dearer_failures_save_more_and_dearer_fixes_less(known):
    usual = what_if(known, budget=20_000)
    assert what_if(known, budget=20_000, assumed=Assumed(hour=2, other=2)).saving > usual.saving
    assert what_if(known, assumed=Assumed(outlay=3)).npv < what_if(known).npv
    assert what_if(known, assumed=Assumed(effect=0.5)).npv < what_if(known).npv
    assert what_if(known, budget=0).measures["chosen"].sum() == 0
    assert what_if(known, assumed=Assumed(effect=0)).saving == 0


def test_a_larger_budget_never_saves_less(known):
    savings = what_if(known).frontier["saving"].to_list()
    assert savings == sorted(savings)
    assert savings[-1] > 0


@pytest.mark.parametrize("wrong", [{"hour": -1}, {"effect": float("inf")}, {"outlay": float("nan")}])
def test_what_is_no_multiple_is_refused(wrong):
    with pytest.raises(ArgumentError, match="no multiple"):
        Assumed(**wrong)


def test_a_negative_budget_or_rate_is_refused(known):
    with pytest.raises(ArgumentError, match="budget = -1 is negative"):
        what_if(known, budget=-1)
    with pytest.raises(ArgumentError, match="means that a year costs 8 %"):
        what_if(known, discount_rate=-0.1)
