"""Dex's logins, as families that nobody has refreshed here yet: nobody has to log in again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from sundial.clients.document import check
from sundial.config.model import Client, Config, ConnectorConfig
from sundial.config.problems import has_errors
from sundial.connectors.base import Lookup, Refreshable, UpstreamRefresh
from sundial.connectors.oidc import OidcSettings
from sundial.connectors.registry import abilities
from sundial.expiry.family import Family, Inherited, Upstream, expires_at
from sundial.expiry.inherited import GENERATION
from sundial.expiry.refresh import is_expired
from sundial.store.clients import DynamoClients
from sundial.store.dynamodb_families import DynamoFamilies
from sundial.store.envelopes import Envelopes, KmsEnvelopes, NoEnvelopes
from sundial.store.inheritance import CHANGE_ID, DynamoInheritance
from sundial.tokens.dex import inherited_family_id, token_digest
from sundial_cli.dex.connector_data import upstream_of
from sundial_cli.dex.records import DexBlock, DexRefreshToken, ExportError
from sundial_cli.moving.outcome import Outcome
from sundial_cli.target import Target
from sundial_cli.terminal import Progress

_AT_ONCE = 16
_KMS_KEY, _KEY_NAME = "AWS::KMS::Key", "KeyRingKey"


class _LeftOutError(Exception):
    """A login can't be imported; says why."""


@dataclass(frozen=True, slots=True)
class _World:
    """What the logins are imported into."""

    config: Config
    clients: dict[str, Client]
    families: DynamoFamilies
    inheritance: DynamoInheritance
    envelopes: Envelopes
    not_before: int
    """The operator's watermark."""
    now: int
    dry_run: bool


def import_logins(
    tokens: Sequence[DexRefreshToken],
    blocked: Mapping[tuple[str, str], DexBlock],
    new_clients: dict[str, Client],
    config: Config,
    target: Target,
    *,
    dry_run: bool,
) -> Outcome:
    """Write each login that isn't over, and return what became of them. Raises OAuthError for AWS's failures.

    Those of whom Dex has `blocked`, by user id and connector id, stay behind. `new_clients` are those that are
    imported with them, in a dry run too. Two network calls a login, and one of KMS's where the connector keeps
    something.
    """
    dynamodb = target.client("dynamodb")
    world = _World(
        config,
        {**_clients_of_table(DynamoClients(dynamodb, target.directory_table), config), **new_clients, **config.clients},
        DynamoFamilies(dynamodb, target.families_table),
        DynamoInheritance(dynamodb, target.families_table),
        _envelopes(tokens, config, target),
        target.not_before(),
        target.now,
        dry_run,
    )
    outcome = Outcome("logins")
    with Progress("logins", len(tokens)) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:

        def imported(token: DexRefreshToken) -> bool | str:
            try:
                if (token.claims.user_id, token.connector_id) in blocked:
                    return "they are blocked at Dex"
                return _import(token, world)
            except (_LeftOutError, ExportError) as error:
                return str(error)
            finally:
                progress.advance(1)

        for token, result in zip(tokens, pool.map(imported, tokens), strict=True):
            name = f"{token.claims.email or token.claims.user_id} at {token.client_id} ({token.id[:6]}…)"
            outcome.note(name, result)
    return outcome


def _import(token: DexRefreshToken, world: _World) -> bool:
    """Write one login; False where it goes on here already, has ended here, or is just as Dex has it."""
    client, connector = _client(token, world), _connector(token, world.config)
    policy = world.config.refresh_policy(client, connector.id)
    family = _family(token)
    if is_expired(family, world.now, policy):
        raise _LeftOutError("it is over: validIfNotUsedFor or absoluteLifetime has passed")
    if family.rotated_at < world.not_before:
        raise _LeftOutError("it is older than the watermark (`sundial sessions watermark`)")
    sealed = _upstream_text(token, connector)
    there = world.families.get(family.family_id)
    if there is not None:
        goes_on = there.change_id != CHANGE_ID or there.revoked_at is not None
        if goes_on or replace(there, upstream=None) == family:
            return False
    if world.dry_run:
        return True
    upstream: Upstream | None = world.envelopes.seal(family.family_id, sealed) if sealed else None
    written = _family(token, upstream)
    return world.inheritance.inherit(written, expires_at(family.created_at, family.last_used_at, policy))


def _family(token: DexRefreshToken, upstream: Upstream | None = None) -> Family:
    previous = token_digest(token.obsolete_token) if token.obsolete_token else None
    return Family(
        family_id=inherited_family_id(token.id),
        client_id=token.client_id,
        connector_id=token.connector_id,
        claims=token.claims,
        scopes=token.scopes,
        created_at=token.created_at,
        auth_time=None,
        nonce=token.nonce or None,
        redeemed_at=token.created_at,
        generation=GENERATION,
        rotated_at=token.last_used_at,
        last_used_at=token.last_used_at,
        change_id=CHANGE_ID,
        upstream=upstream,
        inherited=Inherited(token_digest(token.token), previous, token.last_used_at),
    )


def _client(token: DexRefreshToken, world: _World) -> Client:
    if not token.token:
        raise _LeftOutError("Dex keeps no token of it: it is of a Dex from before 2017")
    client = world.clients.get(token.client_id)
    if client is None:
        raise _LeftOutError(f"there is no client {token.client_id}: import it too, or add it to the configuration")
    return client


def _connector(token: DexRefreshToken, config: Config) -> ConnectorConfig:
    connector = config.connector(token.connector_id)
    if connector is None:
        raise _LeftOutError(f"the deployed configuration has no connector {token.connector_id}")
    if not config.refreshes(connector.id):
        raise _LeftOutError(f"the deployed configuration has no refresh tokens for {connector.id} (grantTypes)")
    return connector


def _upstream_text(token: DexRefreshToken, connector: ConnectorConfig) -> str:
    """Return what the connector is to keep of it; nothing where the user is looked up."""
    can = abilities(connector.type)
    if Refreshable in can or Lookup in can:
        return ""
    if UpstreamRefresh not in can:
        raise _LeftOutError(f"a connector of type {connector.type} can't be asked again: its users log in again")
    if isinstance(connector.config, OidcSettings) and connector.config.mapping.user_id:
        raise _LeftOutError(
            "its connector has a userIDKey: Dex doesn't keep by which `sub` its provider knows the user"
        )
    return upstream_of(token, connector.type)


def _envelopes(tokens: Sequence[DexRefreshToken], config: Config, target: Target) -> Envelopes:
    """Return what seals what connectors keep; only who has something to seal needs to know the stack's KMS key."""
    kept_by = {token.connector_id for token in tokens if token.connector_data}
    if not any(UpstreamRefresh in abilities(one.type) for one in config.connectors if one.id in kept_by):
        return NoEnvelopes()
    [key] = [one.id for one in target.resources() if one.type == _KMS_KEY and one.name == _KEY_NAME]
    kms = target.client("kms")
    return KmsEnvelopes(lambda: kms, key)


def _clients_of_table(clients: DynamoClients, config: Config) -> dict[str, Client]:
    found = {}
    for stored in clients.all():
        client, problems = check(stored.document, config)
        if client is not None and not has_errors(problems):
            found[stored.id] = client
    return found
