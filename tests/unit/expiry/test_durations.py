"""Go's `time.ParseDuration`, exactly; what it refuses is refused with the remedy."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sundial.expiry.durations import DurationError, format_duration, parse_duration

UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
GRAMMAR = re.compile(r"[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)")
LONGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", timedelta(0)),
        ("+0", timedelta(0)),
        ("-0", timedelta(0)),
        ("0s", timedelta(0)),
        ("-0s", timedelta(0)),
        ("5s", timedelta(seconds=5)),
        ("+5m", timedelta(minutes=5)),
        ("90m", timedelta(minutes=90)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("30m1h", timedelta(hours=1, minutes=30)),
        ("1h1h", timedelta(hours=2)),
        ("1.5h", timedelta(minutes=90)),
        ("5.s", timedelta(seconds=5)),
        (".5s", timedelta(milliseconds=500)),
        ("100ms", timedelta(milliseconds=100)),
        ("1us", timedelta(microseconds=1)),
        ("1µs", timedelta(microseconds=1)),
        ("1μs", timedelta(microseconds=1)),
        ("1999ns", timedelta(microseconds=1)),
        ("3960h", timedelta(days=165)),
        ("007h", timedelta(hours=7)),
        ("0" * 30 + "7h", timedelta(hours=7)),
        ("9223372036854775807ns", timedelta(microseconds=9223372036854775)),
        ("0.3333333333333333333h", timedelta(microseconds=1199999999)),
        ("2562047h47m16.854775807s", timedelta(microseconds=9223372036854775)),
    ],
)
def test_a_duration_means_what_it_means_in_go(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("90d", "'2160h'"),
        ("2w", "'336h'"),
        ("1.5d", "write it in h"),
        ("1d12h", "write it in h"),
        ("10", "'10s', '10m' or '10h'"),
        ("1h30", "'1h30s', '1h30m' or '1h30h'"),
        ("-5m", "'5m'"),
        ("1h 30m", "'1h30m'"),
        ("2 h", "'2h'"),
        ("5 minutes", "'5m'"),
        ("1hour", "'1h'"),
        ("30sec", "'30s'"),
        ("10M", "h, m, s, ms, us and ns"),
        ("1e3s", "h, m, s, ms, us and ns"),
        ("9999999999h", "at most '2562047h'"),
        ("2562047h47m16.854775808s", "at most '2562047h'"),
        ("9" * 5000 + "h", "at most '2562047h'"),
        ("", "such as '10m'"),
        ("-", "such as '10m'"),
        ("+", "such as '10m'"),
        (".", "such as '10m'"),
        (".h", "such as '10m'"),
        ("h", "such as '10m'"),
        ("+-5m", "such as '10m'"),
        ("0.5.5s", "such as '10m'"),
        (" 5m", "such as '10m'"),
        ("\u0665m", "such as '10m'"),
    ],
)
def test_what_go_refuses_is_refused_with_the_remedy(text: str, remedy: str) -> None:
    with pytest.raises(DurationError) as refused:
        parse_duration(text)
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    "message",
    [
        "'' is empty; write a number and a unit, such as '10m', '1h30m' or '3960h'",
        "'h' is not a duration; write a number and a unit, such as '10m' or '1h30m'",
        "'10' has a number without a unit; did you mean '10s', '10m' or '10h'?",
        "'0.5.5s' has a number without a unit; write a number and a unit, such as '10m' or '1h30m'",
        "'90d' has the unknown unit 'd'; Go's longest unit is the hour: write '2160h'",
        "'1.5d' has the unknown unit 'd'; Go's longest unit is the hour: write it in h",
        "'1.5sec' has the unknown unit 'sec'; write '1.5s'",
        "'10M' has the unknown unit 'M'; the units are h, m, s, ms, us and ns",
        "'-5m' is negative; write '5m', or leave it out if that is not what you mean",
        "'2562048h' is longer than Go's longest duration; write at most '2562047h'",
    ],
)
def test_a_refusal_says_what_was_written_what_is_wrong_with_it_and_what_would_be_right(message: str) -> None:
    with pytest.raises(DurationError) as refused:
        parse_duration(message.split("'")[1])
    assert str(refused.value) == message


def test_a_refusal_keeps_what_was_written_apart_from_what_is_wrong_with_it() -> None:
    error = DurationError("90d", "has the unknown unit 'd'", "write '2160h'")
    assert str(error) == "'90d' has the unknown unit 'd'; write '2160h'"
    assert (error.reason, error.remedy) == ("has the unknown unit 'd'", "write '2160h'")


def outcome(text: str) -> timedelta | DurationError:
    """Return the duration, or the refusal."""
    try:
        return parse_duration(text)
    except DurationError as error:
        return error


numbers = st.from_regex(r"[0-9]{1,6}(\.[0-9]{0,9})?|\.[0-9]{1,9}", fullmatch=True)
terms = st.lists(st.tuples(numbers, st.sampled_from(sorted(UNITS))), min_size=1, max_size=4)


@settings(deadline=None)
@given(terms)
def test_a_duration_is_the_sum_of_its_terms_each_cut_to_the_nanosecond(parts: list[tuple[str, str]]) -> None:
    text = "".join(number + unit for number, unit in parts)
    nanoseconds = sum(int(Fraction("0" + number.rstrip(".")) * UNITS[unit]) for number, unit in parts)
    assert parse_duration(text) == timedelta(microseconds=nanoseconds // 1000)


@settings(deadline=None)
@given(st.text(alphabet="0123456789.+- hmsnuµd", max_size=12))
@example("1h30m")
@example("0.0000000000000000000000000000001h")
def test_exactly_what_the_grammar_allows_is_accepted_unless_negative(text: str) -> None:
    matches = GRAMMAR.fullmatch(text) is not None
    match outcome(text):
        case DurationError() as error:
            assert not matches or "negative" in error.reason or "longest" in error.reason
        case duration:
            assert matches
            assert duration >= timedelta(0)


@settings(deadline=None)
@given(st.text())
def test_no_text_fails_in_any_other_way(text: str) -> None:
    match outcome(text):
        case DurationError() as error:
            assert error.remedy
        case duration:
            assert duration >= timedelta(0)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=LONGEST // 1000))
@example(0)
@example(1)
@example(999_999)
@example(3_600_000_000)
def test_what_is_formatted_is_read_back(microseconds: int) -> None:
    duration = timedelta(microseconds=microseconds)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=5), "5us"),
        (timedelta(milliseconds=100), "100ms"),
        (timedelta(seconds=1), "1s"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=1), "24h"),
        (timedelta(hours=1, seconds=10), "1h10s"),
    ],
)
def test_a_duration_is_formatted_in_the_largest_units_that_fit(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text
