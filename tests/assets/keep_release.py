"""Keep a small history of this release, for the tests of later ones: python tests/assets/keep_release.py

It is made of the generator's company with five orders, in small blocks and in the form that DuckDB 1.5 reads as well.
"""

from __future__ import annotations

import lzma
import tempfile
from pathlib import Path

import duckdb

import handoff_analytics as ha

HERE = Path(__file__).parent


def main() -> None:
    """Write history-VERSION.duckdb.xz beside this file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        evidence = ha.samples.write(folder / "evidence", orders=5, until="2026-02-01")
        for left_out in ("outcomes.csv", "outcomes.mapping.toml", "health.csv", "truth.json"):
            (evidence / left_out).unlink()
        ha.load(evidence, into=folder / "whole.duckdb", quiet=True)
        connection = duckdb.connect()
        connection.execute(f"ATTACH '{folder / 'whole.duckdb'}' AS whole (READ_ONLY)").fetchall()
        kept = folder / "kept.duckdb"
        connection.execute(f"ATTACH '{kept}' AS kept (BLOCK_SIZE 16384, STORAGE_VERSION 'v1.5.0')").fetchall()
        connection.execute("COPY FROM DATABASE whole TO kept").fetchall()
        connection.close()
        (HERE / f"history-{ha.__version__}.duckdb.xz").write_bytes(lzma.compress(kept.read_bytes(), preset=9))


if __name__ == "__main__":
    main()
