"""Answers that may be kept, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sundial.discovery.caching import Document, cacheable
from sundial.discovery.lifetimes import max_age
from sundial.web.http import Request
from tests.support.keys import DAY, HOUR, MINUTE, T0

DOCUMENT = Document.of('{"keys":[]}')


def ask(if_none_match: str | None = None) -> Request:
    return Request("GET", "GET /keys", T0, headers={} if if_none_match is None else {"if-none-match": if_none_match})


def test_an_answer_carries_a_strong_tag_and_its_lifetime() -> None:
    response = cacheable(ask(), DOCUMENT, 60)
    assert response.status == 200
    assert response.body == '{"keys":[]}'
    assert response.headers["ETag"].startswith('"')
    assert response.headers["Cache-Control"] == "public, must-revalidate, max-age=60"
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("template", ["{tag}", "W/{tag}", '"other", {tag}', "*", '"other" ,W/{tag} '])
def test_whoever_has_it_is_told_so_and_for_how_long_it_stays_good(template: str) -> None:
    response = cacheable(ask(template.format(tag=DOCUMENT.etag)), DOCUMENT, 60)
    assert (response.status, response.body) == (304, "")
    assert response.headers["ETag"] == DOCUMENT.etag
    assert response.headers["Cache-Control"] == "public, must-revalidate, max-age=60"
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("tag", ["", '"other"', "nonsense", ",", 'W/"other"'])
def test_whoever_has_another_gets_this_one(tag: str) -> None:
    assert cacheable(ask(tag), DOCUMENT, 60).status == 200


def test_equal_documents_have_equal_tags_and_others_have_others() -> None:
    assert Document.of("a").etag == Document.of("a").etag
    assert Document.of("a").etag != Document.of("b").etag


@pytest.mark.parametrize(
    ("publish_ahead", "expected"),
    [(3 * HOUR, HOUR), (24 * HOUR, HOUR), (HOUR, 54 * MINUTE), (10 * MINUTE, 4 * MINUTE), (6 * MINUTE, 0), (0, 0)],
)
def test_the_jwks_is_kept_for_less_than_a_key_is_published_ahead(publish_ahead: int, expected: int) -> None:
    assert max_age(timedelta(seconds=publish_ahead), None, T0) == expected


@pytest.mark.parametrize(
    ("change_in", "expected"),
    [(DAY, HOUR), (HOUR, HOUR), (HOUR - 1, HOUR - 1), (61, 61), (60, 60), (1, 60), (0, 60), (-DAY, 60)],
)
def test_its_lifetime_shrinks_as_a_change_nears_but_not_to_nothing(change_in: int, expected: int) -> None:
    assert max_age(timedelta(hours=3), T0 + change_in, T0) == expected


def test_the_shortest_lifetime_never_exceeds_what_publish_ahead_allows() -> None:
    assert max_age(timedelta(minutes=6, seconds=30), T0, T0) == 30
