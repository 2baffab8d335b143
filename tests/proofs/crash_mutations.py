"""What a bad network must not do, broken by hand: see `mutations.py`."""

from __future__ import annotations

from tests.support.mutation import Mutation

_STORE = "layers/sundial/sundial/store/dynamodb_families.py"
_UPSTREAM = "layers/sundial/sundial/grants/upstream.py"
_BROWSER = "tests/proofs/test_crashes_browser.py::test_whatever_goes_wrong_at_one_call_the_person_comes_through"
_PROVIDER = "tests/proofs/test_crashes_provider.py"
_COMES_THROUGH = (
    f"{_PROVIDER}::test_whatever_goes_wrong_at_one_call_the_refresh_comes_through_and_the_provider_is_asked_once"
)
_BEARERS = "tests/proofs/test_crashes_bearers.py"

CRASH_MUTATIONS = (
    Mutation(
        "a login that has been written is refused when its consent comes again",
        _STORE,
        " == family.change_id",
        " == 'of nobody'",
        _BROWSER,
    ),
    Mutation(
        "a device that has been allowed is refused when its person's answer comes again",
        "layers/sundial/sundial/store/devices.py",
        'return "revoked_at" not in stands and stands.get("allowed_by") == item["allowed_by"]',
        "return False",
        _BROWSER,
    ),
    Mutation(
        "whoever is not asked for consent has to log in again when the table is out of reach",
        "layers/sundial/sundial/authorize/consent.py",
        "        return _interrupted(server, client, login, binding, now, error)\n",
        "        raise error\n",
        _BROWSER,
    ),
    Mutation(
        "a provider's code is used up before its keys are at hand",
        "layers/sundial/sundial/connectors/oidc.py",
        "        self._provider.have_keys(talk, arrival.now)\n",
        "",
        _BROWSER,
    ),
    Mutation(
        "a provider is asked however little time is left to keep its answer",
        _UPSTREAM,
        "if not _has_time(server, ask, LAST_ASKED_AT):",
        "if False:",
        f"{_PROVIDER}::test_the_provider_is_not_asked_once_there_would_be_no_time_left_to_keep_its_answer",
    ),
    Mutation(
        "what a provider gave out is written for longer than the function may run",
        _UPSTREAM,
        "            if not _has_time(server, ask):\n                raise\n",
        "",
        f"{_PROVIDER}::test_a_table_that_is_gone_when_the_provider_has_answered_is_tried_for_as_long_as_there_is_time",
    ),
    Mutation(
        "what a provider gave out is written once, or not at all",
        _UPSTREAM,
        "_WRITES = 3",
        "_WRITES = 1",
        f"{_PROVIDER}::test_a_rotation_that_fails_once_for_good_is_made_all_the_same",
    ),
    Mutation(
        "what a provider gave out takes the place of what it gave out later",
        _STORE,
        '"#upstream.#data = :before"',
        '"#upstream.#data = :before OR attribute_exists(#upstream)"',
        f"{_PROVIDER}::test_who_comes_late_never_overwrites_what_the_provider_gave_out_since",
    ),
    Mutation(
        "whoever is late to write what a provider gave out is taken for a thief",
        _UPSTREAM,
        "(Refresh.ROTATE, Refresh.KEEP, Refresh.REPLAY)",
        "(Refresh.ROTATE, Refresh.KEEP)",
        f"{_PROVIDER}::test_who_comes_late_is_not_taken_for_a_thief",
    ),
    Mutation(
        "a lease outlives its function by a day",
        _UPSTREAM,
        "LEASE = timedelta(seconds=30)",
        "LEASE = timedelta(days=1)",
        _COMES_THROUGH,
    ),
    Mutation(
        "a table of clients that hangs is asked again for each client of a request",
        "layers/sundial/sundial/clients/registry.py",
        "if self._unreachable is not None and self._unreachable[0] == now:",
        "if False:",
        f"{_BEARERS}::test_a_table_of_clients_that_hangs_is_waited_for_once_however_many_of_them_a_token_is_for",
    ),
    Mutation(
        "a client that can't be looked up costs another its refresh token",
        "layers/sundial/sundial/tokens/scopes.py",
        "        if error.status != 503:\n            raise\n",
        "        raise\n",
        f"{_BEARERS}::test_whatever_goes_wrong_at_one_call_the_same_request_again_comes_to_the_same",
    ),
    Mutation(
        "what DynamoDB left out of its answer is taken for what there is not",
        "layers/sundial/sundial/store/bearer.py",
        'if found.get("UnprocessedKeys"):',
        "if False:",
        f"{_BEARERS}::test_a_batch_that_dynamodb_answers_in_part_is_an_answer_that_is_lost",
    ),
)
