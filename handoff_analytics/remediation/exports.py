"""How does the remediation list reach those who repair?

Titles and messages come from logs and tickets: whoever can write a log line could write a formula, a link or a mention.
So every cell is written as text, and every piece of markdown is escaped.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from ..errors import ArgumentError
from ..outputs import written_whole
from ..tables import printable, write_csv, write_workbook
from ..terminal import plain, spreadsheet_safe_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

Format = Literal["csv", "xlsx", "markdown", "jira", "github"]
_SUFFIXES: dict[str, Format] = {".csv": "csv", ".xlsx": "xlsx", ".md": "markdown", ".json": "github"}
_TABLE = ("rank", "source", "target", "owner", "mode", "expected_annual_loss", "title", "cost", "saving", "status")
_PRIORITIES = ((0.5, "Highest"), (0.8, "High"), (0.95, "Medium"), (1.0, "Low"))
"""Shares of the loss, added up from the top, and the priority of the rows within them."""


def export_remediation(worklist: pl.DataFrame, path: str | Path, *, format: Format | None = None) -> Path:  # noqa: A002 - the word of the interface, as in load
    """Write a remediation list for the tool that the work is done in.

    Parameters
    ----------
    worklist
        What `remediation_list` returned, or part of it.
    path
        The file to write.
    format
        csv, xlsx, markdown, jira (CSV for Jira's importer) or github (JSON, one object an issue, as the REST interface
        takes them). Left out, the file's suffix decides: .csv, .xlsx, .md or .json.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ArgumentError
        If neither `format` nor the suffix says how.
    MissingExtraError
        If xlsxwriter is needed and absent: the extra ``[excel]`` brings it.

    Notes
    -----
    Text that a spreadsheet would run as a formula gets a leading quote in CSV and is stored as text in XLSX. Markdown
    is escaped, mentions included.
    """
    file = Path(path)
    kind = format or _SUFFIXES.get(file.suffix.lower())
    if kind is None or kind not in _WRITERS:
        raise ArgumentError(
            f"{file.name}: no format is known for {format or file.suffix!r}. Give format= one of {', '.join(_WRITERS)}."
        )
    with written_whole(file) as beside:
        _WRITERS[kind](worklist, beside)
    return file


def _write_xlsx(worklist: pl.DataFrame, file: Path) -> None:
    write_workbook(worklist, file, sheet="Remediation", frozen_columns=4)


def escaped_markdown(text: str) -> str:
    r"""Return text that markdown shows as it is: no link, no HTML, no table, no mention, one line.

    Examples
    --------
    >>> print(escaped_markdown("<b>|[x](y)"))
    &lt;b&gt;\|\[x\]\(y\)
    >>> "@all" in escaped_markdown("ask @all")
    False
    """
    line = re.sub(r"\s+", " ", re.sub(r"[\x00-\x1f\x7f]", " ", text)).strip()
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]()#+!|~^$-])", r"\\\1", line)
    # A zero-width space keeps a name from being notified, and an address from becoming a link.
    return line.replace("@", "@\u200b").replace("://", ":\u200b//").replace("www.", "www\u200b.")


def _write_markdown(worklist: pl.DataFrame, file: Path) -> None:
    lines = ["# Remediation list", "", *_table(worklist), ""]
    for row in worklist.to_dicts():
        lines += [f"## {row['rank']}. {escaped_markdown(_title(row))}", "", *_body(row), ""]
    if worklist.height:
        lines += [f"*{escaped_markdown(worklist['assumptions'][0])}*", ""]
    file.write_text("\n".join(lines), encoding="utf-8")


def _table(worklist: pl.DataFrame) -> list[str]:
    lines = ["| " + " | ".join(name.replace("_", " ") for name in _TABLE) + " |", "|" + " --- |" * len(_TABLE)]
    rows = worklist.select(_TABLE).iter_rows()
    return lines + ["| " + " | ".join(escaped_markdown(plain(value)) for value in row) + " |" for row in rows]


def _title(row: dict[str, Any]) -> str:
    name = (row["mode"] or "unknown cause").replace("_", " ")
    return f"{row['source']} -> {row['target']}: {name}"


def _body(row: dict[str, Any]) -> list[str]:
    """Say one row in markdown, every value escaped."""

    def said(value: Any) -> str:
        return escaped_markdown(plain(value))

    lines = [
        f"- **What:** {said(row['what'])}",
        f"- **Why:** {said(row['why'])}",
        f"- **Owner:** {said(row['owner'])}",
        f"- **Expected loss:** {said(row['expected_annual_loss'])} {said(row['currency'])} a year",
        f"- **Evidence:** failures {said(row['failure_ids'])}; transaction {said(row['example'])}",
    ]
    if row["example_text"]:
        lines.append(f"- **It said:** {said(row['example_text'])}")
    if row["measure"]:
        lines += [
            f"- **Measure:** {said(row['title'])} ({said(row['category'])}, from the {said(row['declared_by'])})",
            f"- **Cost:** {said(row['cost'])} {said(row['currency'])} once, {said(row['yearly_cost'])} a year",
            f"- **Saves here:** {said(row['saving'])} a year ({said(row['saving_low'])} to {said(row['saving_high'])})"
            + ("" if row["pays"] else "; it does not earn its costs"),
        ]
    lines.append(f"- **Status:** {said(row['status'])}")
    return lines


def _write_jira(worklist: pl.DataFrame, file: Path) -> None:
    """Write the columns that Jira's CSV importer maps by name; labels hold no spaces there."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Summary", "Issue Type", "Priority", "Description", "Labels", "Labels", "Component", "Status"])
    for row, priority in zip(worklist.to_dicts(), _priorities(worklist), strict=True):
        writer.writerow(
            spreadsheet_safe_cell(cell)
            for cell in (
                printable(_title(row))[:250],
                "Task",
                priority,
                _jira_text(row),
                "handoff",
                _label(row["handoff_type"]),
                row["owner"] or "",
                {"open": "To Do", "in_progress": "In Progress"}.get(row["status"], "Done"),
            )
        )
    file.write_text(out.getvalue(), encoding="utf-8")


