"""Which transaction do records belong to that carry no id?

Time, key and amount together tell where an id was lost. How long a kind of record usually comes after the kind before
it, how often two records of one transaction agree on a key or an amount, and how often strangers do, is learned from
the records that carry ids. Records that compete for one transaction are weighed against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from .errors import ArgumentError

if TYPE_CHECKING:
    import numpy.typing as npt

    from .history import History

    Floats = npt.NDArray[np.float64]

AUDIT = pl.Schema(
    {
        **dict.fromkeys(("fragment", "kind", "system", "correlation_id"), pl.String()),
        "confidence": pl.Float64(),
        "accepted": pl.Boolean(),
        "at": pl.Datetime("us"),
        "after_seconds": pl.Float64(),
        "after": pl.String(),
        **dict.fromkeys(("usual_low", "usual_high"), pl.Float64()),
        **dict.fromkeys(("time_factor", "key_factor", "amount_factor"), pl.Float64()),
        **dict.fromkeys(("agrees_on", "differs_on"), pl.String()),
        "amount": pl.Float64(),
        "rivals": pl.Int64(),
        "runner_up": pl.String(),
        "runner_up_confidence": pl.Float64(),
        "why": pl.String(),
    }
)
# Share of the records without an id that belong to no transaction at all, before anything is known of them.
_STRANGERS = 0.2
# Fewer examples than these teach nothing about a delay or about how often a key agrees.
_TAUGHT = 10
_START = "the transaction's first record"
# Of two records of one transaction so many agree on a key or an amount until they teach otherwise.
_AGREE = (19.0, 1.0)
# Candidates that agree on nothing are weighed only if they are among so many nearest in time.
_NEAREST = 20
_ROUNDS = 50
# Points at which the density of delays is computed, and delays that it is made of.
_GRID, _MOST_KNOWN = 2_000, 1_000
# A delay unlike all that were seen is possible all the same, in this part of the cases.
_UNUSUAL = 0.01


@dataclass(frozen=True, slots=True)
class _Delay:
    """How long records of one label come after their anchor, on a scale that is linear at seconds and log beyond."""

    anchor: str
    known: Floats
    """Delays of the records that carry ids, scaled and sorted: all of them, or quantiles."""
    width: float
    """Of the kernel."""
    low: float
    high: float
    """Outside of these, in seconds, nothing is a candidate."""
    is_taught: bool
    """Whether records with ids show it; else it is only that sooner is likelier than later."""

    def density(self, seconds: Floats) -> Floats:
        """Return the density of delays, for each second."""
        spread = 5 * self.width
        grid = np.linspace(self.known[0] - spread, self.known[-1] + spread, _GRID)
        kernels = np.exp(-0.5 * ((grid[:, None] - self.known[None, :]) / self.width) ** 2).mean(axis=1)
        height = kernels / (self.width * np.sqrt(2 * np.pi))
        usual = np.interp(_scaled(seconds), grid, height, left=0.0, right=0.0) / np.sqrt(1 + seconds**2)
        inside = (seconds >= self.low) & (seconds <= self.high)
        return np.asarray((1 - _UNUSUAL) * usual + _UNUSUAL * inside / (self.high - self.low))


def _scaled(seconds: Floats) -> Floats:
    return np.asarray(np.arcsinh(seconds))


def fallback_matches(history: History, *, least: float = 0.9, within_hours: float = 72.0) -> pl.DataFrame:
    """Propose a transaction for each trace, log line and outcome that carries no id, and say how sure that is.

    Each candidate is as likely as its delay, its keys and its amount are for a record of that transaction, against how
    likely a stranger would have them by chance (Fellegi and Sunter). A transaction takes one record of a kind, unless
    those with ids show more; what competes for it shares its confidence (belief propagation on the assignment). The
    frame is the audit list: nothing is written, and what is accepted can be read, questioned and left out.

    Parameters
    ----------
    history
        The part of a history to look at.
    least
        Confidence, from 0 to 1, from which a match is accepted.
    within_hours
        How far apart, in hours, a record and its transaction may lie where no record with an id teaches it.

    Returns
    -------
    polars.DataFrame
        One row a record without an id that has any candidate, surest first; the others are left out.

        ==================== ============ ======================================================================
        column               dtype        meaning
        ==================== ============ ======================================================================
        fragment             String       trace_id; for log lines and outcomes their uid
        kind                 String       trace, log or outcome
        system               String       system at which it begins
        correlation_id       String       transaction that it most likely belongs to
        confidence           Float64      chance that it does, from 0 to 1
        accepted             Boolean      confidence >= least, and no other record has a better claim
        at                   Datetime(us) when it began, UTC
        after_seconds        Float64      time since the record that it follows
        after                String       the record that it follows
        usual_low            Float64      5 % of the records with ids come sooner, seconds; null if none teaches it
        usual_high           Float64      5 % come later
        time_factor          Float64      how many times likelier the delay is than by chance
        key_factor           Float64      how many times likelier the keys are; below 1 they speak against it
        amount_factor        Float64      how many times likelier the amount is
        agrees_on            String       keys and amount that agree
        differs_on           String       those that do not
        amount               Float64      its money
        rivals               Int64        transactions with at least a hundredth of its weight
        runner_up            String       second best transaction
        runner_up_confidence Float64      chance of that
        why                  String       the decision in a sentence
        ==================== ============ ======================================================================

    Raises
    ------
    ArgumentError
        If `least` is no share or `within_hours` not positive.

    References
    ----------
    Fellegi & Sunter 1969 for the weights; Huang & Jebara 2009 for marginals of assignments.

    Examples
    --------
    >>> import handoff_analytics as ha
    >>> ha.fallback_matches(ha.History()).height
    0
    """
    if not 0 < least <= 1:
        raise ArgumentError(f"least = {least}, must be above 0 and at most 1.")
    if within_hours <= 0:
        raise ArgumentError(f"within_hours = {within_hours}, must be above 0.")
    if history.tables.filter(pl.col("table_name") == "system_names").is_empty():
        return AUDIT.to_frame()
    fragments, keys = _fragments(history), _keys(history)
    strays = fragments.filter(pl.col("correlation_id").is_null())
    known = fragments.drop_nulls("correlation_id")
    if strays.is_empty() or known.is_empty():
        return AUDIT.to_frame()
    rates = _agreements(known, keys)
    found = []
    for (label,), part in strays.group_by("label", maintain_order=True):
        delay = _delay(str(label), known, within_hours=within_hours)
        pairs = _pairs(part, known, keys, rates, delay)
        if pairs.height:
            found.append(_judged(pairs, part, delay, least=least))
    if not found:
        return AUDIT.to_frame()
    return pl.concat(found).sort("confidence", "fragment", descending=[True, False]).select(AUDIT.names())


def _fragments(history: History) -> pl.DataFrame:
    """Return every trace, lone log line and outcome: when, where it began, its id, its money."""
    return history.sql("""
        WITH named AS (
            SELECT trace_key, min(correlation_id) AS correlation_id
            FROM (
                SELECT trace_key, correlation_id FROM main.spans WHERE correlation_id IS NOT NULL
                UNION ALL
                SELECT trace_key, correlation_id FROM main.log_records
                WHERE correlation_id IS NOT NULL AND trace_key IS NOT NULL
                UNION ALL
                SELECT s.trace_key, r.correlation_id
                FROM main.spans AS s JOIN main.runs AS r ON r.run_id = s.run_id
                WHERE r.correlation_id IS NOT NULL
            )
            GROUP BY trace_key
        ),
        traces AS (
            SELECT
                s.trace_id AS fragment, 'trace' AS kind,
                arg_min(coalesce(n.system, s.system), (s.start_us, s.span_uid)) AS system,
                min(s.start_us) AS start_us, max(s.amount) AS amount,
                any_value(named.correlation_id) AS correlation_id, 'trace' AS what
            FROM spans AS s
            LEFT JOIN system_names AS n ON n.name = s.system
            LEFT JOIN named ON named.trace_key = s.trace_key
            WHERE s.start_us IS NOT NULL
            GROUP BY s.trace_id
        ),
        lines AS (
            SELECT l.log_uid::VARCHAR, 'log', coalesce(n.system, l.system), l.log_us,
                TRY_CAST(l.attributes ->> '$.amount' AS DOUBLE), l.correlation_id, 'log'
            FROM log_records AS l
            LEFT JOIN system_names AS n ON n.name = l.system
            WHERE l.trace_key IS NULL AND l.log_us IS NOT NULL
        ),
        checks AS (
            SELECT o.outcome_uid::VARCHAR, 'outcome', coalesce(n.system, o.system, 'unknown'),
                epoch_us(o.checked_at), o.amount, nullif(o.correlation_id, ''), coalesce(o.check_name, 'outcome')
            FROM outcomes AS o
            LEFT JOIN system_names AS n ON n.name = o.system
            WHERE o.checked_at IS NOT NULL
        )
        SELECT fragment, kind, coalesce(system, 'unknown') AS system, start_us, amount, correlation_id,
            concat(what, ' of ', coalesce(system, 'unknown')) AS label
        FROM (SELECT * FROM traces UNION ALL SELECT * FROM lines UNION ALL SELECT * FROM checks)
        ORDER BY kind, system, start_us, fragment
    """)


def _keys(history: History) -> pl.DataFrame:
    """Return the keys of the business that records carry besides the id: customers, message ids, cases."""
    return history.sql("""
        SELECT DISTINCT fragment, kind, what, value
        FROM (
            SELECT trace_id AS fragment, 'trace' AS kind, unnest(['customer', 'message_id']) AS what,
                unnest([customer, message_id]) AS value
            FROM spans
            WHERE customer IS NOT NULL OR message_id IS NOT NULL
            UNION ALL
            SELECT log_uid::VARCHAR, 'log', unnest(['case_id', 'customer']),
                unnest([case_id, attributes ->> '$.customer'])
            FROM log_records
            WHERE trace_key IS NULL AND (case_id IS NOT NULL OR attributes IS NOT NULL)
        )
        WHERE value IS NOT NULL
        ORDER BY fragment, what, value
    """)


def _agreements(known: pl.DataFrame, keys: pl.DataFrame) -> dict[str, float]:
    """Return, for each key and for amounts, how often two records of one transaction agree."""
    named = keys.join(known.select("fragment", "kind", "correlation_id"), on=["fragment", "kind"])
    amounts = known.drop_nulls("amount").select(
        "fragment", "correlation_id", what=pl.lit("amount"), value=_cents(pl.col("amount")).cast(pl.String)
    )
    rows = pl.concat([named.select("fragment", "correlation_id", "what", "value"), amounts])
    first = rows.sort("fragment", "value").unique(["correlation_id", "what"], keep="first", maintain_order=True)
    rest = rows.join(first, on=["correlation_id", "what"], suffix="_first").filter(
        pl.col("fragment") != pl.col("fragment_first")
    )
    counted = rest.group_by("what").agg(
        same=(pl.col("value") == pl.col("value_first")).sum().cast(pl.Float64), seen=pl.len()
    )
    prior = _AGREE[0], sum(_AGREE)
    return {
        what: (float(same) + prior[0]) / (float(seen) + prior[1]) for what, same, seen in counted.sort("what").rows()
    }


def _cents(amount: pl.Expr) -> pl.Expr:
    return (amount * 100).round(0).cast(pl.Int64)


def _delay(label: str, known: pl.DataFrame, *, within_hours: float) -> _Delay:
    """Learn after which other record a kind of record comes, and how long after."""
    mine = known.filter(pl.col("label") == label).group_by("correlation_id").agg(pl.col("start_us").min())
    others = known.filter(pl.col("label") != label)
    starts = others.group_by("correlation_id").agg(pl.col("start_us").min(), label=pl.lit(_START))
    labelled = others.group_by("correlation_id", "label").agg(pl.col("start_us").min()).select(starts.columns)
    joined = mine.join(pl.concat([starts, labelled]), on="correlation_id", suffix="_before")
    delays = (
        joined.with_columns(seconds=(pl.col("start_us") - pl.col("start_us_before")) / 1e6)
        .group_by(anchor="label")
        .agg("seconds")
        .filter(pl.col("seconds").list.len() >= max(_TAUGHT, 0.9 * mine.height))
        .sort("anchor")
    )
    limit = within_hours * 3600
    if delays.is_empty():
        # Nobody knows: soon is likelier than late, by the same ratio for every doubling.
        spread = np.sort(_scaled(np.geomspace(1.0, limit, 200)))
        return _Delay(_START, spread, 0.3, 0.0, limit, is_taught=False)
    chosen = min(
        delays.iter_rows(),
        key=lambda row: (float(np.subtract(*np.quantile(_scaled(np.array(row[1])), [0.75, 0.25]))), row[0]),
    )
    seconds = np.array(chosen[1], dtype=np.float64)
    scaled = np.quantile(_scaled(seconds), np.linspace(0, 1, min(len(seconds), _MOST_KNOWN)))
    width = max(0.02, 0.9 * float(np.std(scaled)) * len(scaled) ** -0.2)
    margin = 0.25 * (seconds.max() - seconds.min()) + 1.0
    low, high = float(seconds.min() - margin), float(seconds.max() + margin)
    return _Delay(str(chosen[0]), scaled, width, low, high, is_taught=True)


def _pairs(
    strays: pl.DataFrame,
    known: pl.DataFrame,
    keys: pl.DataFrame,
    rates: dict[str, float],
    delay: _Delay,
) -> pl.DataFrame:
    """Return each stray with the transactions that it may belong to, and how much speaks for each."""
    alike = pl.col("label") == strays["label"][0]
    others = known.filter(~alike)
    anchors = others if delay.anchor == _START else others.filter(pl.col("label") == delay.anchor)
    transactions = anchors.group_by("correlation_id").agg(anchor_us=pl.col("start_us").min()).sort("anchor_us")
    taken = known.filter(alike).group_by("correlation_id").agg(pl.len().alias("taken"))
    # How often one that has such a record has another.
    again = (taken.filter(pl.col("taken") > 1).height + 0.5) / (taken.height + 1)
    # Where nobody teaches how long it takes, time alone says nothing.
    near = [_nearest(strays, transactions, delay)] if delay.is_taught else []
    candidates = pl.concat([_sharing(strays, others, keys), *near]).unique()
    pairs = (
        candidates.join(transactions, on="correlation_id")
        .join(strays.select("fragment", "start_us", "amount"), on="fragment")
        .with_columns(seconds=(pl.col("start_us") - pl.col("anchor_us")) / 1e6)
        .filter(pl.col("seconds").is_between(delay.low, delay.high))
        .join(taken, on="correlation_id", how="left")
        .sort("fragment", "correlation_id")
    )
    if pairs.is_empty():
        return pairs
    window = max(1.0, float(np.ptp(known["start_us"].to_numpy())) / 1e6)
    density = delay.density(pairs["seconds"].to_numpy())
    pairs = pairs.with_columns(time_factor=pl.Series(density * window))
    pairs = _compared(pairs, others, keys, rates)
    prior = (1 - _STRANGERS) / _STRANGERS / transactions.height
    return pairs.with_columns(
        ratio=prior
        * pl.col("time_factor")
        * pl.col("key_factor")
        * pl.col("amount_factor")
        * pl.when(pl.col("taken") > 0).then(again).otherwise(1.0)
    )


def _sharing(strays: pl.DataFrame, others: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs that agree on a key or on the amount."""
    named = keys.join(others.select("fragment", "kind", "correlation_id"), on=["fragment", "kind"])
    mine = keys.join(strays.select("fragment", "kind"), on=["fragment", "kind"], how="semi")
    by_key = mine.join(named.select("what", "value", "correlation_id"), on=["what", "value"])
    cents = others.drop_nulls("amount").select("correlation_id", cents=_cents(pl.col("amount")))
    by_amount = strays.drop_nulls("amount").with_columns(cents=_cents(pl.col("amount"))).join(cents, on="cents")
    return pl.concat([by_key.select("fragment", "correlation_id"), by_amount.select("fragment", "correlation_id")])


