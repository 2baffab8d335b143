"""YAML into plain values and the line of each."""

from __future__ import annotations

from typing import Any

import pytest

from sundial.config.document import DocumentError, parse


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("yes", True),
        ("Off", False),
        ("no", False),
        ("y", "y"),
        ("", None),
        ("~", None),
        ("null", None),
        ("10", 10),
        ("-7", -7),
        ("1_000", 1000),
        ("0755", 493),
        ("0x1F", 31),
        ("08", 8.0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1h30m", "1h30m"),
        ("22:22", "22:22"),
        ("2024-01-01", "2024-01-01"),
        ("08a8684b-db88-4b73-90a9-3cd1661f5466", "08a8684b-db88-4b73-90a9-3cd1661f5466"),
        ("'10'", "10"),
        ('"yes"', "yes"),
        ("!!str 10", "10"),
        ("$2a$10$abc", "$2a$10$abc"),
        ("<<", "<<"),
    ],
)
def test_a_scalar_is_what_dex_takes_it_for(written: str, value: Any) -> None:
    found = parse(f"key: {written}").values["key"]
    assert found == value
    assert type(found) is type(value)


def test_every_value_has_its_line_by_json_pointer() -> None:
    document = parse("a: 1\nb:\n  - c: x\n    d/e: y\n  -\n    c~f: z\n")
    assert document.lines == {
        "": 1,
        "/a": 1,
        "/b": 2,
        "/b/0": 3,
        "/b/0/c": 3,
        "/b/0/d~1e": 4,
        "/b/1": 6,
        "/b/1/c~0f": 6,
    }


def test_anchors_and_merged_mappings_are_followed() -> None:
    document = parse("base: &base {x: 1, y: 2}\nover:\n  <<: *base\n  y: 3\nlist: [*base]\n")
    assert document.values["over"] == {"x": 1, "y": 3}
    assert document.values["list"] == [{"x": 1, "y": 2}]
    assert document.lines["/over/x"] == 1
    assert document.lines["/over/y"] == 4


def test_of_several_merged_mappings_the_first_wins() -> None:
    assert parse("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}").values["c"] == {"x": 1, "y": 2}


def test_a_key_that_is_a_number_is_text_as_in_json() -> None:
    assert parse("1: one").values == {"1": "one"}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "empty"),
        ("# only a comment", 1, 1, "empty"),
        ("- a", 1, 1, "not a mapping"),
        ("issuer", 1, 1, "not a mapping"),
        ("a: 1\nb: 2\na: 3", 3, 1, "'a' stands twice (first in line 1)"),
        ("a:\n  b: 1\n  b: 2", 3, 3, "'b' stands twice (first in line 2)"),
        ("a: b: c", 1, 5, "mapping values"),
        ("a:\n\tb: 1", 2, 1, "a tab"),
        ("a: 'b", 1, 6, "end of stream"),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("a: [1, 2\nb: 3", 2, 2, "expected"),
        ('a: {{ getenv "DEX" }}', 1, 5, "a key that is not text"),
        ("a: !vault x", 1, 4, "tag"),
        ("a: &x [*x]", 1, 4, "inside what it repeats"),
        ("a: &x {<<: *x}", 1, 4, "inside what it repeats"),
        ("a: {<<: 1}", 1, 9, "merges mappings only"),
        ("a: b\x00c", 1, 1, "a character"),
        ("ok: 1\na: b\x07c", 2, 1, "a character"),
    ],
)
def test_what_is_not_a_mapping_in_yaml_is_refused_with_line_and_column(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(DocumentError) as refused:
        parse(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert message in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize(
    "value",
    ["*hunter2", "&hunter2 1\nb: &hunter2 2", "!hunter2 x", "!hunter2!x y", "'hunter2", '"hunter2\\q"', "@hunter2"],
)
def test_a_syntax_error_quotes_nothing_of_the_file(value: str) -> None:
    with pytest.raises(DocumentError) as refused:
        parse(f"secret: {value}")
    assert "hunter2" not in str(refused.value)
