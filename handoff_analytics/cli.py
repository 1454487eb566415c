"""What can be asked from a terminal?

Each command parses, calls one function of the library and prints what it returned.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import handoff_analytics as ha

from .errors import HandoffError
from .lab import lab as open_lab
from .terminal import show

EXIT_CODES = "Exit code: 0 done, 1 a check found something wrong, 2 wrong use, 3 refused, with the reason on stderr."

app = typer.Typer(
    name="handoffs",
    help="Find the system boundaries where automated workflows break, what each failure costs, and what to fix first.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

HistoryFile = Annotated[Path, typer.Argument(help="A history that `handoffs load` made.", show_default=True)]
Since = Annotated[str | None, typer.Option(help="Start of the window, such as 2026-01-01 (included).")]
Until = Annotated[str | None, typer.Option(help="End of the window (excluded).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, every column.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, every column, safe for spreadsheets.")]
Top = Annotated[int, typer.Option(help="Rows to print; programs get them all.", min=1)]
FalseAlarmDays = Annotated[float, typer.Option(help="Wanted mean days between false alarms of a handoff.", min=1)]
DEFAULT = Path("handoffs.duckdb")


def _history(path: Path, since: str | None = None, until: str | None = None) -> Any:
    history = ha.open(path)
    return history.between(since, until) if since or until else history


def _ranked(ranking: Any) -> Any:
    """Put a ranking into few enough columns for a terminal; programs get them all."""
    import polars as pl  # noqa: PLC0415 - a command that shows no frame does not wait for it

    ranges = pl.Series([f"{low:,.0f}–{high:,.0f}" for low, high in ranking.select("loss_low", "loss_high").iter_rows()])
    return ranking.select(
        "rank",
        pl.format("{} → {}, {}", "source", "target", "channel").alias("handoff"),
        pl.col("expected_annual_loss").round(0).cast(pl.Int64).alias("loss a year"),
        ranges.alias("90 % range"),
        pl.format("{}–{}", *(pl.col(end).cast(pl.Int64) for end in ("rank_low", "rank_high"))).alias("ranks"),
        "tier",
        pl.coalesce("mode", "handoff_type").str.replace_all("_", " ").alias("fails mostly by"),
    )


PLANNED = ("place", "title", "chosen", "cost", "saving", "cumulative_saving", "chosen_share")
WARNED = ("source", "target", "metric", "warned_at", "share", "usual", "lead_days", "outcome")
GREEN = ("source", "target", "failing_minutes", "green_minutes", "green_share", "green_low", "green_high")
TOLD = ("at", "event", "source", "target", "attempt", "status", "text", "reference")
AGAIN = ("place", "correlation_id", "source", "target", "operation", "mode", "safe", "why", "first", "amount")
CHANGED = ("rank", "source", "target", "score", "alarm", "why")


def _exists(name: str) -> bool:
    """Tell whether a name is that of a file; one that is too long for any is a pattern that fits nothing."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _bounds(span: str) -> tuple[str, str]:
    since, slash, until = span.partition("/")
    if not slash:
        raise typer.BadParameter(f"{span!r} has no slash: write since/until, such as 2026-05-18/2026-05-21.")
    return since, until


@app.command()
def demo(
    into: Annotated[Path, typer.Option(help="Where the history of the samples is kept.")] = DEFAULT,
    report: Annotated[Path, typer.Option(help="Where the report is written.")] = Path("handoffs.html"),
) -> None:
    """Load the samples, rank their handoffs and write the report.

    Example: handoffs demo
    """
    history = ha.samples.load(into=into)
    show(_ranked(ha.rank(history).head(10)), title="Fix these handoffs first")
    ha.report(history, report)
    typer.echo(f"\nReport: {report} (opens in any browser, no network)\nHistory: {into}\nNotebooks: handoffs lab")


@app.command()
def load(
    files: Annotated[list[str], typer.Argument(help="Files, folders or patterns.")],
    into: Annotated[Path, typer.Option(help="The history to add to; made if absent.")] = DEFAULT,
    format: Annotated[str | None, typer.Option(help="Read as this format instead of recognising it.")] = None,  # noqa: A002 - the option's name
    mapping: Annotated[Path | None, typer.Option(help="A mapping file (TOML) for a format of your own.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of times that do not say theirs.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what loads even if more than 5 % is rejected.")] = False,
) -> None:
    """Load evidence: traces, logs, workflow runs, tickets, catalogues.

    Example: handoffs load exports/ --into acme.duckdb
    """
    options: dict[str, Any] = {"into": into, "format": format, "mapping": mapping, "timezone": timezone}
    ha.load(
        [Path(name) if _exists(name) else name for name in files],
        on_reject="keep" if keep else "rollback",
        **options,
    )


