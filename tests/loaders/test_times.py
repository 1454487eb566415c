"""Which instant does a text mean?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_analytics.errors import MappingError
from handoff_analytics.loaders import times


def read(text: str, *formats: str, zone: str | None = "UTC", dst: str = "flag") -> str | None:
    (value,) = times.instants(pl.Series([text]), formats=formats or ("iso",), zone=zone, dst=dst).values
    return None if value is None else str(value)


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("2026-01-05 10:00:00", (), "2026-01-05 10:00:00"),
        ("2026-01-05T10:00:00Z", (), "2026-01-05 10:00:00"),
        ("2026-01-05T10:00:00.123456789+0800", (), "2026-01-05 02:00:00.123456"),
        ("2026-01-05 10:00:00,5", (), "2026-01-05 10:00:00.500000"),
        ("2026-01-05", (), "2026-01-05 00:00:00"),
        ("2026-01-05 24:00:00", (), "2026-01-06 00:00:00"),
        ("2026-12-31 23:59:60", (), "2026-12-31 23:59:59.999999"),
        ("29/2/2016 01:16", ("%d/%m/%Y %H:%M",), "2016-02-29 01:16:00"),
        ("24.10.2023 7:07:31", ("iso", "%d.%m.%Y %H:%M:%S"), "2023-10-24 07:07:31"),
        ("11/May/24 03:26 PM", ("%d/%b/%y %I:%M %p",), "2024-05-11 15:26:00"),
        ("11/Mai/24 03:26", ("%d/%b/%y %H:%M",), "2024-05-11 03:26:00"),
        ("11/déc./24 03:26", ("%d/%b/%y %H:%M",), "2024-12-11 03:26:00"),
        ("45296.4166667", ("excel",), "2024-01-05 10:00:00"),
        ("1767607200", ("epoch",), "2026-01-05 10:00:00"),
        ("1767607200000", ("epoch",), "2026-01-05 10:00:00"),
        ("1767607200000000", ("epoch",), "2026-01-05 10:00:00"),
        ("1767607200000000000", ("epoch",), "2026-01-05 10:00:00"),
        ("1767607200.25", ("epoch_s",), "2026-01-05 10:00:00.250000"),
        ("2024-13-45 10:00:00", (), None),
        ("0000-00-00 00:00:00", (), None),
        ("05-01-24 10:00", ("%d-%m-%Y %H:%M",), None),
        ("soon", (), None),
    ],
)
def test_texts_of_exports(text: str, formats: tuple[str, ...], expected: str | None) -> None:
    assert read(text, *formats) == expected


@pytest.mark.parametrize(
    "text", ["0000-00-00 00:00:00", "0001-01-01T00:00:00", "1970-01-01 00:00:00", "9999-12-31 00:00:00"]
)
def test_a_sentinel_is_no_time_and_not_unreadable(text: str) -> None:
    found = times.instants(pl.Series([text, "2026-01-05 10:00:00"]), zone="UTC")
    assert found.values.to_list()[0] is None
    assert not found.unreadable.any()
    assert found.doubts["sentinel_time"].to_list() == [True, False]


@pytest.mark.parametrize(
    ("dst", "gap", "fold"),
    [
        ("flag", "2026-03-29 01:30:00", "2026-10-25 00:30:00"),
        ("earlier", "2026-03-29 00:30:00", "2026-10-25 00:30:00"),
        ("later", "2026-03-29 01:30:00", "2026-10-25 01:30:00"),
        ("reject", None, None),
    ],
)
def test_hours_that_a_clock_change_leaves_out_or_repeats(dst: str, gap: str | None, fold: str | None) -> None:
    assert read("2026-03-29 02:30", zone="Europe/Berlin", dst=dst) == gap
    assert read("2026-10-25 02:30", zone="Europe/Berlin", dst=dst) == fold
    found = times.instants(
        pl.Series(["2026-03-29 02:30", "2026-10-25 02:30", "2026-06-01 12:00"]), zone="Europe/Berlin", dst=dst
    )
    assert found.doubts["dst_gap"].to_list() == [True, False, False]
    assert found.doubts["dst_ambiguous"].to_list() == [False, True, False]
    assert found.unreadable.to_list() == [dst == "reject", dst == "reject", False]


@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), min_size=1, max_size=8),  # noqa: DTZ001 - local times
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_zones_agree_with_the_standard_library(moments: list[datetime], zone: str) -> None:
    found = times.instants(pl.Series([moment.isoformat(" ") for moment in moments]), zone=zone)
    wanted = [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None) for moment in moments]
    assert found.values.to_list() == wanted


def test_a_time_without_zone_is_told_where_no_zone_is_given() -> None:
    found = times.instants(pl.Series(["2026-01-05T10:00:00Z", "2026-01-05 11:00"]))
    assert found.naive == "2026-01-05 11:00"
    assert times.instants(pl.Series(["2026-01-05T10:00:00Z"])).naive is None


def test_a_date_alone_is_flagged() -> None:
    assert times.instants(pl.Series(["2026-01-05", "2026-01-05 10:00"]), zone="UTC").doubts["date_only"].to_list() == [
        True,
        False,
    ]


def test_nanoseconds_are_kept_as_given() -> None:
    found = times.instants(pl.Series(["1767607200123456789"]), formats=["epoch_ns"])
    assert found.nanoseconds is not None
    assert found.nanoseconds.to_list() == [1767607200123456789]
    assert str(found.values[0]) == "2026-01-05 10:00:00.123456"


def test_units_of_one_column_must_agree() -> None:
    assert times.epoch_unit(pl.Series(["1767607200", "1767607200000"])) is None
    assert times.epoch_unit(pl.Series([None, "x"])) is None
    assert times.instants(pl.Series(["1767607200", "1767607200000"]), formats=["epoch"]).unreadable.all()


@given(st.integers(946_684_800, 4_000_000_000), st.sampled_from(sorted(times.EPOCHS_US)))
def test_the_size_of_a_number_tells_its_unit(second: int, unit: str) -> None:
    number = round(second * 1_000_000 / times.EPOCHS_US[unit])
    assert times.epoch_unit(pl.Series([str(number)])) == unit
    (value,) = times.instants(pl.Series([str(number)]), formats=["epoch"]).values
    assert value == datetime(1970, 1, 1) + timedelta(seconds=second)  # noqa: DTZ001 - UTC without a zone


def test_one_value_can_decide_the_order_of_day_and_month() -> None:
    formats = ["%d/%m/%Y", "%m/%d/%Y", "iso"]
    assert times.day_first(pl.Series(["3/4/2026", "4/4/2026"]), formats) == (0, 0, None, "3/4/2026")
    assert times.day_first(pl.Series(["13/4/2026"]), formats)[:3] == (1, 0, "13/4/2026")
    assert times.day_first(pl.Series(["4/13/2026"]), formats)[:3] == (0, 1, "4/13/2026")
    assert times.ordered(formats, day=True) == ("%d/%m/%Y", "iso")
    assert times.ordered(formats, day=False) == ("%m/%d/%Y", "iso")


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [
        ("1500", "ms", 1.5), ("90", "min", 5400), ("1.5", "h", 5400), ("2", "d", 172_800), ("PT1H30M", "iso8601", 5400),
        ("P1DT0.5S", "iso8601", 86_400.5), ("-PT5S", "iso8601", -5), ("01:30:05", "hh:mm:ss", 5405),
        ("2 days, 01:00:00", "hh:mm:ss", 176_400), ("1.01:00", "hh:mm:ss", 90_000), ("0.5", "excel_days", 43_200),
        ("1900-01-01 06:05:00", "excel_days", 108_300), ("1970-01-01 08:00:00", "since_1970", 28_800),
        ("4287", "since_1970", 4287), ("later", "s", None), ("PT", "iso8601", None), ("x", "hh:mm:ss", None),
    ],
)  # fmt: skip
def test_durations(text: str, unit: str, seconds: float | None) -> None:
    (value,) = times.durations_s(pl.Series([text]), unit=unit)
    assert value == (None if seconds is None else pytest.approx(seconds))


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(MappingError, match="'fortnights', must be one of"):
        times.durations_s(pl.Series(["1"]), unit="fortnights")


@pytest.mark.parametrize(
    ("fmt", "known"), [("iso", True), ("epoch_ms", True), ("%d.%m.%Y", True), ("dd.mm.yyyy", False), ("%Q", False)]
)
def test_formats_that_can_be_read(fmt: str, known: bool) -> None:
    assert times.known(fmt) is known