def _jira_text(row: dict[str, Any]) -> str:
    """Say one row as plain text: Jira's markup characters are escaped, and ``{noformat}`` cannot be left."""
    parts = {
        "What": row["what"],
        "Why": row["why"],
        "Expected loss a year": f"{plain(row['expected_annual_loss'])} {row['currency']}",
        "Failures": row["failure_ids"],
        "Transaction": row["example"],
        "It said": row["example_text"],
        "Measure": row["title"],
        "Cost": None if row["cost"] is None else f"{plain(row['cost'])} once, {plain(row['yearly_cost'])} a year",
        "Saves here a year": None
        if row["saving"] is None
        else f"{plain(row['saving'])} ({plain(row['saving_low'])} to {plain(row['saving_high'])})",
    }
    lines = [f"{name}: {_jira_escaped(str(value))}" for name, value in parts.items() if value]
    return "\n".join(lines)


def _jira_escaped(text: str) -> str:
    line = re.sub(r"\s+", " ", printable(text))
    return re.sub(r"([\\{}\[\]*_+^~|!#?-])", r"\\\1", line).replace("://", ":\u200b//")


def _label(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text) or "unclassified"


def _priorities(worklist: pl.DataFrame) -> list[str]:
    """Give the rows that make up half of the loss the highest priority, and so on down."""
    losses = worklist["expected_annual_loss"].fill_null(0.0).to_list()
    total = sum(losses) or 1.0
    found, before = [], 0.0
    for loss in losses:
        found.append(next(name for share, name in _PRIORITIES if before / total < share or share == 1.0))
        before += loss
    return found


def _write_github(worklist: pl.DataFrame, file: Path) -> None:
    issues = [
        {
            "title": printable(_title(row)).replace("@", "@\u200b")[:250],
            "body": "\n".join(_body(row)),
            "labels": ["handoff", _label(row["handoff_type"]), f"priority-{priority.lower()}"],
        }
        for row, priority in zip(worklist.to_dicts(), _priorities(worklist), strict=True)
    ]
    file.write_bytes(orjson.dumps(issues, option=orjson.OPT_INDENT_2))


_WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    "csv": write_csv,
    "xlsx": _write_xlsx,
    "markdown": _write_markdown,
    "jira": _write_jira,
    "github": _write_github,
}
