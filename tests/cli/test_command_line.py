"""The command line as a whole: its page, its completions, its exit statuses."""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sundial.version import VERSION
from sundial_cli import status
from sundial_cli.command_docs import command_docs
from sundial_cli.main import main, parser
from sundial_local.paths import ROOT

PAGE = ROOT / "docs" / "cli.md"
SECONDS = 30


def commands(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield each command that can be typed."""
    below = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield top
    for action in below:
        for command in action.choices.values():
            yield from commands(command)


ALL = list(commands(parser()))


def test_the_page_is_what_the_parsers_say() -> None:
    assert PAGE.read_text("utf-8") == command_docs(parser()), "run `make docs-config`"


def test_the_page_has_every_command_and_every_option() -> None:
    page = PAGE.read_text("utf-8")
    for command in ALL:
        assert re.search(rf"^#+ `{re.escape(command.prog)}[` ]", page, re.MULTILINE), command.prog
        for action in command._actions:
            assert all(
                f"`{flag}" in page or f", {flag}" in page for flag in action.option_strings if action.dest != "help"
            )


def test_the_page_has_every_exit_status() -> None:
    stated = {int(row) for row in re.findall(r"^\| (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)}
    assert stated == {0, status.FINDING, status.USAGE, status.UNREACHABLE, status.INTERRUPTED}


def test_every_command_and_option_says_what_it_is_for() -> None:
    for command in ALL:
        for action in command._actions:
            named_in_heading = not action.option_strings and action.metavar
            assert action.help or named_in_heading, f"{command.prog} {action.dest}"


def test_each_command_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ALL:
        with pytest.raises(SystemExit) as stopped:
            main([*command.prog.split()[1:], "--help"])
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith("usage: ")


def test_the_version_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert (stopped.value.code, capsys.readouterr().out) == (0, f"sundial {VERSION}\n")


def test_a_command_that_is_called_often_does_not_wait_for_what_the_others_import() -> None:
    code = "import sys, sundial_cli.main as cli; cli.parser('credential-process'); print('botocore' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert ran.stdout == "False\n"


# exit statuses


def test_a_command_that_there_is_not_is_status_2() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["keys", "burn"])
    assert stopped.value.code == 2


def test_ctrl_c_is_status_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sundial_cli.groups.config.compile_file", interrupted)
    assert main(["config", "check", str(tmp_path)]) == 130


def test_a_reader_that_has_had_enough_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    assert main(["config", "docs"]) == 0


def test_a_warning_of_the_configuration_counts_where_a_script_is_strict(tmp_path: Path) -> None:
    file = tmp_path / "dex.yaml"
    file.write_text(
        "issuer: https://login.example.com\nenablePasswordDB: true\ntelemetry: {http: 0.0.0.0:5558}\n", "utf-8"
    )
    assert (main(["config", "check", str(file)]), main(["config", "check", "--strict", str(file)])) == (0, 1)


# completion


def completion(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def needs(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell}")
    return found


def run(*words: str, cwd: Path) -> str:
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("sundial", "ke"), {"keys"}),
        (("sundial", "keys", "re"), {"revoke"}),
        (("sundial", "sessions", "list", "--us"), {"--user"}),
        (("sundial", "credential-process", "--how", ""), {"auto", "browser", "device", "never"}),
    ],
)
def test_bash_completes(
    words: tuple[str, ...], offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bash = needs("bash")
    (tmp_path / "sundial").write_text(completion("bash", capsys), "utf-8")
    typed = " ".join(f"'{word}'" for word in words)
    function = '$(complete -p sundial | sed "s/.*-F \\([^ ]*\\).*/\\1/")'
    script = f"source ./sundial; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; {function} sundial"
    script += f" '{words[-1]}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    assert set(run(bash, "--norc", "-c", script, cwd=tmp_path).split()) == offered


def test_fish_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fish = needs("fish")
    (tmp_path / "sundial.fish").write_text(completion("fish", capsys), "utf-8")
    script = "source sundial.fish; complete --do-complete 'sundial keys re'"
    assert run(fish, "--no-config", "-c", script, cwd=tmp_path).split()[0] == "revoke"


def test_zsh_takes_the_completion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zsh = needs("zsh")
    text = completion("zsh", capsys)
    assert text.startswith("#compdef sundial")
    (tmp_path / "_sundial").write_text(text, "utf-8")
    script = "fpath=($PWD $fpath); autoload -U compinit; compinit -D -u; print -r -- $_comps[sundial]"
    assert run(zsh, "-f", "-c", script, cwd=tmp_path) == "_sundial\n"
