"""The real handlers, each called as Lambda calls it: its own environment, one event at a time."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from typing import Any, NoReturn
from uuid import uuid4

from sundial_local.events import ACCOUNT
from sundial_local.ministack import REGION
from sundial_local.template import Function

Handler = Callable[[dict[str, Any], object], object]


class _SourceLoader(SourceFileLoader):
    """Compiles a module each time: cached bytecode is told apart by the second, and a save can be quicker."""

    def path_stats(self, path: str) -> NoReturn:  # without these, importlib neither reads nor writes bytecode
        raise OSError(f"{path} is always compiled")


class FunctionError(Exception):
    """A function raised something instead of answering; the argument is its name."""


class Context:
    """As much of Lambda's context object as there is to know here."""

    memory_limit_in_mb = 512
    function_version = "$LATEST"

    def __init__(self, name: str) -> None:
        self.function_name = name
        self.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        self.aws_request_id = str(uuid4())

    def get_remaining_time_in_millis(self) -> int:
        """API Gateway's own limit; nothing is stopped here."""
        return 29_000


class Functions:
    """The template's functions in this process.

    They share it, and with it the logger and `os.environ`, so that one thread handles one event at a
    time, and each finds only the variables that the template gives it: a function that reads another's
    fails here as it would when deployed.
    """

    def __init__(self, environments: Mapping[str, Mapping[str, str]]) -> None:
        """`environments` are the functions' variables, by the functions' names."""
        self._environments = environments
        self._outer = dict(os.environ)
        self._names = frozenset(name for environment in environments.values() for name in environment)
        self._handlers: dict[str, Handler] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="functions")

    def load(self, function: Function) -> None:
        """Import a function's module, before anything is invoked; whatever its import raises passes through."""
        self._enter(function)
        # Every module is named `app`: each is kept under a name of its own.
        name = f"sundial_function_{function.name}"
        path = function.folder / f"{function.module}.py"
        loader = _SourceLoader(name, os.fspath(path))
        spec = ModuleSpec(name, loader, origin=os.fspath(path))
        spec.has_location = True  # the module has a __file__, as in Lambda
        module = sys.modules[name] = module_from_spec(spec)
        loader.exec_module(module)
        self._handlers[function.name] = getattr(module, function.attribute)

    def invoke(self, function: Function, event: dict[str, Any]) -> object:
        """Return what the function makes of `event`.

        Raises FunctionError for whatever it raises, its stack trace written to its log, as Lambda does.
        """
        outcome = self._thread.submit(self._invoke, function, event)
        error = outcome.exception()
        if error is None:
            return outcome.result()
        trace = "".join(traceback.format_exception(error))
        print(json.dumps({"level": "ERROR", "function": function.name, "message": str(error), "exception": trace}))
        raise FunctionError(function.name) from error

    def _invoke(self, function: Function, event: dict[str, Any]) -> object:
        self._enter(function)
        return self._handlers[function.name](event, Context(function.name))

    def _enter(self, function: Function) -> None:
        environment = self._environments[function.name]
        for name in self._names:
            if name in environment:
                os.environ[name] = environment[name]
            elif name in self._outer:
                os.environ[name] = self._outer[name]
            else:
                os.environ.pop(name, None)
