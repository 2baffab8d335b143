"""What every section shares: unknown keys, wrong kinds, the environment, and what a problem says."""

from __future__ import annotations

import pytest

from sundial.config.problems import HIDDEN, ConfigError, Problem, Severity
from sundial.config.reader import config_from_yaml
from tests.support.config import MINIMAL, problems_of, the_problem, without_problems


def test_the_least_file_is_an_issuer_and_a_way_to_log_in() -> None:
    config = without_problems(MINIMAL)
    assert config.issuer == "https://id.example.com"
    assert [connector.id for connector in config.connectors] == ["local"]


# What a problem says.


def test_a_problem_names_line_key_value_and_remedy() -> None:
    assert the_problem("expiry:\n  idTokens: 90d\n") == Problem(
        severity=Severity.ERROR,
        line=4,
        key="expiry.idTokens",
        value="90d",
        message="has the unknown unit 'd'",
        remedy="Go's longest unit is the hour: write '2160h'",
    )


def test_all_problems_are_found_at_once_in_the_order_of_the_file() -> None:
    problems = problems_of("expiry: {idTokens: 90d, signingKeys: 10}\noauth2: {skipApprovalScreen: 'no'}\nfoo: 1\n")
    assert [problem.key for problem in problems] == [
        "expiry.idTokens",
        "expiry.signingKeys",
        "oauth2.skipApprovalScreen",
        "foo",
    ]


def test_a_problem_of_a_list_names_the_item_and_its_line() -> None:
    problem = the_problem("web:\n  allowedOrigins:\n    - https://a.example.com\n    - b.example.com\n")
    assert (problem.key, problem.line, problem.value) == ("web.allowedOrigins[1]", 6, "b.example.com")


def test_a_long_value_is_shown_shortened() -> None:
    assert len(the_problem(f"frontend: {{theme: {'x' * 500}}}").value) == 81


def test_a_file_with_an_error_raises_one_error_that_lists_them_all() -> None:
    with pytest.raises(ConfigError) as refused:
        config_from_yaml(
            MINIMAL + "expiry: {idTokens: 90d}\nexpirey: {}\nlogger: {format: text}\n", {}, source="my.yaml"
        )
    assert [problem.key for problem in refused.value.problems] == ["expiry.idTokens", "expirey", "logger.format"]
    assert str(refused.value) == (
        "my.yaml: line 3: error: expiry.idTokens: has the unknown unit 'd' (value: 90d);"
        " Go's longest unit is the hour: write '2160h'\n"
        "my.yaml: line 4: error: expirey: is an unknown key; did you mean 'expiry'?"
    )


def test_a_file_that_is_not_yaml_raises_the_same_error_with_line_and_column() -> None:
    with pytest.raises(ConfigError) as refused:
        config_from_yaml("issuer: 'https", {})
    assert "line 1: error: column 15: found unexpected end of stream" in str(refused.value)


# Unknown keys.


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("staticclients: []", "staticclients", "did you mean 'staticClients'?"),
        ("expirey: {}", "expirey", "did you mean 'expiry'?"),
        ("expiry: {idToken: 1h}", "expiry.idToken", "did you mean 'idTokens'?"),
        ("expiry: {refreshTokens: {reuseinterval: 3s}}", "expiry.refreshTokens.reuseinterval", "'reuseInterval'?"),
        ("oauth2: {skipApproval: true}", "oauth2.skipApproval", "did you mean 'skipApprovalScreen'?"),
        ("oauth2: {pkce: {enforced: true}}", "oauth2.pkce.enforced", "did you mean 'enforce'?"),
        ("web: {allowOrigins: []}", "web.allowOrigins", "did you mean 'allowedOrigins'?"),
        ("signing: {algorithm: RS256}", "signing.algorithm", "did you mean 'algorithms'?"),
        ("signer: {config: {algoritm: RS256}}", "signer.config.algoritm", "did you mean 'algorithm'?"),
        ("frontend: {logoUrl: x}", "frontend.logoUrl", "did you mean 'logoURL'?"),
        ("logger: {lvl: info}", "logger.lvl", "did you mean 'level'?"),
        (
            "staticClients: [{id: a, public: true, redirectUris: []}]",
            "staticClients[0].redirectUris",
            "did you mean 'redirectURIs'?",
        ),
        (
            "staticClients: [{id: a, public: true, expiry: {idtokens: 1h}}]",
            "staticClients[0].expiry.idtokens",
            "did you mean 'idTokens'?",
        ),
    ],
)
def test_a_misspelt_key_is_an_error_with_the_nearest_match(text: str, key: str, remedy: str) -> None:
    problem = the_problem(text)
    assert (problem.key, problem.message, problem.severity) == (key, "is an unknown key", Severity.ERROR)
    assert remedy in problem.remedy


def test_where_no_key_is_near_all_are_listed() -> None:
    assert the_problem("oauth2: {pkce: {xyz: 1}}").remedy == "use codeChallengeMethodsSupported or enforce"


def test_the_value_of_an_unknown_key_is_not_shown_since_it_may_be_a_secret() -> None:
    problem = the_problem("staticClients: [{id: a, public: true, secrt: hunter2}]")
    assert problem.value == ""
    assert "hunter2" not in str(problem)


# Values that say nothing, and values of the wrong kind.


def test_null_empty_text_and_empty_sections_count_as_absent() -> None:
    text = "expiry: {idTokens: '', authRequests: }\noauth2:\nweb: {}\nstaticClients:\nconnectors: []\n"
    assert without_problems(text) == without_problems(MINIMAL)


