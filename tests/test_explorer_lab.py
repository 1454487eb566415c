"""A person moves the explorer's controls in a real JupyterLab: the picture changes, and nothing leaves the machine."""

import re

import pytest

pytestmark = pytest.mark.browser

EXPLORE = "import handoff_analytics as ha\nhistory = ha.samples.load()\nexplorer = ha.explore(history)\nexplorer"
ROOT = ".handoff-explorer"
PICTURE = f"{ROOT} .handoff-chart[data-drawn=yes] svg.marks"


class Hand:
    """What a person can do with the explorer in a page."""

    def __init__(self, visit):
        self.visit, self.page = visit, visit.page

    def changed(self, act, place=PICTURE):
        """Do something, and wait until the place looks otherwise; return what is said there."""
        before = self.page.locator(place).first.evaluate("place => place.outerHTML")
        act()
        self.page.wait_for_function(
            "([place, before]) => { const now = document.querySelector(place); return now && now.outerHTML !== before; }",
            arg=[place, before],
            timeout=40_000,
        )
        self.visit.settle()
        self.page.wait_for_function(
            "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status === 'idle'"
        )
        return self.page.locator(place).first.text_content()

    def press(self, name):
        self.page.locator(f"{ROOT} button", has_text=name).first.click()

    def list(self, label):
        return self.page.locator(ROOT).get_by_label(label, exact=True)

    def handle(self, label):
        return self.page.locator(f'{ROOT} .noUi-handle[aria-label="{label}"]')

    def said(self):
        return " ".join(self.page.locator(f"{ROOT} [role=status] p").all_inner_texts())

    def chosen(self):
        return self.list("handoff").evaluate("list => list.selectedOptions[0]?.text.replaceAll('\\u00a0', ' ')")


@pytest.fixture(scope="module")
def hand(browser, address):
    import laboratory

    laboratory.notebook(address[1] / "explorer.ipynb", EXPLORE, "print('now', explorer.history, explorer.handoff)")
    visit = laboratory.Visit(browser, address[0], "explorer.ipynb")
    visit.run_cell(0)
    visit.page.wait_for_selector(PICTURE, timeout=60_000)
    yield Hand(visit)
    assert visit.faults() == []
    visit.page.close()


def test_every_view_is_drawn(hand):
    for view in ("graph", "matrix", "cost", "what if", "ranking"):
        hand.changed(lambda view=view: hand.press(view))


def test_a_click_on_a_handoff_chooses_it_in_every_view(hand):
    hand.changed(hand.page.locator(f'{PICTURE} path[aria-label*="handoff: crm → erp;"]').first.click)
    assert hand.chosen() == "crm → erp"
    assert "began at crm → erp (http)" in hand.said()
    hand.changed(lambda: hand.press("matrix"))
    assert hand.chosen() == "crm → erp"
    cell = hand.page.locator(f'{PICTURE} path[aria-label*="receiver: erp; sender: ipaas;"]').first
    hand.changed(cell.click)
    assert hand.chosen() == "ipaas → erp"
    hand.changed(lambda: hand.press("graph"))
    hand.changed(lambda: hand.list("handoff").select_option(label="pricing → erp"))
    assert "pricing → erp (http)" in hand.said()
    hand.changed(lambda: hand.press("ranking"))


def test_a_handoff_shows_its_failures_crossings_tickets_and_a_transaction(hand):
    hand.changed(lambda: hand.list("handoff").select_option(label="ipaas → payment"))
    rows = f"{ROOT} .handoff-detail .rows"
    assert "memory exhaustion" in hand.page.locator(rows).first.inner_text()
    assert "POST /charges" in hand.changed(lambda: hand.press("crossings"), rows)
    assert "INC" in hand.changed(lambda: hand.press("tickets"), rows)
    hand.press("one transaction")
    timeline = hand.page.locator(
        f"{ROOT} .handoff-detail .handoff-chart[data-drawn=yes] >> text=This transaction passed"
    ).first
    timeline.wait_for(timeout=30_000)
    before = hand.page.locator(PICTURE).last.evaluate("svg => svg.innerHTML")
    hand.list("transaction").select_option(index=3)
    hand.page.wait_for_function(
        "([place, before]) => { const all = document.querySelectorAll(place); return all.length && all[all.length - 1].innerHTML !== before; }",
        arg=[PICTURE, before],
    )
    hand.press("failures")


def test_the_keyboard_moves_the_window_and_every_list_narrows(hand):
    narrowed = hand.changed(lambda: (hand.handle("window, from").focus(), hand.page.keyboard.press("ArrowRight")))
    assert "8 Jan to 1 Jul 2026" in narrowed
    assert "team finance-systems" in hand.changed(lambda: hand.list("team").select_option(label="finance-systems"))
    assert "type authentication" in hand.changed(
        lambda: hand.list("failure type").select_option(label="authentication")
    ).replace("handoff ", "")
    hand.visit.run_cell(1)
    printed = hand.page.locator("[data-mime-type='application/vnd.jupyter.stdout']").last.inner_text()
    assert "handoff_type authentication, team finance-systems" in printed


def test_an_empty_selection_says_so(hand):
    hand.list("workflow").select_option(label="lead intake")
    hand.list("channel").select_option(label="database")
    hand.page.wait_for_function(
        "document.querySelector('.handoff-explorer').innerText.includes('channel database, workflow lead_intake')"
    )
    assert "Nothing to show" in hand.said()
    assert "No handoff is chosen." in hand.said()
    assert hand.page.locator(f"{PICTURE} >> visible=true").count() == 0
    for name in ("channel", "workflow", "team", "failure type"):
        hand.list(name).select_option(label="all")
    hand.page.wait_for_function(  # the sentence without any limit: all four answers have come
        "/Looking at \\d+ handoffs: [^·]+ · [\\d,]+ crossings\\./.test(document.querySelector('.handoff-explorer').innerText)"
    )
    hand.page.wait_for_selector(PICTURE)


def test_a_slider_makes_the_case_again(hand):
    hand.changed(lambda: hand.press("what if"))
    before = re.search(r"cost EUR (\d+)k a year", hand.said())[1]
    hand.changed(lambda: (hand.handle("hour of work, %").focus(), hand.page.keyboard.press("PageUp")))
    assert int(re.search(r"cost EUR (\d+)k a year", hand.said())[1]) > int(before)
    hand.changed(lambda: (hand.handle("budget").focus(), hand.page.keyboard.press("Home")))
    assert "No measure earns its cost within this budget." in hand.said()
    hand.changed(lambda: hand.press("as believed"))
    assert f"cost EUR {before}k a year" in hand.said()
    hand.changed(lambda: hand.press("ranking"))


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(hand):
    hand.press("what if")
    hand.page.wait_for_selector(f"{ROOT} .noUi-handle[aria-label='budget']")
    unnamed = hand.page.evaluate("""() => [...document.querySelectorAll(
        ".handoff-explorer select, .handoff-explorer button, .handoff-explorer .noUi-handle")]
        .filter((control) => !(control.getAttribute("aria-label") || control.innerText.trim() || control.labels?.[0]?.innerText)
            || control.tabIndex < 0).map((control) => control.outerHTML.slice(0, 200))""")
    assert unnamed == []
    hand.page.locator(f"{ROOT} button[aria-pressed=true]", has_text="what if").wait_for(timeout=10_000)
    assert hand.page.locator(f"{ROOT} button[aria-pressed=true]", has_text="ranking").count() == 0
