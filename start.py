"""Set everything up in this folder and run one thing: needs Python 3.11 or newer with pip, and nothing else.

    python3 start.py            load the samples, rank the handoffs, write the report
    python3 start.py test       pass the tests (more after it goes to pytest, such as: test -m slow)
    python3 start.py lab        open the notebooks in JupyterLab
    python3 start.py COMMAND    any other `handoffs` command

The packages go into .venv beside this file, at the versions and hashes of the lock files.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = Path(os.environ.get("HANDOFFS_VENV", HERE / ".venv"))
PROGRAMS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
LOCK = os.environ.get("HANDOFFS_LOCK", "requirements-dev.lock")
ALL_BUT_SLOW = ("-m", "not slow", "--numprocesses", "auto", "--dist", "loadfile", "--cov", "--cov-report", "term")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")


def run(*command: str | Path) -> None:
    """Run a command with this folder as its own, and end with its exit code if it fails."""
    # Byte code makes the second start four times as fast as the first.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = subprocess.run([str(part) for part in command], cwd=HERE, env=environment, check=False).returncode
    if code:
        sys.exit(code)


def set_up(lock: Path) -> None:
    """Make the environment hold what the lock file says; does nothing when it does so already."""
    wanted = hashlib.sha256(lock.read_bytes() + (HERE / "pyproject.toml").read_bytes()).hexdigest()
    stamp = ENVIRONMENT / f"{lock.stem}.installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Setting up {ENVIRONMENT} from {lock.name}; the first time takes a minute or two.", flush=True)
    if not PYTHON.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    install = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # The lock names every package there is to install. Without --no-deps, pip 23 looks up an extra (coverage[toml])
    # beside the pins, finds a release newer than the lock, and stops because it has no hash.
    run(*install, "--no-deps", "--require-hashes", "-r", lock)
    run(*install, "--no-deps", "--no-build-isolation", "-e", HERE)
    stamp.write_text(wanted)


def main(arguments: list[str]) -> None:
    """Choose what to run."""
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    if arguments[:1] == ["test"]:
        set_up(HERE / LOCK)
        run(PYTHON, "-m", "pytest", *(arguments[1:] or ALL_BUT_SLOW))
        return
    if not (ENVIRONMENT / "requirements-dev.installed").is_file():
        set_up(HERE / "requirements.lock")
    run(PROGRAMS / "handoffs", *(arguments or ["demo"]))
    if not arguments:
        print("From this folder `handoffs` is `python3 start.py`: the notebooks open with `python3 start.py lab`.")


if __name__ == "__main__":
    main(sys.argv[1:])
