"""The rules of the signing keys, broken by hand: the second half of `tests.proofs.mutations`."""

from __future__ import annotations

from tests.support.mutation import Mutation

_KEYS = "layers/sundial/sundial/keys"
_RING, _RULE, _POLICY = f"{_KEYS}/ring.py", f"{_KEYS}/transitions.py", f"{_KEYS}/policy.py"
_COMMANDS, _RUN = f"{_KEYS}/commands.py", f"{_KEYS}/rotation.py"
_CACHE, _VAULT, _ITEM = f"{_KEYS}/cache.py", f"{_KEYS}/vault.py", f"{_KEYS}/jwks.py"
_LIFETIMES, _ENDPOINT = "layers/sundial/sundial/discovery/lifetimes.py", "layers/sundial/sundial/discovery/endpoint.py"

_INVARIANTS = "tests/unit/keys/test_invariants.py"
_TRANSITIONS = "tests/unit/keys/test_transitions.py"
_REVOCATION = "tests/unit/keys/test_revocation.py"
_CACHING = "tests/unit/keys/test_cache.py"
_IN_VAULT = "tests/contract/test_vault.py"
_CRASHES = "tests/proofs/test_ring_crashes.py"
_STRANGER = (
    f"{_INVARIANTS}"
    "::test_a_verifier_that_keeps_the_jwks_for_publish_ahead_meets_no_stranger_although_its_server_was_cut_off"
)
_NO_GAP = f"{_REVOCATION}::test_no_function_is_without_a_key_because_its_clock_is_behind_the_operators"

