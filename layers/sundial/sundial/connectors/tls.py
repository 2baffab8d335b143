"""Whom TLS to an identity provider trusts, be it HTTP or LDAP that goes over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom TLS trusts: the public authorities and `cas` (PEM); nobody is checked where `verify` is off."""

    cas: tuple[str, ...] = ()
    verify: bool = True


PUBLIC = Trust()
"""The public authorities alone."""


def tls_context(trust: Trust, *, own_alone: bool = False) -> SSLContext:
    """Return how a client is to check who it talks to; with `own_alone`, `cas` stand in for the public authorities."""
    import ssl

    own = "\n".join(trust.cas)
    context = ssl.create_default_context(cadata=own if own and own_alone else None)
    # Since Python 3.13 it asks for extensions that many a company's own authority lacks; Go doesn't, and so Dex.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not (own and own_alone):
        from botocore.httpsession import DEFAULT_CA_BUNDLE

        context.load_verify_locations(DEFAULT_CA_BUNDLE)
        if own:
            context.load_verify_locations(cadata=own)
    if not trust.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
