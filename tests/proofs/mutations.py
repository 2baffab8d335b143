"""The rules of refresh tokens, codes and signing keys, broken by hand: `make mutate` shows that a test notices each.

A mutation replaces one text of one file in a copy of the checkout; the test that is named beside it must pass
there before, and fail after. Numbers on the command line choose some of them. `test_mutations.py` sees to it
that the texts and the tests are still there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sundial_local.paths import ROOT
from tests.proofs.crash_mutations import CRASH_MUTATIONS
from tests.proofs.dex_mutations import DEX_MUTATIONS
from tests.proofs.ring_mutations import RING_MUTATIONS
from tests.support.mutation import Mutation

_RULE = "layers/sundial/sundial/expiry/refresh.py"
_CODES = "layers/sundial/sundial/expiry/codes.py"
_STORE = "layers/sundial/sundial/store/dynamodb_families.py"
_GRANT = "layers/sundial/sundial/grants/refresh_token.py"
_CODE_GRANT = "layers/sundial/sundial/grants/authorization_code.py"
_TOKENS = "layers/sundial/sundial/tokens/opaque.py"
_AWS = "layers/sundial/sundial/store/aws.py"
_MODEL = "layers/sundial/sundial/config/model/file.py"

_BOUNDARIES = "tests/proofs/test_refresh_boundaries.py"
_IN_STORE = f"{_BOUNDARIES}::test_and_the_real_store_holds_them_to_the_second_too"
_IN_MEMORY = f"{_BOUNDARIES}::test_a_limit_holds_to_the_second_wherever_it_is_stated"
_RACES = "tests/proofs/test_races.py"
_CRASHES = "tests/proofs/test_crashes.py"
_AGAIN = f"{_CRASHES}::test_whatever_goes_wrong_at_one_call_the_same_request_again_comes_to_the_same"
_THEFT = "tests/proofs/test_theft_game.py"
_CONTRACT = "tests/contract/test_families.py"
_MACHINE = (
    "tests/proofs/test_refresh_machine.py"
    "::test_families_live_as_the_model_says_whatever_users_thieves_clocks_and_operators_do"
)
_HANDLER = "tests/handlers/test_refresh.py"


MUTATIONS = (
    Mutation(
        "a rotation reads, checks and then writes, instead of one conditional write",
        _STORE,
        '        """Advance a family (see FamilyStore; docs/architecture.md, "A refresh")."""\n',
        '        """Advance a family."""\n'
        "        from dataclasses import replace\n\n"
        "        from sundial.expiry.refresh import Refresh, decide\n\n"
        "        family = self.get(presented.family_id)\n"
        "        if decide(family, client_id, presented.generation, change.now, policy) is not Refresh.ROTATE:\n"
        "            return Written(False, family)\n"
        "        changed = family.rotated(change.now, change_id=change.change_id, mac_key_id=change.mac_key_id)\n"
        "        self._client.put_item(TableName=self._table, Item=to_item(changed))\n"
        "        return Written(True, changed)\n",
        f"{_RACES}::test_without_a_window_and_with_on_replay_reject_the_one_successor_goes_on",
    ),
    Mutation(
        "the condition lets a superseded token rotate too",
        _STORE,
        "#generation = :presented AND",
        "#generation >= :presented AND",
        f"{_RACES}::test_without_a_window_one_request_rotates_and_the_others_are_replays_that_end_the_family",
    ),
    Mutation(
        "the condition forgets that the family is revoked",
        _STORE,
        "#generation = :presented AND attribute_not_exists(#revoked_at) AND #client_id",
        "#generation = :presented AND #client_id",
        f"{_RACES}::test_a_refresh_that_races_a_revocation_never_brings_the_family_back",
    ),
    Mutation(
        "the condition closes the window a second early",
        _STORE,
        "#rotated_at < :window",
        "#rotated_at <= :window",
        _IN_STORE,
    ),
    Mutation(
        "the condition counts the absolute lifetime from the last rotation",
        _STORE,
        "#created_at >= :born",
        "#rotated_at >= :born",
        _IN_STORE,
    ),
    Mutation(
        "the condition ignores the idle limit",
        _STORE,
        "#last_used_at >= :used",
        "(#last_used_at >= :used OR #last_used_at < :used)",
        _IN_STORE,
    ),
    Mutation(
        "a rotation is not a use: the idle limit counts from the login",
        _STORE,
        "SET #last_used_at = :now, #change_id",
        "SET #last_used_at = if_not_exists(#last_used_at, :now), #change_id",
        _IN_STORE,
    ),
    Mutation(
        "a refresh that asks for too wide a scope is refused after it was written",
        _STORE,
        "AND contains(#scopes, :scope{index})",
        "AND (contains(#scopes, :scope{index}) OR attribute_exists(#scopes))",
        f"{_CONTRACT}::test_a_rotation_is_applied_exactly_where_the_rule_says_so",
    ),
    Mutation(
        "an item is collected at its last second, without days of grace",
        _STORE,
        'values[":ttl"] = number(last + _GRACE)',
        'values[":ttl"] = number(last)',
        _MACHINE,
    ),
    Mutation(
        "the SDK's retry of a write that was made is taken for somebody else's",
        _STORE,
        "is_own_write = bool(own) and item",
        "is_own_write = not own and item",
        _AGAIN,
    ),
    Mutation(
        "a code can be redeemed twice",
        _STORE,
        "AND attribute_not_exists(#redeemed_at) AND #client_id",
        "AND #client_id",
        f"{_RACES}::test_of_many_uses_of_one_code_one_succeeds_and_what_it_got_is_revoked",
    ),
    Mutation(
        "a code dies at its last second",
        _STORE,
        "#code_expires_at >= :now",
        "#code_expires_at > :now",
        f"{_CONTRACT}::test_a_code_is_good_until_its_last_second_and_for_logins_from_the_watermark_on",
    ),
    Mutation(
        "the rule is dead at the boundary",
        _RULE,
        "now > since + limit",
        "now >= since + limit",
        _IN_MEMORY,
    ),
    Mutation(
        "the rule forgives a token that is two behind",
        _RULE,
        "presented_generation == family.generation - 1 and in_window",
        "in_window",
        f"{_THEFT}::test_the_family_ends_when_a_superseded_token_comes_past_the_window_and_never_otherwise",
    ),
    Mutation(
        "the rule does not ask whose family it is",
        _RULE,
        " or family.client_id != client_id:",
        ":",
        f"{_CONTRACT}::test_a_rotation_is_applied_exactly_where_the_rule_says_so",
    ),
    Mutation(
        "the rule looks at the limits only after the window",
        _RULE,
        "    if is_expired(family, now, policy):\n",
        "    if is_expired(family, now, policy) and not is_in_window(family, now, policy):\n",
        _IN_MEMORY,
    ),
    Mutation(
        "the window slides: a retry starts it again",
        _GRANT,
        "    refresh_token = _successor(ring, family) if",
        "    if outcome is Refresh.RETRY:\n"
        "        server.families._client.update_item(\n"
        "            TableName=server.families._table,\n"
        '            Key={"id": {"S": family.family_id}},\n'
        '            UpdateExpression="SET rotated_at = :now",\n'
        '            ExpressionAttributeValues={":now": {"N": str(now)}},\n'
        "        )\n"
        "    refresh_token = _successor(ring, family) if",
        _IN_STORE,
    ),
    Mutation(
        "a retry is given back the token that it came with",
        _GRANT,
        "if outcome in (Refresh.ROTATE, Refresh.RETRY) else token",
        "if outcome is Refresh.ROTATE else token",
        f"{_RACES}::test_with_a_window_one_request_rotates_and_all_get_its_one_successor",
    ),
    Mutation(
        "a retry is given its token under the newest MAC key, not the one that made it first",
        _GRANT,
        "mac_key = ring.mac_by_id(family.mac_key_id)",
        "mac_key = ring.macs[-1]",
        f"{_HANDLER}::test_a_retry_after_the_mac_key_has_changed_gives_the_identical_string",
    ),
    Mutation(
        "a replay is refused, and the family goes on",
        _GRANT,
        "    end_family(server, client, family.connector_id, family.family_id, why, now, replay)\n",
        "    server.events.emit(now, replay)\n",
        f"{_THEFT}::test_the_real_handlers_and_the_real_store_play_the_same_game",
    ),
    Mutation(
        "the second use of a code is refused, and what the first one got goes on",
        _CODE_GRANT,
        "            end_family(server, client, connector.id, presented.family_id, why, now, replay)\n",
        "            server.events.emit(now, replay)\n",
        f"{_RACES}::test_of_many_uses_of_one_code_one_succeeds_and_what_it_got_is_revoked",
    ),
    Mutation(
        "the watermark does not end codes",
        _CODES,
        "    if family.created_at < not_before:\n        return Redemption.UNKNOWN\n",
        "",
        f"{_CONTRACT}::test_a_code_is_good_until_its_last_second_and_for_logins_from_the_watermark_on",
    ),
    Mutation(
        "a refresh token is good for every client",
        _TOKENS,
        'kind.encode("ascii") + body + client_id.encode("utf-8")',
        'kind.encode("ascii") + body',
        f"{_HANDLER}::test_a_forged_token_and_another_clients_cost_no_network_call",
    ),
    Mutation(
        "a client's own settings are overridden by the wider ones",
        _MODEL,
        "            self.expiry.refresh_tokens,\n"
        "            connector.expiry.refresh_tokens if connector else None,\n"
        "            client.expiry.refresh_tokens,\n",
        "            client.expiry.refresh_tokens,\n"
        "            connector.expiry.refresh_tokens if connector else None,\n"
        "            self.expiry.refresh_tokens,\n",
        _IN_MEMORY,
    ),
    Mutation(
        "a client is told to come again when its window is over",
        _AWS,
        "_SOON, _LATER = 1, 5",
        "_SOON, _LATER = 30, 30",
        f"{_CRASHES}::test_no_answer_sends_a_client_away_for_longer_than_the_window_that_is_shipped",
    ),
    Mutation(
        "a call may hang for as long as API Gateway waits",
        _AWS,
        "connect_timeout=1,\n            read_timeout=1 if in_passing else 2,",
        "connect_timeout=2,\n            read_timeout=1 if in_passing else 8,",
        f"{_CRASHES}::test_two_calls_that_hang_still_end_in_an_answer_within_the_functions_timeout",
    ),
    Mutation(
        "the rule knows no window",
        _RULE,
        "policy.reuse_interval is not None and not",
        "policy.reuse_interval is None and not",
        f"{_THEFT}::test_alone_the_victim_is_never_refused_whatever_answers_are_lost_if_they_retry_inside_the_window",
    ),
    Mutation(
        "the rule forgives the previous token for ever",
        _RULE,
        "presented_generation == family.generation - 1 and in_window",
        "presented_generation == family.generation - 1",
        f"{_THEFT}::test_the_family_ends_once_both_have_used_a_token_past_the_window_however_they_played_before",
    ),
    Mutation(
        "the rule gives a device its tokens again",
        "layers/sundial/sundial/expiry/device.py",
        "    if login.polls:\n        return Poll.USED\n",
        "",
        f"{_RACES}::test_of_many_polls_with_one_device_code_one_gets_the_tokens_and_they_go_on",
    ),
    *RING_MUTATIONS,
    *CRASH_MUTATIONS,
    *DEX_MUTATIONS,
)


def copy_of_checkout(folder: Path) -> Path:
    """Return a copy of what git knows and doesn't ignore, with the environments that the tests need."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in (".venv", ".venv-ministack", "requirements/dynamodb-local/node_modules"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


