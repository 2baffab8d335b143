"""The settings of a `saml` connector: Dex's, read and checked."""

from __future__ import annotations

import base64
import subprocess
import sys
from textwrap import indent

import pytest

from sundial.config.problems import Severity
from sundial.connectors.saml import SamlSettings
from tests.support.certificates import self_signed
from tests.support.config import make_config, problems_of

CERTIFICATE = self_signed("The provider")
CA_DATA = f"caData: {base64.b64encode(CERTIFICATE.pem.encode()).decode()}"
LEAST = ("ssoURL: https://idp.example.com/sso", "usernameAttr: name", "emailAttr: email")
CALLBACK = "https://id.example.com/callback"


def connectors(*settings: str, type: str = "saml") -> str:
    text = indent("\n".join(settings), " " * 6)
    return f"connectors:\n  - type: {type}\n    id: saml\n    name: SAML\n    config:\n{text}\n"


def read(*settings: str, type: str = "saml") -> SamlSettings:
    config = make_config(f"issuer: https://id.example.com\n{connectors(*settings, type=type)}")
    settings_read = config.connectors[0].config
    assert isinstance(settings_read, SamlSettings)
    return settings_read


def problems(*settings: str) -> list[tuple[Severity, str, str]]:
    return [
        (problem.severity, problem.key.removeprefix("connectors[0].config."), problem.message)
        for problem in problems_of(connectors(*settings))
    ]


@pytest.mark.parametrize("type", ["saml", "samlExperimental"])
def test_every_key_that_dex_has(type: str) -> None:
    settings = read(
        *LEAST,
        "ca: |",
        indent(CERTIFICATE.pem, "  "),
        f"redirectURI: {CALLBACK}/saml",
        "entityIssuer: urn:sundial",
        "ssoIssuer: https://idp.example.com/metadata",
        "groupsAttr: groups",
        'groupsDelim: ", "',
        "allowedGroups: [devs, staff]",
        "filterGroups: true",
        "nameIDPolicyFormat: emailAddress",
        type=type,
    )
    assert settings == SamlSettings(
        "https://idp.example.com/sso",
        "name",
        "email",
        f"{CALLBACK}/saml",
        "urn:sundial",
        "https://idp.example.com/metadata",
        (CERTIFICATE.pem,),
        groups_attr="groups",
        groups_delim=", ",
        allowed_groups=("devs", "staff"),
        filter_groups=True,
        name_id_format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    )


def test_what_is_left_out_is_as_dex_has_it() -> None:
    assert read(*LEAST, CA_DATA) == SamlSettings(
        "https://idp.example.com/sso",
        "name",
        "email",
        CALLBACK,
        certificates=(CERTIFICATE.pem,),
        name_id_format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    )


def test_a_format_may_be_written_in_full() -> None:
    full = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
    assert read(*LEAST, CA_DATA, f"nameIDPolicyFormat: {full}").name_id_format == full


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([], [("ssoURL", "is missing"), ("usernameAttr", "is missing"), ("emailAttr", "is missing")]),
        (["redirectURI: https://other.example.com/callback"], [("redirectURI", "is not this issuer's callback")]),
        (["nameIDPolicyFormat: email"], [("nameIDPolicyFormat", "is unknown")]),
        (["allowedGroups: [devs]"], [("allowedGroups", "stands without groupsAttr: nobody would be in any")]),
        (["signatureAlgorithm: x"], [("signatureAlgorithm", "is an unknown key")]),
    ],
)
def test_what_cannot_work_is_refused(settings: list[str], expected: list[tuple[str, str]]) -> None:
    found = problems(*(LEAST if settings else ()), CA_DATA, *settings)
    assert sorted(found) == sorted((Severity.ERROR, key, message) for key, message in expected)


def test_a_certificate_is_needed_and_is_no_file() -> None:
    assert problems(*LEAST) == [(Severity.ERROR, "caData", "is missing")]
    unread = "is not a certificate in PEM; no file is read here"
    assert problems(*LEAST, "ca: /etc/dex/saml-ca.pem") == [(Severity.ERROR, "ca", unread)]


def test_what_is_dangerous_comes_with_a_warning() -> None:
    unchecked = problems(*LEAST, "insecureSkipSignatureValidation: true")
    assert unchecked == [(Severity.WARNING, "insecureSkipSignatureValidation", "lets anybody log in as anybody")]
    transient = problems(*LEAST, CA_DATA, "nameIDPolicyFormat: transient")
    assert transient == [(Severity.WARNING, "nameIDPolicyFormat", "makes each login another user's")]


def test_a_file_is_checked_without_loading_xml() -> None:
    check = "import sys; import sundial.connectors.saml; sys.exit('lxml' in sys.modules or 'signxml' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], env={"PYTHONPATH": ":".join(sys.path)}, check=True)
