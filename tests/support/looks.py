"""What an eye would check of a page in a real browser, and what a person does there most."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize, expect

from tests.support.browser import EMAIL, PASSWORD

PHOTOGRAPHS = os.environ.get("SUNDIAL_PHOTOGRAPHS", "")
"""A folder that every page looked at is photographed into, for somebody to look at."""

SCREENS: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
    "smallest": {"width": 320, "height": 568},  # WCAG 2.2, 1.4.10
}
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")


def fill_in(page: Page, password: str = PASSWORD, email: str = EMAIL) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def assert_looks_right(page: Page, title: str, name: str = "") -> None:
    """Check what an eye would on every screen, in light and in dark; the page is left on the smallest, in light.

    Nothing is cut off, things to press are large enough, text stands out (WCAG 2.2 AA). With a `name` it is
    photographed under it.
    """
    expect(page).to_have_title(f"{title} · Sundial")
    for screen, size in SCREENS.items():
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            if PHOTOGRAPHS and name:
                page.screenshot(path=Path(PHOTOGRAPHS) / f"{name}-{screen}-{scheme}.png", full_page=True)
            _assert_looks_right_as_it_is(page, scheme)


def _assert_looks_right_as_it_is(page: Page, scheme: str) -> None:
    seen = page.evaluate(_LOOK)
    assert seen["fits"], page.viewport_size
    [(_, behind)] = seen["colours"].pop("body")
    assert (_luminance(behind) < 0.1) == (scheme == "dark")
    for selector, colours in seen["colours"].items():
        for colour, background in colours:
            assert _contrast(colour, background) >= 4.5, (selector, colour, background)
    for height, font_size in seen["fields"]:
        assert height >= 44
        assert font_size >= 16
    assert seen["headings"] == 1
    assert seen["language"] == "en"


_LOOK = """() => {
  const all = selector => [...document.querySelectorAll(selector)];
  const colours = one => {
    let behind = one;
    while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    return [getComputedStyle(one).color, getComputedStyle(behind ?? document.body).backgroundColor];
  };
  const texts = ['body', 'h1', 'p', 'label', 'button', 'a', 'li', '[role=alert]'];
  const isVisible = one => one.checkVisibility({visibilityProperty: true});
  const fields = [...all('input').filter(isVisible), ...all('button, .choice')];
  return {
    fits: document.documentElement.scrollWidth <= innerWidth,
    colours: Object.fromEntries(texts.map(selector => [selector, all(selector).map(colours)])),
    fields: fields.map(one => [one.getBoundingClientRect().height, parseFloat(getComputedStyle(one).fontSize)]),
    headings: all('main h1').length,
    language: document.documentElement.lang,
  };
}"""


def _luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of `rgb(r, g, b)`."""
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
