"""What other processes do while the tests of faults kill or starve them.

Run as ``python victims.py JSON`` with what `act` is given.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sys
from pathlib import Path

import handoff_analytics as ha
from handoff_analytics import integrity, store
from handoff_analytics.errors import HandoffError


def load(history: str, files: list[str]) -> None:
    """Load files."""
    ha.load(files, into=history, quiet=True)


def rebuild(history: str, _files: list[str]) -> None:
    """Build the model anew."""
    ha.check(ha.History(history), rebuild=False, repair=True)


def export(history: str, files: list[str]) -> None:
    """Write each kind of list again and again over the same files."""
    worklist = ha.remediation_list(ha.open(history))
    for _ in range(200):
        for file in files:
            ha.export_remediation(worklist, file)


def report(history: str, files: list[str]) -> None:
    """Write the report over the one that is there."""
    ha.report(ha.open(history), files[0])


ACTS = {act.__name__: act for act in (load, rebuild, export, report)}


_ = integrity  # imported before the clock starts: it brings loaders and model


def act(name: str, history: str, files: list[str], limits: dict[str, int], told: str) -> None:
    """Do one thing under limits; write to `told` how it ended: "done", or the error's name and sentence."""
    Path(told).write_text("begun")
    if "file_bytes" in limits:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_bytes"], limits["file_bytes"]))
    if "address_bytes" in limits:
        resource.setrlimit(resource.RLIMIT_AS, (limits["address_bytes"], limits["address_bytes"]))
    if "memory_mib" in limits:
        store._MEMORY_GIB = limits["memory_mib"] / 1024
    end = "done"
    try:
        ACTS[name](history, files)
    except (HandoffError, MemoryError) as refusal:
        end = f"{type(refusal).__name__}: {refusal}"
    except BaseException as fault:  # noqa: BLE001 - whatever it is, the test is told
        end = f"! {type(fault).__name__}: {fault}"
    with contextlib.suppress(OSError):
        Path(told).write_text(end)


if __name__ == "__main__":
    act(*json.loads(sys.argv[1]))
