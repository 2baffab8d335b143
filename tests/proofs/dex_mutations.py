"""What must not become of a login that comes from Dex, broken by hand: see `mutations.py`."""

from __future__ import annotations

from tests.support.mutation import Mutation

_RULE = "layers/sundial/sundial/expiry/inherited.py"
_PRESENTED = "layers/sundial/sundial/grants/presented.py"
_IMPORT = "layers/sundial/sundial/store/inheritance.py"
_HANDLER = "tests/handlers/test_refresh_from_dex.py"
_CONTRACT = "tests/contract/test_inheritance.py"

DEX_MUTATIONS = (
    Mutation(
        "Dex's token is given back where Dex has just made it",
        "layers/sundial/sundial/grants/refresh_token.py",
        "terms = replace(policy, reuse_interval=None) if presented.inherited else policy",
        "terms = policy",
        f"{_CONTRACT}::test_of_many_requests_with_dexs_tokens_at_once_all_get_the_one_successor",
    ),
    Mutation(
        "the token before Dex's last one is good for ever",
        _RULE,
        "return GENERATION if in_window else GENERATION - 1",
        "return GENERATION",
        f"{_HANDLER}::test_dexs_superseded_token_after_the_interval_is_a_replay",
    ),
    Mutation(
        "whoever knows the id of a login from Dex can end it",
        _RULE,
        "if inherited.previous is None or not hmac.compare_digest(digest, inherited.previous):",
        "if inherited.previous is None:",
        f"{_HANDLER}::test_a_forged_token_of_a_known_login_ends_nothing_and_costs_one_read",
    ),
    Mutation(
        "tokens of Dex's form are looked for where nobody has asked for it",
        _PRESENTED,
        "return server.config.migration.dex_refresh_tokens and read_dex_token(text) is not None",
        "return read_dex_token(text) is not None",
        f"{_HANDLER}::test_unless_the_configuration_says_so_dexs_tokens_are_nothing_and_cost_nothing",
    ),
    Mutation(
        "an import brings back to life what was revoked here",
        _IMPORT,
        " AND attribute_not_exists(revoked_at)",
        "",
        f"{_CONTRACT}::test_a_login_that_was_revoked_here_does_not_come_back",
    ),
    Mutation(
        "an import takes a login back to what it was at Dex",
        _IMPORT,
        "(change_id = :change AND ",
        "(:change = :change AND ",
        f"{_CONTRACT}::test_a_login_goes_on_over_the_real_table_and_is_not_written_over_then",
    ),
    Mutation(
        "the table forgets after a week that a login from Dex was revoked here",
        "layers/sundial/sundial/store/dynamodb_families.py",
        "#ttl = if_not_exists(#ttl_once_revoked, if_not_exists(#ttl, :ttl))",
        "#ttl = if_not_exists(#ttl, :ttl)",
        f"{_CONTRACT}::test_a_login_that_was_revoked_here_does_not_come_back_years_later",
    ),
)
