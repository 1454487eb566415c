"""The key of a record is the same in Python and in SQL."""

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from handoff_analytics.identity import key, key_sql

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@given(st.lists(texts | st.none(), min_size=1, max_size=4))
def test_python_and_sql_agree(parts: list[str | None]) -> None:
    expression = key_sql(*["?::VARCHAR"] * len(parts))
    assert duckdb.execute(f"SELECT {expression}", parts).fetchall() == [(key(*parts),)]


def test_a_key_fits_a_signed_integer_of_64_bits() -> None:
    assert all(0 <= key(str(number)) < 2**63 for number in range(1000))
