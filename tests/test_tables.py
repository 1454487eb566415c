"""A table that leaves for a spreadsheet has the numbers of the notebook, and nothing in it is obeyed."""

from __future__ import annotations

import sys
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

import handoff_analytics as ha
from handoff_analytics.errors import ArgumentError, HistoryFullError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = ("=cmd|'/C calc'!A0", "+1", "@sum(1)", "https://evil.example", "<script>x</script>", "a\0b\x1bc")
FRAME = pl.DataFrame(
    {
        "system": HOSTILE,
        "many": [["=a", "b"]] * 6,
        "loss": [1 / 3, 1e6 / 7, float("nan"), None, 0.1 + 0.2, 2.0**60],
        "n": range(6),
        "yes": [True, None] * 3,
        "at": [datetime(2026, 1, 1, tzinfo=UTC)] * 6,
    }
)


def test_csv_keeps_numbers_to_the_last_digit_and_runs_nothing(tmp_path: Path) -> None:
    back = pl.read_csv(ha.save_table(FRAME, tmp_path / "a.csv"))
    assert back["loss"].to_list()[:2] == FRAME["loss"].to_list()[:2]
    assert back["loss"].to_list()[4:] == FRAME["loss"].to_list()[4:]
    assert not [text for text in [*back["system"], *back["many"]] if text.startswith(("=", "+", "-", "@"))]


def test_a_workbook_holds_text_as_text_and_no_link(tmp_path: Path) -> None:
    file = ha.save_table(FRAME, tmp_path / "a.xlsx")
    back = pl.read_excel(file)
    assert back["system"].to_list()[:5] == list(HOSTILE[:5])
    # A workbook holds sixteen digits of a number.
    assert back["loss"].to_list()[:2] == pytest.approx(FRAME["loss"].to_list()[:2], rel=1e-15)
    with zipfile.ZipFile(file) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "hyperlink" not in sheet
        assert not [name for name in parts.namelist() if "external" in name.lower()]


def test_parquet_is_the_frame_itself(tmp_path: Path) -> None:
    assert pl.read_parquet(ha.save_table(FRAME, tmp_path / "a.parquet")).equals(FRAME)


def test_another_ending_a_missing_extra_and_a_missing_folder_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArgumentError, match=r"use \.csv, \.xlsx or \.parquet"):
        ha.save_table(FRAME, tmp_path / "a.ods")
    with pytest.raises(HistoryFullError, match="Choose another place"):
        ha.save_table(FRAME, tmp_path / "no" / "a.csv")
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(MissingExtraError, match=r"\[excel\]"):
        ha.save_table(FRAME, tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []
