"""The mutations that `make mutate` makes are of the code as it is, and name tests that there are."""

from __future__ import annotations

import ast

import pytest

from sundial_local.paths import ROOT
from tests.proofs.mutations import MUTATIONS
from tests.support.mutation import Mutation

_GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text("utf-8")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_a_mutation_breaks_one_place_and_names_a_test(mutation: Mutation) -> None:
    source = (ROOT / mutation.path).read_text("utf-8")
    assert source.count(mutation.before) == 1
    ast.parse(source.replace(mutation.before, mutation.after))
    path, _, name = mutation.noticed_by.partition("::")
    tests = ast.parse((ROOT / path).read_text("utf-8")).body
    assert name in [one.name for one in tests if isinstance(one, ast.FunctionDef)]
    assert f"| {mutation.what} |" in _GUARANTEES
    assert f"| `{name}` |" in _GUARANTEES
