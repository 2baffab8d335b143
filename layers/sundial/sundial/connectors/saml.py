"""A SAML 2.0 identity provider (Dex: `saml`): the Web Browser SSO profile, begun here, answered by POST.

See docs/connectors/saml.md for its settings. SAML has nothing to ask a provider again with, and so a login
through it never yields a refresh token.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from sundial.connectors.base import Arrival, Attempt, Departure, Identity
from sundial.connectors.http import unbelievable
from sundial.connectors.mapping import allowed_groups
from sundial.connectors.settings import as_pem, read_redirect_uri, read_url
from sundial.errors import OAuthError, invalid_request
from sundial.expiry.family import Claims

if TYPE_CHECKING:
    from sundial.config.section import Section
    from sundial.connectors.saml_response import Statement

LONGEST_RELAY_STATE = 80  # bytes: SAML Bindings §3.5.3

_FORMATS = {
    uri.rpartition(":")[2]: uri
    for uri in (
        *(
            f"urn:oasis:names:tc:SAML:1.1:nameid-format:{name}"
            for name in ("emailAddress", "unspecified", "X509SubjectName", "WindowsDomainQualifiedName")
        ),
        *(
            f"urn:oasis:names:tc:SAML:2.0:nameid-format:{name}"
            for name in ("encrypted", "entity", "kerberos", "persistent", "transient")
        ),
    )
}
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_STALE = (
    "This login has been finished before, or took too long. "
    "Go back to the application; if it asks you to, log in again."
)


@dataclass(frozen=True, slots=True)
class SamlSettings:
    """Dex: `connectors[].config` of a `saml`."""

    sso_url: str
    username_attr: str
    email_attr: str
    redirect_uri: str = ""
    entity_issuer: str = ""
    sso_issuer: str = ""
    certificates: tuple[str, ...] = field(default=(), repr=False)
    """The provider's own, in PEM."""
    verify: bool = True
    groups_attr: str = ""
    groups_delim: str = ""
    allowed_groups: tuple[str, ...] = ()
    filter_groups: bool = False
    name_id_format: str = _FORMATS["persistent"]


