"""Each chart is drawn, says its finding, survives any name, and says so when there is nothing to draw."""

import zlib

import networkx as nx
import polars as pl
import pytest
import vl_convert
from example_frames import HOSTILE, frames
from histories import crossing, history_with

from handoff_analytics import charts
from handoff_analytics.charts.network import graph
from handoff_analytics.errors import ArgumentError

CHARTS = frames()
EACH = pytest.mark.parametrize("name", CHARTS)


def drawn(name, frames=CHARTS, **more):
    function, frame = frames[name]
    return function(frame, **more)


def pixels(png):
    """Return width, height and the number of different bytes in the decoded image."""
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    data, place = b"", 8
    while place < len(png):
        size = int.from_bytes(png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + size]
        place += size + 12
    return width, height, len(set(zlib.decompress(data)))


@EACH
def test_a_chart_is_a_picture_of_a_readable_size(name):
    width, height, colours = pixels(vl_convert.vegalite_to_png(drawn(name).to_dict(), scale=1))
    assert 300 < width < 1700
    assert 60 < height < 1200
    assert colours > 20


@EACH
def test_a_chart_states_its_finding_and_what_it_rests_on(name):
    history = history_with(crossings=[crossing(1, "crm", "erp"), crossing(2, "crm", "erp")])
    spec = drawn(name, history=history).to_dict()
    assert len(spec["description"]) > 15
    assert spec["description"].startswith(spec["title"]["text"][0])
    assert "2 Mar 2026" in spec["title"]["subtitle"][0]
    assert "2 crossings" in spec["title"]["subtitle"][0]
    assert len(spec["title"]["subtitle"]) >= 2


@EACH
def test_hostile_names_stay_names(name):
    spec = drawn(name, frames(HOSTILE)).to_dict()
    svg = vl_convert.vegalite_to_svg(spec)
    assert "<script" not in svg
    assert "href=" not in svg
    assert "\u202e" not in svg


@EACH
def test_an_empty_frame_says_that_there_is_nothing(name):
    function, frame = CHARTS[name]
    chart = function(nx.DiGraph() if isinstance(frame, nx.DiGraph) else frame.clear())
    assert "nothing to show" in chart.to_dict()["description"]


@EACH
def test_another_frame_is_refused_with_the_name_of_the_right_one(name):
    function, frame = CHARTS[name]
    wrong = nx.DiGraph([("a", "b")]) if isinstance(frame, nx.DiGraph) else pl.DataFrame({"x": [1]})
    with pytest.raises(ArgumentError, match="This chart draws what"):
        function(wrong)


@EACH
def test_a_chart_is_the_same_each_time(name):
    assert drawn(name).to_json() == drawn(name).to_json()


def test_a_network_that_is_too_large_to_follow_becomes_a_matrix():
    network = nx.DiGraph()
    for number in range(70):
        network.add_edge(f"s{number}", f"s{number + 1}", crossings=1.0, failures=1.0, failure_share=1.0)
    assert "cell is a handoff" in " ".join(graph(network).to_dict()["title"]["subtitle"])


def test_sixty_systems_and_two_hundred_handoffs_are_still_a_graph():
    network = nx.DiGraph()
    for number in range(200):
        a, b = number % 55, number % 55 + 1 + number // 55
        network.add_edge(f"s{a:02}", f"s{b:02}", crossings=10.0 + number, failures=1.0, failure_share=0.1)
    chart = graph(network)
    assert "from left to right" in " ".join(chart.to_dict()["title"]["subtitle"])
    assert pixels(vl_convert.vegalite_to_png(chart.to_dict(), scale=0.3))[2] > 20


def test_both_directions_between_two_systems_are_seen_apart():
    network = nx.DiGraph()
    network.add_edge("a", "b", crossings=9.0, failures=0.0, failure_share=0.0)
    network.add_edge("b", "a", crossings=1.0, failures=0.0, failure_share=0.0)
    chart = graph(network)
    assert chart.to_dict()["description"] == "None of the 2 handoffs failed"
    assert vl_convert.vegalite_to_svg(chart.to_dict()).count("stroke-dasharray") >= 1


def test_a_wide_network_is_written_in_letters_that_a_slide_does_not_shrink_away():
    network = nx.DiGraph()
    for number in range(9):
        network.add_edge(f"system-number-{number}", f"system-number-{number + 1}", crossings=9.0, failures=0.0)
    nx.set_edge_attributes(network, 0.0, "failure_share")
    spec = graph(network).to_dict()
    size = next(layer["mark"]["fontSize"] for layer in spec["layer"] if layer["mark"]["type"] == "text")
    width, _, _ = pixels(vl_convert.vegalite_to_png(spec, scale=1))
    slide_pt = 12.3 * 72  # what 13.3 inches of a slide leave for a picture
    assert size * slide_pt / width > 8.5
    svg = vl_convert.vegalite_to_svg(spec)
    assert svg.count(">system-<") == svg.count(">number-0<") * 10 == 10


def test_a_transaction_failed_first_where_the_first_call_ended_in_failure():
    function, _ = CHARTS["transaction"]
    calls = [("shop", "pay", 9_000_000), ("pay", "bank", 1_000_000), ("outside", "shop", None)]
    crossings = [
        crossing(1, source, target, duration_us=lasted, failed=True, fate="surfaced", error_text="down")
        for source, target, lasted in calls
    ]
    assert function(pl.DataFrame(crossings)).to_dict()["description"].endswith("the first failure was at pay → bank")


def test_nought_has_no_unit_on_an_axis_of_amounts():
    svg = vl_convert.vegalite_to_svg(drawn("ranking").to_dict())
    assert ">0<" in svg
    assert ">0k<" not in svg


