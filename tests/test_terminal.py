"""Can a table be read in a terminal of eighty columns?"""

from __future__ import annotations

import datetime as dt
import io

import polars as pl
import pytest
from rich.console import Console

from handoff_analytics.loaders.report import LoadReport
from handoff_analytics.terminal import show


def test_no_number_is_cut_in_two(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    frame = pl.DataFrame(
        {
            "handoff": ["notification → mail-provider, messaging"],
            "loss a year": [1_234_567],
            "90 % range": ["1,039,032–1,505,508"],
            "fails mostly by": ["validation rejected after memory exhaustion"],
        }
    )
    show(frame)
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines()) <= 80
    for whole in ("1,234,567", "1,039,032–1,505,508", "mail-provider,", "exhaustion"):
        assert whole in printed


@pytest.mark.parametrize(("width", "dated"), [(80, False), (130, True)])
def test_a_narrow_load_report_keeps_the_file_names_and_leaves_out_the_times(width: int, *, dated: bool) -> None:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    row = {
        "file_name": "exports/incidents.servicenow.csv",
        "format": "servicenow",
        "seen": 1_391_000,
        "loaded": 1_380_000,
        "rejected": 1_000,
        "duplicate": 9_000,
        "skipped": 1_000,
        "redacted": 0,
        "first_at": moment,
        "last_at": moment + dt.timedelta(days=100),
        "notes": None,
    }
    console = Console(file=io.StringIO(), width=width)
    console.print(LoadReport(loads=[row]))
    printed = console.file.getvalue()
    assert "incidents.servicenow.csv" in printed
    assert "1,391,000" in printed
    assert ("2026-01-01 to 2026-04-11" in printed) == dated


@pytest.mark.parametrize("name", ["=cmd|'/C calc'!A0", "+1", "@sum(1)", "\x1b[2Jgone\x07", "[bold red]x[/]"])
def test_a_hostile_name_reaches_neither_the_terminal_nor_a_spreadsheet(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    frame = pl.DataFrame({"system": [name], "n": [1]})
    show(frame)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert name.startswith("\x1b") or name in shown
    show(frame, as_csv=True)
    assert not capsys.readouterr().out.splitlines()[1].lstrip('"').startswith(("=", "+", "@"))
