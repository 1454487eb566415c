"""Which names mean the same system?

Traces, tickets and catalogues call one thing by many names: `payment-prod-01`, `Payment Service`,
`payment.internal:8443`. A name is matched exactly, then by rules, then by what a person said. Only rules that say one
system are taken; what is left over is listed with the tickets and the money behind it, so that a person can decide.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from ..history import History

_TRIED = (
    ("same letters", 0.95),
    ("without environment", 0.9),
    ("host", 0.85),
    ("without kind", 0.8),
)
"""Rules in the order in which they are tried, and how far each is to be trusted."""
_ENVIRONMENT = r"(?:prod|production|prd|live|stage|staging|stg|test|tst|qa|uat|dev|int|preprod|sandbox)"
_SUFFIX = re.compile(rf"[-_. ](?:{_ENVIRONMENT}|v?\d{{1,4}}|[a-f0-9]{{8,10}}(?:-[a-z0-9]{{5}})?)$")
_PREFIX = re.compile(rf"^{_ENVIRONMENT}[-_. ]")
_KIND = re.compile(r"[-_. ](?:service|svc|server|api|app|application|system|platform|db|database)$")
_NODE_TYPE = re.compile(r"^(?:@?[\w-]+[-/])?n8n-nodes-[\w-]+\.|^@n8n/[\w-]+\.", re.IGNORECASE)
_GENERIC = frozenset(
    ("www", "api", "app", "gateway", "localhost", "service", "server", "internal", "default", "com", "org", "net", "io")
)
_LEAST_LETTERS = 3
"""Shorter names say too little to look for them in texts."""


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _bare(name: str) -> str:
    """Return a name without environment, number of the instance and hash of the deployment."""
    name = _PREFIX.sub("", name.strip().lower())
    while (shorter := _SUFFIX.sub("", name)) != name and _letters(shorter):
        name = shorter
    return name


def _host(name: str) -> str | None:
    """Return the host of an address or of a host name; null for a name that is neither."""
    found = re.match(
        r"(?:[a-z][a-z0-9+.-]*://)?(?:[^@/\s]+@)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d+)?(?:/|$)", name.strip().lower()
    )
    return found[1] if found and not re.fullmatch(r"[\d.]+", found[1]) else None


def keys(name: str) -> tuple[tuple[str, str, float], ...]:
    """Return what a name is compared by: the key, the rule that makes it, and how far the rule is to be trusted.

    Parameters
    ----------
    name
        Any name of a system.

    Returns
    -------
    tuple
        Keys, the surest first.

    Examples
    --------
    >>> [key for key, _, _ in keys("Payment_Service-prod-01")]
    ['paymentserviceprod01', 'paymentservice', 'payment']
    >>> [key for key, _, _ in keys("https://payment.shop.internal:8443/v1")][1]
    'payment'
    """
    name = _NODE_TYPE.sub("", name)
    trust = dict(_TRIED)
    found: dict[str, tuple[str, str, float]] = {}

    def add(text: str, rule: str) -> None:
        if (key := _letters(text)) and key not in _GENERIC:
            found.setdefault(key, (key, rule, trust[rule]))

    host = _host(name)
    if host is None:
        add(name, "same letters")
        add(_bare(name), "without environment")
    else:
        add(host, "same letters")
        for label in host.split("."):
            # The first label that is a name of its own: api.payment.example says payment.
            if _letters(_bare(label)) not in _GENERIC and not re.fullmatch(_ENVIRONMENT, label):
                add(_bare(label), "host")
                break
    core = _bare(name) if host is None else _bare(host.split(".")[0])
    while (shorter := _KIND.sub("", core)) != core:
        core = shorter
    add(core, "without kind")
    return tuple(found.values())


def canonical(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names that count: what reports telemetry, and what is declared."""
    rows = connection.execute(
        """
        SELECT DISTINCT system AS name FROM spans WHERE system IS NOT NULL
        UNION SELECT DISTINCT system FROM log_records WHERE system IS NOT NULL
        UNION SELECT name FROM declared_systems WHERE name IS NOT NULL
        UNION SELECT system FROM system_aliases WHERE match = 'user'
        ORDER BY 1
        """
    ).fetchall()
    return [name for (name,) in rows]


