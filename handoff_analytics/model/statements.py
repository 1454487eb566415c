"""What does each SQL file of the model make?

Every table is made by the file of its name. The first statement is the SELECT, the rest say what table and columns
mean. The files in `working/` make tables that are gone when the build ends.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


@cache
def select(name: str, *, folder: str = "") -> str:
    """Return the first statement of a file of the model.

    Parameters
    ----------
    name
        Table.
    folder
        ``"working"`` for a table that does not stay.
    """
    return _text(name, folder).partition(";\n")[0]


@cache
def _text(name: str, folder: str) -> str:
    home = files(__package__).joinpath(folder) if folder else files(__package__)
    return home.joinpath(f"{name}.sql").read_text(encoding="utf-8")


def run(connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any] | None = None) -> None:
    """Run one statement to its end."""
    connection.execute(text, parameters).fetchall()


def count(connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any] | None = None) -> int:
    """Return the one number that a query answers."""
    return int(connection.execute(text, parameters).fetchall()[0][0])


def home(connection: duckdb.DuckDBPyConnection) -> str:
    """Return where the stored tables lie, in front of which a build puts others of the same names."""
    name = connection.execute("SELECT current_database()").fetchall()[0][0].replace('"', '""')
    return f'"{name}".main'


def note(connection: duckdb.DuckDBPyConnection, fact: str, content: str) -> None:
    """Keep a fact of the model in the history."""
    known = {"fact": fact, "content": content}
    # In two statements: the copy in which a check builds the model anew has no key by which one could replace it.
    run(connection, "UPDATE history_facts SET content = $content WHERE fact = $fact", known)
    run(
        connection,
        """
        INSERT INTO history_facts
        SELECT $fact, $content WHERE $fact NOT IN (SELECT fact FROM history_facts)
        """,
        known,
    )


def make_working(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Make tables that last until the build ends."""
    for name in names:
        run(connection, f"CREATE OR REPLACE TEMP TABLE {name} AS {select(name, folder='working')}")


def make_table(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Make tables of the model anew, with what they mean."""
    for name in names:
        run(connection, f"CREATE OR REPLACE TABLE main.{name} AS {select(name)}")
        run(connection, _text(name, "").partition(";\n")[2])


def drop(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Drop working tables that are needed no more."""
    for name in names:
        run(connection, f"DROP TABLE IF EXISTS temp.{name}")
