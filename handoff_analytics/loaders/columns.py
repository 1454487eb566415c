"""Which columns of a file become which columns of a table?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from ..declarations import suggestion
from ..errors import MappingError
from .casts import REJECT, Cast, cast, cleaned
from .people import is_person_in_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .delimited import Batch
    from .ledger import Sink
    from .mapping import Column, Values

_STATUSES = frozenset(("status", "technical_status"))
_SHARED = 0.2
"""A doubt that more than this share of a batch has is said once, not row by row."""


@dataclass(frozen=True)
class Plan:
    """A mapping, resolved for the columns of one file."""

    file: str
    names: tuple[str, ...]
    """Columns of the file, in their order."""
    columns: dict[str, Column]
    """Columns of the table, and how each is read; those that the file does not have are left out."""
    positions: dict[str, tuple[int, ...]]
    """Where each column of the table may come from."""
    parts: dict[str, tuple[str | int, ...]]
    """Pieces of each template: text, and positions."""
    rest: tuple[int, ...]
    """Columns of the file that become attributes."""
    values: Values
    zone: str | None = None
    assume_utc: bool = False
    """Whether times without a zone are read as UTC, and flagged, rather than refused."""
    coalesce: bool = False
    """Whether each record has columns of its own, as in JSON, so that the first one present is sought row by row."""
    people: frozenset[str] = frozenset()
    """Columns of the file that hold people, in lower case, besides those that are known by their names."""


def plan(
    columns: Mapping[str, Column],
    names: Iterable[str],
    *,
    file: str,
    values: Values,
    zone: str | None = None,
    assume_utc: bool = False,
    coalesce: bool = False,
    people: frozenset[str] = frozenset(),
) -> Plan:
    """Find the columns of a mapping in a file.

    Parameters
    ----------
    columns
        The columns of the table, by name.
    names
        The columns of the file, in their order; a name may be there more than once.
    file
        Name of the file, for messages.
    values
        What words mean in the whole file.
    zone
        Time zone of times that name none.
    assume_utc
        Read times without a zone as UTC, and flag it, where no zone is given.
    coalesce
        Seek the first source present in each row, not once in the header.
    people
        Columns of the file that hold people.

    Returns
    -------
    Plan
        The mapping, resolved.

    Raises
    ------
    MappingError
        If a required column is not there, or none is.
    """
    header = tuple(names)
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        places.setdefault(name.strip().lower(), []).append(place)
    found: dict[str, Column] = {}
    positions: dict[str, tuple[int, ...]] = {}
    parts: dict[str, tuple[str | int, ...]] = {}
    for name, column in columns.items():
        if column.const is not None:
            found[name], positions[name] = column, ()
            continue
        if column.template is not None:
            pieces = re.split(r"\{([^{}]+)\}", column.template)
            seen = [
                places.get(piece.strip().lower(), [None])[0] if odd % 2 else piece for odd, piece in enumerate(pieces)
            ]
            if None not in seen:
                parts[name] = tuple(piece for piece in seen if piece is not None)
                found[name], positions[name] = column, tuple(piece for piece in seen if isinstance(piece, int))
            elif column.required:
                raise _absent(name, pieces[1::2], header, file)
            continue
        present = [places[one.strip().lower()] for one in column.sources if one.strip().lower() in places]
        if present:
            all_of_them = tuple(place for group in present for place in group)
            one_of_them = tuple(group[0] for group in present)[: None if coalesce else 1]
            found[name], positions[name] = column, all_of_them if column.collect else one_of_them
        elif column.required:
            raise _absent(name, column.sources, header, file)
    if not any(positions.values()):
        raise MappingError(f"{file} has none of the columns that the mapping reads. Its columns: {_shown(header)}.")
    taken = {place for group in positions.values() for place in group}
    rest = tuple(place for place in range(len(header)) if place not in taken and header[place].strip())
    return Plan(file, header, found, positions, parts, rest, values, zone, assume_utc, coalesce, people)


def _shown(header: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in header[:60]) or "none"


def _absent(name: str, sources: list[str], header: tuple[str, ...], file: str) -> MappingError:
    hint = next((found for one in sources if (found := suggestion(one, header))), "")
    return MappingError(
        f"{file} has no column for {name}: none of {', '.join(map(repr, sources))} is among {_shown(header)}.{hint}"
    )


@dataclass(frozen=True)
class Doubt:
    """A flag, and the rows of a batch that it concerns."""

    flag: str
    column: str
    rows: pl.Series
    texts: pl.Series


@dataclass(frozen=True)
class Typed:
    """The rows of a batch that can be loaded, as columns of the table."""

    frame: pl.DataFrame
    """Columns of the table, and record_no."""
    batch: Batch
    made: Plan
    kept: pl.Series
    """Which rows of the batch these are."""
    doubts: list[Doubt] = field(default_factory=list)

    def attributes(self, sink: Sink, rows: pl.Series | None = None) -> pl.Series:
        """Return what no column takes, as JSON objects: of all rows of the frame, or of some."""
        return _attributes(self, sink, rows)

    def flag(self, sink: Sink, table: str, uids: pl.Series) -> None:
        """Give the doubts to the sink: row by row, or once where many rows share one."""
        origin = self.kept.arg_true()
        for doubt in self.doubts:
            rows = doubt.rows.filter(self.kept) if doubt.rows.len() != self.frame.height else doubt.rows
            texts = doubt.texts.filter(self.kept) if doubt.texts.len() != self.frame.height else doubt.texts
            hit = rows.arg_true()
            shared = hit.len() > 20 and hit.len() > _SHARED * self.frame.height
            many = f" ({hit.len():,} rows from here on)" if shared else ""
            hit = hit.head(1) if shared else hit
            for row, text, uid in zip(origin.gather(hit), texts.gather(hit), uids.gather(hit), strict=True):
                detail = f"{doubt.column}: {text!r}{many}"
                sink.flag(table, None if shared else int(uid), doubt.flag, detail, self.batch.record(row))


def text(batch: Batch, made: Plan, name: str) -> pl.Series:
    """Return the cleaned text of a column: of its source, or of the first one that has any."""
    first, *others = (
        cleaned(batch.frame[f"c{place}"], made.values.null, wrapped=batch.wrapped, padded=batch.padded)
        for place in made.positions[name]
    )
    for other in others:
        first = first.zip_with(first.is_not_null(), other)
    return first


def typed(
    batch: Batch, made: Plan, sink: Sink, *, known: Mapping[str, Cast] | None = None, strict: bool = True
) -> Typed:
    """Read a batch of text as the columns of a table.

    A row is rejected where a required value is absent or means nothing, or where a map does not know a word. Where
    another value means nothing it is null, and flagged; a column that is like that throughout is a wrong mapping.

    Parameters
    ----------
    batch
        The rows.
    made
        The plan.
    sink
        Gets the rejects.
    known
        Columns that were read already.
    strict
        Reject rows; otherwise what means nothing is null and flagged, since the rows are no records.

    Returns
    -------
    Typed
        The rows that are left.

    Raises
    ------
    MappingError
        If times have no zone and none is given, or most values of a column mean nothing.
    """
    height = batch.frame.height
    out: dict[str, pl.Series] = {}
    rejects: dict[int, tuple[str, str, str]] = {}
    doubts: list[Doubt] = []
    for name, column in made.columns.items():
        if column.const is not None:
            out[name] = pl.Series(name, [column.const]).new_from_index(0, height)
            continue
        if column.collect:
            out[name] = _collected(batch, made, name)
            continue
        texts = _templated(batch, made, name) if name in made.parts else text(batch, made, name)
        read = (known or {}).get(name) or cast(texts, column, made.values, zone=made.zone)
        if name in _STATUSES and read.code == "ENUM" and read.bad is not None and REJECT not in column.map.values():
            # A word that the mapping does not know is no reason to lose the record: it is no success, and is flagged.
            read = replace(read, values=read.values.zip_with(~read.bad, texts), bad=None)
        out[name] = read.values
        if read.nanoseconds is not None:
            out[f"{name} ns"] = read.nanoseconds
        source = made.names[made.positions[name][0]]
        _check_zone(read, made, source, sink, batch)
        doubts += [Doubt(flag, source, rows, texts) for flag, rows in read.doubts.items()]
        if read.bad is not None and read.bad.any():
            if strict and (column.required or read.code == "ENUM"):
                for row in read.bad.arg_true():
                    rejects.setdefault(row, (read.code, f"{source} is {texts[row]!r}, wanted {read.wanted}", source))
            else:
                if read.code != "ENUM":
                    _refuse_a_wrong_column(read, texts, source, made)
                doubts.append(Doubt("unreadable_value", source, read.bad, texts))
        if column.required and read.values.has_nulls():
            for row in read.values.is_null().arg_true():
                rejects.setdefault(row, ("MISSING", f"{source} is empty", source))
    for row in sorted(rejects):
        code, reason, source = rejects[row]
        sink.reject(batch.record(row), code, reason, column=source)
    out["record_no"] = batch.numbers
    frame = pl.DataFrame([values.alias(name) for name, values in out.items()])
    kept = pl.repeat(value=True, n=height, eager=True)
    if rejects:
        kept = kept.scatter(list(rejects), values=False)
        frame = frame.filter(kept)
    return Typed(frame, batch, made, kept, doubts)


def _check_zone(read: Cast, made: Plan, source: str, sink: Sink, batch: Batch) -> None:
    if read.naive is None:
        return
    if not made.assume_utc:
        raise MappingError(
            f"{made.file}: {source} holds times without a zone, such as {read.naive!r}. Say which zone they are in: "
            f'timezone = "Europe/Berlin" under [mapping.values], or ha.load(..., timezone="Europe/Berlin").'
        )
    text = "times without a zone are read as UTC; say another one with timezone="
    if text not in sink.notes:
        sink.note(text)
        sink.flag(
            "loads", sink.load_id, "zone_assumed", f"{source}: {read.naive!r}, and the whole file", batch.record(0)
        )


def _refuse_a_wrong_column(read: Cast, texts: pl.Series, source: str, made: Plan) -> None:
    given = texts.len() - texts.null_count()
    bad = int(read.bad.sum()) if read.bad is not None else 0
    if given >= 20 and bad > given / 2:
        example = texts.filter(read.bad)[0] if read.bad is not None else None
        raise MappingError(
            f"{made.file}: {bad:,} of the first {given:,} values of {source} are not {read.wanted}: {example!r} is one "
            f"of them. Correct its type or formats in a mapping, or leave the column out."
        )


def _collected(batch: Batch, made: Plan, name: str) -> pl.Series:
    columns = [
        cleaned(batch.frame[f"c{place}"], made.values.null, wrapped=batch.wrapped, padded=batch.padded)
        for place in made.positions[name]
    ]
    lists = pl.select(pl.concat_list(columns)).to_series()
    return lists.list.drop_nulls()


def _templated(batch: Batch, made: Plan, name: str) -> pl.Series:
    pieces = [
        pl.lit(piece)
        if isinstance(piece, str)
        else cleaned(batch.frame[f"c{piece}"], made.values.null, wrapped=batch.wrapped, padded=batch.padded)
        for piece in made.parts[name]
    ]
    return pl.select(pl.concat_str(pieces)).to_series()


def _attributes(read: Typed, sink: Sink, rows: pl.Series | None) -> pl.Series:
    """Return what no column takes, as JSON objects; people are hashed, nulls left out."""
    batch, made, frame = read.batch, read.made, read.frame
    whole = bool(read.kept.all())

    def picked(values: pl.Series) -> pl.Series:
        return values if rows is None else values.filter(rows)

    def of_batch(values: pl.Series) -> pl.Series:
        return picked(values if whole else values.filter(read.kept))

    columns = {
        name.removeprefix("attributes."): picked(frame[name])
        for name in frame.columns
        if name.startswith("attributes.")
    }
    seen: dict[str, int] = {}
    for place in made.rest if batch.attributes is None else ():
        name = made.names[place].strip()
        seen[name] = seen.get(name, 0) + 1
        texts = cleaned(
            of_batch(batch.frame[f"c{place}"]), made.values.null, wrapped=batch.wrapped, padded=batch.padded
        )
        if texts.null_count() == texts.len():
            continue
        if name.lower() in made.people or is_person_in_table(name):
            texts = hashed(texts, sink)
        columns[name if seen[name] == 1 else f"{name} {seen[name]}"] = texts
    own = None if batch.attributes is None else of_batch(batch.attributes)
    if not columns:
        height = frame.height if rows is None else int(rows.sum())
        return own if own is not None else pl.Series([None], dtype=pl.String).new_from_index(0, height)
    objects = json_objects(columns)
    if own is None:
        return objects
    inside, rest = objects.str.slice(1, None).str.strip_suffix("}"), own.str.slice(1, None)
    comma = pl.select(pl.when((inside == "") | (rest == "}")).then(pl.lit("")).otherwise(pl.lit(","))).to_series()
    return pl.select(pl.concat_str([pl.lit("{"), inside, comma, rest])).to_series()


def json_objects(columns: Mapping[str, pl.Series]) -> pl.Series:
    """Return the rows of some columns as JSON objects without their nulls.

    Examples
    --------
    >>> json_objects({"a": pl.Series(["x", None]), "b": pl.Series([None, 2])}).to_list()
    ['{"a":"x"}', '{"b":2}']
    """
    # Names come from files: bytes that are no text stay visible in them.
    named = {name.encode("utf-8", "backslashreplace").decode(): values for name, values in columns.items()}
    encoded = pl.DataFrame(named).to_struct().struct.json_encode()
    # Inside of a value a quote is escaped, so that a key and its null cannot be part of one.
    bare = encoded.str.replace_all(r'"(?:[^"\\]|\\.)*":null,?', "")
    return bare.str.replace(r",\}$", "}")


def hashed(names: pl.Series, sink: Sink) -> pl.Series:
    """Return people as they may be stored; each name is hashed once."""
    distinct = names.drop_nulls().unique().sort()
    if distinct.is_empty():
        return names
    return names.replace_strict(distinct.to_list(), [sink.person(name) for name in distinct], default=None)
