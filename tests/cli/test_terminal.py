"""How commands speak with people: instants, questions, progress, the picture of the ring."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import pytest

from sundial.keys.inventory import inventory
from sundial_cli.instants import parse_instant, relative, span, utc
from sundial_cli.status import FINDING, USAGE, StoppedError
from sundial_cli.terminal import Progress, confirm
from sundial_cli.timeline import timeline
from tests.support.keys import DAY, HOUR, MINUTE, POLICY, T0
from tests.support.ring_world import World


class Terminal(io.StringIO):
    """A stream with somebody before it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (40, "40 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3 * HOUR + 12 * MINUTE + 5, "3 h 12 min"),
        (DAY, "1 d"),
        (DAY + 59 * MINUTE, "1 d"),
        (90 * DAY + HOUR, "90 d 1 h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_an_instant_is_said_in_utc_and_by_how_far_it_is() -> None:
    assert utc(T0) == "2027-01-15 08:00:00Z"
    assert (relative(T0 + 60, T0), relative(T0 - 60, T0), relative(T0, T0)) == ("in 1 min", "1 min ago", "now")


@pytest.mark.parametrize("text", ["2027-01-15T08:00:00Z", "2027-01-15 08:00:00Z", "2027-01-15T09:00:00+01:00", str(T0)])
def test_an_instant_that_is_printed_can_be_typed_again(text: str) -> None:
    assert parse_instant(text, T0 + 5) == T0


def answer(monkeypatch: pytest.MonkeyPatch, typed: io.StringIO) -> StoppedError | None:
    monkeypatch.setattr("sys.stdin", typed)
    try:
        confirm("Drop it?", yes=False)
    except StoppedError as stopped:
        return stopped
    return None


@pytest.mark.parametrize("typed", ["y\n", "Y\n", "yes\n"])
def test_yes_goes_on(typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(monkeypatch, Terminal(typed)) is None
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Drop it? [y/N] ")


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yeah\n"])
def test_anything_else_stops(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = answer(monkeypatch, Terminal(typed))
    assert stopped is not None
    assert (stopped.status, str(stopped)) == (FINDING, "nothing was changed")


def test_where_nobody_can_be_asked_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = answer(monkeypatch, io.StringIO("y\n"))
    assert stopped is not None
    assert stopped.status == USAGE
    assert "--yes" in str(stopped)


def test_progress_is_shown_on_a_terminal_now_and_then_and_wiped_at_the_end() -> None:
    stream, ticks = Terminal(), iter((1.0, 1.05, 1.2, 9.0))
    with Progress("looked at", 3000, stream=stream, clock=lambda: next(ticks)) as progress:
        for _ in range(3):
            progress.advance(1000)
        assert stream.getvalue().count("looked at") == 2
        assert f"{'#' * 6}{'.' * 14} looked at 1,000 of about 3,000 (33 %)" in stream.getvalue()
        assert f"{'#' * 19}. looked at 3,000 of about 3,000 (99 %)" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_progress_towards_an_unknown_end_counts() -> None:
    stream = Terminal()
    with Progress("ended", stream=stream, clock=lambda: 1.0) as progress:
        progress.advance(1234)
    assert "ended 1,234\r" in stream.getvalue()


def test_anywhere_else_there_is_no_progress() -> None:
    stream = io.StringIO()
    with Progress("ended", 9, stream=stream) as progress:
        progress.advance(9)
    assert stream.getvalue() == ""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """A ring that has lived for two days."""
    world = World()
    for _ in range(2 * 24 * 6):
        world.rotate()
        world.pass_time(10 * MINUTE)
    return inventory(world.vault.ring, world.jwks.load(), POLICY, world.now)


def bars(lines: list[str], marks: str) -> list[str]:
    return [line[11:] for line in lines if line.startswith(" " * 11) and set(line[11:]) & set(marks)]


def picture(document: dict[str, Any], columns: int, encoding: str = "utf-8") -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    return list(timeline(document, stream, columns))


@pytest.mark.parametrize("columns", [40, 80, 100, 132, 400])
def test_every_key_has_a_bar_that_all_have_now_in_one_place(columns: int, document: dict[str, Any]) -> None:
    lines = picture(document, columns)
    found = bars(lines, "█▒░")
    assert len(found) == len(document["signing_keys"]) + len(document["mac_keys"])
    signing = found[: len(document["signing_keys"])]
    assert len({bar.index("│") for bar in signing}) == 1


def test_where_one_key_stops_to_sign_the_next_one_begins(document: dict[str, Any]) -> None:
    signing = bars(picture(document, 400), "█▒░")[: len(document["signing_keys"])]
    for bar, following in pairwise(signing):
        assert abs(bar.rindex("█") - following.index("█")) <= 2, "now may stand between them"


def test_without_unicode_there_is_a_plain_picture(document: dict[str, Any]) -> None:
    text = "\n".join(picture(document, 100, "ascii"))
    assert text.isascii()
    assert "#" in text


def test_there_are_colours_on_a_terminal_alone(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal: Any = Terminal()
    assert "\x1b[" in "\n".join(timeline(document, terminal, 100))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in "\n".join(timeline(document, terminal, 100))
