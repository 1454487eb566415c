"""What is an analyst shown while files load?"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from handoff_analytics.loaders import progress
from handoff_analytics.loaders.progress import Progress

SOURCE = cast("Any", SimpleNamespace(name="exports/traces.otlp.jsonl", size_bytes=1000, read_bytes=400))


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")


def shown(capsys: pytest.CaptureFixture[str], *, quiet: bool = False) -> str:
    """Return what reached stderr while a file was read for .4 s; stdout is for answers and stays empty."""
    with Progress(total_bytes=2000, quiet=quiet) as bar:
        bar.start(SOURCE)
        time.sleep(0.4)
        bar.finish(SOURCE)
        bar.say("building the model")
        time.sleep(0.3)
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_a_long_load_shows_its_file_and_then_its_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.05)
    err = shown(capsys)
    assert err.index("exports/traces.otlp.jsonl") < err.index("building the model")


def test_a_short_load_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys) == ""


def test_a_quiet_load_shows_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.05)
    assert shown(capsys, quiet=True) == ""
