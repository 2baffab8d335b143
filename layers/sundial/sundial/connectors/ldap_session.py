"""One conversation with an LDAP directory (RFC 4511): bound within a time, over TLS that is checked.

What ldap3 is told here is what Dex does: no alias is followed and no referral, so that a password goes to no
server but the one that is configured.
"""

from __future__ import annotations

import string
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import ldap3
from ldap3.core import exceptions

from sundial.connectors.http import SECONDS, unbelievable, unreachable
from sundial.connectors.ldap_settings import Directory, Security
from sundial.connectors.tls import tls_context

if TYPE_CHECKING:
    import ssl

_CONNECT_SECONDS = 3
_READ_SECONDS = 8
_NO_ATTRIBUTES = ["1.1"]  # RFC 4511 §4.5.1.8
_SCOPES = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}
_PLAIN = frozenset((string.ascii_letters + string.digits).encode("ascii"))

_SUCCESS = 0
_NO_SUCH_OBJECT = 32
_REFUSALS = frozenset((19, 32, 48, 49, 50, 53))
"""RFC 4511, Appendix A: the results that mean that a password opens nothing: constraintViolation (an account that
is locked), noSuchObject, inappropriateAuthentication (one without a password), invalidCredentials,
insufficientAccessRights, unwillingToPerform (one that is disabled)."""
_MAY_PASS = frozenset((3, 51, 52))  # timeLimitExceeded, busy, unavailable
_OURS = (
    exceptions.LDAPAttributeError,
    exceptions.LDAPInvalidDnError,
    exceptions.LDAPInvalidFilterError,
    exceptions.LDAPInvalidValueError,
    exceptions.LDAPObjectClassError,
)
"""What ldap3 raises over a request that it doesn't send."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the directory. Names of attributes are in lower case; values that are no text are left out."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of an attribute; `DN` is the entry's own name, unless it has such an attribute (Dex)."""
        name = name.lower()
        return self.attributes.get(name, (self.dn,) if name == "dn" else ())

    def value(self, name: str) -> str:
        """Return the first value of an attribute, empty where there is none."""
        return next(iter(self.values(name)), "")


