"""Which rows does delimited text hold?"""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_analytics.errors import UnreadableFileError
from handoff_analytics.loaders import delimited
from handoff_analytics.loaders.readers import Record


class Bytes:
    """A source in memory."""

    name = "export.csv"

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.head = content[: 256 * 1024]

    def open(self) -> io.BytesIO:
        return io.BytesIO(self.content)


class Ledger:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.count = 0
        self.rejects: list[tuple[int, int | None, str, str]] = []
        self.flags: list[str] = []
        self.load_id = 1

    def seen(self, records: int) -> int:
        self.count += records
        return self.count - records + 1

    def record(self, value: object, *, line: int, offset: int, raw: bytes) -> Record:
        self.count += 1
        return Record(self.count, value, line, offset, None, raw)

    def reject(self, record: Record, code: str, reason: str) -> None:
        self.rejects.append((record.number, record.line, code, reason))

    def flag(self, *doubt: object) -> None:
        self.flags.append(str(doubt[2]))


def read(content: bytes, **dialect: str) -> tuple[list[tuple[str, ...]], Ledger, list[Record]]:
    ledger, source = Ledger(), Bytes(content)
    found = delimited.dialect(source.head, **dialect)
    rows, records = [], []
    for batch in delimited.batches(source, ledger, found):  # type: ignore[arg-type]
        rows += [tuple(value or "" for value in row) for row in batch.frame.rows()]
        records += [batch.record(row) for row in range(batch.frame.height)]
    return rows, ledger, records


@pytest.fixture(params=[1 << 24, 64, 7], ids=["one block", "small blocks", "tiny blocks"])
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", request.param)
    return int(request.param)


QUIRKS = (
    b"number,opened_at,short_description,Comment,Comment,Comment\r\n"
    b'INC1,2024-01-05 10:00:00,"line1\r\nline2 ""q"" ,x",a,b,\r\n'
    b"INC2,2024-13-45 10:00:00,ok,,,\r\n"
    b"INC4,2024-01-06 10:00:00,too,many,fields,here,extra1,extra2\r\n"
    b"INC5,2024-01-07\r\n"
    b"INC6,2024-01-08 10:00:00,caf\xc3\xa9,,,,,\r\n"
)


@pytest.mark.usefixtures("block_bytes")
def test_ragged_rows_are_rejected_with_their_physical_line_and_both_widths() -> None:
    rows, ledger, records = read(QUIRKS)
    assert [row[0] for row in rows] == ["INC1", "INC2", "INC6"]
    assert rows[0][2] == 'line1\r\nline2 "q" ,x'
    assert ledger.rejects == [
        (3, 5, "COLUMNS", "8 fields, the header has 6"),
        (4, 6, "COLUMNS", "2 fields, the header has 6"),
    ]
    assert ledger.count == 5
    assert [(record.number, record.line) for record in records] == [(1, 2), (2, 4), (5, 7)]
    for record in records:
        assert record.raw is not None
        assert QUIRKS[record.offset :].startswith(record.raw)


@pytest.mark.usefixtures("block_bytes")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"sep=;\r\nnumber;n\r\nINC1;1,5\r\n", [("INC1", "1,5")]),
        (b"\xef\xbb\xbfnumber,x\r\nINC1,1\r\n", [("INC1", "1")]),
        (b"number;opened_at;n\r\nINC1;05.01.2024 10:00;1,5\r\nINC2;06.01.2024 10:00;2,5\r\n", None),
        (b"number\tx\nINC1\t1\n\nINC2\t2", [("INC1", "1"), ("INC2", "2")]),
        (b"a,b\rc,d\re,f\r", [("c", "d"), ("e", "f")]),
        (b"a,b\r\nc,d\ne,f\rg,h\n", [("c", "d"), ("e", "f"), ("g", "h")]),
        (b'a,b\n1,5" disk\n2,x\n', [("1", '5" disk'), ("2", "x")]),
        (b"a,b\n1,\n,2\n", [("1", ""), ("", "2")]),
        (b'a,b\n1,"x"\r\n2,"y\r\nz"\r\n', [("1", "x"), ("2", "y\r\nz")]),
        (b"", []),
        (b"number,opened\r\n", []),
        (b"only\nx\ny\n", [("x",), ("y",)]),
    ],
)
def test_shapes_of_text(content: bytes, expected: list[tuple[str, ...]] | None) -> None:
    rows, ledger, _ = read(content)
    assert rows == (
        expected if expected is not None else [("INC1", "05.01.2024 10:00", "1,5"), ("INC2", "06.01.2024 10:00", "2,5")]
    )
    assert ledger.rejects == []
    assert ledger.count == len(rows)


