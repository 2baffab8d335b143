"""docs/cli.md, made from the parsers of the command line: it can't say what they don't."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from sundial_cli.target import DEPLOYMENT_OPTIONS

_INTRODUCTION = """\
<!-- Made by `make docs-config` from the parsers of tools/sundial_cli: change it there. -->

# The command line

`sundial` is what operators look after a deployment with, and what users get AWS credentials with. `make run` and
`make test` install it: `.venv-run/bin/sundial`, `.venv/bin/sundial`. [Operations](operations.md) and
[clients and users](users-and-clients.md) say when to use what; this page has all of it.

## Exit statuses

The same for every command, so that a script can tell what to do next:

| status | means | a script may |
| --- | --- | --- |
| 0 | all is well, it is done; there may be warnings | go on |
| 1 | something is not as it should be, or was refused; you have said no to a question | stop, and tell somebody |
| 2 | the command was called wrongly, or a file can't be read or written | be mended |
| 3 | AWS, the deployment or the issuer can't be reached, or doesn't let you | try again later, or ask for rights |
| 130 | it was stopped by Ctrl-C | stop |

The text on standard error says what to do. `--strict`, where there is one, has a warning count as 1.

## What is printed

- Results go to standard output; errors, warnings, questions and progress to standard error.
- `--json` prints one JSON document in the place of text. Instants are epoch seconds; keys are added to it and never
  taken away.
- Colours and progress are for a terminal alone; `NO_COLOR=1` takes colours away ([no-color.org](https://no-color.org)).
- No secret is ever taken as an argument, and none is printed but a new one, once.
- Before anything is destroyed a question is asked. `--yes` has answered it; where nobody can be asked, a command
  without it stops.

## Completion

```sh
mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc ~/.config/fish/completions
sundial completion bash > ~/.local/share/bash-completion/completions/sundial
sundial completion zsh > ~/.zfunc/_sundial             # a folder of your fpath
sundial completion fish > ~/.config/fish/completions/sundial.fish
```

## Which deployment

The commands that are about a deployment take these options, too:

"""
_OF_THE_DEPLOYMENT = "Besides: `--json`, and [which deployment](#which-deployment)."


def command_docs(top: argparse.ArgumentParser) -> str:
    """Return the whole page, for the parser of `sundial_cli.main`."""
    return _INTRODUCTION + "\n".join([*_deployment(top), *_group(top)]).rstrip("\n") + "\n"


def _group(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the commands of a parser, those below each, to any depth."""
    for summary, command in _commands(parser):
        depth = command.prog.count(" ") + 1
        arguments = [_named(action) for action in _positionals(command)]
        yield f"{'#' * min(depth, 3)} `{' '.join([command.prog, *arguments])}`"
        yield ""
        text = _text(command.description or summary)
        yield f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
        yield ""
        yield from _options(command)
        if command.epilog:
            text = _text(command.epilog)
            yield f"{text[0].upper()}{text[1:]}."
            yield ""
        yield from _group(command)


def _options(command: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a table of the arguments, and one of each group of them that says what it is."""
    is_about_deployment = any(group.title == DEPLOYMENT_OPTIONS for group in command._action_groups)
    plain: list[argparse.Action] = []
    described: list[argparse._ArgumentGroup] = []
    for group in command._action_groups:
        if group.description:
            described.append(group)
        elif group.title != DEPLOYMENT_OPTIONS:
            plain += [one for one in group._group_actions if not _is_said_anyway(one, is_about_deployment)]
    if plain:
        yield from _table(plain)
    for group in described:
        yield f"{str(group.title).capitalize()}: {_text(group.description or '')}"
        yield ""
        yield from _table(group._group_actions)
    if is_about_deployment:
        yield _OF_THE_DEPLOYMENT
        yield ""


def _table(actions: Sequence[argparse.Action]) -> Iterator[str]:
    yield "| argument | meaning |"
    yield "| --- | --- |"
    for action in actions:
        yield f"| `{_spelled(action)}` | {_text(action.help or '').replace('|', chr(92) + '|')} |"
    yield ""


def _deployment(top: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the options that every command about a deployment has."""
    for parser in _all(top):
        for group in parser._action_groups:
            if group.title == DEPLOYMENT_OPTIONS:
                yield from _table(group._group_actions)
                return


def _all(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for _, command in _commands(parser):
        yield from _all(command)


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the summary and the parser of each command below `parser`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {one.dest: one.help or "" for one in action._choices_actions}
            yield from ((summaries[name], command) for name, command in action.choices.items())


def _positionals(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in command._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            yield action


def _is_said_anyway(action: argparse.Action, is_about_deployment: bool) -> bool:
    """Return whether the heading, the introduction or the last line has it already."""
    if isinstance(action, argparse._SubParsersAction | argparse._HelpAction):
        return True
    if is_about_deployment and action.dest == "json":
        return True
    return not action.option_strings and not action.help


def _spelled(action: argparse.Action) -> str:
    """Return an argument as it is typed: `--overlap DURATION`, `CLIENT_ID`."""
    if not action.option_strings:
        return _named(action)
    flags = ", ".join(action.option_strings)
    return f"{flags} {_named(action)}" if action.nargs != 0 else flags


def _named(action: argparse.Action) -> str:
    if action.metavar is None and action.choices is not None:
        name = "{" + ",".join(map(str, action.choices)) + "}"
    else:
        name = str(action.metavar or action.dest.upper())
    return f"[{name}]" if action.nargs == "?" else name


def _text(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())
