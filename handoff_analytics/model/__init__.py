"""Which tables follow from the evidence?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def build(connection: duckdb.DuckDBPyConnection, touched: set[str] | None = None) -> None:
    """Rebuild the model from the evidence, in the transaction of the caller."""
    del connection, touched
