"""One deployment, put together from its environment: what a function needs is made when it first asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sundial.snapstart import prepare

if TYPE_CHECKING:
    from sundial.clients import ClientRegistry
    from sundial.config.model import Config
    from sundial.events import Events
    from sundial.keys.cache import RingCache
    from sundial.keys.jwks import PublicKeyStore
    from sundial.keys.vault import Vault
    from sundial.store.bearer import Bearers
    from sundial.store.devices import DeviceStore
    from sundial.store.directory import Directory
    from sundial.store.envelopes import Envelopes
    from sundial.store.families import FamilyStore


class Deployment:
    """The configuration and the stores that template.yaml's environment variables name.

    Imports and clients are made on first use, so that a function pays for what it uses: JWKS never
    imports the vault, userinfo never loads a private key.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        prepare(self._environment)

    @cached_property
    def config(self) -> Config:
        """The configuration (SUNDIAL_CONFIG: the compiled document of the `config` layer)."""
        from sundial.config.reader import load_compiled

        return load_compiled(self._environment["SUNDIAL_CONFIG"], self._environment)

    @cached_property
    def families(self) -> FamilyStore:
        """The refresh token families (SUNDIAL_FAMILIES_TABLE)."""
        from sundial.store.dynamodb_families import DynamoFamilies

        return DynamoFamilies(self.client("dynamodb"), self._environment["SUNDIAL_FAMILIES_TABLE"])

    @cached_property
    def devices(self) -> DeviceStore:
        """What devices have asked for (SUNDIAL_FAMILIES_TABLE)."""
        from sundial.store.devices import DynamoDevices

        return DynamoDevices(self.client("dynamodb"), self._environment["SUNDIAL_FAMILIES_TABLE"])

    @cached_property
    def directory(self) -> Directory:
        """The local users (SUNDIAL_DIRECTORY_TABLE)."""
        from sundial.store.directory import DynamoDirectory

        return DynamoDirectory(self.client("dynamodb"), self._environment["SUNDIAL_DIRECTORY_TABLE"])

    @cached_property
    def clients(self) -> ClientRegistry:
        """The clients of the configuration, and those of the table (SUNDIAL_DIRECTORY_TABLE)."""
        from sundial.clients import ClientRegistry
        from sundial.store.clients import DynamoClients

        table = self._environment["SUNDIAL_DIRECTORY_TABLE"]
        return ClientRegistry(self.config, lambda: DynamoClients(self.client("dynamodb"), table))

    @cached_property
    def public_keys(self) -> PublicKeyStore:
        """The JWKS as published (SUNDIAL_PUBLIC_KEYS_TABLE)."""
        from sundial.keys.jwks import PublicKeyStore

        return PublicKeyStore(self.client("dynamodb"), self._environment["SUNDIAL_PUBLIC_KEYS_TABLE"])

    @cached_property
    def bearers(self) -> Bearers:
        """Families and public keys, read together."""
        from sundial.store.bearer import DynamoBearers

        tables = self._environment["SUNDIAL_FAMILIES_TABLE"], self._environment["SUNDIAL_PUBLIC_KEYS_TABLE"]
        return DynamoBearers(self.client("dynamodb"), *tables)

    @cached_property
    def ring(self) -> RingCache:
        """The key ring (SUNDIAL_SECRET), cached in memory."""
        from sundial.keys.cache import RingCache

        return RingCache(self.vault, self.config.signing.algorithms)

    @cached_property
    def envelopes(self) -> Envelopes:
        """What encrypts what connectors keep (SUNDIAL_KMS_KEY)."""
        from sundial.store.envelopes import KmsEnvelopes

        return KmsEnvelopes(lambda: self.client("kms"), self._environment["SUNDIAL_KMS_KEY"])

    @cached_property
    def vault(self) -> Vault:
        """The secret that holds the key ring (SUNDIAL_SECRET)."""
        from sundial.keys.vault import Vault

        return Vault(self.client("secretsmanager"), self._environment["SUNDIAL_SECRET"])

    @cached_property
    def events(self) -> Events:
        """What tells of replays, revocations and rotations (SUNDIAL_EVENT_BUS)."""
        from sundial.events import EventBridge, Events

        bus = EventBridge(lambda: self.client("events"), self._environment["SUNDIAL_EVENT_BUS"])
        return Events(self.config.issuer, bus)

    def client(self, service: str) -> Any:
        """Return the one boto3 client of `service`: the stores share it, and its connections."""
        if service not in self._clients:
            from sundial.store.aws import client

            self._clients[service] = client(service)
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}
