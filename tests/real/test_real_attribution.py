"""On real logs, the edges that lines with a common id show are those that the spans of the same ids show."""

from __future__ import annotations

import nezha
import pytest

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not nezha.ROOT.is_dir(), reason=f"the real data is not there: {nezha.ROOT}"),
]


@pytest.mark.slow
@pytest.mark.parametrize("day", ["2023-01-29", "2023-01-30"])
def test_log_edges_agree_with_span_edges(day: str) -> None:
    true = set(
        nezha.history(sorted((nezha.ROOT / day / "trace").iterdir()))
        .sql("""
            SELECT DISTINCT above.system, below.system AS target
            FROM spans AS below
            JOIN spans AS above ON above.trace_key = below.trace_key AND above.span_key = below.parent_key
            WHERE above.system <> below.system
        """)
        .rows()
    )
    logs = nezha.history(sorted((nezha.ROOT / day / "log").iterdir()))
    logging = set(logs.sql("SELECT DISTINCT system FROM log_records")["system"])
    true = {(source, target) for source, target in true if {source, target} <= logging}
    found = set(logs.sql("SELECT source, target FROM log_edges").rows())
    assert len(true) == 46  # measured on both days: precision .918, recall .978
    assert len(found & true) / len(found) >= 0.85
    assert len(found & true) / len(true) >= 0.9
