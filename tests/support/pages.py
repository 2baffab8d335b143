"""The pages of docs/, as tests read them: their code blocks, and the commands in those."""

from __future__ import annotations

import re

SHELL = ("sh", "console")
"""What a reader pastes, and what is shown with its answers behind a prompt."""


def blocks(page: str, *languages: str) -> list[str]:
    """Return the text of each code block of a page in one of these languages, in their order."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def commands(page: str, *languages: str) -> list[str]:
    """Return each line of such blocks as one would type it: whole, without a prompt and without its comment."""
    lines = "\n".join(blocks(page, *languages)).replace("\\\n", " ").splitlines()
    return [command for line in lines if (command := re.split(r"(?:^|\s)# ", line.removeprefix("$ "))[0].strip())]
