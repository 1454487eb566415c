"""What makes a row of evidence whole?

A mapping gives some columns of a row. The rest follow: keys, the one vocabulary of states, microseconds, and the rows
of other tables that a list of names stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ..errors import MappingError
from ..identity import key_sql
from ..vocabulary import Status
from . import stages
from .columns import Doubt, hashed
from .logs.severity import severity
from .status import normalised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import duckdb

    from .ledger import Sink

NEEDED = {
    "spans": ("system", "started_at"),
    "events": ("logged_at",),
    "runs": ("run_id", "started_at"),
    "tickets": ("ticket_id",),
    "ticket_events": ("ticket_id", "changed_at", "field"),
    "handoffs": ("source", "target", "started_at"),
    "outcomes": ("check_name",),
    "costs": ("item", "likely"),
    "systems": ("name",),
    "declared_handoffs": ("source", "target"),
}
"""Columns without which a row of the target says nothing."""
PLATFORM_TYPES = ("ipaas", "low_code", "custom", "orchestrator")
_LINKS = {
    "blocks": ("blocks", True),
    "blocked_by": ("blocked_by", False),
    "duplicates": ("duplicate", True),
    "relates": ("relates", True),
}
_ROLES = ("affected", "caused", "looked_at")
_WRITTEN = ("title", "description", "resolution", "cause")
# What a spreadsheet would run, were it to open the text: not a number with a sign, nor an item of a list.
_FORMULA = r"^(?:[=@\t]|[+-](?:[^\s\d.+-]|\d+\s*[-+*/(]))"


@dataclass(frozen=True)
class Rows:
    """Rows of one table."""

    table: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Whole:
    """What a batch becomes: the rows that its records are, the rows that follow from them, and what is doubtful."""

    rows: Rows
    uid: str
    """Column of the rows that identifies them."""
    more: tuple[Rows, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def whole(target: str, frame: pl.DataFrame, sink: Sink, *, platform: str) -> Whole:
    """Return a batch as whole rows.

    Parameters
    ----------
    target
        A target of a mapping.
    frame
        Columns of the target, record_no and attributes.
    sink
        Hashes people, and knows the database.
    platform
        Platform of rows that name none.

    Returns
    -------
    Whole
        The rows.
    """
    return _MADE[target](frame, sink, platform)


def keyed(
    connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, keys: Mapping[str, tuple[str, ...]]
) -> pl.DataFrame:
    """Return a frame with integer keys of some of its columns; a part in quotes is text, the rest are columns.

    The key of one column is null where the column is.
    """
    columns = sorted({part for parts in keys.values() for part in parts if not part.startswith("'")})
    expressions = []
    for name, parts in keys.items():
        sql = key_sql(*(part if part.startswith("'") else f'"{part}"::VARCHAR' for part in parts))
        expressions.append(
            f'CASE WHEN "{parts[0]}" IS NULL THEN NULL ELSE {sql} END AS "{name}"'
            if len(parts) == 1
            else f'{sql} AS "{name}"'
        )
    # Handed over as they lie in memory: a conversion of texts would cost more than the keys.
    connection.register("keying", frame.select(columns).to_arrow(compat_level=pl.CompatLevel.newest()))
    made: pl.DataFrame = connection.sql(f"SELECT {', '.join(expressions)} FROM keying").pl()
    connection.unregister("keying")
    return frame.drop([name for name in keys if name in frame.columns]).hstack(made)


def looked_up(texts: pl.Series, meaning: Callable[[str], object], kind: pl.DataType | type[pl.DataType]) -> pl.Series:
    """Return what each text means; each distinct text is asked once."""
    distinct = texts.drop_nulls().unique().sort()
    if distinct.is_empty():
        return pl.Series(texts.name, [None], dtype=kind).new_from_index(0, texts.len())
    return texts.replace_strict(
        distinct.to_list(), [meaning(text) for text in distinct], default=None, return_dtype=kind
    )


def _with(frame: pl.DataFrame, name: str, value: object = None, kind: type[pl.DataType] = pl.String) -> pl.DataFrame:
    """Return a frame that has a column, filled where it was missing."""
    if name not in frame.columns:
        return frame.with_columns(pl.lit(value, dtype=kind).alias(name))
    return frame if value is None else frame.with_columns(pl.col(name).fill_null(value))


def _statuses(frame: pl.DataFrame, name: str, doubts: list[Doubt]) -> pl.DataFrame:
    """Bring a column of status words into the one vocabulary; what nobody knows is unset, and flagged."""
    if name not in frame.columns:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))
    texts = frame[name].cast(pl.String)
    known = looked_up(texts, lambda word: None if (found := normalised(word)) is None else found.value, pl.String)
    unknown = texts.is_not_null() & known.is_null()
    if unknown.any():
        doubts.append(Doubt("unknown_status", name, unknown, texts))
        known = known.set(unknown, Status.UNSET.value)
    return frame.with_columns(known.alias(name))


def _business(frame: pl.DataFrame) -> pl.DataFrame:
    """Return business_status as ok or failed, else null."""
    if "business_status" not in frame.columns:
        return frame
    words = {Status.OK: "ok", Status.ERROR: "failed", Status.TIMEOUT: "failed"}
    found = looked_up(frame["business_status"], lambda word: words.get(normalised(word) or Status.UNSET), pl.String)
    return frame.with_columns(found.alias("business_status"))


def _platform_type(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    if name not in frame.columns:
        return frame
    plain = frame[name].str.to_lowercase().str.replace_all(r"[\s-]", "_")
    wrong = plain.filter(plain.is_not_null() & ~plain.is_in(PLATFORM_TYPES))
    if wrong.len():
        raise MappingError(f"{name} = {wrong[0]!r}, must be one of {', '.join(PLATFORM_TYPES)}.")
    return frame.with_columns(plain.alias(name))


def _micros(frame: pl.DataFrame, doubts: list[Doubt]) -> pl.DataFrame:
    """Fill duration_us from a duration in seconds, or from both ends; one that no column can hold is null."""
    micros = pl.lit(None, dtype=pl.Int64)
    if "ended_at" in frame.columns and "started_at" in frame.columns:
        micros = (pl.col("ended_at") - pl.col("started_at")).dt.total_microseconds()
    if "duration_s" in frame.columns:
        said = frame["duration_s"]
        exact = (said * 1e6).round().cast(pl.Int64, strict=False)
        beyond = said.is_not_null() & exact.is_null()
        if beyond.any():
            doubts.append(Doubt("range", "duration_s", beyond, said.cast(pl.String)))
        micros = pl.coalesce(exact, micros)
    return frame.with_columns(micros.alias("duration_us")).drop("duration_s", strict=False)


def _negative(frame: pl.DataFrame, doubts: list[Doubt]) -> None:
    negative = (frame["duration_us"] < 0).fill_null(value=False)
    if negative.any():
        doubts.append(Doubt("negative_duration", "duration_us", negative, frame["duration_us"].cast(pl.String)))


def _doubted(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    return tuple(doubt for doubt in doubts if doubt.rows.any())


def _span(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    del platform
    doubts: list[Doubt] = []
    exact = {
        name: frame[f"{name} ns"] if f"{name} ns" in frame.columns else pl.Series([None], dtype=pl.Int64)
        for name in ("started_at", "ended_at")
    }
    start_ns, end_ns = (
        times if times.len() == frame.height else times.new_from_index(0, frame.height) for times in exact.values()
    )
    said = "duration_s" in frame.columns
    frame = _statuses(_micros(frame, doubts), "status", doubts).with_columns(pl.col("status").fill_null("unset"))
    frame = _platform_type(_business(frame), "platform")
    _negative(frame, doubts)
    for name in ("trace_id", "span_id", "parent_span_id", "run_id"):
        frame = _with(frame, name)
    # A span without ids of its own is a trace of itself: the same record is the same span again.
    described = [
        name
        for name in ("system", "peer", "name", "started_at", "duration_us", "status", "attributes")
        if name in frame.columns
    ]
    frame = keyed(sink.connection, frame, {"made": ("'span'", *described)})
    made = pl.col("made").cast(pl.String)
    frame = frame.with_columns(
        trace_id=pl.coalesce("trace_id", "run_id", made).str.to_lowercase(),
        span_id=pl.coalesce("span_id", made).str.to_lowercase(),
        parent_span_id=pl.col("parent_span_id").str.to_lowercase(),
        start_us=pl.col("started_at").dt.timestamp("us"),
        kind=pl.coalesce(_with(frame, "kind")["kind"].str.to_lowercase(), pl.lit("internal")),
        weight=pl.coalesce(_with(frame, "weight", None, pl.Float64)["weight"], pl.lit(1.0)),
    )
    frame = frame.with_columns(
        start_ns=pl.coalesce(start_ns, pl.col("start_us") * 1000),
        duration_ns=pl.coalesce(
            pl.lit(None, dtype=pl.Int64) if said else end_ns - start_ns, pl.col("duration_us") * 1000
        ),
    ).drop("made", "started_at ns", "ended_at ns", "ended_at", strict=False)
    frame = keyed(
        sink.connection,
        frame,
        {
            "trace_key": ("trace_id",),
            "span_key": ("span_id",),
            "parent_key": ("parent_span_id",),
            "span_uid": ("trace_id", "span_id", "''", "'1'"),
        },
    )
    return Whole(Rows("spans", frame), "span_uid", doubts=_doubted(doubts))


def _handoff(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    frame = frame.rename({"source": "system", "target": "peer"})
    return _span(_with(_with(frame, "kind", "client"), "channel", "unknown"), sink, platform)


def _event(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    del platform
    for name in ("trace_id", "span_id", "severity_text"):
        frame = _with(frame, name)
    if "person" in frame.columns:
        frame = frame.with_columns(hashed(frame["person"], sink))
    if "severity" not in frame.columns:
        frame = frame.with_columns(looked_up(frame["severity_text"], severity, pl.Int32).fill_null(0).alias("severity"))
    frame = frame.with_columns(
        pl.col("trace_id").str.to_lowercase(),
        pl.col("span_id").str.to_lowercase(),
        log_us=pl.col("logged_at").dt.timestamp("us"),
    ).drop("logged_at ns", strict=False)
    described = [name for name in sorted(frame.columns) if name not in {"record_no", "severity"}]
    keys = {"trace_key": ("trace_id",), "span_key": ("span_id",), "log_uid": ("'log_records'", *described)}
    return Whole(Rows("log_records", keyed(sink.connection, frame, keys)), "log_uid")


def _run(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    doubts: list[Doubt] = []
    frame = _statuses(_micros(_with(frame, "platform", platform), doubts), "technical_status", doubts)
    frame = _platform_type(_business(_with(frame, "ended_at", None, pl.Datetime)), "platform_type")
    going = pl.when(pl.col("ended_at").is_null() & pl.col("duration_us").is_null()).then(pl.lit("running"))
    frame = frame.with_columns(
        technical_status=pl.coalesce("technical_status", going.otherwise(pl.lit("unset"))),
        ended_at=pl.coalesce("ended_at", pl.col("started_at") + pl.duration(microseconds=pl.col("duration_us"))),
    )
    frame = frame.drop([name for name in frame.columns if name.endswith(" ns")])
    _negative(frame, doubts)
    if "triggered_by" in frame.columns:
        frame = frame.with_columns(hashed(frame["triggered_by"], sink))
    frame = keyed(sink.connection, frame, {"run_uid": ("'runs'", "platform", "run_id")})
    return Whole(Rows("runs", frame), "run_uid", doubts=_doubted(doubts))


def ticket_columns(frame: pl.DataFrame, sink: Sink, platform: str, doubts: list[Doubt]) -> pl.DataFrame:
    """Return tickets with stage and priority in the one vocabulary, and people as they may be stored."""
    frame = _with(_with(frame, "platform", platform), "state")
    if "state_category" not in frame.columns:
        stage = looked_up(frame["state"], stages.stage, pl.String)
        unknown = frame["state"].is_not_null() & stage.is_null()
        doubts.append(Doubt("unknown_status", "state", unknown, frame["state"]))
        frame = frame.with_columns(stage.alias("state_category"))
    if "priority" in frame.columns and frame["priority"].dtype == pl.String:
        frame = frame.with_columns(looked_up(frame["priority"], stages.priority, pl.Int32).alias("priority"))
    if "person" in frame.columns:
        frame = frame.with_columns(hashed(frame["person"], sink))
    ends = [name for name in ("resolved_at", "closed_at") if name in frame.columns]
    if "opened_at" in frame.columns and ends:
        early = frame.select((pl.coalesce(ends) < pl.col("opened_at")).fill_null(value=False)).to_series()
        doubts.append(Doubt("negative_duration", ends[0], early, frame[ends[0]].cast(pl.String)))
    if "opened_at" in frame.columns and "updated_at" in frame.columns:
        early = (frame["updated_at"] < frame["opened_at"]).fill_null(value=False)
        doubts.append(Doubt("clock_skew", "updated_at", early, frame["updated_at"].cast(pl.String)))
    for name in _WRITTEN:
        if name in frame.columns and frame[name].dtype == pl.String:
            hit = frame[name].str.contains(_FORMULA).fill_null(value=False)
            if hit.any():
                doubts.append(Doubt("csv_formula_text", name, hit, frame[name].str.slice(0, 200)))
    return frame.drop([name for name in frame.columns if name.endswith(" ns")])


TICKET_KEY = {"ticket_uid": ("'tickets'", "platform", "ticket_id")}


def _ticket(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    doubts: list[Doubt] = []
    frame = keyed(sink.connection, ticket_columns(frame, sink, platform, doubts), TICKET_KEY)
    more = [*named_systems(frame), *_linked(frame)]
    return Whole(Rows("tickets", frame), "ticket_uid", tuple(more), _doubted(doubts))


def named_systems(frame: pl.DataFrame) -> list[Rows]:
    """Return the systems that tickets name in columns of their own."""
    made = []
    for role in _ROLES:
        if role not in frame.columns:
            continue
        named = frame.select("ticket_uid", "record_no", system=pl.col(role), named_at=_named_at(frame))
        if isinstance(named["system"].dtype, pl.List):
            named = named.explode("system")
        named = named.filter(pl.col("system").is_not_null()).unique(maintain_order=True)
        made.append(
            named.with_columns(
                role=pl.lit(role), evidence=pl.lit("field"), confidence=pl.lit(0.9 if role == "affected" else 0.8)
            )
        )
    return [Rows("ticket_systems", named) for named in made if named.height]


def _named_at(frame: pl.DataFrame) -> pl.Expr:
    times = [name for name in ("opened_at", "updated_at") if name in frame.columns]
    return pl.coalesce(times) if times else pl.lit(None, dtype=pl.Datetime("us"))


def _linked(frame: pl.DataFrame) -> list[Rows]:
    made = []
    for name, (link_type, outward) in _LINKS.items():
        if name not in frame.columns:
            continue
        links = frame.select("ticket_uid", "record_no", other_id=pl.col(name))
        if isinstance(links["other_id"].dtype, pl.List):
            links = links.explode("other_id")
        links = links.filter(pl.col("other_id").is_not_null())
        made.append(Rows("ticket_links", links.with_columns(link_type=pl.lit(link_type), outward=pl.lit(outward))))
    return [rows for rows in made if rows.frame.height]


def _ticket_event(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    frame = _with(_with(frame, "platform", platform), "basis", "changelog")
    for name in ("old_value", "new_value"):
        frame = _with(frame, name)
    if "actor" in frame.columns:
        frame = frame.with_columns(hashed(frame["actor"], sink))
    people = pl.col("field") == "person"
    for name in ("old_value", "new_value"):
        frame = frame.with_columns(pl.when(people).then(hashed(frame[name], sink)).otherwise(pl.col(name)).alias(name))
    keys = {
        "ticket_uid": ("'tickets'", "platform", "ticket_id"),
        "event_uid": ("'ticket_events'", "platform", "ticket_id", "changed_at", "field", "old_value", "new_value"),
    }
    frame = keyed(sink.connection, frame, keys).drop(
        "platform", "ticket_id", "changed_at ns", "attributes", strict=False
    )
    return Whole(Rows("ticket_events", frame), "event_uid")


def _outcome(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    del platform
    frame = frame.drop("attributes", "checked_at ns", strict=False)
    for name in ("correlation_id", "run_id", "trace_id", "system", "expected", "actual"):
        frame = _with(frame, name)
    frame = _with(frame, "checked_at", None, pl.Datetime)
    if "passed" not in frame.columns:
        frame = frame.with_columns(passed=pl.col("expected") == pl.col("actual"))
    thing = pl.coalesce("correlation_id", "run_id", "trace_id")
    frame = keyed(
        sink.connection,
        frame.with_columns(thing=thing),
        {"outcome_uid": ("'outcomes'", "thing", "system", "check_name", "checked_at")},
    )
    return Whole(Rows("outcomes", frame.drop("thing")), "outcome_uid")


def _cost(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    del sink, platform
    frame = frame.drop("attributes", strict=False)
    for name in ("low", "high"):
        frame = frame.with_columns(
            pl.coalesce(name, "likely").alias(name) if name in frame.columns else pl.col("likely").alias(name)
        )
    return Whole(Rows("cost_rates", _with(frame, "basis", "assumed")), "record_no")


def _system(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    del sink, platform
    frame = _platform_type(frame.drop("attributes", strict=False), "platform_type")
    more: tuple[Rows, ...] = ()
    if "aliases" in frame.columns:
        aliases = frame.select("record_no", alias="aliases", system="name")
        if isinstance(aliases["alias"].dtype, pl.List):
            aliases = aliases.explode("alias")
        aliases = aliases.drop_nulls("alias")
        more = (Rows("system_aliases", aliases.with_columns(match=pl.lit("user"), confidence=pl.lit(1.0))),)
    return Whole(Rows("declared_systems", frame.drop("aliases", strict=False)), "record_no", more)


def _declared_handoff(frame: pl.DataFrame, sink: Sink, platform: str) -> Whole:
    del sink, platform
    return Whole(Rows("declared_handoffs", frame.drop("attributes", strict=False)), "record_no")


_MADE: dict[str, Callable[[pl.DataFrame, Sink, str], Whole]] = {
    "spans": _span,
    "handoffs": _handoff,
    "events": _event,
    "runs": _run,
    "tickets": _ticket,
    "ticket_events": _ticket_event,
    "outcomes": _outcome,
    "costs": _cost,
    "systems": _system,
    "declared_handoffs": _declared_handoff,
}
