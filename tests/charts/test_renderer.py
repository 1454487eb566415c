"""The first chart of a page carries the library; what comes from evidence stays text wherever a chart goes."""

import json
import re

import altair as alt
import polars as pl
import pytest

from handoff_analytics.charts import enable, renderer, theme, use
from handoff_analytics.charts.page import figure, page, save
from handoff_analytics.errors import ArgumentError

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def chart(title="one"):
    return alt.Chart(pl.DataFrame({"x": [title], "y": [1]}), title=title).mark_bar().encode(x="x", y="y")


def request(session="page", cell="c1", message="m1"):
    return {"header": {"session": session, "msg_id": message}, "metadata": {"cellId": cell}}


@pytest.fixture
def kernel(monkeypatch):
    enable()
    state = {}
    monkeypatch.setattr(renderer, "_request", lambda: state["request"])

    def drawn(**what):
        state["request"] = request(**what)
        return 'type="module"' in renderer.render(chart().to_dict())["text/html"]

    return drawn


def test_the_first_chart_of_a_page_carries_the_library_and_the_next_do_not(kernel):
    assert kernel()
    assert not kernel()
    assert not kernel(cell="c2", message="m2")


def test_the_cell_that_carried_it_carries_it_again_when_it_is_run_again(kernel):
    assert kernel(cell="c1", message="m1")
    assert not kernel(cell="c2", message="m2")
    assert kernel(cell="c1", message="m3")
    assert not kernel(cell="c1", message="m3")


def test_a_page_that_was_loaded_again_gets_it_again(kernel):
    assert kernel(session="before")
    assert kernel(session="after", cell="c2")
    assert not kernel(session="after", cell="c3")


def test_a_front_end_that_names_no_cells_gets_it_once(kernel):
    assert kernel(cell=None)
    assert not kernel(cell=None, message="m2")


def test_enable_sends_it_again(kernel):
    assert kernel()
    enable()
    assert kernel()


def test_outside_a_kernel_each_chart_stands_alone():
    enable()
    assert all('type="module"' in renderer.render(chart().to_dict())["text/html"] for _ in range(2))


def test_a_kernel_is_asked_for_its_request(monkeypatch):
    class Shell:
        def get_parent(self):
            return request()

    monkeypatch.setattr("IPython.get_ipython", Shell)
    assert renderer._request() == request()
    monkeypatch.setattr("IPython.get_ipython", object)
    assert renderer._request() is None


def test_a_chart_without_script_is_a_picture_with_its_finding_as_text(kernel):
    assert kernel()
    output = renderer.render(chart("erp fails").to_dict())
    html = output["text/html"]
    assert '<img alt="erp fails" src="data:image/svg+xml;base64,' in html
    assert len(html) < 40_000
    assert output["text/plain"] == "<chart: erp fails>"


def test_names_cannot_leave_the_specification(kernel):
    assert kernel()
    html = renderer.render(chart(EVIL).to_dict())["text/html"]
    assert html.count("<script") == 1
    assert html.count("<img") == 1
    assert "<img src=x" not in html


def test_what_a_chart_says_is_its_description_or_its_title():
    assert renderer.described({"title": {"text": ["two", "lines"]}}) == "two lines"
    assert renderer.described({"title": "plain"}) == "plain"
    assert renderer.described({"description": "said", "title": "plain"}) == "said"
    assert renderer.described({}) == ""


def test_a_page_runs_only_the_scripts_that_its_policy_names():
    html = page("<b>", figure(0, chart(EVIL)), [chart(EVIL)])
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert html.count("<script") == 2
    assert "<title>&lt;b&gt;</title>" in html
    specs = json.loads(re.search(r'id="charts">(.*?)</script>', html, re.DOTALL)[1])
    assert specs[0]["title"] == EVIL


def test_a_page_names_no_other_place():
    html = page("t", figure(0, chart()), [chart()])
    shown = re.sub(r'<script type="module">.*?</script>', "", html, flags=re.DOTALL)
    addresses = set(re.findall(r"https?://[^\"']+", shown))
    assert addresses <= {"https://vega.github.io/schema/vega-lite/v6.4.1.json"}
    assert not re.search(r"<(?:link|iframe|object|embed)\b|\bsrc=\"(?!data:)", shown)


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF"), ("html", b"<!doctype")]
)
def test_a_chart_is_saved_offline(tmp_path, ending, start):
    path = save(chart(), tmp_path / f"chart.{ending}")
    assert path.read_bytes().startswith(start)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"'\.gif': use \.png"):
        save(chart(), tmp_path / "chart.gif")
    with pytest.raises(ArgumentError, match="'chart'"):
        save(chart(), tmp_path / "chart")


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", theme.CATEGORIES)
@pytest.mark.parametrize("ground", ["light", "dark"])
def test_each_colour_can_be_told_from_both_grounds(colour, ground):
    assert contrast(colour, theme.config(ground)["background"]) >= 3


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_text_reads_well_on_both_grounds(ground):
    look = theme.config(ground)
    for style in ("ink", "soft", "strong"):
        assert contrast(look["style"][style]["color"], look["background"]) >= 4.5
    assert min(look["axis"]["labelFontSize"], look["legend"]["labelFontSize"], look["text"]["fontSize"]) >= 13


def test_the_ground_of_saved_charts_can_be_chosen():
    use("dark")
    try:
        assert chart().to_dict()["config"]["background"] == theme.config("dark")["background"]
    finally:
        use("light")
    assert chart().to_dict()["config"]["background"] == "#FFFFFF"
