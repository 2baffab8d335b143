"""Records what this release stores, and what its clients hold, for the releases after it to be tested with.

`python -m tests.compatibility.record` writes releases/VERSION.json. Everything in it is made up for this: its keys and
passwords open nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from sundial.store.clients import DynamoClients, StoredClient
from sundial.store.directory import DynamoDirectory, LocalUser
from sundial.version import VERSION
from sundial_local.ministack import running_ministack
from sundial_local.stack import clients
from sundial_local.template import Template
from tests.compatibility.world import VERIFIER, World
from tests.support.browser import HASH, PASSWORD, Browser
from tests.support.config import APP
from tests.support.stack import own_stack

RELEASES = Path(__file__).with_name("releases")
AT = 1_800_000_000
EMAIL = "jane@example.com"
CALLBACK = "https://app.example.com/callback"
SCOPES = "openid email profile groups offline_access"


def recorded(world: World) -> dict[str, Any]:
    """Live through a day in `world`, which is empty, and return what is stored at its end and what clients hold."""
    world.rotate({}, None)
    world.now += 3600
    world.rotate({}, None)
    _add_user_and_client(world)
    held = {
        "waiting login": _waiting_login(world),
        "tokens": _refreshed(world),
        "code": _code(world),
        "revoked access token": _revoked(world),
        "device that waits": world.post("/device/code", {"client_id": "cli", "scope": "openid"}).body,
        "device that was approved": _approved_device(world),
        "client's own token": world.post_as_app("/token", grant_type="client_credentials").body,
    }
    return {"release": VERSION, "at": world.now, **world.stored(), "held": held}


def _add_user_and_client(world: World) -> None:
    directory = DynamoDirectory(world.stack.dynamodb, world.stack.directory_table)
    user = LocalUser(EMAIL, "u-jane", HASH.encode("ascii"), username="jane", created_at=AT, updated_at=AT)
    assert directory.create(user)
    digest = next(line.split()[1] for line in APP.splitlines() if "secretHash" in line)
    document = {"id": "reports", "name": "Reports", "secretHash": digest, "redirectURIs": [CALLBACK]}
    added = DynamoClients(world.stack.dynamodb, world.stack.directory_table)
    assert added.create(StoredClient("reports", document, created_at=AT, updated_at=AT))


def _login_page(browser: Browser) -> Any:
    return browser.authorize(client_id="app", redirect_uri=CALLBACK, scope=SCOPES)


def _waiting_login(world: World) -> dict[str, Any]:
    """A login page that nobody has filled in yet."""
    browser = Browser(world)  # type: ignore[arg-type]  # it has what a browser asks of a BrowserWorld
    [form] = _login_page(browser).forms
    return {"action": form.action, "fields": form.fields, "cookies": browser.cookies}


def _code(world: World) -> str:
    browser = Browser(world)  # type: ignore[arg-type]
    return str(browser.approve(browser.log_in(_login_page(browser), EMAIL, PASSWORD)).answer["code"])


def redeemed(world: World, code: str) -> dict[str, Any]:
    """Spend a code."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return world.post_as_app("/token", **form).body


def _refreshed(world: World) -> dict[str, Any]:
    """A login whose refresh token was used once, with the token before."""
    first = redeemed(world, _code(world))
    world.now += 60
    answer = world.post_as_app("/token", grant_type="refresh_token", refresh_token=first["refresh_token"])
    return {**answer.body, "superseded_refresh_token": first["refresh_token"]}


def _revoked(world: World) -> str:
    """An access token that was revoked, of a login that goes on."""
    tokens = redeemed(world, _code(world))
    world.post_as_app("/token/revoke", token=tokens["access_token"])
    return str(tokens["access_token"])


def _approved_device(world: World) -> dict[str, Any]:
    """A device whose user has logged in, and that has not asked again yet."""
    codes = world.post("/device/code", {"client_id": "cli", "scope": SCOPES}).body
    browser = Browser(world)  # type: ignore[arg-type]
    page = browser.get("/device", {"user_code": codes["user_code"]})
    page = browser.log_in(browser.follow(browser.submit(page, user_code=codes["user_code"])), EMAIL, PASSWORD)
    assert browser.approve(page).status == 200
    return codes


def main() -> None:
    """Write the file of this release."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_ministack(folder / "log") as ministack:
            os.environ.update(ministack.environment)
            template = Template.load(parameters={"Issuer": "https://id.example.com"})
            stack = own_stack(template, ministack, clients(ministack.endpoint))
            document = recorded(World(stack, folder, AT))
    path = RELEASES / f"{VERSION}.json"
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"{path}: {sum(map(len, document['tables'].values()))} items, a secret, {len(document['held'])} things held")


if __name__ == "__main__":
    main()
