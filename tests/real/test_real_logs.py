"""Real logs load with every record accounted for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import handoff_analytics as ha

REAL = Path(os.environ.get("HANDOFFS_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "logs"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not REAL.is_dir(), reason="the shared real data is not here")]


def test_every_line_of_an_access_log_is_accounted_for() -> None:
    history = ha.load(REAL / "apache_logs", quiet=True)
    load = history.loads.row(0, named=True)
    assert (load["format"], load["seen"]) == ("access_log", 10_000)
    assert load["loaded"] + load["duplicate"] + load["rejected"] == 10_000
    assert load["rejected"] <= 5
    assert history.sql("SELECT min(logged_at)::VARCHAR FROM log_records").item() == "2015-05-17 10:05:00"


def test_reports_of_a_server_load_as_records_of_its_time() -> None:
    load = ha.load(REAL / "nginxplus_json_logs", quiet=True).loads.row(0, named=True)
    assert (load["seen"], load["rejected"]) == (500, 0)
    assert load["loaded"] + load["duplicate"] == 500
