"""Times of scheduled runs, compared with a slow search."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from influxdb3_engine_api.cron import WEEKDAYS, parse_cron
from influxdb3_engine_api.specification import Cron, Every, parse

BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6), (1970, 2100))
MONTHS = ("JAN", "feb", "March", "APR", "may", "June", "JUL", "aug", "SEPTEMBER", "OCT", "nov", "December")
LAST = datetime(2100, 1, 1, tzinfo=UTC)

moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@st.composite
def cron_items(draw: st.DrawFn, low: int, high: int, names: tuple[str, ...]) -> str:
    def written(value: int) -> str:
        return names[value - low] if names and named else str(value)

    named = draw(st.booleans())
    step = draw(st.none() | st.integers(1, high))
    first = draw(st.integers(low, high))
    form = draw(st.sampled_from(["*", "one", "range"]))
    if form == "*":
        text = "*"
    elif form == "one":
        text = written(first)
        if names and named:
            return text  # a single name cannot take a step
    else:
        text = f"{written(first)}-{written(draw(st.integers(first, high)))}"
    return text if step is None else f"{text}/{step}"


@st.composite
def cron_expressions(draw: st.DrawFn) -> str:
    names: list[tuple[str, ...]] = [(), (), (), (), MONTHS, WEEKDAYS, ()]
    fields = [
        ",".join(draw(st.lists(cron_items(low, high, written), min_size=1, max_size=3)))
        for (low, high), written in zip(BOUNDS, names, strict=True)
    ]
    return " ".join(fields if draw(st.booleans()) else fields[:-1])


def matches(values: tuple[frozenset[int], ...], moment: datetime) -> bool:
    now = (moment.second, moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7, moment.year)
    return all(value in matching for value, matching in zip(now, values, strict=True))


def first_match(values: tuple[frozenset[int], ...], after: datetime) -> datetime | None:
    """The first match, by a search through all days and all times of a day."""
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < LAST:
        if matches((frozenset({0}), frozenset({0}), frozenset({0}), *values[3:]), day):
            for hour in sorted(values[2]):
                if hour < after.hour and day <= after:
                    continue
                for minute in sorted(values[1]):
                    for second in sorted(values[0]):
                        moment = day.replace(hour=hour, minute=minute, second=second)
                        if moment > after:
                            return moment
        day += timedelta(days=1)
    return None


@settings(max_examples=60)
@given(cron_expressions())
def test_the_portable_form_names_weekdays_and_matches_the_same_times(expression: str) -> None:
    fields = parse_cron(expression)

    portable = fields.portable

    assert parse_cron(portable).values == fields.values
    assert parse_cron(portable).portable == portable
    assert not any(weekday.split("/")[0].isdigit() for weekday in portable.split(" ")[5].replace("-", ",").split(","))


@settings(max_examples=50)
@given(cron_expressions(), moments)
def test_the_next_run_is_the_first_matching_second(expression: str, moment: datetime) -> None:
    fields = parse_cron(expression)
    expected = first_match(fields.values, moment)
    assume(expected is not None and expected - moment < timedelta(days=365 * 40))

    assert fields.next_after(moment) == expected


def test_both_day_fields_have_to_match() -> None:
    first_on_a_monday = parse_cron("0 0 0 1 * MON").next_after(datetime(2026, 1, 1, tzinfo=UTC))

    assert first_on_a_monday == datetime(2026, 6, 1, tzinfo=UTC)


def test_a_leap_day_on_a_weekday_is_found_although_it_is_decades_away() -> None:
    a_monday = parse_cron("0 0 0 29 2 MON").next_after(datetime(2072, 3, 1, tzinfo=UTC))

    assert a_monday == datetime(2112, 2, 29, tzinfo=UTC)  # 2100 is no leap year


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 0 1 1 * 2030", datetime(2030, 1, 1, tzinfo=UTC)),
        ("* * * * * * 2030-2040", datetime(2030, 1, 1, tzinfo=UTC)),
        ("0 0 0 1 1 * 2100", datetime(2100, 1, 1, tzinfo=UTC)),
        ("0 0 0 31 12 * 2020-2026", datetime(2026, 12, 31, tzinfo=UTC)),
        ("0 0 0 29 2 * 2027,2029,2031-2100/4,2096", datetime(2096, 2, 29, tzinfo=UTC)),
        ("0 0 0 29 2 MON 1970/3", datetime(2072, 2, 29, tzinfo=UTC)),
        ("0 0 0 1 1 * 2025", None),
        ("* * * * * * 1970-2025", None),
        ("0 0 0 29 2 * 1971-2099/2", None),
        ("0 0 0 31 2 * 2030-2100", None),
        ("0 0 0 29 2 * 2100", None),  # no leap year
    ],
)
def test_runs_are_in_the_years_of_the_seventh_field(expression: str, expected: datetime | None) -> None:
    start = time.perf_counter()

    found = parse_cron(expression).next_after(datetime(2026, 11, 26, 12, tzinfo=UTC))

    assert found == expected
    assert time.perf_counter() - start < 1  # a search that tries every moment takes minutes


def test_a_schedule_with_years_ends_after_the_last_one() -> None:
    fields = parse_cron("0 0 0 31 DEC * 2030,2032")
    first = fields.next_after(datetime(2026, 1, 1, tzinfo=UTC))
    assert first == datetime(2030, 12, 31, tzinfo=UTC)
    second = fields.next_after(first)
    assert second == datetime(2032, 12, 31, tzinfo=UTC)
    assert fields.next_after(second) is None


def test_a_run_is_strictly_after_the_moment() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert parse_cron("0 0 12 * * *").next_after(noon) == noon + timedelta(days=1)
    assert parse_cron("0 0 12 * * *").next_after(noon - timedelta(microseconds=1)) == noon


@pytest.mark.parametrize("expression", ["0 0 0 31 2 *", "0 0 0 30 2 *", "0 0 0 31 4,6,9,11 *"])
def test_an_expression_that_never_matches_has_no_next_run(expression: str) -> None:
    assert parse_cron(expression).next_after(datetime(2026, 1, 1, tzinfo=UTC)) is None


@settings(max_examples=200)
@given(st.integers(1, 31_557_600_000), moments)
def test_an_interval_runs_at_the_next_multiple_since_the_epoch(milliseconds: int, moment: datetime) -> None:
    specification = parse(f"every:{milliseconds}ms")
    assert isinstance(specification, Every)
    following = specification.next_after(moment)
    interval = timedelta(milliseconds=milliseconds)

    assert (following - datetime(1970, 1, 1, tzinfo=UTC)) % interval == timedelta(0)
    assert following - interval <= moment < following


def test_weeks_start_on_thursdays_like_the_epoch() -> None:
    specification = parse("every:1w")
    assert isinstance(specification, Every)

    assert specification.next_after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 8, tzinfo=UTC)
    assert datetime(2026, 1, 8, tzinfo=UTC).strftime("%A") == "Thursday"


def test_intervals_are_rounded_down_to_milliseconds_as_on_the_server() -> None:
    specification = parse("every:1500us")
    assert isinstance(specification, Every)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    assert specification.next_after(epoch) == epoch + timedelta(milliseconds=1)


def test_a_parsed_specification_has_a_next_run() -> None:
    moment = datetime(2026, 1, 1, 6, 0, 0, tzinfo=UTC)

    daily = parse("cron:0 0 6 * * *")
    assert isinstance(daily, Cron)
    assert daily.next_after(moment) == datetime(2026, 1, 2, 6, 0, 0, tzinfo=UTC)
