import hashlib
from pathlib import Path

import pytest

from handoff_analytics import samples


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return samples.write(tmp_path_factory.mktemp("samples"))


def _hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).iterdir()}


def test_the_shipped_samples_are_reproduced_byte_for_byte(written):
    assert _hashes(written) == _hashes(samples.folder())


def test_the_shipped_samples_stay_small(written):
    assert sum(path.stat().st_size for path in written.iterdir()) <= 15_000_000