def test_the_bar_of_a_change_has_the_colour_of_its_strongest_evidence():
    function, frame = CHARTS["changes"]
    effects = [name for name in frame.columns if name.endswith("_effect")]
    slow = frame.with_columns(pl.lit(0.2 if name == "own_effect" else 0.1).alias(name) for name in effects)
    spec = function(slow).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "sign" in rows[0])
    assert {row["sign"] for row in rows} == {"slower inside"}


@pytest.mark.parametrize("kind", [pl.Decimal(38, 0), pl.Int64, pl.Float32])
def test_decimals_and_integers_are_drawn_alike(kind):
    function, frame = CHARTS["ranking"]
    assert function(frame.with_columns(pl.col("expected_annual_loss").cast(kind))).to_json()


def test_numbers_that_are_none_are_left_out_and_not_drawn():
    function, frame = CHARTS["ranking"]
    spec = function(frame.with_columns(loss_high=pl.lit(float("nan")))).to_json()
    assert "NaN" not in spec


def findings(name, **columns):
    function, frame = CHARTS[name]
    return function(frame.with_columns(**columns)).to_dict()["description"]


def test_findings_say_also_what_is_not_found():
    zero = pl.lit(0)
    assert (
        findings("ranking", expected_annual_loss=pl.lit(0.0))
        == "No handoff is expected to lose money in the coming year"
    )
    assert findings("reach", reach_expected=pl.lit(0.0)) == "Failures stay where they begin"
    assert findings("silent_failures", silent_failures=zero).startswith("No silent failure was found beside 150")
    assert findings("time_to_detect", reported=zero, hours_to_detect=pl.lit(None, pl.Float64)).startswith(
        "Nobody has reported any"
    )
    assert findings("attention", hours_misdirected=pl.lit(0.0)) == "Teams looked where the failures were"
    assert findings("changes", alarm=pl.lit(value=False)) == "Nothing changed more than chance explains"
    assert findings("failure_types", handoff_type=pl.lit("unclassified")).startswith("No rule classifies any")
    assert findings("audit_stages", state=pl.lit("passed")).startswith("All ten stages are passed")
    assert findings("audit_stages", state=pl.lit("open")).startswith("Not ready yet")
    assert findings("audit_coverage", failed=zero).startswith("No check fails")
    assert findings("audit_coverage", failed=zero, not_run=zero).startswith("All 75 checks hold")
    assert findings("platforms", comparable=pl.lit(value=False)).startswith("The platform types of this history cannot")
    assert findings("platforms", ratio_low=pl.lit(0.1), ratio_high=pl.lit(9.0)).startswith(
        "No platform type fails clearly"
    )
    assert findings("quality", rejected=zero).startswith("All 1,500 records are accounted for")


def test_more_findings_that_are_good_news():
    assert findings("frontier", saving=pl.lit(0.0)) == "No measure saves more than its upkeep, at any budget"
    assert findings("transaction", failed=pl.lit(value=False), silent=pl.lit(value=False)).endswith(
        "without an open failure"
    )
    assert findings("cash_flow", break_even=pl.lit(None, pl.String)).startswith("Prevention does not overtake recovery")
    assert findings("tornado", changes_decision=pl.lit(value=False)).startswith(
        "Prevention pays whichever input is off"
    )
    assert findings("tornado", changes_decision=pl.lit(value=False), npv=pl.lit(-1.0)).startswith(
        "Prevention does not pay"
    )
    assert findings("cost", source=pl.lit(None, pl.String)) == "No handoff explains what recovery cost"


def test_the_account_marks_the_months_in_which_prevention_overtakes_recovery():
    spec = drawn("cash_flow").to_dict()
    assert spec["description"] == "Prevention overtakes recovery by month 10: early by 4, late by month 18"
    svg = vl_convert.vegalite_to_svg(spec)
    assert "half have broken even by month 10" in svg
    function, frame = CHARTS["cash_flow"]
    never = frame.with_columns(pl.when(pl.col("break_even") != "latest").then("break_even").alias("break_even"))
    assert function(never).to_dict()["description"].endswith("late never, for 5%")
    data = [rows for rows in spec["datasets"].values() if rows and "until" in rows[0]]
    assert data == [[{"month": 4, "until": 18}]]


def test_the_tornado_draws_the_widest_swing_first_and_writes_what_each_end_is():
    spec = drawn("tornado").to_dict()
    assert (
        spec["description"] == "Whether prevention pays hangs on crm and erp: with crm it is worth −EUR 12k to EUR 52k"
    )
    svg = vl_convert.vegalite_to_svg(spec)
    for said in ("4 a year", "EUR 4.1k", "80%", "EUR 900 a year"):
        assert said in svg
    assert svg.index(">crm<") < svg.index(">erp<") < svg.index(">payment<") < svg.index(">shipping<")


def test_the_data_quality_chart_names_the_most_frequent_doubt():
    function, frame = CHARTS["quality"]
    doubts = pl.DataFrame({"flag": ["zone_assumed"], "doubtful": [3]})
    assert "3 doubts about loaded rows, most often zone assumed" in " ".join(
        function(frame, doubts=doubts).to_dict()["title"]["subtitle"]
    )


def test_charts_name_the_scope_of_the_history():
    history = history_with(crossings=[crossing(1, "crm", "erp")]).where(source="crm")
    assert "source crm" in drawn("ranking", history=history).to_dict()["title"]["subtitle"][0]
    nothing = drawn("ranking", history=history.where(source="none")).to_dict()["title"]["subtitle"][0]
    assert nothing.startswith("source none: no crossings")


def test_every_chart_has_an_example_here():
    assert set(charts.__all__) - {"enable", "save", "use"} == set(CHARTS)