@app.command()
def rank(
    history: HistoryFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    top: Top = 15,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Rank the handoffs by the loss to expect in a year.

    Example: handoffs rank acme.duckdb --since 2026-01-01 --csv
    """
    ranking = ha.rank(_history(history, since, until))
    shown = ranking if as_json or as_csv else _ranked(ranking.head(top))
    show(shown, title="Fix these handoffs first", as_json=as_json, as_csv=as_csv)


@app.command()
def report(
    history: HistoryFile = DEFAULT,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("handoffs.html"),
    since: Since = None,
    until: Until = None,
) -> None:
    """Write one offline HTML report.

    Example: handoffs report acme.duckdb --out acme.html
    """
    ha.report(_history(history, since, until), out)
    typer.echo(f"Report: {out}")


@app.command()
def compare(
    window: Annotated[str, typer.Argument(help="Since/until of the window, such as 2026-05-18/2026-05-21.")],
    baseline: Annotated[str, typer.Argument(help="Since/until of the baseline.")],
    history: HistoryFile = DEFAULT,
    top: Top = 10,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say what became worse between two windows; exit code 1 when chance does not explain it.

    Example: handoffs compare 2026-05-18/2026-05-21 2026-04-01/2026-04-20 acme.duckdb
    """
    whole = ha.open(history)
    changes = ha.compare(whole.between(*_bounds(window)), whole.between(*_bounds(baseline)))
    shown = changes if as_json or as_csv else changes.head(top)
    show(shown, title="What became worse", columns=CHANGED, as_json=as_json, as_csv=as_csv)
    if changes["alarm"].any():
        raise typer.Exit(1)


@app.command()
def warnings(
    history: HistoryFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    false_alarm_days: FalseAlarmDays = 90.0,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List what became worse before it broke, and what came of each warning; exit code 1 while one stands.

    Example: handoffs warnings acme.duckdb --false-alarm-days 180
    """
    import polars as pl  # noqa: PLC0415 - as in _ranked

    watched = ha.degradation(_history(history, since, until), false_alarm_days=false_alarm_days)
    given = ha.early_warnings(watched)
    if as_json or as_csv:
        show(given, as_json=as_json, as_csv=as_csv)
    else:
        show(given, title="What became worse", columns=WARNED)
        show(ha.warning_record(watched), title="How good the warnings were, replayed day by day")
    last = pl.col("bucket_at") == watched["bucket_at"].max()
    if watched.filter(last & pl.col("degraded")).height:
        raise typer.Exit(1)


@app.command()
def alerts(
    history: HistoryFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    false_alarm_days: FalseAlarmDays = 90.0,
) -> None:
    """Write Prometheus alert rules (YAML) with the limits that the history shows.

    Example: handoffs alerts acme.duckdb > handoffs.rules.yml
    """
    watched = ha.degradation(_history(history, since, until), false_alarm_days=false_alarm_days)
    typer.echo(ha.alert_rules(watched, false_alarm_days=false_alarm_days), nl=False)


@app.command()
def green(
    history: HistoryFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say for how many minutes every system was green while a handoff failed.

    Example: handoffs green acme.duckdb
    """
    show(
        ha.green_but_failing(_history(history, since, until)),
        title="Green but failing",
        columns=GREEN,
        as_json=as_json,
        as_csv=as_csv,
    )


@app.command()
def trace(
    id: Annotated[str, typer.Argument(help="Correlation id of a transaction, or the id of one of its traces.")],  # noqa: A002 - the word of the interface
    history: HistoryFile = DEFAULT,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Tell everything that happened to one transaction: attempts, errors, recoveries, checks and tickets.

    Example: handoffs trace SO-100456 acme.duckdb
    """
    show(ha.trace(ha.open(history), id), title=id, columns=TOLD, as_json=as_json, as_csv=as_csv)


@app.command()
def reposts(
    history: HistoryFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    out: Annotated[Path | None, typer.Option(help="Write the whole list to this .csv or .jsonl file.")] = None,
    top: Top = 15,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List what did not arrive and has to be sent again, and whether that is safe.

    Example: handoffs reposts acme.duckdb --since 2026-06-01 --out again.csv
    """
    found = ha.repost_list(_history(history, since, until))
    if out is not None:
        ha.export_reposts(found, out)
        typer.echo(f"{found.height:,} calls, {found['safe'].sum():,} of them safe to send again: {out}")
        return
    shown = found if as_json or as_csv else found.head(top)
    show(shown, title="Send these again", columns=AGAIN, as_json=as_json, as_csv=as_csv)


@app.command()
def plan(
    budget: Annotated[float, typer.Argument(help="What may be spent once, in the catalogue's currency.")],
    history: HistoryFile = DEFAULT,
    measures: Annotated[Path | None, typer.Option(help="A catalogue (TOML) with other measures.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Choose the measures that save most within a budget.

    Example: handoffs plan 50000 acme.duckdb
    """
    show(
        ha.plan(ha.open(history), budget=budget, measures=measures),
        title=f"The best plan for {budget:,.0f}",
        columns=PLANNED,
        as_json=as_json,
        as_csv=as_csv,
    )


@app.command()
def aliases(
    history: HistoryFile = DEFAULT,
    accept: Annotated[list[str] | None, typer.Option(help="NAME=SYSTEM, as often as there are names.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List the names that match no system, what is behind each, and which system it is likely to be; accept some.

    Example: handoffs aliases acme.duckdb --accept "Paymnet=payment-service"
    """
    pairs = [one.rpartition("=") for one in accept or ()]
    if any(not (name and system) for name, _, system in pairs):
        raise typer.BadParameter("--accept takes NAME=SYSTEM, such as 'Paymnet=payment-service'.")
    if pairs:
        ha.accept_aliases(ha.open(history), {name.strip(): system.strip() for name, _, system in pairs})
    opened = ha.open(history)
    proposed = ha.alias_proposals(opened).rename({"alias": "name"}).drop("tickets")
    named = ha.unmatched_names(opened).join(proposed, on="name", how="left", maintain_order="left")
    show(named, title="Names that match no system", as_json=as_json, as_csv=as_csv)


@app.command(name="draft-mapping")
def draft_mapping(
    file: Annotated[Path, typer.Argument(help="A file of a format that is not recognised.")],
) -> None:
    """Draft a mapping file (TOML) for a format of your own, to be finished by hand.

    Example: handoffs draft-mapping export.csv > export.mapping.toml
    """
    typer.echo(ha.draft_mapping(file))


@app.command(name="check-mapping")
def check_mapping(
    file: Annotated[Path, typer.Argument(help="The file to read.")],
    mapping: Annotated[Path, typer.Argument(help="The mapping file to read it with.")],
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say what a mapping would load and reject, without writing anything.

    Example: handoffs check-mapping export.csv export.mapping.toml
    """
    show(ha.check_mapping(file, mapping), title="What the mapping would do", as_json=as_json, as_csv=as_csv)


@app.command()
def audit(
    history: HistoryFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Say for each handoff whether it is ready for production; unverifiable is neither pass nor fail.

    Example: handoffs audit acme.duckdb --csv
    """
    show(ha.audit(_history(history, since, until)), title="Is each handoff ready?", as_json=as_json, as_csv=as_csv)


@app.command()
def check(
    history: HistoryFile = DEFAULT,
    repair: Annotated[bool, typer.Option("--repair", help="Lift an older history, and build its model anew.")] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Check that a history is whole; exit code 1 when something is lost, points nowhere, or differs when built anew.

    Example: handoffs check acme.duckdb
    """
    import polars as pl  # noqa: PLC0415 - as above

    made = ha.check(ha.History(history), repair=repair)
    wrong = made.filter(~pl.col("passed"))
    kinds = made.group_by("check", maintain_order=True).agg(checks=pl.len(), passed=pl.col("passed").sum())
    show(made if as_json or as_csv else kinds, title=f"Is {history} whole?", as_json=as_json, as_csv=as_csv)
    if not wrong.is_empty():
        if not as_json and not as_csv:
            show(wrong, title="What is wrong", columns=("subject", "found", "wanted", "detail"))
        raise typer.Exit(1)


@app.command()
def lab(
    folder: Annotated[Path, typer.Option(help="Where the copies are put.")] = Path("handoffs-lab"),
    port: Annotated[int, typer.Option(help="First port to try.")] = 8888,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no window; the address is printed.")] = False,
) -> None:
    """Open JupyterLab on a copy of the notebooks and the samples.

    Example: handoffs lab --folder my-analysis
    """
    raise typer.Exit(open_lab(folder, port=port, browser=not no_browser))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT.")],
    history: HistoryFile = DEFAULT,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Answer a query; `SELECT * FROM duckdb_columns()` lists what there is.

    Example: handoffs sql "SELECT source, target, count(*) AS n FROM failures GROUP BY ALL ORDER BY n DESC"
    """
    show(_history(history, since, until).sql(query), as_json=as_json, as_csv=as_csv)


def main() -> None:
    """Run the command line; a refusal is one sentence and exit code 3, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr] # both are text streams; a pipe may not take ✓
    try:
        app()
    except HandoffError as refusal:
        typer.echo(f"handoffs: {refusal}", err=True)
        sys.exit(3)
