"""How does a frame look in a terminal, and how does it leave it?"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

# Evidence is untrusted: an escape sequence in a system's name must not reach the terminal that prints it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# A cell that begins so is run as a formula by spreadsheets.
_FORMULA = r"^[=+\-@\t\r]"
_WIDEST_WORD = 24


def plain(value: Any) -> str:
    """Return a value as text for people: rounded to four significant digits, without control characters."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - only NaN differs from itself
            return "–"
        if value == 0 or abs(value) >= 1000:
            return f"{value:,.0f}"
        return f"{value:.3g}" if abs(value) < 1 else f"{value:,.4g}"
    if isinstance(value, list):
        return ", ".join(plain(part) for part in value)
    return _CONTROL.sub("�", str(value))


def bare_table(title: str = "") -> Table:
    """Return an empty table that spends two characters on each column but its text."""
    return Table(
        title=Text(title) if title else None,
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
    )


def show(
    frame: pl.DataFrame,
    *,
    title: str = "",
    columns: Sequence[str] | None = None,
    as_json: bool = False,
    as_csv: bool = False,
) -> None:
    """Print a frame: as a table for people, or whole as JSON or CSV for programs.

    Parameters
    ----------
    frame
        What a measure returned.
    title
        Printed above the table.
    columns
        The columns that people see, in this order; programs get them all.
    as_json, as_csv
        Print for a program instead.
    """
    if as_json:
        sys.stdout.write(frame.write_json() + "\n")
        return
    if as_csv:
        sys.stdout.write(spreadsheet_safe(frame).write_csv())
        return
    shown = frame.select([name for name in columns if name in frame.columns]) if columns else frame
    table = bare_table(title)
    columns_of_cells: list[list[str]] = []
    for name, kind in shown.schema.items():
        cells = [plain(value) for value in shown[name]]
        number = kind.is_numeric()
        # A number cut in two is another number, and so is a word: only sentences go on in the next line.
        words = cells if number else [word for cell in cells for word in cell.split()]
        table.add_column(
            Text(name.replace("_", " ")),
            justify="right" if number else "left",
            overflow="fold",
            min_width=min(max((len(word) for word in words), default=0), _WIDEST_WORD),
        )
        columns_of_cells.append(cells)
    for row in zip(*columns_of_cells, strict=True):
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def spreadsheet_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with text that a spreadsheet would run as a formula made harmless by a leading quote.

    Nested columns become text, since CSV has no other: lists are joined, structs are JSON.

    Examples
    --------
    >>> import polars as pl
    >>> spreadsheet_safe(pl.DataFrame({"name": ["=cmd()", "erp"]}))["name"].to_list()
    ["'=cmd()", 'erp']
    >>> spreadsheet_safe(pl.DataFrame({"names": [["=cmd()", "erp"]]}))["names"].to_list()
    ["'=cmd(), erp"]
    """
    texts = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.List):
            texts.append(pl.col(name).cast(pl.List(pl.String)).list.join(", "))
        elif isinstance(kind, pl.Struct):
            texts.append(pl.col(name).struct.json_encode())
    return frame.with_columns(texts).with_columns(pl.col(pl.String).str.replace(_FORMULA, "'$0"))


def spreadsheet_safe_cell(text: str) -> str:
    """Return one cell as `spreadsheet_safe` writes it.

    Examples
    --------
    >>> spreadsheet_safe_cell("@sum(1)"), spreadsheet_safe_cell("1")
    ("'@sum(1)", '1')
    """
    return re.sub(_FORMULA, r"'\g<0>", text)