class SamlConnector:
    """Sends an AuthnRequest, and believes a response that is signed, for us, of now, and the answer to it."""

    groups_are = "the values of `groupsAttr`"
    longest_state = LONGEST_RELAY_STATE

    def __init__(self, id: str, name: str, settings: SamlSettings) -> None:
        self.id = id
        self.name = name
        self._settings = settings

    @staticmethod
    def read(section: Section, issuer: str | None) -> SamlSettings:
        """Return the settings."""
        if not section.states("ssoURL"):
            section.error("ssoURL", "is missing", "write 'ssoURL: https://…', where the provider takes requests")
        verify = not section.flag("insecureSkipSignatureValidation")
        settings = SamlSettings(
            sso_url=read_url(section, "ssoURL"),
            username_attr=section.required("usernameAttr"),
            email_attr=section.required("emailAttr"),
            redirect_uri=read_redirect_uri(section, issuer),
            entity_issuer=section.text("entityIssuer") or "",
            sso_issuer=section.text("ssoIssuer") or "",
            certificates=tuple(_read_certificates(section, required=verify)),
            verify=verify,
            groups_attr=section.text("groupsAttr") or "",
            groups_delim=section.text("groupsDelim") or "",
            allowed_groups=section.texts("allowedGroups"),
            filter_groups=section.flag("filterGroups"),
            name_id_format=_read_format(section),
        )
        if not verify:
            message = "lets anybody log in as anybody"
            section.warn("insecureSkipSignatureValidation", message, "remove it, and put the certificate in caData")
        if settings.allowed_groups and not settings.groups_attr:
            section.error("allowedGroups", "stands without groupsAttr: nobody would be in any", "write 'groupsAttr: …'")
        return settings

    def begin(self, attempt: Attempt, state: str, now: int) -> Departure:
        """Return the provider's page, and the request that is to be POSTed there (see RedirectLogin)."""
        request = base64.b64encode(self._request(attempt, now).encode("utf-8")).decode("ascii")
        return Departure(self._settings.sso_url, {"SAMLRequest": request, "RelayState": state})

    def finish(self, attempt: Attempt, arrival: Arrival) -> Identity:
        """Return who logged in (see RedirectLogin; SAML Profiles §4.1.4.3)."""
        from sundial.connectors.saml_response import Expected, SamlError, StaleError, read_response

        settings = self._settings
        encoded = arrival.parameters.get("SAMLResponse")
        if encoded is None:
            raise unbelievable(self.name, "SAML: no SAMLResponse came back")
        expected = Expected(
            _request_id(attempt), self._destination(attempt), self._audience(attempt), arrival.now, settings.sso_issuer
        )
        try:
            statement = read_response(encoded, settings.certificates if settings.verify else None, expected)
        except StaleError as error:
            raise invalid_request(_STALE, detail=f"SAML: {error}") from None
        except SamlError as error:
            raise unbelievable(self.name, f"SAML: {error}; see docs/connectors/saml.md") from None
        return Identity(self._claims(statement), authenticated_at=statement.authenticated_at)

    def _request(self, attempt: Attempt, now: int) -> str:
        """Return the AuthnRequest (SAML Core §3.4.1, Profiles §4.1.4.1)."""
        attributes = {
            "xmlns:samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
            "xmlns:saml": "urn:oasis:names:tc:SAML:2.0:assertion",
            "ID": _request_id(attempt),
            "Version": "2.0",
            "IssueInstant": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Destination": self._settings.sso_url,
            "ProtocolBinding": _POST,
            "AssertionConsumerServiceURL": self._destination(attempt),
        }
        if attempt.max_age == 0:
            attributes["ForceAuthn"] = "true"
        stated = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
        issuer = f"<saml:Issuer>{escape(self._audience(attempt))}</saml:Issuer>"
        policy = f'<samlp:NameIDPolicy AllowCreate="true" Format={quoteattr(self._settings.name_id_format)}/>'
        return f"<samlp:AuthnRequest {stated}>{issuer}{policy}</samlp:AuthnRequest>"

    def _destination(self, attempt: Attempt) -> str:
        return self._settings.redirect_uri or attempt.callback_url

    def _audience(self, attempt: Attempt) -> str:
        """Return our own entity id: the redirect URI unless another is stated, as in Dex."""
        return self._settings.entity_issuer or self._destination(attempt)

    def _claims(self, statement: Statement) -> Claims:
        settings = self._settings
        username, email = (statement.first(name) for name in (settings.username_attr, settings.email_attr))
        for name, value in ((settings.username_attr, username), (settings.email_attr, email)):
            if not value:
                raise self._missing(name)
        return Claims(
            user_id=statement.name_id,
            username=username,
            email=email,
            email_verified=True,
            groups=self._groups(statement),
        )

    def _groups(self, statement: Statement) -> tuple[str, ...]:
        """Return the groups; a user whose provider names none is in none. Raises `access_denied` as GroupRules do."""
        settings = self._settings
        if not settings.groups_attr:
            return ()
        values = statement.attributes.get(settings.groups_attr, ())
        if settings.groups_delim:
            values = tuple(one for value in values for one in value.split(settings.groups_delim) if one)
        groups = tuple(dict.fromkeys(values))
        allowed = allowed_groups(groups, settings.allowed_groups)
        return allowed if settings.filter_groups else groups

    def _missing(self, attribute: str) -> OAuthError:
        return unbelievable(self.name, f"SAML: the attribute {attribute} is missing; see docs/connectors/saml.md")


def _request_id(attempt: Attempt) -> str:
    """Return the id of the attempt's request, which its response has to name: a letter first (xs:ID)."""
    return f"r{attempt.derived('SAML request')}"


def _read_certificates(section: Section, *, required: bool) -> Iterable[str]:
    """Yield `ca` and `caData`: the certificates with which the provider signs."""
    remedy = "paste the provider's certificate, from '-----BEGIN CERTIFICATE-----' on, or its base64"
    stated = [key for key in ("ca", "caData") if section.states(key)]
    if required and not stated:
        section.error("caData", "is missing", remedy)
    for key in stated:
        text = section.text(key)
        pem = None if text is None else as_pem(text)
        if pem is not None:
            yield pem
        elif text is not None:
            section.error(key, "is not a certificate in PEM; no file is read here", remedy)


def _read_format(section: Section) -> str:
    """Return `nameIDPolicyFormat`, in full, of which the last word is enough."""
    key = "nameIDPolicyFormat"
    text = section.choice(key, (*_FORMATS, *_FORMATS.values()), default="persistent")
    if text.rpartition(":")[2] == "transient":
        section.warn(key, "makes each login another user's", "use 'persistent' or 'emailAddress'")
    return _FORMATS.get(text, text)
