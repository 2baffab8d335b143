"""Which clients there are: those of the configuration file, and those that operators add while it runs."""

from sundial.clients.registry import CLIENT_CACHE, ClientRegistry, Clients

__all__ = ["CLIENT_CACHE", "ClientRegistry", "Clients"]
