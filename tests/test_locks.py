"""Do the lock files name every package there is to install, with a hash each, and no address?"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-lowest.lock")


def pinned(lock: str) -> dict[str, str]:
    """Give the version of each package that the lock file pins for this platform and Python."""
    lines = re.findall(
        r"^([A-Za-z0-9][^\\\n]*==[^\\\n]*)", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    pins = [Requirement(line) for line in lines]
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate()
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_no_address(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_is_complete(lock: str) -> None:
    # start.py installs with --no-deps, so that a release newer than the lock cannot come in: what the lock lacks is not there.
    pins = pinned(lock)
    assert len(pins) > 50, f"{lock} was not understood"
    lacking = []
    for name, pin in pins.items():
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue  # a package for another platform or Python
        if installed.version != pin:
            continue  # the versions of another lock are installed, and only those can say what they need
        for line in installed.requires or []:
            requirement = Requirement(line)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            version = pins.get(canonicalize_name(requirement.name))
            if wanted and (version is None or not requirement.specifier.contains(version, prereleases=True)):
                lacking.append(f"{name} needs {line}, and {lock} pins {version}")
    assert lacking == []