RING_MUTATIONS = (
    Mutation(
        "a key signs as soon as it is published",
        _RULE,
        "return max(key.published_at + policy.season, key.seasoned_at or 0)",
        "return key.published_at",
        f"{_TRANSITIONS}::test_an_algorithm_that_is_added_later_signs_only_when_every_cache_has_its_key",
    ),
    Mutation(
        "the clocks are given no margin between publication and first signature",
        _POLICY,
        "self.publish_ahead + JWKS_STALENESS + 2 * MAX_CLOCK_SKEW",
        "self.publish_ahead + JWKS_STALENESS",
        _STRANGER,
    ),
    Mutation(
        "nor are the functions that serve the JWKS",
        _POLICY,
        "self.publish_ahead + JWKS_STALENESS + 2 * MAX_CLOCK_SKEW",
        "self.publish_ahead + 2 * MAX_CLOCK_SKEW",
        _STRANGER,
    ),
    Mutation(
        "what is made is taken for published, and the publication left out",
        _RUN,
        "            if not _serves(served, wanted):\n",
        "            if served is None:\n",
        f"{_INVARIANTS}::test_at_every_moment_after_the_first_hours_a_published_successor_stands_by",
    ),
    Mutation(
        "a shorter publishAhead forgets what verifiers were told before",
        _RULE,
        "cached_until=max(ring.cached_until, now + ring.season if ring.season > policy.season else 0),",
        "cached_until=ring.cached_until,",
        f"{_INVARIANTS}::test_a_shorter_publish_ahead_waits_for_the_caches_of_the_longer_one",
    ),
    Mutation(
        "a key that is pending signs",
        _RING,
        "key.alg == alg and key.signs_from is not None and key.signs_from <= now",
        "key.alg == alg and key.published_at is not None",
        f"{_INVARIANTS}::test_no_schedule_failure_race_or_clock_breaks_an_invariant",
    ),
    Mutation(
        "a key leaves the JWKS before its last token is dead",
        _POLICY,
        "seconds(RING_STALENESS + self.longest_token + self.publish_ahead + 2 * MAX_CLOCK_SKEW)",
        "seconds(RING_STALENESS + self.publish_ahead + 2 * MAX_CLOCK_SKEW)",
        f"{_INVARIANTS}::test_a_token_is_no_orphan_although_its_signer_is_slow_and_its_retirer_fast",
    ),
    Mutation(
        "a key leaves without regard to functions that have lost touch",
        _POLICY,
        "seconds(RING_STALENESS + self.longest_token + self.publish_ahead",
        "seconds(self.longest_token + self.publish_ahead",
        f"{_INVARIANTS}::test_what_a_function_signs_that_has_lost_touch_is_no_orphan",
    ),
    Mutation(
        "a shorter idTokens forgets the tokens of a key that has no end yet",
        _RULE,
        "    if ring.retention > policy.retention:\n",
        "    if ring.retention > policy.retention > ring.retention:\n",
        f"{_INVARIANTS}::test_a_shorter_token_lifetime_leaves_tokens_their_key_that_had_no_end_yet",
    ),
    Mutation(
        "a key stops when its time is over, whether there is a successor or not",
        _RING,
        "    return began[-1]\n\n\ndef public_keys",
        "    if now > (began[-1].signs_from or 0) + 6 * 3600:\n        return None\n"
        "    return began[-1]\n\n\ndef public_keys",
        f"{_INVARIANTS}::test_a_week_without_a_run_leaves_a_key_that_signs_and_verifies",
    ),
    Mutation(
        "a configured algorithm that has no key yet refuses, though the one that it replaces could stand in",
        _CACHE,
        "key = rings.signing_key(self.ring, alg, now) or self._stand_in(now)",
        "key = rings.signing_key(self.ring, alg, now)",
        f"{_CACHING}::test_the_algorithm_that_was_replaced_stands_in_until_the_new_one_may_sign",
    ),
    Mutation(
        "every run makes a key, whether one is due or not",
        _RULE,
        "        while last is None or now >= last - policy.season - seconds(LEAD):\n",
        "        while last is None or now >= last - policy.season - seconds(LEAD) or not algorithms:\n",
        f"{_INVARIANTS}::test_a_hundred_runs_in_a_row_leave_what_one_leaves",
    ),
    Mutation(
        "a run publishes the JWKS of a ring that is older than the one served",
        _ITEM,
        "attribute_not_exists(id) OR serial < :serial OR (serial = :serial AND as_of <= :as_of)",
        "attribute_not_exists(id) OR serial < :serial OR as_of <= :as_of",
        "tests/contract/test_public_keys.py::test_only_a_newer_ring_or_a_later_look_at_the_same_one_is_published",
    ),
    Mutation(
        "AWSCURRENT is taken from whichever version has it",
        _VAULT,
        'moving = {"RemoveFromVersionId": expected_version} if expected_version else {}',
        'moving = {"RemoveFromVersionId": self._client.get_secret_value(SecretId=self._secret_id)["VersionId"]}',
        f"{_IN_VAULT}::test_a_stale_writer_loses_and_changes_nothing",
    ),
    Mutation(
        "a ring is written without a label of its own, and so is current at once",
        _VAULT,
        "SecretString=to_json(ring), VersionStages=[label]",
        "SecretString=to_json(ring)",
        f"{_IN_VAULT}::test_a_version_is_never_current_before_it_is_moved_there",
    ),
    Mutation(
        "a secret that is full of the labels of dead runs takes no ring any more",
        _VAULT,
        '            if _code(error) != "LimitExceededException":\n                raise\n',
        "            raise\n",
        f"{_IN_VAULT}::test_runs_that_die_in_the_middle_however_many_leave_room_for_the_one_that_lives",
    ),
    Mutation(
        "a run goes on from its own ring although another was first",
        _VAULT,
        '        return self._client.get_secret_value(SecretId=self._secret_id)["VersionId"] == version\n',
        "        return True\n",
        f"{_IN_VAULT}::test_of_writers_that_race_exactly_one_wins_and_its_ring_stands",
    ),
    Mutation(
        "the private half of a key is never erased",
        _RULE,
        "    return replace(key, private_pem=None)\n",
        "    return key\n",
        f"{_TRANSITIONS}"
        "::test_the_private_half_goes_soon_after_the_last_signature_and_the_key_when_its_tokens_are_dead",
    ),
    Mutation(
        "the private half of a key is erased while some function still signs with it",
        _RULE,
        "now <= key.signs_until + _SKEW",
        "now <= key.signs_until",
        f"{_INVARIANTS}::test_a_private_half_is_kept_as_long_as_any_clock_lets_it_sign",
    ),
    Mutation(
        "verifiers may keep the JWKS for longer than keys are published ahead",
        _LIFETIMES,
        "min(publish_ahead - FUNCTION_CACHE - MAX_CLOCK_SKEW, _LONGEST_MAX_AGE)",
        "max(publish_ahead, _LONGEST_MAX_AGE)",
        "tests/unit/discovery/test_caching.py::test_the_jwks_is_kept_for_less_than_a_key_is_published_ahead",
    ),
    Mutation(
        "a function serves for ever the JWKS that it can't read again",
        _ENDPOINT,
        "if self._served is None or now > last_at:",
        "if self._served is None:",
        f"{_CRASHES}::test_the_jwks_bridges_five_minutes_and_is_then_a_503_and_comes_back",
    ),
    Mutation(
        "a function keeps the ring for ever",
        _CACHE,
        "self._reload_at = now + longest if instant is None else min(instant, now + longest)",
        "self._reload_at = now + 10**9",
        f"{_REVOCATION}::test_a_leaked_key_is_forgotten_in_the_times_that_the_command_says_and_good_tokens_never_fail",
    ),
    Mutation(
        "a function that has lost touch signs for ever with the ring that it has",
        _CACHE,
        "if self._loaded is None or now > last_at:",
        "if self._loaded is None:",
        f"{_REVOCATION}::test_a_leaked_key_is_forgotten_in_the_times_that_the_command_says_and_good_tokens_never_fail",
    ),
    Mutation(
        "a key is revoked, and nothing signs in its place",
        _COMMANDS,
        "if key == active or (key.private_pem is not None and _has_just_ended(key, now)):",
        "if False:",
        _NO_GAP,
    ),
    Mutation(
        "the successor of a revoked key signs from now, whatever the other clocks show",
        _COMMANDS,
        "policy, now, now - _BEHIND, force=force)",
        "policy, now, now, force=force)",
        _NO_GAP,
    ),
    Mutation(
        "a revoked key is followed by one that caches may lack",
        _COMMANDS,
        "if now < min(ready_at, keys[position].signs_from or ready_at) and not force:",
        "if False:",
        "tests/unit/keys/test_commands.py"
        "::test_a_second_leak_within_hours_is_refused_until_the_new_successor_is_in_every_cache",
    ),
    Mutation(
        "a MAC key leaves while a refresh token that it made can be alive",
        _POLICY,
        "seconds(RING_STALENESS + self.longest_mac + 2 * MAX_CLOCK_SKEW)",
        "seconds(RING_STALENESS + 2 * MAX_CLOCK_SKEW)",
        f"{_TRANSITIONS}::test_a_mac_key_is_kept_as_long_as_the_longest_refresh_token_lives",
    ),
)
