"""What value does a text mean?

A column of texts becomes a column of values at once; what means nothing is marked, with what was wanted, so that the
row it stands in can be rejected or flagged.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from . import times

if TYPE_CHECKING:
    from .mapping import Column, Values

REJECT = "reject"
"""A value of a map that sends its row to the rejects."""


@dataclass(frozen=True)
class Cast:
    """A column of texts, read as values."""

    values: pl.Series
    bad: pl.Series | None = None
    """True where a text is there and means nothing."""
    code: str = "TYPE"
    wanted: str = ""
    doubts: dict[str, pl.Series] = field(default_factory=dict)
    naive: str | None = None
    """A time without a zone, where no zone was given."""
    nanoseconds: pl.Series | None = None


def cleaned(texts: pl.Series, null: list[str], *, wrapped: bool = False, padded: bool = True) -> pl.Series:
    r"""Return texts without the blanks around them; null for the words that mean nothing.

    Parameters
    ----------
    texts
        As they stand in the file.
    null
        Words that mean that there is no value.
    wrapped
        Whether texts may be written ="00123", which keeps a spreadsheet from reading a number.
    padded
        Whether there may be blanks.

    Returns
    -------
    polars.Series
        Text.

    Examples
    --------
    >>> cleaned(pl.Series([" a ", "?", '="007"']), ["", "?"], wrapped=True).to_list()
    ['a', None, '007']
    """
    if texts.null_count() == texts.len():
        return texts
    if padded:
        texts = texts.str.strip_chars()
    if wrapped:
        texts = texts.str.replace(r'^="(.*)"$', "$1")
    nothing = texts.is_in(null)
    return texts.set(nothing, None) if nothing.any() else texts


def cast(texts: pl.Series, column: Column, values: Values, *, zone: str | None = None) -> Cast:
    """Read cleaned texts as a mapping says.

    Parameters
    ----------
    texts
        Cleaned text; null where there is none.
    column
        How the mapping reads them.
    values
        What words mean in the whole file.
    zone
        Time zone of times that name none.

    Returns
    -------
    Cast
        Values of the column's type, and which texts mean none.

    Examples
    --------
    >>> from .mapping import Column, Values
    >>> read = cast(pl.Series(["1.234,5", "x"]), Column(source="a", type="float", thousands=".", decimal=","), Values())
    >>> read.values.to_list(), read.bad.to_list()
    ([1234.5, None], [False, True])
    """
    given = texts.is_not_null()
    bad: pl.Series | None = None
    wanted = ""
    if column.regex is not None:
        found = texts.str.extract(column.regex, 1)
        bad, wanted = given & found.is_null(), f"text that matches {column.regex}"
        texts = found
    if column.map:
        mapped, unmapped = _mapped(texts, column.map)
        read = _typed(mapped, column, values, zone)
        return Cast(
            read.values, _either(bad, unmapped), "ENUM", wanted or f"one of {', '.join(column.map)}", read.doubts
        )
    read = _typed(texts, column, values, zone)
    return Cast(
        read.values, _either(bad, read.bad), read.code, wanted or read.wanted, read.doubts, read.naive, read.nanoseconds
    )


def _either(one: pl.Series | None, two: pl.Series | None) -> pl.Series | None:
    if one is None or two is None:
        return two if one is None else one
    return one | two


def _mapped(texts: pl.Series, words: dict[str, Any]) -> tuple[pl.Series, pl.Series]:
    """Return what each text is mapped to, and which texts are mapped to nothing; each distinct text is looked up once.

    An entry is the whole text, in any case, or a pattern with ``*``; entries are tried in the order of the file, those
    without ``*`` first.
    """
    lowered = {word.lower(): value for word, value in words.items() if "*" not in word}
    patterns = {word.lower(): value for word, value in words.items() if "*" in word}
    table: dict[str, str | None] = {}
    for text in texts.drop_nulls().unique().sort():
        value = lowered.get(text.lower())
        if value is None:
            value = next((said for word, said in patterns.items() if _fits(text.lower(), word)), None)
        table[text] = None if value is None or value == REJECT else _text(value)
    mapped = texts.replace_strict(table, default=None, return_dtype=pl.String) if table else texts
    return mapped, texts.is_not_null() & mapped.is_null()


def _fits(text: str, pattern: str) -> bool:
    """Tell whether a text fits a pattern in which only ``*`` is special."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def _text(value: str | float | bool) -> str:  # noqa: FBT001 - one of the kinds of value a map may give
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(texts: pl.Series, column: Column, values: Values, zone: str | None) -> Cast:
    match column.type:
        case "int" | "float":
            return _number(texts, column)
        case "bool":
            return _bool(texts, values)
        case "time":
            read = times.instants(texts, formats=column.time_formats, zone=zone, dst=values.dst)
            wanted = f"a time like {', '.join(column.time_formats)}"
            return Cast(read.values, read.unreadable, "TIME", wanted, read.doubts, read.naive, read.nanoseconds)
        case "duration":
            seconds = times.durations_s(texts, unit=column.unit)
            return Cast(seconds, texts.is_not_null() & seconds.is_null(), "TYPE", f"a duration in {column.unit}")
        case "json":
            return _json(texts)
        case "list":
            return _list(texts, column.separator)
        case _:
            return Cast(texts)