def _nearest(strays: pl.DataFrame, transactions: pl.DataFrame, delay: _Delay) -> pl.DataFrame:
    """Return the pairs whose delay is nearest to the middle of those seen."""
    anchors = transactions["anchor_us"].to_numpy() / 1e6
    middle = float(np.sinh(np.median(delay.known)))
    wanted = strays["start_us"].to_numpy() / 1e6 - middle
    places = np.searchsorted(anchors, wanted)[:, None] + np.arange(-_NEAREST, _NEAREST)[None, :]
    rows, columns = np.nonzero((places >= 0) & (places < len(anchors)))
    return pl.DataFrame(
        {
            "fragment": strays["fragment"].gather(rows),
            "correlation_id": transactions["correlation_id"].gather(places[rows, columns]),
        }
    )


def _compared(pairs: pl.DataFrame, others: pl.DataFrame, keys: pl.DataFrame, rates: dict[str, float]) -> pl.DataFrame:
    """Add how much keys and amounts speak for each pair, and which agree and differ."""
    named = keys.join(others.select("fragment", "kind", "correlation_id"), on=["fragment", "kind"])
    theirs = named.group_by("correlation_id", "what").agg(pl.col("value").unique())
    usual = pl.concat([keys.select("what", "value")]).group_by("what", "value").agg(pl.len().alias("n"))
    usual = usual.with_columns(by_chance=pl.col("n") / pl.col("n").sum().over("what"))
    default = _AGREE[0] / sum(_AGREE)
    rate = pl.col("what").replace_strict(rates, default=default, return_dtype=pl.Float64)
    compared = (
        pairs.select("fragment", "correlation_id")
        .join(keys.select("fragment", "what", mine="value"), on="fragment")
        .join(theirs, on=["correlation_id", "what"])
        .join(usual, left_on=["what", "mine"], right_on=["what", "value"])
        .with_columns(same=pl.col("mine").is_in(pl.col("value")))
        .with_columns(factor=pl.when("same").then(rate / pl.col("by_chance")).otherwise(1 - rate))
    )
    # Keys hang together, as a customer and the customer's number do: only the strongest of them counts.
    by_pair = compared.group_by("fragment", "correlation_id").agg(
        key_factor=pl.col("factor").filter(pl.col("same")).max().fill_null(1.0)
        * pl.col("factor").filter(~pl.col("same")).min().fill_null(1.0),
        agrees=pl.col("what").filter(pl.col("same")).unique().sort().str.join(", "),
        differs=pl.col("what").filter(~pl.col("same")).unique().sort().str.join(", "),
    )
    money = others.drop_nulls("amount").select("correlation_id", cents=_cents(pl.col("amount")))
    counts = money.unique().group_by("cents").agg(pl.len().alias("n"))
    counts = counts.with_columns(by_chance=pl.col("n") / pl.col("n").sum())
    sums = money.group_by("correlation_id").agg(pl.col("cents").unique())
    frame = (
        pairs.join(by_pair, on=["fragment", "correlation_id"], how="left")
        .with_columns(mine=_cents(pl.col("amount")))
        .join(sums, on="correlation_id", how="left")
        .join(counts, left_on="mine", right_on="cents", how="left")
        .with_columns(same=pl.col("mine").is_in(pl.col("cents")))
        .sort("fragment", "correlation_id")
    )
    alike = rates.get("amount", default)
    return frame.with_columns(
        pl.col("key_factor").fill_null(1.0),
        amount_factor=pl.when(pl.col("same"))
        .then(alike / pl.col("by_chance"))
        .when(~pl.col("same"))
        .then(1 - alike)
        .otherwise(1.0),
        agrees_on=_joined(pl.col("agrees"), pl.col("same")),
        differs_on=_joined(pl.col("differs"), ~pl.col("same")),
    )


