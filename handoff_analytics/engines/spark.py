"""How is a query asked of an engine that is not this machine?"""

from __future__ import annotations

import re
import socket
import tempfile
import uuid
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import polars as pl

from ..errors import ArgumentError, EngineError, MissingExtraError
from ..schema import EVIDENCE
from ..store import MEMORY
from ..store import connect as connect_store
from .reduction import reduced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from ..history import History

_PORT = 15002
_PATIENCE_S = 10.0


def connect(url: str, *, work: str | None = None) -> Engine:
    """Speak to an engine on which the evidence lies: Spark, Databricks or Sail, by Spark Connect.

    Parameters
    ----------
    url
        ``sc://host:port``, with what the engine asks for behind it (``/;token=...``). Without a port it is 15002.
    work
        A folder, or an address such as ``s3://bucket/work``, that the engine can write to and read from: intermediate
        tables go there, and are left for you to delete. A temporary folder of this machine if not given, which only an
        engine on this machine sees.

    Returns
    -------
    Engine
        Knows every table of evidence, each empty until it is registered.

    Raises
    ------
    ArgumentError
        If the url is of another kind.
    EngineError
        If nothing answers there.
    MissingExtraError
        If pyspark is absent: the extra ``[distributed]`` brings it.
    """
    parts = urlsplit(url)
    if parts.scheme != "sc" or not parts.hostname:
        raise ArgumentError(
            f"{url!r} is no address of an engine. Write it as sc://host:port, such as sc://127.0.0.1:15002."
        )
    port = parts.port or _PORT
    try:
        # The client itself would try again for minutes.
        socket.create_connection((parts.hostname, port), timeout=_PATIENCE_S).close()
    except OSError as fault:
        raise EngineError(
            f"Nothing answers at {parts.hostname}:{port} ({fault}). Start Spark Connect or Sail there, or correct "
            "the url."
        ) from fault
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as fault:
        raise MissingExtraError(
            "Speaking to an engine needs pyspark. Install it with: pip install 'handoff-analytics[distributed]'"
        ) from fault
    session = SparkSession.builder.remote(url).create()
    try:
        return Engine(session, url=f"sc://{parts.hostname}:{port}", work=work)
    except BaseException:
        session.stop()
        raise


