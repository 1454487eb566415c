"""Ctrl-C at any moment of a load leaves the history as it was, and the next load finds nothing in its way."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.loaders.traces import otlp

if TYPE_CHECKING:
    from handoff_analytics.loaders import Detection, Sink, Source

CHILD = """
import sys
import handoff_analytics as ha
ha.load(sys.argv[1], quiet=True)  # so that no interrupt falls into an import
print("go", flush=True)
try:
    ha.load(sys.argv[2], into=sys.argv[3], quiet=True)
    print("loaded", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
TABLES = ("loads", "spans", "span_links", "log_records", "rejects", "quality_flags", "crossings", "handoffs")


def state(path: Path) -> dict[str, tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            table: connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {table} AS t").fetchall()[0]
            for table in TABLES
        }


def interrupted(folder: Path, into: Path, after_s: float | None) -> tuple[str, float]:
    """Load more into a history in a process of its own, and say how that ended and how long it took."""
    program = [sys.executable, "-c", CHILD, str(folder / "before"), str(folder / "more"), str(into)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        begun = time.monotonic()
        if after_s is not None:
            time.sleep(after_s)
            child.send_signal(signal.SIGINT)
        answer = child.stdout.read().strip()
    return answer, time.monotonic() - begun


MODEL = ("systems", "crossings", "failures", "handoffs", "cascades")


def shown(path: Path) -> list[object]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return [connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in MODEL]


@pytest.mark.parametrize("at", [1, 3])
def test_between_files_an_interrupt_leaves_the_model_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    for number, name in enumerate(("before", "a", "b", "c")):
        samples.write_spans(tmp_path / name, spans=60, seed=number, form="otlp")
    more = [tmp_path / name for name in ("a", "b", "c")]
    into = tmp_path / "h.duckdb"
    ha.load(tmp_path / "before", into=into, quiet=True)
    model_before = shown(into)
    read: list[str] = []
    known = otlp.FORMATS[0]

    def interrupted_parse(source: Source, sink: Sink, found: Detection) -> None:
        read.append(source.name)
        known.parse(source, sink, found)
        if len(read) == at:
            raise KeyboardInterrupt

    monkeypatch.setattr("handoff_analytics.loaders.formats", lambda: (replace(known, parse=interrupted_parse),))
    with pytest.raises(KeyboardInterrupt):
        ha.load(more, into=into, quiet=True)
    monkeypatch.undo()
    assert len(read) == at
    assert shown(into) == model_before
    # What was read whole before it stays, and is seen after the next load.
    assert ha.open(into).loads.height == at
    ha.load(more, into=into, quiet=True)
    whole = ha.load([tmp_path / "before", *more], into=tmp_path / "whole.duckdb", quiet=True)
    assert shown(into) == shown(Path(whole.path))
    assert ha.check(ha.open(into))["passed"].all()


@pytest.mark.slow
def test_a_load_that_is_interrupted_leaves_the_history_as_it_was(tmp_path: Path) -> None:
    samples.write_spans(tmp_path / "before", spans=500, form="otlp")
    samples.write_spans(tmp_path / "more", spans=20_000, seed=2, form="otlp")
    into = tmp_path / "h.duckdb"
    ha.load(tmp_path / "before", into=into, quiet=True)
    before = state(into)
    whole = tmp_path / "whole.duckdb"
    shutil.copy(into, whole)
    answer, took_s = interrupted(tmp_path, whole, None)
    assert answer == "loaded"
    ended = []
    for share in (0.0, 0.15, 0.4, 0.65, 0.9):
        answer, _ = interrupted(tmp_path, into, share * took_s)
        ended.append(answer)
        assert answer in {"interrupted", "loaded"}
        if answer == "loaded":
            break
        assert state(into) == before
    # The machine may be faster at the end than it was at first, but not as much as this.
    assert ended.count("interrupted") >= 2
    if ended[-1] != "loaded":
        ha.load(tmp_path / "more", into=into, quiet=True)
    for table in ("spans", "span_links", "crossings", "handoffs"):
        assert state(into)[table][0] == state(whole)[table][0]
