"""The documentation is built by one command, and no link in it leads nowhere."""

import importlib.util
import re
from pathlib import Path

import pytest

import handoff_analytics as ha

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def builder():
    return loaded("build")


@pytest.fixture(scope="module")
def site(builder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return folder, builder.build(folder)


def test_every_page_is_built_and_every_link_leads_somewhere(builder, site):
    folder, pages = site
    assert {path.name for path in pages} >= {"README.html", "tutorial.html", "methods.html", "reference.html"}
    assert builder.broken_links(folder) == []


def test_a_broken_link_and_a_missing_heading_are_found(builder, tmp_path):
    (tmp_path / "a.html").write_text(
        '<h2 id="here">x</h2><a href="b.html">b</a><a href="#there">t</a><a href="#here">h</a>'
    )
    assert builder.broken_links(tmp_path) == ["a.html: b.html", "a.html: #there has no such heading"]


def test_the_reference_names_everything_public(site):
    folder, _ = site
    text = (folder / "docs" / "reference.html").read_text()
    for name in set(ha.__all__) - {"__version__"}:
        assert f'id="ha{name.lower()}"' in text, name
    for name in ha.charts.__all__:
        assert f'id="hacharts{name.lower()}"' in text, name


def test_the_pages_load_nothing_from_elsewhere(site):
    for path in site[1]:
        text = path.read_text()
        assert not re.search(r'(?:src|<link[^>]* href)="(?:[a-z]+:|//)', text), path
        assert "<script" not in text


def test_every_picture_of_the_gallery_is_of_a_chart_and_none_is_missing():
    shown = set(re.findall(r"^## (\w+)$", (DOCS / "gallery" / "README.md").read_text(), re.MULTILINE))
    assert set(ha.charts.__all__) - {"enable", "save", "use"} <= shown
    assert {path.stem for path in (DOCS / "gallery").glob("*.svg")} == shown


def loaded(name):
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_gallery_says_what_the_charts_say_today(tmp_path):
    loaded("gallery").gallery(tmp_path)
    kept = (DOCS / "gallery" / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == kept, "draw it again: python docs/gallery.py"


@pytest.mark.slow
def test_the_comparison_says_what_is_measured_today():
    script = loaded("compare_peers")
    questions, answers = script.columns(None)
    rows = [
        line.strip("| ").split(" | ") for line in script.PAGE.read_text(encoding="utf-8").splitlines() if "|" in line
    ]
    for peer, told in answers.items():
        column = rows[0].index(peer) + 1
        kept = {row[0]: row[column] for row in rows[2:]}
        again = "write it again: python docs/compare_peers.py"
        assert kept == {said: told.get(key, script.NOT_ASKED) for key, said in questions.items()}, again
