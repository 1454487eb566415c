"""How do the traces and logs of two systems with injected faults become histories?

Nezha (MIT): spans without status, logs as JSON inside CSV, a minute a file. Mappings read them, as an analyst would.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import handoff_analytics as ha

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(os.environ.get("HANDOFFS_REAL_DATA", Path(__file__).parents[3] / "shared" / "data")) / "nezha_dev"
MAPPINGS = Path(__file__).parent / "mappings"
KINDS = ("trace", "log")


def faults() -> list[dict[str, Any]]:
    return json.loads((ROOT / "faults_dev.json").read_text())


@cache
def minutes(day: str, *wanted: str) -> ha.History:
    """Return the history of some minutes of a day: their spans, and their log lines where there are any."""
    return history(ROOT / day / kind / f"{minute}_{kind}.csv.gz" for minute in wanted for kind in KINDS)


def history(files: Iterable[Path]) -> ha.History:
    """Return the history of some files; the name of each says which mapping reads it."""
    made = ha.History()
    found = [file for file in files if file.exists()]
    for kind in KINDS:
        of_kind = [file for file in found if kind in file.name]
        if of_kind:
            ha.load(of_kind, into=made, mapping=MAPPINGS / f"nezha_{kind}.toml", quiet=True)
    return made


def half(folder: Path, day: str, minute: str, traces: set[str]) -> ha.History:
    """Return the history of a minute with only some of its traces."""
    written = []
    for kind in KINDS:
        text = gzip.decompress((ROOT / day / kind / f"{minute}_{kind}.csv.gz").read_bytes()).decode()
        header, *rows = csv.reader(io.StringIO(text))
        own = header.index("TraceID")
        written.append(folder / f"{minute}_{kind}.csv")
        with written[-1].open("w", newline="") as file:
            csv.writer(file).writerows([header, *(row for row in rows if row[own] in traces)])
    return history(written)
