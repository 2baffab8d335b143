"""Dex files as they are in the field: they work as they are, or are refused for what isn't served yet alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sundial.config.model import Config
from sundial.config.problems import Problem, Severity
from sundial.config.reader import compile_file, read

FILES = Path(__file__).parents[3] / "examples" / "dex"
HASH = "$2a$10$a/.bMp1Rk5/b.k9TZg25c.u1DvvF4n3ojRq9iMMynH5PF2sNuwWeG"

NOT_YET = {
    "development.yaml": [],
    "cluster.yaml": [],
    "local-users.yaml": [],
    "kubectl.yaml": [],
    "from-environment.yaml": [],
    "upstreams.yaml": [],
    "every-flow.yaml": [
        "mfa",
        "staticClients[0].refreshTokenLifetime",
    ],
}


def of_severity(problems: list[Problem], severity: Severity) -> list[Problem]:
    return [problem for problem in problems if problem.severity is severity]


def config_of(file: str, environment: dict[str, str]) -> Config:
    compiled, _ = compile_file(FILES / file, environment)
    assert compiled is not None
    config, _ = read(compiled["document"], compiled["lines"], environment)
    assert config is not None
    return config


def test_each_file_is_accounted_for() -> None:
    assert {path.name for path in FILES.glob("*.yaml")} == set(NOT_YET)


@pytest.mark.parametrize("file", sorted(NOT_YET))
def test_a_dex_file_has_no_error_but_what_is_not_supported_yet(file: str) -> None:
    _, problems = compile_file(FILES / file, {})
    errors = of_severity(problems, Severity.ERROR)
    assert [problem.key for problem in errors] == NOT_YET[file]
    assert all(problem.message.startswith("is not supported yet: ") for problem in errors)


@pytest.mark.parametrize("file", sorted(NOT_YET))
def test_what_a_dex_file_says_to_a_server_is_one_warning(file: str) -> None:
    _, problems = compile_file(FILES / file, {})
    warnings = of_severity(problems, Severity.WARNING)
    assert sum(problem.message.startswith("means nothing without a server") for problem in warnings) == 1


def test_the_lines_of_a_manifest_are_those_of_the_file_that_it_carries() -> None:
    file = FILES / "cluster.yaml"
    _, problems = compile_file(file, {})
    lines = file.read_text("utf-8").splitlines()
    (older,) = (problem for problem in problems if problem.key == "connectors[0].config.org")
    assert lines[older.line - 1].strip() == "org: example"


def test_a_file_with_variables_is_as_good_as_they_are() -> None:
    variables = {"PORTAL_CLIENT_ID": "portal", "PORTAL_CLIENT_SECRET": "s", "OPS_PASSWORD_HASH": HASH}
    config = config_of("from-environment.yaml", variables)
    assert list(config.clients) == ["portal"]
    assert config.static_passwords[0].hash == HASH.encode()
    assert config.signing.algorithms == ("ES256",)
    assert config.expiry.signing_keys.total_seconds() == 12 * 3600


def test_a_file_with_users_gives_them_what_dex_gave_them() -> None:
    config = config_of("local-users.yaml", {})
    (ada,) = config.static_passwords
    assert (ada.user_id, ada.groups) == ("41331323-6f44-45e6-b3b9-2c4b60c02be5", ("staff", "staff/engineers"))
    assert config.url("/token") == "https://login.example.org/dex/token"
    assert config.oauth2.skip_approval_screen