def passes(folder: Path, *tests: str) -> bool:
    """Return whether `tests` pass in the copy at `folder`; raises CalledProcessError where they can't be run."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    if ran.returncode not in (0, 1):
        raise subprocess.CalledProcessError(ran.returncode, command, ran.stdout[-4000:], ran.stderr)
    return ran.returncode == 0


def main(chosen: list[Mutation]) -> int:
    """Make each mutation, and tell which are noticed; the status is the number of those that aren't."""
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="sundial-mutations-") as name:
        folder = copy_of_checkout(Path(name))
        if not passes(folder, *sorted({mutation.noticed_by for mutation in chosen})):
            print("the tests fail before anything is broken")
            return 1
        for mutation in chosen:
            path = folder / mutation.path
            whole = path.read_text("utf-8")
            path.write_text(whole.replace(mutation.before, mutation.after), "utf-8")
            noticed = not passes(folder, mutation.noticed_by)
            path.write_text(whole, "utf-8")
            unnoticed += not noticed
            number = MUTATIONS.index(mutation) + 1
            print(f"{number:3} {'noticed' if noticed else 'NOT NOTICED'}: {mutation.what}", flush=True)
    print(f"{len(chosen) - unnoticed} of {len(chosen)} mutations noticed")
    return unnoticed


if __name__ == "__main__":
    sys.exit(main([MUTATIONS[int(number) - 1] for number in sys.argv[1:]] or list(MUTATIONS)))
