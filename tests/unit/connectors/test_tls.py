"""TLS to a provider: checked as Go does it, and so Dex, on every Python."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from sundial.connectors.tls import Trust, tls_context
from tests.support.certificates import Certificate, authority

AUTHORITY = authority()
"""As many a company's own: it says nothing of its key's use, which RFC 5280 §4.2.1.3 wants."""
SERVER = AUTHORITY.issue("up", ["127.0.0.1"])


@pytest.fixture(autouse=True)
def python_3_13(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its contexts are strict to begin with."""
    made = ssl.create_default_context

    def strict(*args: object, cadata: str | None = None) -> ssl.SSLContext:
        context = made(*args, cadata=cadata)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


def believes(context: ssl.SSLContext, certificate: Certificate, folder: Path) -> bool:
    """Return whether a client of `context` ends the handshake with a server of `certificate` at 127.0.0.1."""
    (folder / "chain.pem").write_text(certificate.key_pem + certificate.pem, "ascii")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "chain.pem")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(up, down, server_side=True)
    client = context.wrap_bio(down, up, server_hostname="127.0.0.1")
    for side in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    try:
        client.do_handshake()
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_an_authority_that_python_3_13_finds_fault_with_is_believed(tmp_path: Path) -> None:
    assert not believes(ssl.create_default_context(cadata=AUTHORITY.pem), SERVER, tmp_path)
    for own_alone in (False, True):
        assert believes(tls_context(Trust((AUTHORITY.pem,)), own_alone=own_alone), SERVER, tmp_path)


def test_an_authority_of_nobodys_is_not(tmp_path: Path) -> None:
    for trust in (Trust(), Trust((authority("another").pem,))):
        for own_alone in (False, True):
            assert not believes(tls_context(trust, own_alone=own_alone), SERVER, tmp_path)
    assert believes(tls_context(Trust(verify=False)), SERVER, tmp_path)


def test_the_public_authorities_stay_beside_ones_own_unless_these_stand_alone() -> None:
    public = len(tls_context(Trust()).get_ca_certs())
    assert public > 50
    assert len(tls_context(Trust((AUTHORITY.pem,))).get_ca_certs()) == public + 1
    assert len(tls_context(Trust((AUTHORITY.pem,)), own_alone=True).get_ca_certs()) == 1
    assert len(tls_context(Trust(), own_alone=True).get_ca_certs()) == public
