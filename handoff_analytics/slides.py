"""What do I show in the meeting?

One finding a slide, the list as a table that can be edited, the assumptions in the notes.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vl_convert

from . import __version__, charts
from .charts import canvas, words
from .economics.flow import cash_flow
from .economics.measures import measures_of
from .economics.prevention import prevention_case
from .errors import MissingExtraError
from .graph import dependency_graph
from .outputs import written_whole
from .ranking import rank
from .recovery import recovery_cost
from .visibility import visibility

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from .history import History

_WIDTH, _HEIGHT, _MARGIN = 13.333, 7.5, 0.6  # inches: a wide slide
_LISTED = {
    "rank": "#",
    "handoff": "handoff",
    "expected_annual_loss": "expected annual loss",
    "interval": "90% interval",
    "handoff_type": "mostly",
    "owner": "owner",
}
_WIDTHS = (0.05, 0.3, 0.15, 0.18, 0.16, 0.16)  # of the columns, as shares of the table
_ROWS = 10
_LEFT = 1  # as the format counts alignments


def slides(history: History, path: str | Path) -> Path:
    """Write a deck of slides about a history.

    Parameters
    ----------
    history
        What to tell, and in which window.
    path
        The file to write, such as ``handoffs.pptx``.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    MissingExtraError
        If python-pptx is not installed.
    EmptyHistoryError
        If no handoff is in scope.
    HistoryFullError
        If the file cannot be written.
    """
    try:
        from pptx import Presentation  # noqa: PLC0415 - an extra, needed here only
        from pptx.util import Inches  # noqa: PLC0415 - as above
    except ImportError as fault:
        raise MissingExtraError(
            'Slides need python-pptx: pip install "handoff-analytics[slides]". The report needs nothing more.'
        ) from fault
    ranking = rank(history)
    told = [
        (charts.ranking(ranking, history=history), _ranking_notes(ranking)),
        (charts.why(ranking, history=history), "The expected annual loss is the product of the three panels."),
        (
            charts.graph(dependency_graph(history), history=history),
            "Failures are counted at the handoff where they began, not where they were noticed.",
        ),
        (charts.cost(recovery_cost(history), history=history), _ranking_notes(ranking)),
        (
            charts.silent_failures(visibility(history), history=history),
            "Silent failures are those that a detector found; there may be more.",
        ),
    ]
    if measures_of(history, None):
        told.insert(2, _prevention(history))
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(_WIDTH), Inches(_HEIGHT)
    for chart, notes in told:
        _slide(deck, chart, _basis(history, notes))
    _listed(deck, ranking, _basis(history, _ranking_notes(ranking)))
    path = Path(path)
    with written_whole(path) as file:
        deck.save(str(file))
    return path


def _prevention(history: History) -> tuple[alt.TopLevelMixin, str]:
    """Return the case for the best set of measures, as a chart and what it rests on."""
    case = prevention_case(history).row(0, named=True)
    notes = f"{case['title']}: {case['reason']} Assumptions: {case['assumptions']}"
    return charts.cash_flow(cash_flow(history), history=history), notes


def _slide(deck: Any, chart: alt.TopLevelMixin, notes: str) -> None:
    """Add a slide: the finding as its title, the chart below it without repeating the finding."""
    spec = chart.to_dict()
    finding = str(spec["description"])
    scope, *definition = spec.pop("title")["subtitle"]
    below = f"{scope}. {' '.join(definition)}"
    slide = _titled(deck, finding, notes)
    png: bytes = vl_convert.vegalite_to_png(spec, scale=2)
    pixels_wide, pixels_high = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    room_wide, room_high = _WIDTH - 2 * _MARGIN, _HEIGHT - 2.45
    scale = min(room_wide / pixels_wide, room_high / pixels_high, 1 / 150)
    picture = slide.shapes.add_picture(
        io.BytesIO(png), _emu(_MARGIN), _emu(1.6), _emu(pixels_wide * scale), _emu(pixels_high * scale)
    )
    picture.name = finding[:80]
    foot = slide.shapes.add_textbox(*(_emu(n) for n in (_MARGIN, _HEIGHT - 0.75, _WIDTH - 2 * _MARGIN, 0.6))).text_frame
    foot.word_wrap, foot.text = True, below
    foot.paragraphs[0].font.size = _emu(11 / 72)


def _titled(deck: Any, title: str, notes: str) -> Any:
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    frame = slide.shapes.title
    frame.left, frame.top, frame.width, frame.height = (_emu(n) for n in (_MARGIN, 0.35, _WIDTH - 2 * _MARGIN, 1.1))
    frame.text_frame.text = title
    paragraph = frame.text_frame.paragraphs[0]
    paragraph.font.size, paragraph.font.bold, paragraph.alignment = _emu(26 / 72), True, _LEFT
    slide.notes_slide.notes_text_frame.text = notes
    return slide


def _listed(deck: Any, ranking: pl.DataFrame, notes: str) -> None:
    """Add the list of what to fix first as a native table."""
    part = ranking.head(_ROWS)
    slide = _titled(deck, "Fix these handoffs first", notes)
    grid = slide.shapes.add_table(
        part.height + 1,
        len(_LISTED),
        _emu(_MARGIN),
        _emu(1.6),
        _emu(_WIDTH - 2 * _MARGIN),
        _emu(0.4 * (part.height + 1)),
    ).table
    for column, share in zip(grid.columns, _WIDTHS, strict=True):
        column.width = _emu((_WIDTH - 2 * _MARGIN) * share)
    rows = [
        list(_LISTED.values()),
        *(_row(handoff, row) for handoff, row in zip(words.handoffs(part), part.iter_rows(named=True), strict=True)),
    ]
    for number, cells in enumerate(rows):
        for place, text in enumerate(cells):
            cell = grid.cell(number, place)
            cell.text = text
            cell.text_frame.paragraphs[0].font.size = _emu(13 / 72)


def _row(handoff: str, row: dict[str, Any]) -> list[str]:
    currency = row["currency"]
    return [
        f"{row['rank']}",
        handoff,
        f"{currency} {row['expected_annual_loss']:,.0f}",
        f"{row['loss_low']:,.0f} to {row['loss_high']:,.0f}",
        words.plain(row["handoff_type"] or "unclassified"),
        words.name(row["owner"]) if row["owner"] else "nobody named",
    ]


def _ranking_notes(ranking: pl.DataFrame) -> str:
    shares = [float(share) for share in ranking["assumed_share"].drop_nulls().to_list()]
    assumed = (
        f"{words.share(sum(shares) / len(shares))} of the cost, on average over the handoffs,"
        if shares
        else "None of it"
    )
    return (
        "Expected annual loss: failures that begin at the handoff in a year, times what one of them costs with all "
        f"that follows. Assumptions: {assumed} rests on prices that people gave or the library assumes; intervals hold "
        "90% of the posterior; the coming year is like the window."
    )


def _basis(history: History, notes: str) -> str:
    return f"{notes}\nWindow: {canvas.caption(history)}. handoff_analytics {__version__}."


def _emu(inches: float) -> int:
    """Return inches in the unit of the format, 914,400 of them."""
    return round(inches * 914_400)