class Session:
    """A connection to the directory. Raises a 503 where it doesn't answer, a 502 where the answer can't be used."""

    def __init__(self, provider: str, directory: Directory, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._directory = directory
        self._clock = clock
        self._deadline = clock() + SECONDS
        server = ldap3.Server(
            directory.host,
            port=directory.port,
            use_ssl=directory.security is Security.LDAPS,
            tls=None if directory.security is Security.NONE else _tls(directory),
            get_info=ldap3.NONE,
            connect_timeout=_CONNECT_SECONDS,
            mode=ldap3.IP_SYSTEM_DEFAULT,
        )
        self._connection = ldap3.Connection(
            server, auto_referrals=False, receive_timeout=_READ_SECONDS, raise_exceptions=False
        )

    def open(self) -> None:
        """Connect, protect the connection, and bind as the account that searches."""
        with self._asking("connecting"):
            self._connection.open(read_server_info=False)
        if self._directory.security is Security.START_TLS:
            with self._asking("StartTLS"):
                self._connection.start_tls(read_server_info=False)
        self.bind_own_account()

    def close(self) -> None:
        """Take leave, however the conversation went."""
        connection = self._connection
        with suppress(exceptions.LDAPException, OSError):
            connection.unbind()
        if connection.socket is not None:  # of a connection that never came to be
            connection.socket.close()

    def bind_own_account(self) -> None:
        """Bind as the account that searches, or as nobody (RFC 4513 §5.1)."""
        self._bind(self._directory.bind_dn, self._directory.bind_password)
        self._succeeded("binding as bindDN")

    def accepts(self, dn: str, password: str) -> bool:
        """Return whether `password` is that of the entry `dn`; from then on the connection is that entry's.

        Neither may be empty: to bind with an empty password succeeds and proves nothing (RFC 4513 §5.1.2).
        """
        if not dn or not password:
            return False
        self._bind(dn, password)
        if self._code() in _REFUSALS:
            return False
        self._succeeded("binding as the user")
        return True

    def search(
        self, base: str, scope: str, filter: str, attributes: tuple[str, ...], *, at_most: int = 0
    ) -> list[Entry] | None:
        """Return the entries, or `at_most` of them (0 is no limit); None where `base` itself isn't there.

        `scope` is `base`, `one` or `sub`.
        """
        wanted = [name for name in dict.fromkeys(attributes) if name.lower() != "dn"]
        with self._asking("searching"):
            self._connection.search(
                base,
                filter,
                search_scope=_SCOPES[scope],
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=wanted or _NO_ATTRIBUTES,
                size_limit=at_most,
                time_limit=_READ_SECONDS,
            )
        if self._code() == _NO_SUCH_OBJECT:
            return None
        found = [_entry(one) for one in self._connection.response or () if one.get("type") == "searchResEntry"]
        if not (at_most and len(found) >= at_most):
            self._succeeded("searching")
        return found

    def _bind(self, dn: str, password: str) -> None:
        connection = self._connection
        connection.user, connection.password = dn or None, password.encode("utf-8") or None
        connection.authentication = ldap3.SIMPLE if dn else ldap3.ANONYMOUS
        with self._asking("binding"):
            connection.bind(read_server_info=False)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Put a limit on one request, and say what its failure means; never with what was sent in it."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise unreachable(self._provider, f"LDAP, {what}: out of time")
        if self._connection.socket is not None:
            self._connection.socket.settimeout(min(_READ_SECONDS, left))
        try:
            yield
        except _OURS as error:
            raise unbelievable(self._provider, f"LDAP, {what}: {type(error).__name__}") from None
        except (exceptions.LDAPException, OSError) as error:
            raise unreachable(self._provider, f"LDAP, {what}: {error}"[:300]) from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # so ldap3 trips over what is no LDAP
            raise unbelievable(self._provider, f"LDAP, {what}: malformed ({type(error).__name__})") from None

    def _code(self) -> int:
        return int(self._connection.result["result"])

    def _succeeded(self, what: str) -> None:
        code = self._code()
        if code == _SUCCESS:
            return
        detail = f"LDAP, {what}: {self._connection.result['description']} ({code})"
        raise (unreachable if code in _MAY_PASS else unbelievable)(self._provider, detail)


@contextmanager
def opened(provider: str, directory: Directory, clock: Callable[[], float] = time.monotonic) -> Iterator[Session]:
    """Open a session that ends with the block. `provider` is the directory's name, as people know it."""
    session = Session(provider, directory, clock)
    try:
        session.open()
        yield session
    finally:
        session.close()


def escaped(value: str) -> str:
    """Return `value` for a filter, in which none of it means anything (RFC 4515 §3).

    Every octet that is no letter and no digit is escaped, so that it doesn't matter what else a parser minds.
    """
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in value.encode("utf-8"))


def _entry(found: Mapping[str, Any]) -> Entry:
    raw: Mapping[str, list[bytes]] = found["raw_attributes"]
    return Entry(found["dn"], {name.lower(): tuple(_texts(values)) for name, values in raw.items()})


def _texts(values: Iterable[bytes]) -> Iterator[str]:
    for value in values:
        with suppress(UnicodeDecodeError):
            yield value.decode("utf-8")


def _tls(directory: Directory) -> Any:
    """Return what puts TLS around a connection: Python's own, for ldap3 compares host names by an older copy of it."""

    def wrap_socket(connection: Any, do_handshake: bool = False) -> None:
        plain = connection.socket
        try:
            connection.socket = _context(directory).wrap_socket(
                plain, do_handshake_on_connect=do_handshake, server_hostname=directory.host
            )
        except (OSError, ValueError):
            plain.close()
            raise

    tls = ldap3.Tls()
    tls.wrap_socket = wrap_socket
    return tls


def _context(directory: Directory) -> ssl.SSLContext:
    context = tls_context(directory.trust, own_alone=True)
    if directory.client_certificate:
        with NamedTemporaryFile("w", encoding="ascii") as file:  # OpenSSL takes it from a file alone
            file.write(directory.client_certificate)
            file.flush()
            context.load_cert_chain(file.name)
    return context
