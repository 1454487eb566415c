"""What did a test run make of the boundary scenarios?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

import polars as pl

from ..errors import UnreadableFileError
from .entries import keep
from .scenarios import boundary_scenarios

if TYPE_CHECKING:
    from ..history import History

_LARGEST_BYTES = 50_000_000
_LONGEST_NOTE = 500
RESULTS = pl.Schema(
    {
        "test": pl.String(),
        "scenario": pl.String(),
        "source": pl.String(),
        "target": pl.String(),
        "channel": pl.String(),
        "check_name": pl.String(),
        "state": pl.String(),
        "seconds": pl.Float64(),
        "note": pl.String(),
        "played_at": pl.Datetime("us"),
    }
)


def load_test_results(
    history: History, path: str | Path, *, owner: str | None = None, valid_days: float | None = None
) -> pl.DataFrame:
    """Read a JUnit XML report, and keep what it says about the boundary scenarios.

    Parameters
    ----------
    history
        The history whose audit it answers; it is written to.
    path
        The report, as pytest, JUnit, jest, go-junit-report and others write it.
    owner
        Who answers for the tests.
    valid_days
        Days after which the results no longer count.

    Returns
    -------
    polars.DataFrame
        One row a test, those without a scenario last.

        ========== ======== ==================================================================================
        test       String   class and name of the test
        scenario   String   the scenario that it played; null if it names none: then it is not kept
        source     String   the handoff
        target     String
        channel    String
        check_name String   the check of the audit that it answers
        state      String   pass, fail (failure or error) or not_run (skipped)
        seconds    Float64  how long the test took
        note       String   the message of a failure, shortened
        played_at  Datetime when, UTC: the time of its suite, else of the file
        ========== ======== ==================================================================================

    Raises
    ------
    UnreadableFileError
        If it is no XML, declares a document type (which could name other files), or is larger than 50 MB.

    Notes
    -----
    A test plays a scenario if the scenario's id stands in its name, its class name or a property named ``scenario``.
    Test frameworks restrict names, so ids are compared by their letters and digits alone: a test named
    ``test_crm__erp__http__down`` plays ``crm->erp/http/down``. The longest id that fits counts.
    """
    file = Path(path)
    tests = _tests(file)
    scenarios = boundary_scenarios(history, compound=1000)
    known = {_bare(row["scenario"]): row for row in scenarios.to_dicts()}
    longest = sorted(known, key=lambda bare: (-len(bare), bare))
    stamped = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None)
    rows: list[dict[str, Any]] = []
    for test in tests:
        said = _bare(test["scenario"] or test["name"])
        scenario = next((known[bare] for bare in longest if bare in said), None)
        rows.append(
            {
                "test": test["name"],
                "scenario": scenario["scenario"] if scenario else None,
                "source": scenario["source"] if scenario else None,
                "target": scenario["target"] if scenario else None,
                "channel": scenario["channel"] if scenario else None,
                "check_name": scenario["check_name"] if scenario else None,
                "state": test["state"],
                "seconds": test["seconds"],
                "note": test["note"],
                "played_at": test["played_at"] or stamped,
            }
        )
    keep(
        history,
        [
            row
            | {
                "basis": "test",
                "owner": owner,
                "evidence": f"{file.name}: {row['test']}",
                "entered_at": row["played_at"],
                "valid_days": valid_days,
            }
            for row in rows
            if row["scenario"] is not None
        ],
    )
    return pl.DataFrame(rows, schema=RESULTS).sort("scenario", "test", nulls_last=True)


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text, flags=re.UNICODE).casefold()


def _tests(file: Path) -> list[dict[str, Any]]:
    """Read the test cases of a report."""
    try:
        size = file.stat().st_size
    except OSError as fault:
        raise UnreadableFileError(f"{file} cannot be read: {fault.strerror}.") from fault
    if size > _LARGEST_BYTES:
        raise UnreadableFileError(f"{file} has {size:,} bytes; a test report has at most {_LARGEST_BYTES:,}.")
    reader = _Reader(file)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(file.read_bytes(), True)
    except expat.ExpatError as fault:
        raise UnreadableFileError(f"{file} is no XML: {fault}. Give it a JUnit report.") from fault
    if not reader.is_report:
        raise UnreadableFileError(f"{file} is XML, but no JUnit report: it has no <testsuite>.")
    return reader.tests


class _Reader:
    """Collects test cases while the parser walks the report."""

    def __init__(self, file: Path) -> None:
        self.tests: list[dict[str, Any]] = []
        self.is_report = False
        self._file = file
        self._stamps: list[datetime | None] = []
        self._test: dict[str, Any] | None = None
        self._telling = False

    def refuse(self, *_: Any) -> None:
        raise UnreadableFileError(f"{self._file} declares a document type; remove its <!DOCTYPE> line.")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag in {"testsuite", "testsuites"}:
            self.is_report = True
            self._stamps.append(_moment(attributes.get("timestamp")) or (self._stamps[-1] if self._stamps else None))
        elif tag == "testcase":
            name = ".".join(part for part in (attributes.get("classname"), attributes.get("name")) if part)
            self._test = {
                "name": name,
                "scenario": None,
                "state": "pass",
                "seconds": _number(attributes.get("time")),
                "note": None,
                "played_at": self._stamps[-1] if self._stamps else None,
            }
        elif self._test is not None and tag in {"failure", "error"}:
            self._test |= {"state": "fail", "note": attributes.get("message", "")[:_LONGEST_NOTE] or None}
            self._telling = True
        elif self._test is not None and tag == "skipped":
            self._test |= {"state": "not_run", "note": attributes.get("message") or None}
        elif self._test is not None and tag == "property" and attributes.get("name") == "scenario":
            self._test["scenario"] = attributes.get("value")

    def text(self, content: str) -> None:
        if self._telling and self._test is not None and not self._test["note"]:
            self._test["note"] = content.strip()[:_LONGEST_NOTE] or None

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag in {"failure", "error"}:
            self._telling = False
        elif tag == "testcase" and self._test is not None:
            self.tests.append(self._test)
            self._test = None
        elif tag in {"testsuite", "testsuites"}:
            self._stamps.pop()


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment


def _number(text: str | None) -> float | None:
    try:
        return float(text.replace(",", "")) if text else None
    except ValueError:
        return None
