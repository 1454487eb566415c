"""What does this library refuse, and why?

Every error raised on purpose is a `HandoffError`, so one `except` catches them all. Each is also the builtin that a
reader would expect. A message says what was found, what was wanted and what to do.
"""


class HandoffError(Exception):
    """Base of every error below; catch it to catch them all."""

    def _render_traceback_(self) -> list[str]:
        """Say the sentence alone in a notebook: its reader wants to know what to do, not where the library noticed."""
        return [f"{type(self).__name__}: {self}"]


class UnreadableFileError(HandoffError, OSError):
    """The bytes of a file cannot be read: missing, encrypted, cut short, or not what its magic number says."""


class UnknownFormatError(HandoffError, ValueError):
    """No loader recognises the content of the file."""


class MappingError(HandoffError, ValueError):
    """A mapping file, a rule file or a catalogue is wrong; nothing was loaded."""


class UnsafeArchiveError(HandoffError, ValueError):
    """An archive is larger than its limits, or holds links, devices, encrypted or escaping members."""


class TooManyRejectsError(HandoffError, ValueError):
    """More of a file was rejected than allowed; the load was rolled back."""


class HistoryLockedError(HandoffError, OSError):
    """Another process holds the history for writing."""


class HistoryFullError(HandoffError, OSError):
    """The disk is full or read-only; the history is as it was before."""


class NotAHistoryError(HandoffError, ValueError):
    """The file is no history of this library, or was written by a newer version of it."""


class EmptyHistoryError(HandoffError, LookupError):
    """A measure was asked of a history, or a scope, that holds nothing to measure."""


class EngineError(HandoffError, OSError):
    """An engine cannot be reached, or refuses a query."""


class QueryError(HandoffError, ValueError):
    """A query cannot run: it writes, it does not parse, or it names what is not there."""


class ArgumentError(HandoffError, ValueError):
    """An argument is outside what the method is defined for."""


class MissingExtraError(HandoffError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""