_MENTIONED = """
    SELECT DISTINCT system AS name FROM ticket_systems WHERE system IS NOT NULL
    UNION SELECT DISTINCT business_service FROM tickets WHERE business_service IS NOT NULL
    UNION SELECT DISTINCT peer FROM spans WHERE peer IS NOT NULL
    UNION SELECT DISTINCT peer FROM log_records WHERE peer IS NOT NULL
    UNION SELECT DISTINCT source FROM declared_handoffs WHERE source IS NOT NULL
    UNION SELECT DISTINCT target FROM declared_handoffs WHERE target IS NOT NULL
"""


def meet(connection: duckdb.DuckDBPyConnection) -> int:
    """Write the aliases that rules find, and the systems that texts of tickets name; return how many aliases there are.

    What was found before is found anew, so that the order in which files are loaded does not matter. What a person said
    stays, and comes first.

    Parameters
    ----------
    connection
        The history, in a transaction of the caller.

    Returns
    -------
    int
        Aliases by rule.
    """
    systems = canonical(connection)
    said = {
        alias.lower()
        for (alias,) in connection.execute("SELECT alias FROM system_aliases WHERE match = 'user'").fetchall()
    }
    mentioned = [name for (name,) in connection.execute(f"SELECT name FROM ({_MENTIONED}) ORDER BY 1").fetchall()]
    rows = []
    known = _index(systems)
    same = {name.lower() for name in systems}
    for name in mentioned:
        if name.lower() in said or name.lower() in same:
            continue
        found = _matched(name, known)
        if found is not None:
            rows.append({"alias": name, "system": found[0], "match": "rule", "confidence": found[1]})
    connection.execute("DELETE FROM system_aliases WHERE match <> 'user'").fetchall()
    if rows:
        connection.register("aliases_found", pl.DataFrame(rows))
        connection.execute("INSERT INTO system_aliases BY NAME SELECT * FROM aliases_found").fetchall()
        connection.unregister("aliases_found")
    _mentions(connection, systems)
    return len(rows)


