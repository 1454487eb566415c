"""Which entries does a file of log lines hold?

Lines of any format may alternate in one file. A line that begins no entry belongs to the one before it: stack traces,
messages of several lines. What containers print is joined stream by stream. Lines that are alike to the letter are as
many entries as there are lines; an overlap of two files is recognised by counting them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from ..detect import Detection, Format
from ..repeats import Repeats
from . import access, containers, logfmt, physical, syslog, timestamped
from .entries import ANSI, Entry, Reading, loaded, reading
from .exceptions import is_trace, reported
from .inside import line_entry, opened, parsed
from .objects import Readers, is_docker, parts
from .w3c import Directives

if TYPE_CHECKING:
    from ..jsontext import Said
    from ..ledger import Sink
    from ..readers import Record, Source
    from .objects import Part

_MOST_LINES, _MOST_BYTES = 2_000, 256 * 1024
_CONTINUES = re.compile(timestamped.CONTINUATION)


@dataclass
class Waiting:
    """An entry to which further lines may belong."""

    record: Record
    entry: Entry
    more: list[str] = field(default_factory=list)
    several: bool = True
    """Whether entries of this format may have several lines."""
    words: bool = False
    """Whether it is a line of text, which has no id of its own."""


class Lines:
    """Reads the lines of one file: text of any of the formats, and JSON where a line is JSON."""

    def __init__(self, read: Reading, *, ended: bool = False) -> None:
        self.read = read
        self.readers = Readers(read.clock)
        self.reader = self.readers.common
        # Whether whole lines of docker's own driver end in a line feed here, so that one without it is a piece.
        self._ended = ended
        self._waiting: dict[str, Waiting] = {}
        self._pieces: dict[str, tuple[Record, containers.Piece, list[str]]] = {}
        self._directives = Directives()
        self._repeats = Repeats()

    def take(self, line: physical.Line) -> None:
        """Read one line."""
        sink = self.read.sink
        if line.text is None:
            record = sink.record(None, line=line.number, offset=line.offset, raw=line.raw)
            sink.reject(record, "TOO_LARGE" if line.fault.startswith("a line of") else "ENCODING", line.fault)
            return
        text = ANSI.sub("", line.text) if "\x1b" in line.text else line.text
        if text.startswith("#") and self._directives.read(text):
            return
        if (containers.CRI_PATTERN.match(text) and (piece := containers.cri(text, self.read.clock)) is not None) or (
            containers.COMPOSE_PATTERN.match(text) and (piece := containers.prefixed(text)) is not None
        ):
            self.piece(piece, line)
        else:
            self._plain(text, line)

    def piece(self, piece: containers.Piece, line: physical.Line) -> None:
        """Read what a container printed: a whole line, or a piece of one."""
        begun = self._pieces.pop(piece.stream, None)
        if begun is None:
            if piece.partial:
                self._pieces[piece.stream] = self._record(line), piece, [piece.text]
                return
            waiting = self._waiting.get(piece.stream)
            if waiting is not None and _CONTINUES.match(piece.text):
                _append(waiting, piece.text)
                return
            self._printed(self._record(line), piece, piece.text)
            return
        record, first, texts = begun
        texts.append(piece.text)
        if piece.partial:
            self._pieces[piece.stream] = record, first, texts
        else:
            self._printed(record, first, "".join(texts))

    def _printed(self, record: Record, piece: containers.Piece, text: str, *, cut: bool = False) -> None:
        entry = Entry(moment=piece.moment, body=text, system=piece.system)
        if piece.moment is not None:
            entry.attributes["stream"] = piece.stream
        if cut:
            entry.flags.append(("truncated_text", "the file ends inside this entry"))
        try:
            if piece.moment is None:
                inner = line_entry(text.strip(), self.read.clock, self.reader)
                entry = (
                    inner.under(entry) if inner is not None else opened(entry, self.read.clock, self.reader, raw=True)
                )
            else:
                entry = opened(entry, self.read.clock, self.reader, raw=True)
        except RecursionError as fault:
            self.read.sink.reject(record, "DEPTH", str(fault))
            return
        self._begin(piece.stream, Waiting(record, entry))

    def _object(self, found: Said, line: physical.Line) -> None:
        """Read a line that is a JSON object: an entry, several, or a piece of one."""
        value = found.value
        if is_docker(value) and (piece := containers.docker(value, self.read.clock, ended=self._ended)) is not None:
            self.piece(piece, line)
            return
        for part in parts(value):
            record = self._record(line)._replace(pointer=part.pointer or None, doubts=found.doubts)
            self.keep(record, part)

    def keep(self, record: Record, part: Part) -> None:
        """Load an entry that is an object, or say why not."""
        if part.fault is not None:
            self.read.sink.reject(record, "UNKNOWN_SHAPE", part.fault)
            return
        if part.skipped is not None:
            self.read.sink.skip(record, part.skipped)
            return
        try:
            entry = self.readers.entry(part.value)
        except RecursionError as fault:
            self.read.sink.reject(record, "DEPTH", str(fault))
            return
        entry.flags += record.doubts
        self._begin("", Waiting(record, entry, several=False))

    def _plain(self, text: str, line: physical.Line) -> None:
        sink = self.read.sink
        try:
            found = parsed(text) if text.lstrip().startswith("{") else None
            if found is not None:
                self._object(found, line)
                return
            entry = self._directives.entry(text, self.reader) or line_entry(text, self.read.clock, self.reader)
        except RecursionError as fault:
            sink.reject(self._record(line), "DEPTH", str(fault))
            return
        if entry is not None:
            self._begin("", Waiting(self._record(line), entry, several=not _single(text), words=True))
            return
        waiting = self._waiting.get("")
        if text.startswith("{"):
            hint = "" if line.ended else ": the file ends inside it and may still be being written"
            sink.reject(self._record(line), "SYNTAX", f"not JSON{hint}")
        elif waiting is not None and (waiting.several or text[:1].isspace()):
            _append(waiting, text)
        else:
            sink.reject(self._record(line), "SYNTAX", "no time stands at its beginning, and it continues no entry")

    def _begin(self, stream: str, waiting: Waiting) -> None:
        before = self._waiting.pop(stream, None)
        if before is not None:
            self._finish(before)
        self._waiting[stream] = waiting

    def _finish(self, waiting: Waiting) -> None:
        entry = waiting.entry
        if waiting.more:
            if is_trace(waiting.more):
                first = next((place for place, text in enumerate(waiting.more) if not text.startswith(" ")), 0)
                entry.exception_stacktrace = "\n".join(waiting.more)
                found = reported("\n".join(waiting.more[first:] if first < len(waiting.more) else waiting.more))
                entry.exception_type = found.type or entry.exception_type
                entry.exception_message = found.message or entry.exception_message
            else:
                entry.body = "\n".join([entry.body or "", *waiting.more])
        if waiting.words or entry.moment is None:
            second = None if entry.moment is None else entry.moment.us
            entry.attributes |= self._repeats.told(second, (waiting.record.raw, *waiting.more))
        loaded(entry, waiting.record, self.read)

    def _record(self, line: physical.Line) -> Record:
        return self.read.sink.record(None, line=line.number, offset=line.offset, raw=line.raw)

    def close(self) -> None:
        """Load what is still waiting for further lines."""
        for record, first, texts in self._pieces.values():
            self._printed(record, first, "".join(texts), cut=True)
        self._pieces.clear()
        for waiting in sorted(self._waiting.values(), key=lambda one: one.record.number):
            self._finish(waiting)
        self._waiting.clear()


def _append(waiting: Waiting, text: str) -> None:
    """Add a line to an entry, as far as entries are kept: a runaway one is cut, and says so."""
    if len(waiting.more) < _MOST_LINES and sum(map(len, waiting.more[-1:])) < _MOST_BYTES:
        waiting.more.append(text)
    elif not any(flag == "truncated_text" for flag, _ in waiting.entry.flags):
        waiting.entry.flags.append(("truncated_text", f"more than {_MOST_LINES:,} lines"))


def _single(text: str) -> bool:
    """Tell whether a line has a format whose entries are one line each."""
    return bool(access.PATTERN.match(text) or syslog.OLD_PATTERN.match(text) or logfmt.PATTERN.match(text))


def parse(source: Source, sink: Sink, found: Detection) -> None:
    """Read a file of log lines."""
    read = reading(source, sink)
    read.clock.learn(islice(source.head.decode(found.encoding, "replace").splitlines(), 500))
    reader = Lines(read, ended=b'\\n",' in source.head or b'\\n"}' in source.head)
    for line in physical.lines(source, found.encoding):
        reader.take(line)
    reader.close()


def _format(name: str, pattern: re.Pattern[str]) -> Format:
    return Format(name=name, kind="logs", shape="text", parse=parse, pattern=pattern)


FORMATS = (
    _format("cri", containers.CRI_PATTERN),
    _format("compose", containers.COMPOSE_PATTERN),
    _format("syslog_5424", syslog.NEW_PATTERN),
    _format("syslog_3164", syslog.OLD_PATTERN),
    _format("access_log", access.PATTERN),
    _format("logfmt", logfmt.PATTERN),
    replace(_format("text_log", timestamped.PATTERN), several=True),
    replace(_format("extended_log", re.compile(r"#Fields:")), contains=("#Fields:",)),
)
