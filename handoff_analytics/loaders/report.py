"""What became of the files that were loaded?"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from ..history import History

_MOST_ROWS = 40
_MOST_REJECTS = 3
_MOST_SENTENCES = 5
_WIDEST_NAME = 40
_LEFT_OUT_FIRST = ("time (UTC)", "masked", "format")
"""Columns that a narrow terminal does without, the first one first."""
_ALWAYS = frozenset(("file", "format", "seen", "loaded"))


@dataclass(frozen=True)
class LoadReport:
    """One load: a row a file, the first rejects, and the files that were not loaded.

    Attributes
    ----------
    loads
        Rows of `History.loads`.
    rejects
        The first rows of `History.rejects`.
    left_out
        Files that no format fits, with the reason.
    known
        Files that the history had already, with the number of their load.
    """

    loads: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    known: list[tuple[str, int]] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return what the table does not say."""
        from ..terminal import plain  # noqa: PLC0415 - only where something is shown

        said = [f"{self._short(name)}: already loaded as load {load_id}" for name, load_id in self.known]
        said = _few(said, "more files were already loaded")
        for row in self.loads:
            notes = orjson.loads(row["notes"] or "{}")
            name = self._short(row["file_name"])
            said += [f"{name}: {note}" for note in notes.get("notes", [])]
            said += [f"{name}: {count:,} skipped, {why}" for why, count in notes.get("skipped", {}).items()]
            said += [
                f"{name}: {count:,} doubtful, {flag.replace('_', ' ')}"
                for flag, count in notes.get("flags", {}).items()
            ]
        said = _few(said, "more notes: history.loads and history.quality", most=3 * _MOST_SENTENCES)
        for row in self.rejects:
            place = f"line {row['line']:,}" if row["line"] is not None else f"record {row['record_no']:,}"
            name = self._short(row["file_name"])
            said.append(f"{name}: {place} rejected, {row['code']}: {row['reason']}")
        rejected = sum(row["rejected"] for row in self.loads)
        if rejected > len(self.rejects):
            said.append(f"{rejected - len(self.rejects):,} more rejects: history.rejects")
        said += _few([f"left out: {reason}" for reason in self.left_out], "more files were left out")
        return [plain(sentence) for sentence in said or ["there was nothing to load"][: not self.loads]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Show the report in a terminal or a notebook."""
        from rich.text import Text  # noqa: PLC0415 - only where something is shown

        from ..terminal import bare_table, plain  # noqa: PLC0415 - as above

        del console
        if self.loads:
            rows = [_cells(row) for row in self.loads]
            for row in rows:
                name = self._short(str(row["file"]))
                row["file"] = name if len(name) <= _WIDEST_NAME else f"…{name[1 - _WIDEST_NAME :]}"
            widths = {
                name: max(len(name), *(len(plain(row[name])) for row in rows))
                for name in rows[0]
                if name in _ALWAYS or any(row[name] for row in rows)
            }
            for name in _LEFT_OUT_FIRST:
                if sum(widths.values()) + 2 * len(widths) > options.max_width:
                    widths.pop(name, None)
            shown = list(widths)
            table = bare_table()
            for name in shown:
                number = isinstance(rows[0][name], int)
                table.add_column(
                    name,
                    justify="right" if number else "left",
                    no_wrap=name != "file",
                    overflow="fold",
                    min_width=min(widths[name], 16) if name == "file" else widths[name],
                )
            for row in rows[:_MOST_ROWS]:
                table.add_row(*(Text(plain(row[name])) for name in shown))
            if rest := rows[_MOST_ROWS:]:
                sums = {name: sum(int(row[name]) for row in rest) for name in shown if isinstance(rest[0][name], int)}
                cells: dict[str, str | int] = {"file": f"{len(rest):,} more files", **sums}
                table.add_row(*(Text(plain(cells.get(name, ""))) for name in shown))
            yield table
        for sentence in self.sentences():
            yield Text(sentence)

    def _short(self, name: str) -> str:
        """Return the last part of a file's path, or what tells it from the others of the load."""
        names = {str(row["file_name"]) for row in self.loads} | {known for known, _ in self.known}
        last = name.replace("\\", "/").rpartition("/")[2]
        if sum(other.replace("\\", "/").rpartition("/")[2] == last for other in names) <= 1:
            return last
        shared = os.path.commonprefix(sorted(names))  # noqa: RUF071 - cut at the last separator below
        return name.removeprefix(shared[: shared.rfind("/") + 1])


def _few(sentences: list[str], rest: str, *, most: int = _MOST_SENTENCES) -> list[str]:
    if len(sentences) <= most + 1:
        return sentences
    return [*sentences[:most], f"{len(sentences) - most:,} {rest}"]


def _cells(row: dict[str, Any]) -> dict[str, str | int]:
    flags = orjson.loads(row["notes"] or "{}").get("flags", {})
    first, last = (f"{moment:%Y-%m-%d}" if moment is not None else "" for moment in (row["first_at"], row["last_at"]))
    return {
        "file": row["file_name"],
        "format": row["format"],
        **{name: row[name] for name in ("seen", "loaded", "rejected", "duplicate", "skipped")},
        "doubtful": sum(flags.values()),
        "masked": row["redacted"],
        "time (UTC)": first if first == last else f"{first} to {last}",
    }


def report(history: History, *, after: int, left_out: list[str], known: list[tuple[str, int]]) -> LoadReport:
    """Return the report about the loads that came after one.

    Parameters
    ----------
    history
        The history that was loaded into.
    after
        Number of the last load before.
    left_out
        Files that no format fits, with the reason.
    known
        Files that the history had already, with the number of their load.
    """
    loads = history.sql("SELECT * FROM loads WHERE load_id > $after ORDER BY load_id", after=after)
    rejects = history.sql(
        """
        SELECT l.file_name, r.line, r.record_no, r.code, r.reason
        FROM rejects AS r
        JOIN loads AS l USING (load_id)
        WHERE load_id > $after
        ORDER BY load_id, record_no
        LIMIT $most
        """,
        after=after,
        most=_MOST_REJECTS,
    )
    return LoadReport(loads.to_dicts(), rejects.to_dicts(), left_out, known)