@pytest.mark.parametrize(
    ("text", "message", "value", "remedy"),
    [
        ("frontend: {issuer: 1}", "is a number where text belongs", "1", "put the value in quotes"),
        ("frontend: {issuer: no}", "is true or false where text belongs", "false", "put the value in quotes"),
        ("frontend: {issuer: [x]}", "is a list where text belongs", "a list", "write text"),
        ("oauth2: {skipApprovalScreen: 'true'}", "is neither true nor false", "true", "without quotes"),
        ("oauth2: {skipApprovalScreen: y}", "is neither true nor false", "y", "write true or false"),
        ("oauth2: [x]", "is not a mapping", "a list", "indented under it"),
        ("web: {allowedOrigins: '*'}", "is not a list", "text", "each after '- '"),
        ("staticClients: {id: a}", "is not a list", "a mapping", "each after '- '"),
        ("staticClients: [a]", "is not a mapping", "text", "write '- key: value'"),
        ("web: {allowedOrigins: [null]}", "is nothing where text belongs", "", "put the value in quotes"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error(text: str, message: str, value: str, remedy: str) -> None:
    problem = the_problem(text)
    assert (problem.message, problem.value) == (message, value)
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    "text", ["expiry: hunter2", "staticClients: hunter2", "staticClients: [hunter2]", "web: [hunter2]"]
)
def test_text_where_a_section_belongs_is_not_shown_since_it_may_be_a_secret(text: str) -> None:
    assert all("hunter2" not in str(problem) for problem in problems_of(text))


# The environment.


def test_a_name_in_a_value_is_taken_from_the_environment() -> None:
    config = without_problems("issuer: ${HOST}/dex\nenablePasswordDB: true\n", {"HOST": "https://id.example.com"})
    assert config.issuer == "https://id.example.com/dex"


@pytest.mark.parametrize(("environment", "state"), [({}, "not set"), ({"NAME": ""}, "empty")])
def test_a_variable_that_is_not_set_is_an_error_that_names_it(environment: dict[str, str], state: str) -> None:
    problem = the_problem("frontend: {issuer: The $NAME}", environment)
    assert (problem.severity, problem.value) == (Severity.ERROR, "The $NAME")
    assert problem.message == f"the environment variable NAME is {state}"


def test_a_variable_that_is_not_set_where_the_file_is_compiled_is_a_note() -> None:
    problem = the_problem("frontend: {issuer: The $NAME}", deferred=True)
    assert problem.severity is Severity.NOTE
    assert problem.message == "the environment variable NAME is not set here"


def test_what_the_environment_holds_is_in_no_problem() -> None:
    environment = {"NAME": "hunter2"}
    texts = [
        "issuer: $NAME\nenablePasswordDB: true\n",
        "frontend: {theme: $NAME}",
        "expiry: {idTokens: $NAME}",
        "expiry: {idTokens: $NAME}",
        "oauth2: {responseTypes: [$NAME]}",
        "web: {allowedOrigins: [$NAME]}",
        "staticClients: [{id: a, public: true, redirectURIs: [$NAME], idTokenSignedResponseAlg: $NAME}]",
        "logger: {level: $NAME}",
    ]
    for text in texts:
        problems = problems_of(text, environment)
        assert problems, text
        assert all("hunter2" not in str(problem) and "$NAME" in problem.value for problem in problems), text


def test_a_duration_may_come_from_the_environment() -> None:
    config = without_problems("expiry: {idTokens: $LIFE}", {"LIFE": "90m"})
    assert config.expiry.id_tokens.total_seconds() == 5400


# Secrets.


@pytest.mark.parametrize(
    "client",
    [
        "{id: a, secret: hunter2}",
        "{id: a, secret: [hunter2]}",
        "{id: a, secret: {hunter2: hunter2}}",
        "{id: a, secret: $hunter2}",
        "{id: a, secretHash: hunter2}",
        "{id: a, secretHash: hunter$2}",
        "{id: a, secretHash: x$hunter2}",
        "{id: a, secret: hunter2, public: true}",
        "{id: a, secret: hunter2, secretHash: hunter2, secretEnv: hunter2}",
        "{id: a, secretEnv: hunter2}",
        "{id: a, secretEnv: hunter-2}",
        "{id: a, secretEnv: [hunter2]}",
        "{id: a, scret: hunter2}",
        "{idEnv: hunter2, public: true}",
    ],
)
def test_no_client_secret_is_in_any_problem(client: str) -> None:
    problems = problems_of(f"staticClients: [{client}]")
    assert problems
    assert all("hunter2" not in str(problem) for problem in problems)


@pytest.mark.parametrize(
    "user",
    ["hash: hunter2", "hash: [hunter2]", "hash: $hunter2", "hash: 12", "hashFromEnv: hunter2", "password: hunter2"],
)
def test_no_password_hash_is_in_any_problem(user: str) -> None:
    problems = problems_of(f"staticPasswords: [{{email: a@example.com, userID: u, {user}}}]")
    assert problems
    assert all("hunter2" not in str(problem) for problem in problems)


def test_a_secret_is_shown_as_hidden() -> None:
    assert the_problem("staticClients: [{id: a, secret: hunter2}]").value == HIDDEN


def test_the_password_of_an_issuer_url_is_not_shown() -> None:
    problem = the_problem("issuer: https://user:hunter2@id.example.com\nenablePasswordDB: true\n")
    assert problem.message == "carries a user or a password"
    assert "hunter2" not in str(problem)