def test_encodings_are_read_as_told() -> None:
    text = "number,short_description\r\nINC1,café – “x” €\r\n"
    for encoding in ("utf-16", "cp1252"):
        rows, ledger, _ = read(text.encode(encoding), encoding=encoding)
        assert rows == [("INC1", "café – “x” €")]
        assert ledger.rejects == []


@pytest.mark.usefixtures("block_bytes")
def test_a_line_in_another_encoding_is_rejected_alone() -> None:
    rows, ledger, _ = read("n,x\r\nINC1,café\r\n".encode() + "INC2,café\r\n".encode("cp1252") + b"INC3,x\r\n")
    assert [row[0] for row in rows] == ["INC1", "INC3"]
    assert [(number, line, code) for number, line, code, _ in ledger.rejects] == [(2, 3, "ENCODING")]


@pytest.mark.usefixtures("block_bytes")
def test_zero_bytes_are_taken_out_and_flagged() -> None:
    rows, ledger, _ = read(b"number,x\r\nINC1,a\x00b\r\nINC2,c\r\n")
    assert rows == [("INC1", "ab"), ("INC2", "c")]
    assert ledger.flags == ["nul_removed"]


@pytest.mark.usefixtures("block_bytes")
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'number,x\r\nINC1,"abc\r\nINC2,c\r\nINC3,d\r\n', 2),
        (b'number,x,y\nINC1,a,b\nINC2,"a\nb","c\nINC3,d,e\n', 4),
        (b'number,x\n"a ""b"" c",1\n2,"\n', 3),
    ],
)
def test_a_quote_that_is_never_closed_is_named_by_its_opening_line(content: bytes, line: int) -> None:
    with pytest.raises(UnreadableFileError, match=f"export.csv, line {line}: a quote is opened here and never closed"):
        read(content)


@pytest.mark.usefixtures("block_bytes")
def test_text_after_a_closing_quote_is_rejected_and_reading_goes_on() -> None:
    rows, ledger, _ = read(b'a,b\n1,"x"y\n2,z\n')
    assert rows == [("2", "z")]
    assert ledger.rejects[0][:3] == (1, 2, "SYNTAX")


def test_a_record_may_be_longer_than_a_block_but_not_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 16)
    rows, _, _ = read(b'a,b\n1,"' + b"x\n" * 100 + b'"\n')
    assert rows == [("1", "x\n" * 100)]
    monkeypatch.setattr(delimited, "LONGEST_RECORD_BYTES", 64)
    with pytest.raises(UnreadableFileError, match="line 2"):
        read(b'a,b\n1,"' + b"x\n" * 100 + b'"\n')


cells = st.text(alphabet=st.sampled_from('ab,;"\n é0'), max_size=6)


@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), max_size=12),
    block=st.integers(4, 200),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_what_python_writes_is_read_back_whatever_the_block(rows: list[list[str]], block: int, newline: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=newline)
    writer.writerow(["x", "y", "z"])
    writer.writerows(rows)
    kept, delimited.BLOCK_BYTES = delimited.BLOCK_BYTES, block
    try:
        got, ledger, _ = read(text.getvalue().encode(), delimiter=",")
    finally:
        delimited.BLOCK_BYTES = kept
    assert got == [tuple(row) for row in rows]
    assert ledger.rejects == []


noises = st.binary(max_size=40) | st.text(alphabet='ab,"\r\n\0é', max_size=20).map(str.encode)


@given(noises, st.integers(0, 40), st.integers(4, 100))
def test_no_corruption_makes_block_and_record_reading_differ(noise: bytes, at: int, block: int) -> None:
    content = b'x,y,z\n1,"a\nb",2\n3,,"q ""r"""\n4,5,6\n'
    content = b"x,y,z\n" + content[6 : 6 + at] + noise + content[6 + at :]

    def outcome(size: int, *, regular: bool) -> object:
        kept, delimited.BLOCK_BYTES = delimited.BLOCK_BYTES, size
        path = delimited._Reader._regular
        if not regular:
            delimited._Reader._regular = lambda *_: False  # type: ignore[method-assign]
        try:
            rows, ledger, records = read(content, delimiter=",")
        except UnreadableFileError as fault:
            return str(fault)
        finally:
            delimited.BLOCK_BYTES = kept
            delimited._Reader._regular = path  # type: ignore[method-assign]
        assert ledger.count == len(rows) + len(ledger.rejects)
        return rows, ledger.rejects, [record[:4] for record in records]

    whole = outcome(1 << 20, regular=False)
    assert outcome(1 << 20, regular=True) == whole
    assert outcome(block, regular=True) == whole
