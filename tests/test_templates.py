"""Lines of known templates come back as those templates, in any order, and pairs that differ in one word stay apart."""

import random
import re
import uuid

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import handoff_analytics as ha
from handoff_analytics.templates import log_templates, masked, templates_of

PEOPLE = [
    "ann",
    "bob",
    "carol",
    "dave",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "mallory",
    "niaj",
    "olga",
    "peggy",
    "rupert",
    "sybil",
    "trent",
    "vera",
    "wim",
    "yves",
]
PLACES = [
    "alpha",
    "bravo",
    "delta",
    "echo",
    "golf",
    "hotel",
    "india",
    "kilo",
    "lima",
    "mike",
    "oscar",
    "papa",
    "romeo",
    "sierra",
    "tango",
    "union",
    "victor",
    "xray",
    "zulu",
]
REGIONS = ["north", "south", "east", "west"]
REASONS = ["disk full", "connection reset by peer", "schema changed", "no route"]

VALUES = {
    "number": lambda r: str(r.randrange(10 ** r.randrange(1, 7))),
    "address": lambda r: ".".join(str(r.randrange(256)) for _ in range(4)),
    "uuid": lambda r: str(uuid.UUID(int=r.getrandbits(128))),
    "hex": lambda r: f"{r.getrandbits(64):016x}",
    "ms": lambda r: f"{r.randrange(9000)}ms",
    "share": lambda r: f"{r.random() * 100:.3f}",
    "person": lambda r: r.choice(PEOPLE),
    "place": lambda r: r.choice(PLACES),
    "login": lambda r: f"{r.choice(PEOPLE)}.{r.choice(PLACES)}",
    "host": lambda r: f"{r.choice(PLACES)}-{r.randrange(40)}.example.net",
    "path": lambda r: f"/var/lib/{r.choice(PLACES)}/{r.choice(PEOPLE)}",
    "order": lambda r: f"ORD-{r.randrange(10**6):06d}",
    "mail": lambda r: f"{r.choice(PEOPLE)}@{r.choice(PLACES)}.example",
    "url": lambda r: f"https://{r.choice(PLACES)}.example.net/v1/{r.choice(PEOPLE)}",
    "flag": lambda r: r.choice(["true", "false"]),
    "list": lambda r: "[" + ", ".join(str(r.randrange(999)) for _ in range(r.randrange(1, 6))) + "]",
    "block": lambda r: f"blk_{r.choice(['', '-'])}{r.getrandbits(60)}",
    "date": lambda r: f"2026-0{r.randrange(1, 10)}-1{r.randrange(10)} 1{r.randrange(10)}:0{r.randrange(10)}:22",
    "region": lambda r: r.choice(REGIONS),  # too few words to be known as a value
    "reason": lambda r: r.choice(REASONS),  # words in any number
}
TEMPLATES = """VM Started
VM Paused
VM {uuid} Started
VM {uuid} Paused
connection to {host} opened
connection to {host} closed
Order {order} accepted by erp
Order {order} rejected by erp
User {login} logged in from {address}
User {login} logged out
Received block {block} of size {number} from {address}
PacketResponder {number} for block {block} terminating
Fetching {url} took {ms}
GET {path} returned {number} in {ms}
cache hit ratio {share} over {number} keys
cache miss ratio {share} over {number} keys
retry {number} of {number} for {order}
giving up on {order} after {number} attempts
mail to {mail} sent
mail to {mail} bounced: mailbox full
token for client {person} expires at {date}
token for client {person} refreshed
payment {uuid} declined: insufficient funds
payment {uuid} captured amount={share} currency=EUR
session {hex} created for {person}
session {hex} destroyed
pool size={number} active={number} idle={number}
Route is Route(id={uuid}, stations={list})
assigned partitions {list} to consumer {person}
config reloaded enabled={flag} source={path}
schema mismatch: field "{person}" expected text got integer
schema mismatch: field "{person}" missing
Health check passed
Health check failed
shutdown requested
shutdown complete
lock {place} acquired after {ms}
lock {place} released
job {place} finished with status ok
job {place} finished with status failed
invoice INV-{number} posted to ledger {number}
stock of {place} below threshold {number}
webhook delivered to {url}
webhook delivery to {url} failed: timeout after {ms}
instruction cache parity error corrected
data cache parity error corrected
authentication failure for {login} rhost={address}
Accepted password for {person} from {address} port {number} ssh2
Failed password for {person} from {address} port {number} ssh2
Failed password for invalid user {person} from {address} port {number} ssh2
{person} opened project {place} for review
{person} closed project {place} for good
replica {host} in sync
replica {host} out of sync by {number} entries
compensation for {order} started
compensation for {order} failed: {number} steps left
region {region} drained
snapshot of {host} aborted: {reason}
transfer from {place} to {place} done""".splitlines()


