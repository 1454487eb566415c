"""A deck tells one finding a slide, lists what to fix in a native table, and keeps the assumptions in the notes."""

import builtins
import zipfile

import pytest
from example_frames import HOSTILE
from test_report import EVIL, evidence

import handoff_analytics as ha
from handoff_analytics.charts import words
from handoff_analytics.errors import HistoryFullError, MissingExtraError

pptx = pytest.importorskip("pptx")


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    history = evidence()
    return history, pptx.Presentation(str(ha.slides(history, tmp_path_factory.mktemp("deck") / "deck.pptx")))


def test_each_slide_says_its_finding_in_the_title_and_its_basis_in_the_notes(deck):
    _, presentation = deck
    slides = list(presentation.slides)
    assert len(slides) == 6
    assert "comes first: it is expected to lose" in slides[0].shapes.title.text
    for slide in slides:
        assert len(slide.shapes.title.text) > 15
        assert "Window: 3 Mar to 1 May 2026" in slide.notes_slide.notes_text_frame.text
    assert "Assumptions:" in slides[0].notes_slide.notes_text_frame.text


def test_nothing_stands_outside_of_a_slide(deck):
    _, presentation = deck
    for slide in presentation.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.top >= 0
            assert shape.left + shape.width <= presentation.slide_width
            assert shape.top + shape.height <= presentation.slide_height


def test_the_list_is_a_table_with_the_numbers_of_the_ranking(deck):
    history, presentation = deck
    table = next(shape.table for slide in presentation.slides for shape in slide.shapes if shape.has_table)
    ranking = ha.rank(history)
    assert len(table.rows) == ranking.height + 1
    assert table.cell(1, 2).text == f"EUR {ranking['expected_annual_loss'][0]:,.0f}"


def test_hostile_names_are_text(tmp_path):
    evil = [*HOSTILE[:4], EVIL]
    for name in evil:
        file = ha.slides(evidence(name), tmp_path / "evil.pptx")
        presentation = pptx.Presentation(str(file))
        assert all(not relation.is_external for slide in presentation.slides for relation in slide.part.rels.values())
        with zipfile.ZipFile(file) as parts:
            slides = [parts.read(part).decode() for part in parts.namelist() if part.startswith("ppt/slides/slide")]
        assert not [slide for slide in slides if "hlinkClick" in slide or "<script" in slide or "<img" in slide]
        table = next(shape.table for slide in presentation.slides for shape in slide.shapes if shape.has_table)
        cells = [cell.text for row in table.rows for cell in row.cells]
        assert [cell for cell in cells if words.name(name, limit=26) in cell], name


def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.startswith("pptx"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"\[slides\]"):
        ha.slides(evidence(), tmp_path / "deck.pptx")


def test_a_place_that_cannot_be_written_is_explained(tmp_path):
    with pytest.raises(HistoryFullError, match="Choose another place"):
        ha.slides(evidence(), tmp_path / "no" / "deck.pptx")
