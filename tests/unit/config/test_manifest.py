"""A Dex file in a manifest of Kubernetes: found where there is one, and never guessed."""

from __future__ import annotations

import pytest

from sundial.config.document import DocumentError, parse

CARRYING = """\
kind: ConfigMap
metadata: {name: dex}
data:
  other: |
    issuer: https://other.example.com
  config.yaml: |
    issuer: https://id.example.com

    expiry:
      idTokens: 1h
"""
POD = "---\n# what runs it\nkind: Pod\nspec: {containers: []}\n"


@pytest.mark.parametrize("before", ["", POD, f"{POD}{POD}---\n", "---\n---\n"])
def test_the_file_is_read_as_if_it_stood_alone_but_for_its_lines(before: str) -> None:
    text = f"{before}---\n{CARRYING}{POD}"
    document = parse(text)
    assert document.values == {"issuer": "https://id.example.com", "expiry": {"idTokens": "1h"}}
    assert {text.splitlines()[document.lines[at] - 1].strip() for at in ("/issuer", "/expiry/idTokens")} == {
        "issuer: https://id.example.com",
        "idTokens: 1h",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{CARRYING}---\n{CARRYING}", "second document"),  # which of the two?
        (f"{POD}---\n{CARRYING.replace('config.yaml', 'dex.yaml')}", "second document"),
        (f"{POD}---\n{CARRYING.replace('config.yaml: |', 'config.yaml: >')}", "second document"),  # it has other lines
        (f"{POD}---\nkind: ConfigMap\ndata: [config.yaml]\n", "second document"),
        (f"{CARRYING}---\n'", "second document"),
        (f"{POD}---\n{CARRYING}      - mistaken\n", "expected"),
    ],
)
def test_what_carries_no_file_or_several_is_no_file(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as refused:
        parse(text)
    assert message in refused.value.message


def test_a_mistake_in_the_file_is_told_with_its_line_in_the_manifest() -> None:
    text = f"{POD}---\n{CARRYING.replace('idTokens: 1h', 'idTokens: a: b')}"
    with pytest.raises(DocumentError) as refused:
        parse(text)
    assert text.splitlines()[refused.value.line - 1].strip() == "idTokens: a: b"


def test_a_file_that_only_speaks_of_one_is_a_file() -> None:
    assert parse("kind: ConfigMap\nissuer: https://id.example.com\n").values["issuer"] == "https://id.example.com"
