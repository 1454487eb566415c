"""A published history is read by others as it was, while it goes on being written."""

from __future__ import annotations

import shutil
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures

import duckdb
import pytest
from histories import crossing, failure, history_with

import handoff_analytics as ha
from handoff_analytics import samples
from handoff_analytics.errors import HistoryFullError, NotAHistoryError


def test_what_is_published_is_read_as_it_was(tmp_path: Path) -> None:
    history = samples.load()
    again = ha.open_published(ha.publish(history, tmp_path / "out"))
    assert ha.rank(again).equals(ha.rank(history))
    assert again.tables.equals(history.tables)


def test_duckdb_reads_the_views_while_the_history_is_written(tmp_path: Path) -> None:
    history = ha.load(samples.folder() / "catalogue.toml", into=tmp_path / "mine.duckdb", quiet=True)
    place = ha.publish(history, tmp_path / "it's out")
    with history._store.writer(), duckdb.connect() as reader:
        reader.execute((place / "views.sql").read_text()).fetchall()
        systems = reader.execute("SELECT count(*) FROM declared_systems").fetchall()
    assert systems[0][0] == history.sql("SELECT count(*) FROM declared_systems").item() > 10


def test_a_reader_keeps_its_publication_and_older_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    stamps = []
    for n in range(4):
        ha.publish(history_with(crossings=[crossing(k, "a", "b") for k in range(n + 1)]), folder)
        stamps.append((folder / "current").read_text().strip())
        assert ha.open_published(folder).sql("SELECT count(*) FROM crossings").item() == n + 1
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == stamps[-2:]
    assert stamps[-1] in (folder / "views.sql").read_text()
    assert not [path for path in folder.iterdir() if path.name.endswith(".new")]


def test_a_publication_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    ha.publish(history_with(crossings=[crossing(1, "a", "b")], failures=[failure(1, "a", "b")]), folder)
    before = (folder / "current").read_text()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("handoff_analytics.publishing.pq.ParquetWriter", full)
    with pytest.raises(HistoryFullError, match="No space left"):
        ha.publish(history_with(), folder)
    assert (folder / "current").read_text() == before
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1
    assert ha.open_published(folder).sql("SELECT count(*) FROM failures").item() == 1


def test_a_folder_without_a_publication_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAHistoryError, match="no published history"):
        ha.open_published(tmp_path)
    shutil.rmtree(tmp_path)
