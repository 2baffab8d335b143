"""Mutation testing of the pure middle: mutmut breaks each line in every way it knows, and the tests have to notice.

    python -m tests.proofs.mutation_testing expiry

mutmut wants the package at the root of where it runs, so it runs in a copy that is laid out like that. What
survives is listed, unless it is explained in `EXPLAINED`: the status is the number of those that aren't.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sundial_local.paths import LAYER, ROOT, TOOLS

TESTS = {
    "expiry": ("tests/unit/expiry", "tests/unit/tokens"),
    "keys": ("tests/unit/keys", "tests/unit/tokens/test_jwt.py"),
}
"""By package: the tests that are to notice; they are run thousands of times, so none that needs an engine."""
MODULES = {
    "expiry": ("*",),
    "keys": ("ring", "transitions", "commands", "policy", "rotation", "cache", "algorithms", "inventory"),
}
"""By package: what is mutated. Of `keys`, what needs no engine: the others only talk to AWS."""

EXPLAINED = {
    'encode("ASCII")': "the same encoding",
    'decode("ASCII")': "the same encoding",
    'rstrip(b"XX=XX")': "a SHA-256 in base64 never ends in X: its last digit has two bits to spare",
    'rstrip("XX0XX")': "there is no X to strip among digits",
    'lstrip("XX0XX")': "there is no X to strip among digits",
    "return _GO_MAXIMUM + 2": "beyond the longest duration by one or by two is refused alike",
    "not_before: int = 1": "nothing has been issued in the first second of 1970",
    " or 1, ": "no instant of a key is in the first second of 1970",
    " or 1)": "the same",
    " else 1)": "the same",
    "force=None": "as false as False",
    "zip(keys, [*following, None], strict=None)": "zip isn't strict either way",
    "zip(keys, [*following, None], )": "the same",
    "Client(id=None)": "a client without settings, whatever it is called",
    'Client(id="XXXX")': "the same",
    'or ["XXXX"]': "a connector that isn't there, whatever it is called",
    "with_chain(ring, None, ": "no key is left out of these chains, or it is taken out of the ring just after",
    "now < key.signs_until + _SKEW": "at this instant the slowest clock shows the key's end, and nothing signs with it",
    "now <= key.signs_until + _BEHIND": "the same",
    'self._loaded: LoadedRing | None = ""': "as much a ring as None: the first reading comes before any look at it",
    'self._version: str | None = ""': "no version is called that",
    "self._loaded_at = 1": "nobody looks at it before the first reading",
    "self._reload_at = None": "the same",
    "self._reload_at = 1": "the same",
    "token_bytes(None)": "32 bytes, as asked",
    "sort_keys=None": "the members are listed in their order already",
    "sort_keys=False": "the same",
    'separators=(",", ":"), ).encode': "the same",
    'b"XXsundial key checkXX"': "whatever is signed shows whether the pair fits",
    'b"SUNDIAL KEY CHECK"': "the same",
    "// 8, )": "big is the default order of bytes",
    "to_bytes(size, )": "the same",
    "% 4)), )": "the same",
    "(+len(text) % 4)": "more padding than needed is passed over",
    "(-len(text) % 5)": "the same; no key is of a length for which this would be too little",
    "stated > earliest": "an end is planned for later than that; where other settings make it equal, it may be later",
}
"""What may survive, by a part of the line that it makes: why no test could notice it."""

_MOST_MEMORY = 2 * 1024**3
"""Bytes of addresses, for each process."""

_CONFIG = """\
[mutmut]
source_paths=
    sundial
only_mutate=
{modules}
also_copy=
    sundial_local
    template.yaml
    events
pytest_add_cli_args=
    -q
    -p
    no:cacheprovider
    -p
    no:tests.support.leak_watch
    --import-mode=importlib
pytest_add_cli_args_test_selection=
{tests}
timeout_constant=15
timeout_multiplier=4
track_dependencies=false
use_git_change_detection=false
on_dependency_change=ignore
[tool:pytest]
pythonpath = .
"""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test has noticed: the function, and what mutmut made of its line."""

    name: str
    status: str
    lines: tuple[str, ...]

    @property
    def explanation(self) -> str | None:
        return next((why for part, why in EXPLAINED.items() if any(part in line for line in self.lines)), None)


def lay_out(folder: Path, package: str) -> None:
    """Make the copy that mutmut runs in."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(LAYER / "sundial", folder / "sundial", ignore=ignored)
    shutil.copytree(TOOLS / "sundial_local", folder / "sundial_local", ignore=ignored)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
    shutil.copytree(ROOT / "events", folder / "events")
    shutil.copy(ROOT / "template.yaml", folder)
    tests = "\n".join(f"    {path}" for path in TESTS[package])
    modules = "\n".join(f"    sundial/{package}/{module}.py" for module in MODULES[package])
    (folder / "setup.cfg").write_text(_CONFIG.format(modules=modules, tests=tests), "utf-8")


def mutmut(folder: Path, *arguments: str) -> str:
    """Run mutmut, and return what it printed, without colours."""
    program = Path(sys.executable).with_name("mutmut")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["SUNDIAL_MUTATE"] = "1"  # shallow: see tests.support.depth
    ran = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout)


def results(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each mutant that no test has failed for, and what became of it."""
    for line in mutmut(folder, "results").splitlines():
        name, _, status = line.strip().partition(": ")
        if status:
            yield name, status


def survivors(folder: Path, left: Iterable[tuple[str, str]]) -> Iterator[Survivor]:
    """Yield what has survived, or was never reached. What never comes to an end has been noticed."""
    for name, status in left:
        if status != "timeout":
            shown = mutmut(folder, "show", name).splitlines()
            changed = (text for text in shown if text.startswith("+") and not text.startswith("+++"))
            yield Survivor(name, status, tuple(text[1:].strip() for text in changed))


def test_package(package: str) -> int:
    """Mutate `sundial.<package>`; return how many mutants survive without an explanation."""
    with tempfile.TemporaryDirectory(prefix="sundial-mutmut-") as name:
        folder = Path(name)
        lay_out(folder, package)
        progress = mutmut(folder, "run")
        total = max(map(int, re.findall(r"\d+/(\d+)", progress)), default=0)
        unfailed = list(results(folder))
        left = list(survivors(folder, unfailed))
    endless = [name for name, status in unfailed if status == "timeout"]
    unexplained = [one for one in left if one.explanation is None]
    report(f"unnoticed in {package}", unexplained)
    noticed = total - len(left)
    print(
        f"{package}: {noticed} of {total} mutants noticed ({noticed / total:.1%}), "
        f"{len(endless)} because they never end {endless}; "
        f"{len(left) - len(unexplained)} explained, {len(unexplained)} not"
    )
    return len(unexplained)


def report(title: str, some: Iterable[Survivor]) -> None:
    """Print mutants, one a line."""
    for one in some:
        print(f"{title}: {one.name} ({one.status}): {' '.join(one.lines)}")


def bound_memory() -> None:
    """Let a mutant that never ends run out of memory before the machine does."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, hard))


if __name__ == "__main__":
    bound_memory()
    sys.exit(sum(test_package(package) for package in sys.argv[1:] or TESTS))