def lines(n: int, seed: int = 1) -> pl.DataFrame:
    """Lines of the templates above, a few of them frequent, each with the number of its template."""
    r = random.Random(seed)
    labels = r.choices(range(len(TEMPLATES)), [1 / (1 + place % 17) for place in range(len(TEMPLATES))], k=n)
    bodies = [re.sub(r"\{(\w+)\}", lambda match: VALUES[match[1]](r), TEMPLATES[label]) for label in labels]
    return pl.DataFrame({"body": bodies, "label": labels})


def grouping_accuracy(found: pl.DataFrame) -> float:
    """Share of lines whose group holds all lines of one true template and no other (Zhu et al. 2019)."""
    groups = found.group_by("template").agg(
        pl.col("label").n_unique().alias("kinds"), pl.col("label").first(), pl.len()
    )
    truth = found.group_by("label").agg(pl.len().alias("lines"))
    right = groups.join(truth, on="label").filter((pl.col("kinds") == 1) & (pl.col("len") == pl.col("lines")))
    return right["len"].sum() / found.height


def named(records: pl.DataFrame) -> pl.DataFrame:
    masks = records.with_columns(masked(pl.col("body")).alias("mask"))
    return masks.join(templates_of(masks["mask"]), on="mask", maintain_order="left")


@pytest.mark.parametrize(("n", "least"), [(2_000, 0.84), (20_000, 0.96)])
def test_lines_of_known_templates_are_grouped_as_they_were_made(n, least):
    found = named(lines(n))
    assert grouping_accuracy(found) >= least
    together = found.group_by("template").agg(pl.col("label").n_unique().alias("kinds"))
    assert together["kinds"].max() == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("VM Started", "VM Paused"),
        ("VM 17 Started", "VM 17 Paused"),
        ("payment 7 accepted", "payment 7 rejected"),
        ("replica in sync", "replica out of sync"),
        ("port:80 open", "retries:80 open"),
    ],
)
def test_minimal_pairs_stay_apart(one, other):
    found = named(pl.DataFrame({"body": [one] * 30 + [other] * 30, "label": [0] * 30 + [1] * 30}))
    assert found["template"].n_unique() == 2


def test_ids_do_not_depend_on_the_order_of_lines_or_on_repetition():
    records = lines(3_000)
    shuffled = pl.concat([records, records]).sample(fraction=1.0, shuffle=True, seed=7)
    once = templates_of(records.select(masked(pl.col("body")))["body"])
    assert once.equals(templates_of(shuffled.select(masked(pl.col("body")))["body"]))


@given(st.lists(st.text(alphabet="ab1 <*>=\"'/:.,", max_size=30), max_size=40), st.randoms(use_true_random=False))
def test_every_line_has_one_template_whatever_the_order(bodies, shuffle):
    mixed = list(bodies)
    shuffle.shuffle(mixed)
    before, after = (pl.DataFrame({"body": each}, schema={"body": pl.String}) for each in (bodies, mixed))
    one = named(before).select("body", "template_id").unique().sort("body")
    assert named(before).height == len(bodies)
    assert one.equals(named(after).select("body", "template_id").unique().sort("body"))


def test_a_mask_depends_on_its_line_alone():
    alone = [pl.Series([body]).to_frame("b").select(masked(pl.col("b")))["b"].item() for body in TEMPLATES]
    together = pl.Series(TEMPLATES).to_frame("b").select(masked(pl.col("b")))["b"].to_list()
    assert alone == together


def test_a_history_counts_lines_systems_and_times(history_of_lines):
    found = log_templates(history_of_lines)
    assert found.schema == {
        "template_id": pl.Int64,
        "template": pl.String,
        "records": pl.Int64,
        "systems": pl.Int64,
        "first_at": pl.Datetime("us"),
        "last_at": pl.Datetime("us"),
    }
    assert found.drop("template_id").rows()[0][:3] == ("order <*> accepted", 3, 2)
    assert found["template"].to_list() == ["order <*> accepted", "VM Paused", "VM Started"]
    assert log_templates(history_of_lines.between("2026-01-02")).height == 2


@pytest.fixture
def history_of_lines():
    history = ha.History()
    history._store.reader().execute(
        """
        INSERT INTO log_records (body, system, logged_at) VALUES
            ('order 1 accepted', 'crm', TIMESTAMP '2026-01-01'), ('order 2 accepted', 'erp', TIMESTAMP '2026-01-02'),
            ('order 77 accepted', 'erp', TIMESTAMP '2026-01-03'), ('VM Started', 'erp', TIMESTAMP '2026-01-01'),
            ('VM Paused', NULL, TIMESTAMP '2026-01-03'), (NULL, 'erp', TIMESTAMP '2026-01-03')
        """
    ).fetchall()
    return history
