"""A directory that can't be asked, or that nobody vouches for: it takes nobody's login away and hears no password."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from sundial.connectors import ldap_session
from sundial.connectors.http import SECONDS
from sundial.connectors.ldap import LdapConnector
from sundial.connectors.ldap_settings import Directory, LdapSettings, Security
from sundial.connectors.tls import Trust
from tests.support.certificates import Certificate, authority
from tests.support.ldap_login import NESTED, NO_SCOPES, NOW, USER, USERS, connector, in_clear, refusal
from tests.support.slapd import JANE_PASSWORD, SEARCHER, SEARCHER_PASSWORD, SUFFIX, Slapd, running_slapd

# It takes nobody's login away.


@pytest.mark.parametrize(
    "changes",
    [
        {"users": replace(USERS, base_dn=f"ou=gone,{SUFFIX}")},
        {"users": replace(USERS, base_dn="no DN")},
        {"users": replace(USERS, filter="(objectClass)")},
        {"password": "wrong"},
        {"password": "", "dn": ""},  # the directory lets nobody search anonymously
    ],
)
def test_settings_gone_wrong_are_no_users_gone(slapd: Slapd, changes: dict[str, Any]) -> None:
    directory = in_clear(
        slapd.port,
        bind_dn=changes.get("dn", SEARCHER),
        bind_password=changes.get("password", SEARCHER_PASSWORD),
    )
    made = connector(slapd, directory=directory, users=changes.get("users", USERS))
    assert refusal(lambda: made.log_in("jane", JANE_PASSWORD)).status == 502
    assert refusal(lambda: made.look_up(USER, NO_SCOPES, NOW)).status == 502


def test_a_directory_that_is_not_there_is_a_503(slapd: Slapd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    made = connector(slapd, directory=in_clear(port))
    assert refusal(lambda: made.log_in("jane", JANE_PASSWORD)).status == 503
    assert refusal(lambda: made.look_up(USER, NO_SCOPES, NOW)).status == 503


@pytest.mark.parametrize("security", list(Security))
def test_a_directory_that_hangs_is_a_503_within_its_time(
    slapd: Slapd, security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap_session, "_READ_SECONDS", 1)
    with silent_server() as port:
        made = connector(slapd, directory=in_clear(port, security=security))
        error = refusal(lambda: made.log_in("jane", JANE_PASSWORD))
        assert (error.status, error.headers["Retry-After"]) == (503, "5")


def test_a_conversation_has_one_deadline(slapd: Slapd) -> None:
    clock = iter((0.0, 1.0, 2.0, SECONDS + 1.0)).__next__
    settings = LdapSettings(in_clear(slapd.port), USERS)
    made = LdapConnector("ldap", "The Directory", settings, clock=clock)
    error = refusal(lambda: made.log_in("jane", JANE_PASSWORD))
    assert (error.status, error.detail) == (503, "LDAP, searching: out of time")


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x30\x03\x02\x01\x01", b"\x30\xff" * 99]
)
def test_what_is_no_directory_is_a_503(slapd: Slapd, answer: bytes) -> None:
    with silent_server(answer) as port:
        made = connector(slapd, directory=in_clear(port))
        assert refusal(lambda: made.log_in("jane", JANE_PASSWORD)).status in (502, 503)


# TLS


@pytest.mark.parametrize("security", [Security.LDAPS, Security.START_TLS])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_with_an_authority_of_ones_own(slapd: Slapd, ca: Certificate, security: Security, host: str) -> None:
    directory = over_tls(slapd, security, Trust((ca.pem,)), host)
    assert connector(slapd, directory=directory, groups=NESTED).log_in("jane", JANE_PASSWORD) is not None


@pytest.mark.parametrize("security", [Security.LDAPS, Security.START_TLS])
@pytest.mark.parametrize("others", [(authority().pem,), ()])
def test_a_directory_that_nobody_trusted_vouches_for_hears_no_password(
    slapd: Slapd, security: Security, others: tuple[str, ...]
) -> None:
    made = connector(slapd, directory=over_tls(slapd, security, Trust(others)))
    error = refusal(lambda: made.log_in("jane", JANE_PASSWORD))
    assert (error.status, "CERTIFICATE_VERIFY_FAILED" in error.detail) == (503, True)


@pytest.mark.parametrize("security", [Security.LDAPS, Security.START_TLS])
def test_a_certificate_for_another_host_is_refused(
    ca: Certificate, security: Security, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_slapd(tmp_path_factory.mktemp("other"), ca.issue("other", ("other.example.com",))) as other:
        directory = over_tls(other, security, Trust((ca.pem,)))
        error = refusal(lambda: connector(other, directory=directory).log_in("jane", JANE_PASSWORD))
        assert error.status == 503
        unchecked = replace(directory, trust=Trust(verify=False))
        assert connector(other, directory=unchecked).log_in("jane", JANE_PASSWORD) == USER


def test_a_certificate_of_ones_own_is_shown(slapd: Slapd, ca: Certificate) -> None:
    own = ca.issue("sundial")
    directory = over_tls(slapd, Security.LDAPS, Trust((ca.pem,)))
    shown = replace(directory, client_certificate=own.key_pem + own.pem)
    assert connector(slapd, directory=shown).log_in("jane", JANE_PASSWORD) == USER


def test_no_secret_shows_in_a_representation(slapd: Slapd, ca: Certificate) -> None:
    settings = LdapSettings(in_clear(slapd.port, client_certificate=ca.key_pem), USERS)
    assert SEARCHER_PASSWORD not in repr(settings)
    assert "PRIVATE" not in repr(settings)


def over_tls(slapd: Slapd, security: Security, trust: Trust, host: str = "127.0.0.1") -> Directory:
    port = slapd.tls_port if security is Security.LDAPS else slapd.port
    return in_clear(port, host=host, security=security, trust=trust)


@contextmanager
def silent_server(answer: bytes | None = None) -> Iterator[int]:
    """Take connections and say nothing; or `answer`, and hang up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = []

        def take() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                taken.append(connection)
                if answer is not None:
                    connection.recv(4096)
                    connection.sendall(answer)
                    connection.close()

        thread = Thread(target=take, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()
