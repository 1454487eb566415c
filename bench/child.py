"""How much memory does one task take in a process of its own?

    python bench/child.py TASK ARGUMENTS

prints seconds, processor seconds and the peak of resident memory of the whole process, imports included, as JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def load(files: str, into: str) -> None:
    """Load OTLP files into a new history."""
    import handoff_analytics as ha

    Path(into).unlink(missing_ok=True)
    ha.load(files, into=into, quiet=True)


def count(path: str, query: str) -> None:
    """Ask a history."""
    import handoff_analytics as ha

    ha.open(path).sql(query)


def simulate(handoffs: str, years: str) -> None:
    """Simulate years of losses; only what is over the imports and the first small run counts."""
    import numpy as np

    from handoff_analytics.economics.simulation import Hazard, simulate

    random = np.random.default_rng(1)
    hazards = tuple(
        Hazard(np.array([rate]), random.lognormal(6, 1, 200)) for rate in random.uniform(0.5, 4, int(handoffs))
    )
    simulate(hazards[:2], parameter_draws=2, years=50)
    global _before  # noqa: PLW0603 - what the imports took is known only here
    _before = _peak_mb()
    simulate(hazards, parameter_draws=100, years=int(years) // 100)


_before = 0.0


def _peak_mb() -> float:
    # Not ru_maxrss: a child inherits its parent's.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def measured(task: str, *arguments: str) -> dict[str, Any]:
    """Run a task in a process of its own."""
    done = subprocess.run([sys.executable, __file__, task, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task} failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    began = time.perf_counter()
    {"load": load, "count": count, "simulate": simulate}[sys.argv[1]](*sys.argv[2:])
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - began,
                "cpu_s": used.ru_utime + used.ru_stime,
                "peak_mb": _peak_mb(),
                "over_mb": _peak_mb() - _before,
            }
        )
    )
