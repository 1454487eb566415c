"""Which files does the fuzzing begin with? Every file that the tests of the loaders read.

Used as a plugin of pytest (``-p corpus``): it copies what is loaded into the folder that HANDOFFS_CORPUS names.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from handoff_analytics.loaders import containers

_FOLDER = Path(os.environ["HANDOFFS_CORPUS"])
_open = containers.Source.open
_LARGEST_BYTES = 300_000


def _kept(source: containers.Source) -> Any:
    if source.path.is_file() and source.path.stat().st_size <= _LARGEST_BYTES:
        content = source.path.read_bytes()
        _FOLDER.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(content).hexdigest()[:16]
        (_FOLDER / f"{name}{source.path.suffix[:6]}").write_bytes(content)
    return _open(source)


containers.Source.open = _kept  # type: ignore[method-assign]
