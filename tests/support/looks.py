"""What an eye would check of a page in a real browser, and what a person does there most."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect

from tests.support.browser import EMAIL, PASSWORD

PHOTOGRAPHS = os.environ.get("SUNDIAL_PHOTOGRAPHS", "")
"""A folder that every page looked at is photographed into, for somebody to look at."""

SCREENS: dict[str, ViewportSize] = {
    "smallest": {"width": 320, "height": 568},  # WCAG 2.2, 1.4.10
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 800},
}


def fill_in(page: Page, password: str = PASSWORD, email: str = EMAIL) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def assert_looks_right(page: Page, title: str, scheme: str, name: str = "") -> None:
    """Check what an eye would: nothing is cut off, things to press are large enough, text stands out (WCAG 2.2 AA).

    With a `name` it is photographed under it.
    """
    expect(page).to_have_title(f"{title} · Sundial")
    if PHOTOGRAPHS and name:
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=Path(PHOTOGRAPHS) / f"{name}-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    (light_or_dark,) = page.evaluate(_COLOURS, "body")
    assert (_luminance(light_or_dark[1]) < 0.1) == (scheme == "dark")
    for selector in ("h1", "p", "label", "button", "a", "li", "[role=alert]"):
        for colour, background in page.evaluate(_COLOURS, selector):
            assert _contrast(colour, background) >= 4.5, (selector, colour, background)
    for field in page.locator("input:visible, button, .choice").all():
        box = field.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert float(field.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")) >= 16
    assert page.locator("main h1").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"


_COLOURS = """selector => [...document.querySelectorAll(selector)].map(one => {
  const colour = getComputedStyle(one).color;
  let behind = one;
  while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  return [colour, getComputedStyle(behind ?? document.body).backgroundColor];
})"""


def _luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of `rgb(r, g, b)`."""
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