def _joined(words: pl.Expr, amount: pl.Expr) -> pl.Expr:
    return pl.concat_str(
        [words.replace("", None), pl.when(amount).then(pl.lit("amount"))], separator=", ", ignore_nulls=True
    )


def _judged(pairs: pl.DataFrame, strays: pl.DataFrame, delay: _Delay, *, least: float) -> pl.DataFrame:
    """Share confidence among what competes, and decide."""
    fragments = pairs["fragment"].rank("dense").to_numpy().astype(int) - 1
    transactions = pairs["correlation_id"].rank("dense").to_numpy().astype(int) - 1
    believed = _beliefs(fragments, transactions, pairs["ratio"].to_numpy())
    ranked = (
        pairs.with_columns(confidence=pl.Series(believed))
        .with_columns(best_claim=pl.col("confidence") == pl.col("confidence").max().over("correlation_id"))
        .sort("fragment", "confidence", "correlation_id", descending=[False, True, False])
        .with_columns(
            runner_up=pl.col("correlation_id").shift(-1).over("fragment"),
            runner_up_confidence=pl.col("confidence").shift(-1).over("fragment"),
            rivals=(pl.col("ratio") >= 0.01 * pl.col("ratio").max()).sum().over("fragment").cast(pl.Int64) - 1,
        )
        .unique("fragment", keep="first", maintain_order=True)
        .join(strays.select("fragment", "kind", "system"), on="fragment")
    )
    low, high = (float(np.sinh(np.quantile(delay.known, q))) if delay.is_taught else None for q in (0.05, 0.95))
    agreed = pl.col("agrees_on").replace("", None)
    return ranked.with_columns(
        accepted=(pl.col("confidence") >= least) & pl.col("best_claim"),
        at=pl.from_epoch("start_us", time_unit="us"),
        after_seconds=pl.col("seconds"),
        after=pl.lit(delay.anchor),
        usual_low=pl.lit(low, pl.Float64),
        usual_high=pl.lit(high, pl.Float64),
        why=pl.format(
            "{} s after {}{}{}{}",
            pl.col("seconds").round(1),
            pl.lit(delay.anchor),
            pl.when(agreed.is_not_null()).then(pl.format(", same {}", agreed.fill_null(""))).otherwise(pl.lit("")),
            pl.when(pl.col("differs_on").replace("", None).is_not_null())
            .then(pl.format(", other {}", pl.col("differs_on").fill_null("")))
            .otherwise(pl.lit("")),
            pl.when(pl.col("rivals") > 0)
            .then(pl.format("; {} other transactions come near", pl.col("rivals")))
            .otherwise(pl.lit("; no other comes near")),
        ),
    ).select(AUDIT.names())


def _beliefs(fragments: npt.NDArray[np.int_], transactions: npt.NDArray[np.int_], ratio: Floats) -> Floats:
    """Return the chance of each pair when a fragment belongs to one transaction at most, and takes it for itself."""
    free = np.ones(len(ratio))  # how far each transaction is left to each fragment by the others
    for _ in range(_ROUNDS):
        claimed = ratio * free
        total = np.bincount(fragments, claimed)[fragments]
        claim = ratio / (1 + total - claimed)
        wanted = np.bincount(transactions, claim)[transactions]
        updated = 1 / (1 + np.maximum(wanted - claim, 0.0))
        if np.max(np.abs(updated - free)) < 1e-6:
            free = updated
            break
        free = np.sqrt(updated * free)
    claimed = ratio * free
    return np.asarray(claimed / (1 + np.bincount(fragments, claimed)[fragments]))