def _number(texts: pl.Series, column: Column) -> Cast:
    plain = texts
    if column.thousands is not None:
        plain = plain.str.replace_all(column.thousands, "", literal=True)
    if column.decimal == ",":
        plain = plain.str.replace(",", ".", literal=True)
    given = texts.is_not_null()
    if column.type == "int":
        whole = plain.cast(pl.Int64, strict=False)
        rounded = plain.cast(pl.Float64, strict=False)
        # Spreadsheets and JSON write whole numbers as 3.0.
        exact = (rounded == rounded.round()) & rounded.is_finite() & (rounded.abs() < 2**53)
        whole = whole.zip_with(whole.is_not_null(), rounded.set(~exact.fill_null(value=False), None).cast(pl.Int64))
        return Cast(whole, given & whole.is_null(), "TYPE", "a whole number")
    number = plain.cast(pl.Float64, strict=False)
    endless = (~number.is_finite()).fill_null(value=False)
    doubts = {"not_finite": endless} if endless.any() else {}
    bad = given & number.is_null()
    return Cast(number.set(endless, None), bad, "TYPE", "a number", doubts)


def _bool(texts: pl.Series, values: Values) -> Cast:
    yes = texts.is_in(values.true)
    no = texts.is_in(values.false)
    known = (yes | no).fill_null(value=False)
    return Cast(
        yes.set(~known, None),
        texts.is_not_null() & ~known,
        "TYPE",
        f"one of {', '.join((*values.true, *values.false))}",
    )


def _json(texts: pl.Series) -> Cast:
    bad = []
    for text in texts:
        try:
            bad.append(text is not None and orjson.loads(text) is None)
        except orjson.JSONDecodeError:
            bad.append(True)
    wrong = pl.Series(bad, dtype=pl.Boolean)
    return Cast(texts.set(wrong, None), wrong, "TYPE", "a JSON value")


def _list(texts: pl.Series, separator: str | None) -> Cast:
    """Split at the separator, or open a JSON array; a text that is neither is a list of itself."""
    if separator is not None:
        parts = texts.str.split(separator).list.eval(pl.element().str.strip_chars())
        return Cast(parts.list.eval(pl.element().filter(pl.element() != "")))
    items: list[list[str] | None] = []
    for text in texts:
        if text is not None and text.startswith("["):
            try:
                opened = orjson.loads(text)
            except orjson.JSONDecodeError:
                opened = [text]
            items.append([one if isinstance(one, str) else orjson.dumps(one).decode() for one in opened])
        else:
            items.append(None if text is None else [text])
    return Cast(pl.Series(texts.name, items, dtype=pl.List(pl.String)))
