"""Debian's Chromium, driven by Playwright, in front of the real pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from tests.support.site import Site, serving

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    # The first is the same browser without its windows, and takes a third of the time.
    executable = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
    if executable is None:
        pytest.skip("there is no chromium on PATH (Debian: apt-get install chromium-headless-shell)")
    browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The pages on a port of their own; an indirect parameter is the issuer's path, or `https`."""
    wanted = getattr(request, "param", "")
    with serving("" if wanted == "https" else wanted, tls=wanted == "https") as running:
        yield running


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, without JavaScript: the pages have none, and no test may come to need it."""
    context = chromium.new_context(java_script_enabled=False, ignore_https_errors=True)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(autouse=True)
def nothing_is_out_of_order(context: BrowserContext, site: Site) -> Iterator[None]:
    """Every page of every test: no error in the console, no request but to us and to the clients."""
    problems: list[str] = []
    requested: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # Chromium reports each page with an error status there; that is what the test is about.
        if message.type in ("error", "warning") and "the server responded with a status" not in message.text:
            problems.append(message.text)

    context.on("console", listen)
    context.on("request", lambda request: requested.append(request.url))
    yield
    assert problems == []
    known = (site.issuer, site.client.origin, site.other.origin, site.other.origin_by_name, "data:")
    assert [url for url in requested if not url.startswith(known)] == []
