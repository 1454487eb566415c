"""How good is the data that everything rests on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import polars as pl

from . import bars, canvas, theme, words

if TYPE_CHECKING:
    from ..history import History

_FATES = {
    "loaded": ("loaded", theme.CALM),
    "duplicate": ("in the history already", "#7FA8C9"),
    "skipped": ("not used by this format", theme.MUTE),
    "rejected": ("rejected", theme.ALARM),
}
_MOST = 25


def quality(frame: pl.DataFrame, *, doubts: pl.DataFrame | None = None, history: History | None = None) -> Any:
    """Draw what became of every record of every file.

    Parameters
    ----------
    frame
        The loads of a history: `History.loads`.
    doubts
        The doubts about what was loaded, `History.quality`; the subtitle names the most frequent.
    history
        Where the frame comes from; its window goes into the subtitle.

    Returns
    -------
    altair.Chart
        One bar a file, those with most rejected records first, at most 25.

    Raises
    ------
    ArgumentError
        If the frame is not that of `History.loads`.
    """
    frame = canvas.checked(frame, "History.loads", "file_name", "seen", *_FATES)
    if frame.is_empty():
        return canvas.blank("Data quality", why="Nothing has been loaded yet: ha.load(...)", history=history)
    whole = frame.sort("rejected", "seen", "file_name", descending=[True, True, False])
    files = whole.head(_MOST)
    files = files.with_columns(
        file=pl.Series(words.distinct([_tail(name) for name in files["file_name"]])),
        said=pl.Series([_said(row) for row in files.iter_rows(named=True)]),
    )
    shares = files.with_columns(pl.when(pl.col("seen") > 0).then(pl.col(list(_FATES)) / pl.col("seen")).otherwise(0.0))
    axis = alt.Axis(title="share of the records", format="%")
    drawn = bars.parted(shares, _FATES, axis=axis, label="file", unit=".1%", whole=1)
    return canvas.told(
        alt.layer(drawn, bars.noted(files, label="file")).properties(width=canvas.WIDTH, height=alt.Step(28)),
        _finding(whole),
        definition="Each record of a file is loaded, in the history already, of no use to its format, or rejected with "
        "place and reason (history.rejects).",
        rows=words.sentence([canvas.shown(whole.height, files.height, "file"), _doubted(doubts)]),
        history=history,
        wide=canvas.WIDTH + 300,
    )


def _finding(loads: pl.DataFrame) -> str:
    seen, rejected = (int(loads[name].fill_null(0).sum()) for name in ("seen", "rejected"))
    if not rejected:
        return f"All {words.counted(seen, 'record')} are accounted for, and none was rejected"
    worst, broken = loads.row(0, named=True), int((loads["rejected"] > 0).sum())
    name = _tail(worst["file_name"])
    whence = (
        f"from {name}"
        if broken == 1
        else f"most of them from {name}"
        if 2 * worst["rejected"] > rejected
        else f"from {words.counted(broken, 'file')}"
    )
    return (
        f"{words.counted(rejected, 'record')} of {seen:,} "
        f"{'was' if rejected == 1 else 'were'} rejected ({words.share(rejected / seen)}), {whence}"
    )


def _said(row: dict[str, Any]) -> str:
    rejected = f", {row['rejected']:,} rejected" if row["rejected"] else ""
    return f"{words.counted(row['seen'] or 0, 'record')}{rejected}"


def _doubted(doubts: pl.DataFrame | None) -> str:
    if doubts is None or doubts.is_empty():
        return ""
    doubts = canvas.checked(doubts, "History.quality", "flag", "doubtful")
    total = int(doubts["doubtful"].sum())
    first = words.plain(doubts.sort("doubtful", "flag", descending=[True, False])["flag"][0])
    return f"{words.counted(total, 'doubt')} about loaded rows, most often {first}"


def _tail(name: object) -> str:
    """Return the end of a path, which tells files apart; a path may say more than a reader should see."""
    return words.name(str(name).replace("\\", "/").rsplit("/", 1)[-1])
