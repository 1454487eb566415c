"""What do many tests share: how properties are tried, and one JupyterLab with one headless Chromium to look at it."""

import os
import sys

import pytest
from hypothesis import settings

from handoff_analytics import lab

# A busy machine is slow, not wrong. On CI the examples are the same each time: what lands there depends on the commit alone.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def browser():
    laboratory = pytest.importorskip("laboratory")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if laboratory.CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=laboratory.CHROMIUM, args=laboratory.FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    import laboratory

    folder = lab.furnished(tmp_path_factory.mktemp("lab"))
    with laboratory.server(folder, tmp_path_factory.mktemp("home")) as address:
        yield address, folder


@pytest.fixture
def visit(browser, address):
    import laboratory

    visits = []

    def open_notebook(name, *cells):
        if cells:
            laboratory.notebook(address[1] / name, *cells)
        visits.append(laboratory.Visit(browser, address[0], name))
        return visits[-1]

    yield open_notebook
    for each in visits:
        each.page.close()


# A worker of pytest-xdist has a main module without a file: pyspark takes that for its own doctests, and ends it.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__
