"""The wheel holds all that is needed: installed elsewhere, it runs the demo on the samples that it carries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_runs_the_demo_elsewhere(tmp_path: Path) -> None:
    def run(*command: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    elsewhere = tmp_path / "elsewhere"
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(elsewhere), str(wheel))
    where = run("-c", "import handoff_analytics; print(handoff_analytics.__file__)", PYTHONPATH=str(elsewhere))
    assert Path(where.strip()).is_relative_to(elsewhere)
    said = run(
        "-c",
        "from handoff_analytics.cli import main; import sys; sys.argv = ['handoffs', 'demo']; main()",
        PYTHONPATH=str(elsewhere),
    )
    assert "Fix these handoffs first" in said
    assert (tmp_path / "handoffs.html").stat().st_size < 2_000_000
    assert (elsewhere / "handoff_analytics" / "_notebooks" / "01_explore_history.ipynb").is_file()
