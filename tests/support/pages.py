"""The pages that users read, as tests read them: their code blocks, the commands in those, and what comes back.

Every command of a page is run by a test. Which does, it says by `every_command`, and tests/unit/test_pages.py fails
for a command that no test asks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sundial_local.paths import ROOT

SHELL = ("sh", "console")
"""What a reader pastes, and what is shown with its answers behind a prompt."""
PAGES = ("README.md", "CONTRIBUTING.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")))
"""Every page, from the root of the checkout."""

_SAID = re.compile(r"`(aws [\w-]+ [^`]+)`")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MASKS = (
    (re.compile(r"[█▒░│][█▒░│ ]*"), "│"),
    (re.compile(r"https?://[\w.:-]+"), "URL"),
    (re.compile(r"\b(?:in )?\d+ (?:s|min|h|d)(?: \d+ (?:s|min|h))?(?: ago)?\b"), "DURATION"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "INSTANT"),
    (re.compile(r"\b[0-9a-f]{8}\b"), "ID"),
    (re.compile(r"[\w-]*(?:[A-Za-z]\d|\d[A-Za-z]|[a-z][A-Z])[\w-]*…?|\b[A-Z]{4}-[A-Z]{4}\b"), "ID"),
    (re.compile(r"\d[\d,.]*"), "0"),
    (re.compile(r"[ \t]+"), " "),
)


def text_of(page: str, section: str = "") -> str:
    """Return the text of a page, or of its section of the second level that has this heading."""
    text = (ROOT / page).read_text("utf-8")
    if not section:
        return text
    _, heading, rest = text.partition(f"\n## {section}\n")
    assert heading, f"{page} has no section {section}"
    return rest.partition("\n## ")[0]


def blocks(text: str, *languages: str) -> list[str]:
    """Return the text of each code block of a page in one of these languages, in their order."""
    return [block for language, block in _BLOCK.findall(text) if language in languages]


def commands(text: str) -> list[str]:
    """Return each command of a page's code blocks as one would type it: whole, without a prompt and its comment."""
    found = []
    for language, block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines() if language in SHELL else ():
            command = re.split(r"(?:^|\s)# ", line.removeprefix("$ "))[0].strip()
            if command and (language == "sh" or line.startswith("$ ")):
                found.append(command)
    return found


def said(text: str) -> list[str]:
    """Return each command of AWS's command line that stands in the text of a page: what to do at once."""
    return [" ".join(command.split()) for command in _SAID.findall(_BLOCK.sub("", text))]


def wanted(page: str, *beginnings: str, section: str = "") -> list[str]:
    """Return the commands of a page, or of a section of it, that begin so; all of them where nothing is said.

    What is a whole command of the page stands for that alone.
    """
    text = text_of(page, section)
    shown = commands(text) + said(text)
    whole = set(beginnings).intersection(shown)
    parts = tuple(set(beginnings) - whole)
    return [one for one in shown if not beginnings or one in whole or one.startswith(parts)]


@contextmanager
def every_command(page: str, *beginnings: str, section: str = "") -> Iterator[Iterator[str]]:
    """Hand out those commands (see `wanted`), for the test to run; it fails if it has not taken each of them.

    What is asked for is written out where this is called: tests/unit/test_pages.py reads it there.
    """
    left = wanted(page, *beginnings, section=section)
    for beginning in beginnings or ("",):
        assert any(one.startswith(beginning) for one in left), f"{page} shows no command {beginning} any more"

    def taken() -> Iterator[str]:
        while left:
            yield left.pop(0)

    yield taken()
    assert not left, f"{page}: nobody has run {left}"


def answers(text: str) -> dict[str, str]:
    """Return what a page shows below each command that stands behind a prompt, by the command."""
    found = {}
    for block in blocks(text, "console"):
        for command in re.findall(r"^\$ .*(?:\\\n.*)*", block, re.MULTILINE):
            shown = block.partition(f"{command}\n")[2].partition("\n$ ")[0]
            found[commands(f"```console\n{command}\n```")[0]] = shown
    return {command: shown for command, shown in found.items() if shown and not shown.startswith("$ ")}


def documents_below(text: str) -> list[list[dict[str, Any]]]:
    """Return, for each block that can be pasted, the JSON documents that a page shows as its answers right below it."""
    below = re.findall(r"^```sh\n(?:.*\n)*?```\n(?:\n```json\n((?:.*\n)*?)```\n)?", text, re.MULTILINE)
    return [list(documents(block)) for block in below]


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON documents that stand one after the other: curl prints them without a line's end."""
    decoder = json.JSONDecoder()
    while text := text.strip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


def assert_alike(shown: str, printed: str) -> None:
    """Check that a page shows what a command prints, but for ids, instants, numbers and widths; `…` leaves out text."""
    expected, real = _masked(shown), _masked(printed)
    lines = (re.escape(line).replace("…", ".*") + r"\s" for line in expected.splitlines())  # a page wraps long lines
    pattern = "".join(r"(?:.*\n)*?" if line == r".*\s" else line for line in lines)
    assert re.fullmatch(pattern, real), f"shown:\n{expected}\nprinted:\n{real}"


def _masked(text: str) -> str:
    for mask, instead in _MASKS:
        text = mask.sub(instead, text)
    return "".join(f"{line.strip()}\n" for line in text.strip().splitlines())
