"""Where can I try this on my own files?

JupyterLab on a folder with a copy of the notebooks and the samples, reachable from this machine only, asking nobody for
news or updates.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from .errors import HistoryFullError, MissingExtraError

FOLDER = Path("handoffs-lab")
# The plugin that asks on the first start whether to fetch news, and for newer versions afterwards.
_NEWS = "@jupyterlab/apputils-extension:announcements"


def lab(folder: str | Path = FOLDER, *, port: int = 8888, browser: bool = True) -> int:
    """Open JupyterLab on the notebooks and the samples, and wait until it is stopped.

    Parameters
    ----------
    folder
        Where the copies are put; what is there already, such as a notebook that you changed, stays as it is.
    port
        The first port to try; the next free one is taken.
    browser
        Open a browser window.

    Returns
    -------
    int
        JupyterLab's exit code; 0 after Ctrl-C.

    Raises
    ------
    HistoryFullError
        If the folder cannot be written.
    MissingExtraError
        If the notebooks were not installed with the package.
    """
    folder = furnished(folder)
    process = subprocess.Popen(command(folder, port=port, browser=browser), env=environment(folder))  # noqa: S603 - our own Python, our own arguments
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()  # the terminal has sent Ctrl-C to JupyterLab, too, which would only ask what it means
        process.wait()
        return 0


def furnished(folder: str | Path = FOLDER) -> Path:
    """Put a copy of the notebooks and of the samples into a folder, keeping what is there."""
    folder = Path(folder).expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _copy(_shipped("notebooks"), folder)
        _copy(_shipped("data", "samples"), folder / "samples")
        settings = _settings(folder) / "labconfig" / "page_config.json"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps({"disabledExtensions": {_NEWS: True}}), encoding="utf-8")
    except OSError as fault:
        raise HistoryFullError(f"{folder} cannot be written: {fault.strerror}. Choose another folder.") from fault
    return folder


def command(folder: Path, *, port: int = 8888, browser: bool = True) -> list[str]:
    """Return the command that starts JupyterLab on a folder, on the loopback interface only."""
    return [
        sys.executable,
        *("-m", "jupyterlab"),
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.allow_remote_access=False",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        *([] if browser else ["--no-browser"]),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which JupyterLab finds our settings after the user's own."""
    paths = [*filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")]), str(_settings(folder))]
    return os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def _settings(folder: Path) -> Path:
    return folder / ".lab"


def _shipped(*place: str) -> Path:
    """Find a folder beside the package in a checkout, or inside it when it was installed."""
    inside = Path(str(files(__package__)))
    for candidate in (inside / f"_{place[-1]}", inside.parent.joinpath(*place)):
        if candidate.is_dir():
            return candidate
    raise MissingExtraError(f"The {place[-1]} were not installed with handoff_analytics. Reinstall it from a wheel.")


def _copy(source: Path, into: Path) -> None:
    """Copy files that are not there yet; histories and checkpoints are nobody's samples."""
    for file in sorted(source.rglob("*")):
        target = into / file.relative_to(source)
        hidden = any(part.startswith((".", "__")) for part in file.relative_to(source).parts)
        if file.is_file() and not target.exists() and not hidden and file.suffix != ".duckdb":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
