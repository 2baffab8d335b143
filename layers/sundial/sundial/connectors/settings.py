"""What the settings of several connectors have in common, and how it is read."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sundial.config.general import is_loopback
from sundial.config.problems import HIDDEN
from sundial.connectors.tls import Trust

if TYPE_CHECKING:
    from sundial.config.section import Section


@dataclass(frozen=True, slots=True)
class Registration:
    """Sundial as a client of the provider (RFC 6749 §2). Without a secret it is a public client."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    redirect_uri: str = ""


def read_registration(section: Section, issuer: str | None, *, secret_required: bool = True) -> Registration:
    """Return `clientID`, `clientSecret` and `redirectURI`, which is the issuer's /callback unless it is stated."""
    client_id = section.required("clientID")
    return Registration(
        client_id, read_secret(section, "clientSecret", required=secret_required), read_redirect_uri(section, issuer)
    )


def read_redirect_uri(section: Section, issuer: str | None) -> str:
    """Return `redirectURI`: where the provider sends browsers, which is here (Dex: the issuer's /callback)."""
    callback = f"{issuer.rstrip('/')}/callback" if issuer else ""
    stated = section.text("redirectURI")
    if stated and callback and stated != callback and not stated.startswith(f"{callback}/"):
        section.error("redirectURI", "is not this issuer's callback", f"write '{callback}', or remove it")
    return stated or callback


def read_secret(section: Section, key: str, *, required: bool = True) -> str:
    """Return the secret at `key`; one that stands there in clear goes into the layer, hence a warning."""
    secret = section.required(key, secret=True) if required else section.text(key, secret=True)
    if secret and not section.is_reference(key):
        remedy = f"write '{key}: $NAME', and give the functions that variable"
        section.warn(key, "is a secret in clear", remedy, shown=HIDDEN)
    return secret or ""


def read_trust(section: Section) -> Trust:
    """Return `rootCAs`, each PEM or the base64 of it, and `insecureSkipVerify`."""
    verify = not section.flag("insecureSkipVerify")
    if not verify:
        message = "lets anybody on the way be the provider"
        section.warn("insecureSkipVerify", message, "put the provider's authority in rootCAs instead")
    cas = []
    for index, text in section.indexed_texts("rootCAs"):
        if (pem := as_pem(text)) is None:
            remedy = "paste the certificate, from '-----BEGIN CERTIFICATE-----' on, or its base64"
            section.error("rootCAs", "is not a certificate in PEM", remedy, index=index)
        else:
            cas.append(pem)
    return Trust(tuple(cas), verify)


def as_pem(text: str) -> str | None:
    """Return the certificates that `text` holds, in PEM or in the base64 of it; None where it holds none."""
    if "-----BEGIN CERTIFICATE-----" not in text:
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            return None
    from cryptography.x509 import load_pem_x509_certificates

    try:
        load_pem_x509_certificates(text.encode("ascii"))
    except ValueError:
        return None
    return text


def read_url(section: Section, key: str, *, default: str = "") -> str:
    """Return the URL at `key` as it stands; http is for this machine, or comes with a warning."""
    text = section.text(key)
    if text is None:
        return default
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https") or url.fragment:
        section.error(key, "is not an absolute http or https URL", "write 'https://' and a host")
        return default
    if url.scheme == "http" and not is_loopback(host):
        section.warn(key, "is http, so that anybody on the way can pose as the provider", "use https")
    return text
