"""What is an analyst shown while files load?"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from .readers import Source

# Whoever waits less than this needs no bar.
_PATIENCE_S = 1.0
_REFRESH_S = 0.1


class Progress:
    """A bar on stderr, in a terminal and in a notebook, that appears when a load takes more than a second.

    Examples
    --------
    >>> with Progress(total_bytes=0, quiet=True) as progress:
    ...     progress.say("building the model")
    """

    def __init__(self, *, total_bytes: int, quiet: bool) -> None:
        self._total = total_bytes
        self._done = 0
        self._source: Source | None = None
        self._text = "reading"
        self._ended = threading.Event()
        self._thread = None if quiet else threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Self:
        """Start to wait."""
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def start(self, source: Source) -> None:
        """Say which file is read now."""
        self._source = source
        self._text = source.name

    def finish(self, source: Source) -> None:
        """Say that a file is read."""
        self._source = None
        self._done += source.size_bytes

    def say(self, text: str) -> None:
        """Say what is done now."""
        self._text = text

    def _show(self) -> None:
        if self._ended.wait(_PATIENCE_S):
            return
        from rich.console import Console  # noqa: PLC0415 - only where something is shown
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above
        from rich.progress import Progress as Bar  # noqa: PLC0415 - as above

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(self._text[-60:], total=max(self._total, 1))
            while not self._ended.wait(_REFRESH_S):
                source = self._source
                # Compressed files tell what came out of them: they fill the bar early, but never past its end.
                read = min(source.read_bytes, source.size_bytes) if source is not None else 0
                bar.update(task, completed=self._done + read, description=self._text[-60:])


def told(sentence: str) -> None:
    """Say something to the person who loads; stdout is for answers."""
    sys.stderr.write(f"{sentence}\n")
