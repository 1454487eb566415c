"""When are two records the same?

Ids are text of any shape; joins want integers. A key is 63 bits of MD5 over the parts, the same in Python and in SQL,
on every machine and in every version, so that a file loaded twice meets itself. MD5 here is a fingerprint, no secret.
"""

from __future__ import annotations

from hashlib import md5

_SEPARATOR = "\x1f"


def key(*parts: str | float | None) -> int:
    """Return the integer key of a natural key; a null part counts as empty text.

    Examples
    --------
    >>> key("4bf92f3577b34da6a3ce929d0e0e4736") == key("4bf92f3577b34da6a3ce929d0e0e4736")
    True
    >>> key("a", "bc") == key("ab", "c")
    False
    """
    text = _SEPARATOR.join("" if part is None else str(part) for part in parts)
    return int.from_bytes(md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()[8:], "little") >> 1


def linked(trace_id: str, span_id: str, other_trace_id: str, other_span_id: str) -> dict[str, str | int]:
    """Return the row of `span_links` that says that one span follows from another."""
    return {
        "trace_key": key(trace_id),
        "span_key": key(span_id),
        "linked_trace_id": other_trace_id,
        "linked_span_id": other_span_id,
        "linked_trace_key": key(other_trace_id),
        "linked_span_key": key(other_span_id),
    }


def key_sql(*expressions: str) -> str:
    """Return the same key as an SQL expression over VARCHAR expressions."""
    parts = ", ".join(f"coalesce({expression}, '')" for expression in expressions)
    text = f"concat_ws(chr(31), {parts})" if len(expressions) > 1 else parts
    return f"(md5_number({text}) >> 65)::BIGINT"
