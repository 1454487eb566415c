"""The report is one page that asks nobody, runs nothing from evidence, and has the numbers of the measures."""

import io
import re
from datetime import timedelta

import polars as pl
import pytest
from histories import NOON, crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics.errors import EmptyHistoryError, HistoryFullError
from handoff_analytics.report.html import Html, element, table
from handoff_analytics.terminal import spreadsheet_safe

EVIL = "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 1'>"


def evidence(name="erp"):
    crossings, failures = [], []
    for number in range(1, 61):
        target = name if number % 2 else "payment"
        failed = number % 6 == 0 or number % 9 == 0
        moment = NOON + timedelta(days=number)
        crossings.append(crossing(number, "crm", target, started_at=moment, failed=failed))
        if failed:
            failures.append(failure(number, "crm", target, failed_at=moment, handoff_type="authentication"))
    history = history_with(crossings=crossings, failures=failures)
    with history._store.writer() as connection:
        connection.execute(
            "INSERT INTO loads BY NAME SELECT 1 AS load_id, $name AS file_name, 60 AS seen, 58 AS loaded, 2 AS rejected, 0 AS duplicate, 0 AS skipped",
            {"name": name},
        ).fetchall()
    return history


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    history = evidence()
    return history, ha.report(history, tmp_path_factory.mktemp("report") / "report.html").read_text()


def test_the_page_is_one_file_with_a_strict_policy(written):
    _, html = written
    assert len(html) < 2_000_000
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    without_scripts = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "http" not in re.sub(r'"data:[^"]*"', "", without_scripts).replace("http-equiv", "").replace(
        "<td>http</td>", ""
    )


def test_the_numbers_are_those_of_the_ranking(written):
    history, html = written
    ranking = ha.rank(history)
    shown = [float(value) for value in re.findall(r'data-value="([^"]+)"', html)]
    for column in ("expected_annual_loss", "loss_low", "loss_high", "failures_per_year", "cost_per_failure"):
        assert set(ranking[column].to_list()) <= set(shown), column


def test_the_numbers_are_those_of_the_csv(written):
    history, html = written
    read = pl.read_csv(io.StringIO(spreadsheet_safe(ha.rank(history)).write_csv()))
    shown = {float(value) for value in re.findall(r'data-value="([^"]+)"', html)}
    for column in ("expected_annual_loss", "loss_low", "loss_high", "failures_per_year", "cost_per_failure"):
        assert set(read[column].to_list()) <= shown, column


def test_each_number_says_what_it_rests_on(written):
    _, html = written
    sections = html.split("<section>")[1:]
    assert len(sections) >= 6
    for section in sections:
        assert re.search(r'class="basis">.*Window: 3 Mar to 1 May 2026.*Rows: [\d,]+ .*handoff_analytics \d', section)


def test_the_summary_says_the_findings_and_how_good_the_data_is(written):
    _, html = written
    assert "60 records read, 2 rejected" in html
    first = re.search(r"<ul><li>(.*?)</li>", html)[1]
    assert "comes first: it is expected to lose" in first


def test_a_hostile_name_is_shown_and_not_run(tmp_path):
    html = ha.report(evidence(EVIL), tmp_path / "evil.html").read_text()
    assert html.count("<script") == 2
    assert "<img src=x" not in html


@pytest.mark.browser
def test_a_browser_draws_all_charts_asks_nobody_and_runs_no_name(browser, tmp_path):
    path = ha.report(evidence(EVIL), tmp_path / "evil.html")
    asked, said = [], []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=30_000)
    figures, drawn = page.locator("figure").count(), page.locator("figure[data-drawn=yes]").count()
    ran = page.evaluate("window.ran")
    printed = page.pdf()
    page.close()
    assert asked == [path.as_uri()]
    assert said == []
    assert ran is None
    assert figures == drawn >= 6
    assert printed.startswith(b"%PDF")


@pytest.mark.browser
def test_the_report_of_the_samples_is_small_and_prints_on_paper(browser, tmp_path):
    path = ha.report(ha.samples.load(), tmp_path / "samples.html")
    assert path.stat().st_size < 2_000_000
    page = browser.new_page(viewport={"width": 680, "height": 1000})  # what A4 leaves between its margins, px
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)
    page.emulate_media(media="print")
    wide = page.evaluate(
        "[...document.querySelectorAll('p, h2, figure, table, td, svg')].filter((e) => e.getBoundingClientRect().right > 681).length"
    )
    printed = page.pdf(format="A4")
    page.close()
    assert wide == 0, "nothing is cut at the edge of the paper"
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 16


def test_nothing_in_scope_is_said_in_a_sentence(tmp_path):
    with pytest.raises(EmptyHistoryError):
        ha.report(evidence().where(source="nobody"), tmp_path / "none.html")


def test_a_place_that_cannot_be_written_is_explained(tmp_path):
    with pytest.raises(HistoryFullError, match="Choose another place"):
        ha.report(evidence(), tmp_path / "no" / "folder" / "report.html")


def test_only_markup_is_markup():
    assert element("p", "<b>", Html("<i></i>"), title='a"b') == '<p title="a&quot;b">&lt;b&gt;<i></i></p>'


def test_words_of_the_vocabulary_have_no_underscores_and_names_keep_theirs():
    html = table(pl.DataFrame({"mode": ["pool_depletion"], "owner": ["team_a"]}), {"mode": "Mode", "owner": "Owner"})
    assert "<td>pool depletion</td><td>team_a</td>" in html


def test_a_table_keeps_exact_numbers_beside_readable_ones():
    frame = pl.DataFrame(
        {"name": ["<x>", None], "share": [0.12345, float("nan")], "yes": [True, False], "many": [["a_b"], []]}
    )
    html = table(frame, {"name": "Name", "share": "Share", "yes": "Yes", "many": "Many", "absent": "Absent"})
    assert 'data-value="0.12345">12%<' in html
    assert "&lt;x&gt;" in html
    assert "<td>a b</td>" in html
    assert "Absent" not in html