class Engine:
    """An engine that holds the evidence: tables are registered, queries run there, answers come back.

    Parameters
    ----------
    session
        A session of Spark Connect.
    url
        Where it is, for messages; without what grants access.
    work
        As for `connect`.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> engine = ha.connect("sc://127.0.0.1:15002")  # doctest: +SKIP
    >>> engine.register("spans", "s3://telemetry/spans")  # doctest: +SKIP
    >>> history = engine.history(into="acme.duckdb")  # doctest: +SKIP
    >>> ha.rank(history)  # doctest: +SKIP
    """

    def __init__(self, session: Any, *, url: str, work: str | None = None) -> None:
        self._session, self._url = session, url
        session.conf.set("spark.sql.session.timeZone", "UTC")
        self._home = None if work else tempfile.TemporaryDirectory(prefix="handoffs-engine-")
        # Two sessions may share a folder: each works in a part of its own.
        self._work = f"{work or (self._home.name if self._home else '')}/{uuid.uuid4().hex}"
        for name, frame in _empty_evidence().items():
            self.show(name, frame)

    def __repr__(self) -> str:
        """Name the engine, without what grants access to it."""
        return f"<Engine {self._url}>"

    def __enter__(self) -> Self:
        """Use the engine until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, whatever happened."""
        self.close()

    def close(self) -> None:
        """End the session, and delete what a temporary work folder holds."""
        # The server may be gone already; there is nothing left to end then.
        with suppress(Exception):
            self._session.stop()
        if self._home is not None:
            self._home.cleanup()

    def register(self, name: str, parquet: str | Path | None = None, *, table: str | None = None) -> None:
        """Say where a table of evidence lies.

        Parameters
        ----------
        name
            The table, such as spans; it has the columns of that table in a history, those that are left out are null.
        parquet
            A Parquet file or folder, as the engine sees it.
        table
            Or a table that the engine knows by name: Iceberg, Delta or any other.
        """
        if (parquet is None) == (table is None):
            raise ArgumentError(f"Where does {name} lie? Give parquet=, or table=, and not both.")
        if table is not None and not re.fullmatch(r"[\w.`-]+", table):
            raise ArgumentError(f"table = {table!r} is no name of a table, such as lake.telemetry.spans.")
        with self._telling(f"The table {name} cannot be read"):
            frame = self._session.read.parquet(str(parquet)) if parquet is not None else self._session.table(table)
            self._complete(name, frame).createOrReplaceTempView(name)

    def register_folder(self, folder: str | Path) -> list[str]:
        """Register every table that `publish` has written to a folder of this machine; return their names."""
        home = Path(folder)
        stamp = home / "current"
        home = home / stamp.read_text(encoding="utf-8").strip() if stamp.is_file() else home
        found = [path for path in sorted(home.glob("*.parquet")) if path.stem in EVIDENCE]
        if not found:
            raise ArgumentError(
                f"{folder} holds no Parquet file of a table of evidence. ha.publish(history, folder) writes them."
            )
        for path in found:
            self.register(path.stem, path.resolve())
        return [path.stem for path in found]

    def sql(self, text: str, **parameters: Any) -> pl.DataFrame:
        """Answer a query of the engine's own SQL.

        Parameters
        ----------
        text
            One SELECT.
        **parameters
            Values of the query's ``$name`` parameters.

        Returns
        -------
        polars.DataFrame
            The rows; times are UTC without a zone, no Decimal is among the types.
        """
        for name in parameters:
            text = re.sub(rf"\${re.escape(name)}\b", f":{name}", text)
        with self._telling("The query failed"):
            answer = self._session.sql(text, args=parameters or None).toArrow()
        return _plain(pl.from_arrow(answer))

    def history(self, into: str | Path | None = None) -> History:
        """Run the model on the engine, and make a history here of what comes back.

        Parameters
        ----------
        into
            A file to write; in memory if not given. A history that is there already is replaced as a whole.

        Returns
        -------
        History
            Failures and everything unusual row by row; crossings that passed are counted on the engine, by hour, and
            only the counts travel. Ranking, graph, cost, plan and charts work on it as on any other.

        Raises
        ------
        EngineError
            If the engine refuses a query.

        Notes
        -----
        What needs the evidence of single successful transactions is not in it: silent failures that a detector finds in
        contents, handoffs that only logs show, `trace` and `compare`. Load that part of the evidence here.
        """
        return reduced(self, into=into)

    def keep(self, name: str, text: str) -> None:
        """Run a query and keep its answer as a table on the engine."""
        place = f"{self._work}/{name}-{uuid.uuid4().hex[:8]}"
        with self._telling(f"The table {name} cannot be made"):
            frame = self._session.sql(text)
            frame.write.mode("overwrite").parquet(place)
            schema = frame.schema
            # An engine may write no file for no rows: the columns are then said, not read.
            self._session.read.schema(schema).parquet(place).createOrReplaceTempView(name)

    def show(self, name: str, frame: pl.DataFrame) -> None:
        """Lend the engine a small frame as a table."""
        with self._telling(f"The table {name} cannot be lent"):
            self._lent(frame).createOrReplaceTempView(name)

    def _lent(self, frame: pl.DataFrame) -> Any:
        if not frame.is_empty():
            return self._session.createDataFrame(frame.to_arrow())
        # Spark takes no schema from a frame without rows: it is lent one row, which is not looked at.
        return self._session.createDataFrame(frame.clear(1).to_arrow()).where("false")

    def view(self, name: str, text: str) -> None:
        """Give a query a name."""
        with self._telling(f"The view {name} cannot be made"):
            self._session.sql(text).createOrReplaceTempView(name)

    def _complete(self, name: str, frame: Any) -> Any:
        """Add the columns of a table of evidence that a file lacks, as nulls, in the order of the table."""
        known = self._session.table(name) if name in EVIDENCE else None
        if known is None:
            return frame
        have = {column.lower(): column for column in frame.columns}
        if not set(have) & {field.name.lower() for field in known.schema.fields}:
            # A path at which nothing lies is a table without columns to some engines.
            raise EngineError(f"it has none of the columns of {name}")
        chosen = [
            f"CAST({_quoted(have[field.name.lower()])} AS {field.dataType.simpleString()}) AS {_quoted(field.name)}"
            if field.name.lower() in have
            else f"CAST(NULL AS {field.dataType.simpleString()}) AS {_quoted(field.name)}"
            for field in _fields(name, self._session)
        ]
        return frame.selectExpr(*chosen)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Say in a sentence of ours, with the first line of the engine's, what could not be done there."""
        try:
            yield
        except Exception as fault:
            first = next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
            raise EngineError(f"{what} at {self._url}: {first}") from fault


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _fields(name: str, session: Any) -> list[Any]:
    return list(session.createDataFrame(_empty_evidence()[name].clear(1).to_arrow()).schema.fields)


def _empty_evidence() -> dict[str, pl.DataFrame]:
    """Return every table of evidence without rows."""
    with closing(connect_store(MEMORY)) as connection:
        frames = {}
        for name, statements in EVIDENCE.items():
            connection.execute(statements.partition(";")[0]).fetchall()
            frame = connection.sql(f'SELECT * FROM "{name}"').pl()
            # What is JSON or a map here is text in a file that any engine reads.
            frames[name] = frame.cast({c: pl.String for c, kind in frame.schema.items() if kind.is_nested()})
        return frames


def _plain(answer: pl.DataFrame | pl.Series) -> pl.DataFrame:
    frame = answer.to_frame() if isinstance(answer, pl.Series) else answer
    return frame.with_columns(
        *(
            pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None).dt.cast_time_unit("us")
            for name, kind in frame.schema.items()
            if isinstance(kind, pl.Datetime) and kind.time_zone is not None
        ),
        *(pl.col(name).cast(pl.Float64) for name, kind in frame.schema.items() if isinstance(kind, pl.Decimal)),
    )
