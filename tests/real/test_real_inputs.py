"""Every file of real evidence loads, every record is accounted for, and every reject is explained."""

from __future__ import annotations

from fnmatch import fnmatch

import evidence
import nezha
import polars as pl
import pytest

import handoff_analytics as ha

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not evidence.DATA.is_dir(), reason=f"the real data are not at {evidence.DATA}"),
]
FIXTURES = evidence.DATA / "formats/jaeger_ui_samples/packages/jaeger-ui/src/utils/fixtures"
HANDOFFS = "SELECT source, target, channel, failed, start_us, duration_us, trace_id FROM crossings ORDER BY ALL"
SPANS = "SELECT trace_id, span_id, parent_span_id, system, name, kind, status, start_us, duration_us FROM spans ORDER BY ALL"


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(one, id=one.mapping or one.files.rpartition("/")[2], marks=[pytest.mark.slow] if one.slow else [])
        for one in evidence.EVIDENCE
    ],
)
def test_every_record_is_accounted_for(one: evidence.Evidence) -> None:
    history = evidence.loaded(one)
    loads = history.loads
    assert loads.height > 0
    assert loads.filter(pl.col("seen") != pl.sum_horizontal("loaded", "rejected", "duplicate", "skipped")).is_empty()
    assert loads["seen"].sum() > 0
    assert bool(loads["rejected"].sum()) == bool(one.rejects)
    assert bool(loads["skipped"].sum()) == bool(one.skips)
    assert loads["rejected"].sum() == history.rejects.height
    if one.rejects:
        assert set(history.rejects["code"]) == {"TIME"}
        assert history.rejects["reason"].str.contains("{{", literal=True).all()


def test_every_file_is_evidence_or_said_to_be_none() -> None:
    known = {file for one in evidence.EVIDENCE for file in evidence.DATA.glob(one.files)}
    assert all(any(evidence.DATA.glob(one.files)) for one in evidence.EVIDENCE)
    for file in evidence.DATA.rglob("*"):
        name = file.relative_to(evidence.DATA).as_posix()
        if file.is_file() and file not in known:
            assert any(fnmatch(name, pattern) for pattern in evidence.NO_EVIDENCE), name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("otlp2jaeger-in.json", "otlp2jaeger-out.json"),
        ("otlp2jaeger-multi-in-combined.json", "oltp2jaeger-multi-out.json"),
        ("otlp2jaeger-multi-in.json.txt", "oltp2jaeger-multi-out.json"),
    ],
)
def test_one_trace_in_two_formats_gives_the_same_handoffs(one: str, other: str) -> None:
    told = [ha.load(FIXTURES / name, quiet=True) for name in (one, other)]
    assert told[0].loads["format"].item() != told[1].loads["format"].item()
    assert told[0].sql(SPANS).height > 0
    for query in (HANDOFFS, SPANS):
        assert told[0].sql(query).equals(told[1].sql(query))


def test_duplicates_at_the_borders_of_minutes_are_counted() -> None:
    # 08_43 and 08_44 share spans: the files overlap, and a file repeats itself.
    folder = nezha.ROOT / "2023-01-29" / "trace"
    files = [folder / f"08_{minute}_trace.csv.gz" for minute in (43, 44, 45)]
    rows = pl.concat([pl.read_csv(file, infer_schema=False) for file in files])
    loads = ha.load(files, mapping=evidence.MAPPINGS / "nezha_trace.toml", quiet=True).loads
    assert (loads["seen"].sum(), loads["loaded"].sum()) == (rows.height, rows.unique().height)
    assert loads["duplicate"].sum() == rows.height - rows.unique().height > 0


def test_a_torn_record_is_rejected_alone(tmp_path) -> None:
    # One log file of Nezha has two records torn together. Where it is not here, a file is torn in the same way.
    text = pl.read_csv(nezha.ROOT / "2023-01-29/log/08_43_log.csv.gz", infer_schema=False).head(40).write_csv()
    lines = text.splitlines()
    cut = lines[7].index("server,") + 12
    lines[7] = lines[7][:cut] + lines.pop(8)
    file = tmp_path / "log.csv"
    file.write_text("\n".join(lines) + "\n")
    history = ha.load(file, mapping=evidence.MAPPINGS / "nezha_log.toml", quiet=True)
    load = history.loads.row(0, named=True)
    assert (load["seen"], load["rejected"]) == (39, 1)
    assert history.rejects.select("line", "code").row(0) == (8, "COLUMNS")
    torn = nezha.ROOT / "2023-01-29/log/10_06_log.csv.gz"
    if torn.exists():
        assert ha.load(torn, mapping=evidence.MAPPINGS / "nezha_log.toml", quiet=True).loads["rejected"].item() == 1