def _index(systems: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the systems by the keys of their names, with the trust in the key."""
    known: dict[str, dict[str, float]] = {}
    for system in systems:
        for key, _, trust in keys(system):
            known.setdefault(key, {})[system] = trust
    return known


def _matched(name: str, known: dict[str, dict[str, float]]) -> tuple[str, float] | None:
    """Return the one system that a name can mean by the surest rule, and the trust in it; null unless it is one."""
    for key, _, trust in keys(name):
        fits = known.get(key, {})
        surest = max(fits.values(), default=0.0)
        best = [system for system, sure in fits.items() if sure == surest]
        if len(best) == 1:
            return best[0], round(min(trust, surest), 2)
        if best:
            return None
    return None


# Texts in which a system may be named, the role that it has there, and how far that is to be trusted.
_TEXTS = {
    "affected": (
        """
        SELECT ticket_uid, concat_ws(' ', title, description, category, subcategory) AS said, opened_at AS named_at
        FROM tickets
        """,
        0.6,
    ),
    "caused": (
        "SELECT ticket_uid, concat_ws(' ', cause, resolution) AS said, resolved_at AS named_at FROM tickets",
        0.6,
    ),
    "looked_at": (
        """
        SELECT ticket_uid, new_value AS said, changed_at AS named_at
        FROM ticket_events
        WHERE field = 'comment' AND new_value IS NOT NULL
        """,
        0.5,
    ),
}


def _mentions(connection: duckdb.DuckDBPyConnection, systems: list[str]) -> None:
    """Write the systems that titles, causes and comments of tickets name."""
    connection.execute("DELETE FROM ticket_systems WHERE evidence = 'text'").fetchall()
    aliases = connection.execute(
        "SELECT alias, system FROM system_aliases WHERE match = 'user' ORDER BY alias, system"
    ).fetchall()
    meant = {_spoken(alias): system for alias, system in aliases} | {_spoken(system): system for system in systems}
    meant = {
        words: system
        for words, system in meant.items()
        if len(words.strip()) >= _LEAST_LETTERS and _letters(words) not in _GENERIC
    }
    if not meant:
        return
    for role, (text, trust) in _TEXTS.items():
        frame: pl.DataFrame = connection.sql(text).pl()
        if frame.is_empty():
            continue
        spoken = " " + frame["said"].str.to_lowercase().str.replace_all(r"[^a-z0-9]+", " ") + " "
        # A blank on both sides, shared by neighbours: "crm" is not found in "scrum".
        found = (
            frame.with_columns(words=spoken.str.extract_many(list(meant), overlapping=True))
            .explode("words")
            .drop_nulls("words")
        )
        named = found.select(
            "ticket_uid",
            "named_at",
            system=pl.col("words").replace_strict(meant, return_dtype=pl.String),
            role=pl.lit(role),
            evidence=pl.lit("text"),
            confidence=pl.lit(trust),
        ).unique(maintain_order=True)
        connection.register("systems_found", named)
        # The field that names a system is surer than the text that repeats it.
        connection.execute(
            """
            INSERT INTO ticket_systems BY NAME
            SELECT f.ticket_uid, f.system, f.role, min(f.named_at) AS named_at, f.evidence, f.confidence
            FROM systems_found AS f
            WHERE NOT EXISTS (
                SELECT 1 FROM ticket_systems AS t
                WHERE t.ticket_uid = f.ticket_uid AND t.system = f.system AND t.role = f.role
            )
            GROUP BY ALL
            """
        ).fetchall()
        connection.unregister("systems_found")


def _spoken(name: str) -> str:
    return " " + re.sub(r"[^a-z0-9]+", " ", name.lower()).strip() + " "


def unmatched_names(history: History) -> pl.DataFrame:
    """Names that mean no known system, with the tickets and the money behind each.

    Parameters
    ----------
    history
        The history.

    Returns
    -------
    polars.DataFrame
        ======== ======= ====================================================================
        name     String  as it is written
        kind     String  ticket, peer or declared: where it is named
        tickets  Int64   tickets that name it
        hours    Float64 from opening to resolution of those tickets, hours
        calls    Int64   spans and log records whose other side it is
        amount   Float64 money that those transactions move
        ======== ======= ====================================================================

        Sorted by tickets, amount and calls, the largest first.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.unmatched_names(ha.History()).columns
    ['name', 'kind', 'tickets', 'hours', 'calls', 'amount']
    """
    named = history.sql(
        f"""
        WITH mentioned AS ({_MENTIONED}),
        unknown AS (
            SELECT name FROM mentioned
            WHERE lower(name) NOT IN (SELECT lower(alias) FROM system_aliases)
        ),
        behind AS (
            SELECT ts.system AS name, ts.ticket_uid FROM ticket_systems AS ts
            UNION SELECT business_service, ticket_uid FROM tickets WHERE business_service IS NOT NULL
        ),
        of_tickets AS (
            SELECT b.name, count(DISTINCT b.ticket_uid) AS tickets,
                sum(date_diff('second', t.opened_at, coalesce(t.resolved_at, t.closed_at)) / 3600.0) AS hours
            FROM behind AS b JOIN tickets AS t USING (ticket_uid) GROUP BY b.name
        ),
        of_calls AS (
            SELECT name, count(*) AS calls, sum(amount) AS amount
            FROM (
                SELECT peer AS name, amount FROM spans WHERE peer IS NOT NULL
                UNION ALL SELECT peer, NULL FROM log_records WHERE peer IS NOT NULL
            )
            GROUP BY name
        )
        SELECT u.name,
            CASE WHEN t.tickets > 0 THEN 'ticket' WHEN c.calls > 0 THEN 'peer' ELSE 'declared' END AS kind,
            coalesce(t.tickets, 0) AS tickets, coalesce(t.hours, 0.0)::DOUBLE AS hours,
            coalesce(c.calls, 0) AS calls, coalesce(c.amount, 0.0)::DOUBLE AS amount
        FROM unknown AS u
        LEFT JOIN of_tickets AS t ON t.name = u.name
        LEFT JOIN of_calls AS c ON c.name = u.name
        """
    )
    known = {name.lower() for name in _known(history)}
    return named.filter(~pl.col("name").str.to_lowercase().is_in(sorted(known))).sort(
        ["tickets", "amount", "calls", "name"], descending=[True, True, True, False]
    )


def _known(history: History) -> list[str]:
    frame = history.sql(
        """
        SELECT DISTINCT system AS name FROM spans WHERE system IS NOT NULL
        UNION SELECT DISTINCT system FROM log_records WHERE system IS NOT NULL
        UNION SELECT name FROM declared_systems WHERE name IS NOT NULL
        UNION SELECT system FROM system_aliases WHERE match = 'user'
        ORDER BY 1
        """
    )
    return [str(name) for name in frame["name"]]


def alias_proposals(history: History) -> pl.DataFrame:
    """Systems that unmatched names might mean, for a person to accept or not.

    Parameters
    ----------
    history
        The history.

    Returns
    -------
    polars.DataFrame
        ========== ======= ==========================================================
        alias      String  the name that means no known system
        system     String  the system that it may mean
        confidence Float64 how alike they are, from 0 to 1
        reason     String  what makes them alike
        tickets    Int64   tickets that name it
        ========== ======= ==========================================================

        Sorted by tickets, the most first, then by alias. Accept one by giving it to its system in a catalogue:
        ``aliases = ["..."]``.

    References
    ----------
    Ratcliff, J. W., & Metzener, D. E. (1988). Pattern matching: the gestalt approach. Dr. Dobb's Journal, 13(7).

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.alias_proposals(ha.History()).height
    0
    """
    systems = _known(history)
    known = _index(systems)
    rows = []
    for name, tickets in unmatched_names(history).select("name", "tickets").rows():
        for system, confidence, reason in _likely(name, systems, known)[:3]:
            rows.append(
                {"alias": name, "system": system, "confidence": confidence, "reason": reason, "tickets": tickets}
            )
    schema = {
        "alias": pl.String,
        "system": pl.String,
        "confidence": pl.Float64,
        "reason": pl.String,
        "tickets": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema).sort(
        ["tickets", "alias", "confidence", "system"], descending=[True, False, True, False]
    )


def _likely(name: str, systems: list[str], known: dict[str, dict[str, float]]) -> list[tuple[str, float, str]]:
    """Return the systems that a name may mean, the likeliest first."""
    found: dict[str, tuple[float, str]] = {}
    for key, rule, trust in keys(name):
        for system, sure in known.get(key, {}).items():
            found.setdefault(system, (round(min(trust, sure) / len(known[key]), 2), f"{rule}, as other systems"))
    letters, words = _letters(_bare(name)), set(re.split(r"[^a-z0-9]+", name.lower())) - {""}
    for system in systems:
        other = set(re.split(r"[^a-z0-9]+", system.lower())) - {""} - _GENERIC
        ratio = difflib.SequenceMatcher(None, letters, _letters(_bare(system)), autojunk=False).ratio()
        if other and other <= words:
            found.setdefault(system, (0.6, "its words are among the words"))
        elif ratio >= 0.75:
            found.setdefault(system, (round(ratio * 0.7, 2), "much the same letters"))
    ranked = [(system, confidence, reason) for system, (confidence, reason) in found.items()]
    return sorted(ranked, key=lambda one: (-one[1], one[0]))
