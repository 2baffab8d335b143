"""The pages: their policy, their look, and that nothing breaks out of them."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest

from sundial.config.model import Config, Frontend
from sundial.web.http import Response
from sundial.web.pages import Pages, form_action
from tests.support.config import make_config


def pages(**frontend: str) -> Pages:
    return Pages(replace(make_config(), frontend=Frontend(**frontend)))


def an_error(made: Pages) -> Response:
    return made.error(400, "that will not do", "request-1", {})


def policy_of(response: Response) -> dict[str, str]:
    directives = (one.strip().partition(" ") for one in response.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, _, sources in directives}


def style_of(response: Response) -> str:
    [style] = re.findall(r"<style>(.*?)</style>", response.body, re.DOTALL)
    assert isinstance(style, str)
    return style


def test_the_policy_allows_our_own_style_and_nothing_else() -> None:
    response = an_error(pages())
    digest = b64encode(sha256(style_of(response).encode("utf-8")).digest()).decode("ascii")
    assert policy_of(response) == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "data:",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_a_page_is_never_stored_nor_framed() -> None:
    headers = an_error(pages()).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_page_has_neither_a_script_nor_a_style_attribute_nor_a_handler() -> None:
    body = an_error(pages()).body
    assert "<script" not in body
    assert not re.search(r"\s(style|on\w+)=", body)


def test_what_is_put_into_a_page_is_escaped() -> None:
    body = pages(issuer='<b onload="x">').error(400, "<script>alert(1)</script>", "<i>", {}).body
    assert "<script" not in body
    assert "<b " not in body
    assert "<i>" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_the_theme_of_the_configuration_is_added_and_covered_by_the_digest() -> None:
    response = an_error(pages(theme_css="main {\r\n  border-radius: 0 }"))
    assert style_of(response).endswith("main {\n  border-radius: 0 }")
    digest = b64encode(sha256(style_of(response).encode("utf-8")).digest()).decode("ascii")
    assert policy_of(response)["style-src"] == f"'sha256-{digest}'"


def test_a_theme_cannot_break_out_of_its_element() -> None:
    body = an_error(pages(theme_css='a::after { content: "</style><script>" }')).body
    assert body.count("</style>") == 1
    assert "<\\/style><script>" in style_of(an_error(pages(theme_css='a::after { content: "</style><script>" }')))


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_a_theme_is_light_or_dark_or_follows_the_reader(theme: str) -> None:
    style = style_of(an_error(pages(theme=theme)))
    assert ("prefers-color-scheme" in style) == (theme == "auto")
    assert f"color-scheme: {'light dark' if theme == 'auto' else theme};" in style
    dark_page, light_page = "--page: #15161a", "--page: #f7f4ee"
    assert (dark_page in style) == (theme != "light")
    assert (light_page in style) == (theme != "dark")


def test_a_logo_is_shown_and_the_policy_allows_that_one_picture() -> None:
    response = an_error(pages(logo_url="https://cdn.example.com/a,b;c.png?v=1"))
    assert '<img src="https://cdn.example.com/a,b;c.png?v=1" alt="">' in response.body
    assert policy_of(response)["img-src"] == "data: https://cdn.example.com/a%2Cb%3Bc.png"


def test_a_logo_without_a_host_is_the_issuers() -> None:
    response = an_error(pages(logo_url="theme/logo.png"))
    assert policy_of(response)["img-src"] == "data: https://id.example.com/theme/logo.png"


def test_a_logo_may_stand_in_the_configuration_itself() -> None:
    response = an_error(pages(logo_url="data:image/png;base64,AAAA"))
    assert policy_of(response)["img-src"] == "data:"


@pytest.mark.parametrize(
    ("redirect_uri", "sources"),
    [
        (None, "'self'"),
        ("https://app.example.com/callback", "'self' https:"),
        ("http://127.0.0.1:5555/callback", "'self' http: https:"),
        ("http://[::1]:5555/callback", "'self' http: https:"),
        ("com.example.app:/callback", "'self' com.example.app: https:"),
    ],
)
def test_a_form_may_lead_to_the_client_and_on_from_there(redirect_uri: str | None, sources: str) -> None:
    assert form_action(redirect_uri) == sources


@pytest.mark.parametrize(
    ("status", "heading"),
    [
        (400, "This login cannot go on"),
        (404, "There is nothing here"),
        (500, "Something went wrong"),
        (503, "We cannot answer at the moment"),
    ],
)
def test_an_error_page_says_what_happened_and_how_to_ask_for_help(status: int, heading: str) -> None:
    response = pages().error(status, "no such thing", "request-1", {"Retry-After": "5"})
    assert response.status == status
    assert f"<h1>{heading}</h1>" in response.body
    assert "request-1" in response.body
    assert response.headers["Retry-After"] == "5"


@pytest.mark.parametrize("description", ["GitHub can't be reached at the moment", "too busy; try again soon"])
def test_whoever_can_only_wait_is_told_to_try_again(description: str) -> None:
    body = pages().error(503, description, "request-1", {}).body
    assert body.count("try again") == 1
    assert description[1:4] in body


def test_an_error_page_shows_the_description_as_a_sentence_and_keeps_a_fault_of_ours_to_itself() -> None:
    assert "<p>That will not do.</p>" in an_error(pages()).body
    assert "secret detail" not in pages().error(500, "secret detail", "request-1", {}).body


def test_the_pages_are_made_of_the_configuration_alone() -> None:
    config: Config = make_config()
    assert an_error(Pages(config)).body == an_error(Pages(config)).body
