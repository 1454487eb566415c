"""How does a file that we write come to be whole, or not at all?"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import HistoryFullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a place to write to; what is written there takes the place of a file when all of it is.

    Parameters
    ----------
    path
        The file. Whatever ends the writing before its end leaves it as it was.

    Yields
    ------
    pathlib.Path
        A file of the same kind beside it.

    Raises
    ------
    HistoryFullError
        If the folder is missing or read-only, or the disk is full.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with written_whole(Path(folder, "answer.txt")) as file:
    ...         _ = file.write_text("42")
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['answer.txt']
    """
    if path.exists() and not path.is_file():  # a pipe, or /dev/stdout: nothing can take its place
        yield path
        return
    beside = path.with_name(f".{secrets.token_hex(4)}-{path.name[-100:]}")
    try:
        yield beside
        beside.replace(path)
    except OSError as fault:
        raise HistoryFullError(f"{path} cannot be written: {fault.strerror or fault}. Choose another place.") from fault
    finally:
        beside.unlink(missing_ok=True)
