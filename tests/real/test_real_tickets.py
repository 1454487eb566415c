"""Do real ticket exports give the answers that are known of them?"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import handoff_analytics as ha
from handoff_analytics.errors import UnknownFormatError

DATA = Path(os.environ.get("HANDOFFS_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
MAPPINGS = Path(__file__).parent / "mappings"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data is not at {DATA}: set HANDOFFS_REAL_DATA"),
]


@pytest.fixture(scope="module")
def uci() -> ha.History:
    begun = time.perf_counter()
    history = ha.load(DATA / "uci_incident_event_log", timezone="UTC", quiet=True)
    assert time.perf_counter() - begun < 60, "an audit log of 141,712 rows loads in seconds, even on a busy machine"
    return history


def test_every_row_of_the_audit_log_is_loaded(uci: ha.History) -> None:
    load = uci.loads.row(0, named=True)
    assert (load["format"], load["seen"], load["loaded"], load["rejected"]) == ("servicenow", 141_712, 141_712, 0)
    assert "day before month" in load["notes"]
    assert uci.sql("SELECT count(*) AS n FROM tickets").item() == 24_918
    doubtful = dict(uci.quality.select("flag", "doubtful").rows())
    # Five rows were updated before they were opened, five have the state -100.
    assert (doubtful["clock_skew"], doubtful["unknown_status"]) == (5, 5)


def test_what_is_known_of_the_whole_log(uci: ha.History) -> None:
    told = uci.sql("""
        SELECT count(DISTINCT team) AS groups, count(*) FILTER (WHERE team IS NULL) AS without,
            count(*) FILTER (WHERE state = '-100') AS odd
        FROM ticket_snapshots
    """)
    # 14,213 rows have no group; the 79 groups that the log is known for count nobody as one.
    assert told.row(0) == (78, 14_213, 5)
    load = uci.loads.row(0, named=True)
    assert (f"{load['first_at']:%Y-%m-%d}", f"{load['last_at']:%Y-%m-%d}") == ("2016-02-29", "2017-02-18")
    # 3,141 of the rows have no time of resolution: those of these tickets.
    unresolved = uci.sql(
        "SELECT count(*) FROM ticket_snapshots SEMI JOIN (FROM tickets WHERE resolved_at IS NULL) USING (ticket_uid)"
    )
    assert unresolved.item() == 3_141


def test_handoffs_between_groups_are_the_known_ones(uci: ha.History) -> None:
    handoffs = "ticket_events WHERE field = 'team' AND old_value IS NOT NULL"
    counted = uci.sql(
        f"SELECT count(*) AS n, count(DISTINCT ticket_uid) AS tickets, count(DISTINCT (old_value, new_value)) AS pairs FROM {handoffs}"
    )
    assert counted.row(0) == (19_088, 9_575, 1_060)
    top = uci.sql(
        f"SELECT old_value, new_value, count(*) AS n FROM {handoffs} GROUP BY ALL ORDER BY n DESC, old_value LIMIT 3"
    )
    assert top.rows() == [("20", "70", 1_088), ("70", "39", 1_060), ("70", "20", 1_056)]
    assert uci.sql("SELECT count(*) AS n FROM team_handoffs").item() == 19_088


def test_the_first_group_is_mostly_the_last(uci: ha.History) -> None:
    share = uci.sql("""
        WITH held AS (
            SELECT t.ticket_uid, t.team AS final, arg_min(coalesce(e.old_value, e.new_value), e.sequence) AS first
            FROM tickets AS t
            LEFT JOIN ticket_events AS e ON e.ticket_uid = t.ticket_uid AND e.field = 'team'
            GROUP BY ALL
        )
        SELECT count(*) FILTER (WHERE coalesce(first, final) = final) / count(*) AS share FROM held
    """).item()
    assert round(share, 3) == 0.651


def test_attention_gives_the_known_answers(uci: ha.History) -> None:
    row = ha.routing(uci).row(0, named=True)
    incidents = uci.sql("SELECT count(*) AS n FROM tickets").item()
    assert row["handovers"] == 19_088
    assert row["tickets"] - round(row["single_team_share"] * row["tickets"]) == 9_575
    # Published as shares of all incidents; a few of those never had a group.
    assert round(row["first_is_last_share"] * row["tickets"] / incidents, 3) == 0.651
    assert round(row["ping_pong_direct"] * row["tickets"] / incidents, 3) == 0.089
    assert row["ping_pong_any"] > row["ping_pong_direct"]
    network = ha.team_network(uci)
    assert (network.height, network["handovers"].sum()) == (1_060, 19_088)
    assert network.select("source", "target", "handovers").head(3).rows() == [
        ("20", "70", 1_088), ("70", "39", 1_060), ("70", "20", 1_056)
    ]  # fmt: skip
    # Nobody loaded telemetry of these systems: no ticket is linked to a failure, and nothing is called misdirected.
    assert (row["linked"], row["first_right_share"]) == (0, None)
    assert ha.attention(uci)["hours_misdirected"].sum() == 0


def test_medians_and_kept_agreements_fall_with_every_reassignment(uci: ha.History) -> None:
    table = uci.sql("""
        SELECT least(reassignments, 4) AS reassignments, count(*) AS tickets,
            median(date_diff('minute', opened_at, resolved_at) / 60) AS hours, avg(sla_met::INTEGER) AS kept
        FROM tickets
        GROUP BY ALL
        ORDER BY 1
    """)
    assert table["tickets"].to_list() == [13_549, 6_238, 2_283, 1_234, 1_614]
    assert [round(hours, 1) if hours < 1 else round(hours) for hours in table["hours"]] == [0.7, 42, 103, 146, 239]
    assert [round(kept, 2) for kept in table["kept"]] == [0.78, 0.57, 0.40, 0.33, 0.19]


def test_changes_of_group_agree_with_what_was_counted(uci: ha.History) -> None:
    # ServiceNow counts giving a ticket to nobody as a reassignment too; our handoffs go from group to group.
    agreeing = uci.sql("""
        WITH states AS (
            SELECT ticket_uid, coalesce(team, '') AS team, lag(coalesce(team, '')) OVER (
                PARTITION BY ticket_uid ORDER BY sequence, snapshot_at, snapshot_uid
            ) AS before
            FROM ticket_snapshots
        ),
        counted AS (
            SELECT ticket_uid, count(*) FILTER (WHERE before <> team) AS changes FROM states GROUP BY ticket_uid
        )
        SELECT avg((t.reassignments = c.changes)::INTEGER) AS share FROM tickets AS t JOIN counted AS c USING (ticket_uid)
    """).item()
    assert agreeing > 0.95


def test_a_list_of_the_interface_and_an_issue_search_load_whole() -> None:
    history = ha.load(
        [DATA / "servicenow_rest" / "incidents_REST.csv", DATA / "gitbugs" / "hadoop_bugs.csv"],
        timezone="UTC",
        quiet=True,
    )
    assert history.loads.select("format", "seen", "loaded", "rejected").rows() == [
        ("servicenow", 67, 67, 0),
        ("jira_issue_ids", 2_503, 2_503, 0),
    ]
    stages = history.sql("SELECT DISTINCT state_category FROM tickets WHERE platform = 'servicenow' ORDER BY 1")
    assert set(stages["state_category"]) <= {"open", "in_progress", "waiting", "resolved", "closed", "cancelled"}
    assert history.sql("SELECT count(*) AS n FROM tickets WHERE opened_at IS NULL").item() == 0


def test_tables_of_incidents_load_and_other_tables_are_refused() -> None:
    loaded = refused = 0
    for file in sorted((DATA / "insight_bench").glob("flag-*.csv")):
        header = file.read_text(encoding="utf-8").splitlines()[0].split(",")
        try:
            history = ha.load(file, timezone="UTC", quiet=True)
        except UnknownFormatError:
            # Users, goals and assets are no evidence of anything that was handed over.
            assert not {"number", "opened_at"} <= set(header), file.name
            refused += 1
            continue
        load = history.loads.row(0, named=True)
        if load["kind"] != "tickets":
            assert not {"number", "opened_at"} <= set(header), file.name
            refused += 1
            continue
        assert load["seen"] == load["loaded"] + load["duplicate"], file.name
        assert history.sql("SELECT count(*) AS n FROM tickets WHERE opened_at IS NULL").item() == 0, file.name
        loaded += 1
    assert loaded >= 30
    assert refused > 0


@pytest.mark.parametrize(
    ("mapping", "files", "check"),
    [
        (
            "petshop_issue.toml",
            "petshop_train/*/train/*/target.json",
            lambda history: history.sql("SELECT count(*) AS n FROM ticket_systems WHERE role = 'caused'").item(),
        ),
        (
            "hotel_labels.toml",
            "tvdiag_hotel/label.csv",
            lambda history: history.sql("SELECT count(*) AS n FROM tickets").item(),
        ),
    ],
)
def test_a_mapping_reads_what_no_loader_knows(mapping: str, files: str, check: Callable[[ha.History], int]) -> None:
    found = sorted(DATA.glob(files))
    history = ha.load(found, mapping=MAPPINGS / mapping, quiet=True)
    assert history.loads["rejected"].sum() == 0
    assert check(history) == history.loads["loaded"].sum() > 0
