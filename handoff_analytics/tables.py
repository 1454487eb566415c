"""How does a table leave for a spreadsheet that must not obey what is in it?

Names and messages come from evidence: whoever can write a log line could write a formula or a link. So CSV gets a
leading quote before what would be run, and every text of a workbook is stored as text.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import polars as pl

from .errors import ArgumentError, MissingExtraError
from .outputs import written_whole
from .terminal import spreadsheet_safe

_LONG = {"what", "why", "title", "example_text", "assumptions"}  # columns that hold sentences


def save_table(frame: pl.DataFrame, path: str | Path) -> Path:
    """Write what a measure returned to a file that spreadsheets open without running what is in it.

    Numbers are written in full, so that they are those of the notebook and of the report.

    Parameters
    ----------
    frame
        Any frame.
    path
        The ending decides the format: ``.csv``, ``.xlsx`` or ``.parquet``.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ArgumentError
        If the ending is another.
    MissingExtraError
        If a workbook is wanted and xlsxwriter is absent: the extra ``[excel]`` brings it.
    HistoryFullError
        If the file cannot be written.

    Examples
    --------
    >>> import polars as pl
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     print(save_table(pl.DataFrame({"system": ["=cmd()"], "n": [2]}), f"{folder}/a.csv").read_text())
    system,n
    '=cmd(),2
    <BLANKLINE>
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in {".csv", ".xlsx", ".parquet"}:
        raise ArgumentError(f"A table cannot be written as {suffix or file.name!r}: use .csv, .xlsx or .parquet.")
    with written_whole(file) as beside:
        if suffix == ".csv":
            write_csv(frame, beside)
        elif suffix == ".xlsx":
            write_workbook(frame, beside)
        else:
            frame.write_parquet(beside)
    return file


def write_csv(frame: pl.DataFrame, file: Path) -> None:
    """Write CSV whose cells no spreadsheet runs."""
    spreadsheet_safe(frame).write_csv(file)


def write_workbook(frame: pl.DataFrame, file: Path, *, sheet: str = "Table", frozen_columns: int = 1) -> None:
    """Write one sheet of a workbook, every text as text.

    Parameters
    ----------
    frame
        The rows.
    file
        Where to.
    sheet
        The name of the sheet.
    frozen_columns
        How many columns stay when the reader moves to the right.
    """
    try:
        import xlsxwriter  # noqa: PLC0415 - an extra: only who writes workbooks needs it
    except ImportError as fault:
        raise MissingExtraError(
            "Writing .xlsx needs xlsxwriter. Install it with: pip install 'handoff-analytics[excel]'"
        ) from fault
    # Nothing in a cell is interpreted: no formula, no link.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        page = book.add_worksheet(sheet)
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        money = book.add_format({"num_format": "#,##0", "valign": "top"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "valign": "top"})
        for column, (name, kind) in enumerate(frame.schema.items()):
            page.write_string(0, column, printable(name.replace("_", " ")), head)
            page.set_column(column, column, 45 if name in _LONG else 18)
            for row, value in enumerate(frame[name], start=1):
                if value is None or (kind.is_float() and not math.isfinite(value)):  # no cell can hold these
                    continue
                if kind.is_float():
                    page.write_number(row, column, value, money if abs(value) >= 10 else wrapped)
                elif kind.is_integer():
                    page.write_number(row, column, value, wrapped)
                elif kind == pl.Datetime:
                    page.write_datetime(row, column, value.replace(tzinfo=None), moment)
                elif kind == pl.Boolean:
                    page.write_boolean(row, column, value, wrapped)
                elif isinstance(value, pl.Series):
                    page.write_string(row, column, printable(", ".join(map(str, value))), wrapped)
                else:
                    page.write_string(row, column, printable(str(value)), wrapped)
        page.freeze_panes(1, frozen_columns)
        page.autofilter(0, 0, max(frame.height, 1), max(frame.width - 1, 0))


def printable(text: str) -> str:
    """Drop control characters, which a workbook cannot hold, and cut what a cell cannot."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd", text)[:32_000]
