"""What did a file become, in a form that a person can read and a test compare?"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches import Bench

from handoff_analytics.errors import HandoffError
from handoff_analytics.schema import EVIDENCE

if TYPE_CHECKING:
    from families import Sample

PLACE = Path(__file__).parents[1] / "assets" / "families.json"
WRITTEN_AT = 1_767_700_000
# Keys are hashes of what else stands in the row; where it stands in the file is told by the rejects.
_LEFT_OUT = re.compile(r"(?:_uid|_key|_hash|_sha256|_us|_ns)$|^(?:load_id|record_no|raw)$")
_LEDGER = frozenset(("loads", "rejects", "quality_flags", "history_facts"))


def outcome(sample: Sample, content: bytes) -> dict[str, Any]:
    """Return what a file becomes: the counts, and every row of every table, without keys."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        path = bench.file(content, "shop.log")
        # Logs that name no year take it from the file.
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))
        try:
            sink = bench.load(path, mapping=sample.mapping)
        except HandoffError as fault:
            return {"refused": f"{type(fault).__name__}: {fault}".replace(f"{folder}/", "")}
        finally:
            told = {
                table: _rows(bench, table) for table in (*sorted(EVIDENCE.keys() - _LEDGER), "rejects", "quality_flags")
            }
            bench.connection.close()
        return {
            "format": bench.format,
            "counts": {name: count for name, count in sorted(sink.counts.items()) if count},
            **{table: rows for table, rows in told.items() if rows},
        }


def _rows(bench: Bench, table: str) -> list[dict[str, Any]]:
    found = bench.connection.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in found.description or ()]
    rows = [
        {
            name: value if isinstance(value, int | float | bool) else str(value)
            for name, value in zip(names, row, strict=True)
            if value is not None and not _LEFT_OUT.search(name)
        }
        for row in found.fetchall()
    ]
    return sorted(rows, key=json.dumps)


def outcomes(samples: dict[str, Sample]) -> dict[str, Any]:
    """Return what every sample becomes."""
    return {
        name: {"family": sample.family, "good": outcome(sample, sample.good), "broken": outcome(sample, sample.broken)}
        for name, sample in samples.items()
    }


def write(told: dict[str, Any]) -> None:
    """Keep what the samples become."""
    PLACE.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
