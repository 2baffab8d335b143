"""No secret in any log line: what the suite has seen of secrets, what was logged, and where the two meet."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST = 12
"""Characters. What is shorter is found in innocent words: no secret that Sundial makes is."""

_BEGINNING = 8
"""Characters of a word by which it is looked for at first."""
_WORD = re.compile(r'[^\s",:{}\[\]]+')
"""What stands between blanks and JSON's punctuation: a log line is new, and few of its words are."""

PATTERNS = (
    r"sundial_(?:[ar][ct]|dc)_[A-Za-z0-9_-]{8,}",  # codes, device codes and refresh tokens
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JWTs
    r"\$2[abxy]\$\d\d\$",  # bcrypt
    r"PRIVATE KEY-",
    r"\"private_pem\"",
)
"""What no line holds, whether or not the suite has seen it."""

_PATTERN = re.compile("|".join(PATTERNS))
_SECRET_FIELDS = frozenset(
    {
        "SAMLResponse",
        "access_token",
        "client_secret",
        "code",
        "code_verifier",
        "device",
        "device_code",
        "id_token",
        "id_token_hint",
        "password",
        "posted",
        "refresh_token",
        "req",
        "token",
    }
)
_ATTRIBUTE = re.compile(r'name="(?:req)" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Leak:
    """A line that holds what it must not; `line` has it blotted out."""

    where: str
    what: str
    line: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} in a log line: {self.line}"


@dataclass(slots=True)
class Leaks:
    """The secrets and the lines of one process."""

    secrets: dict[str, str] = field(default_factory=dict)
    """What each is, by the secret."""
    lines: list[tuple[str, str]] = field(default_factory=list)
    """Where each was logged (the test), and the line."""

    def secret(self, what: str, value: str) -> None:
        """Note a secret."""
        if len(value) >= SHORTEST:
            self.secrets[value] = what

    def log(self, where: str, text: str) -> None:
        """Note lines that were logged during the test `where`."""
        self.lines.extend((where, line) for line in text.splitlines() if line)

    def form(self, text: str) -> None:
        """Note the secrets of a URL-encoded form or query."""
        for name, value in parse_qsl(text):
            if name in _SECRET_FIELDS:
                self.secret(name, value)

    def document(self, document: object) -> None:
        """Note the secrets of a JSON answer."""
        if isinstance(document, Mapping):
            for name, value in document.items():
                if name in _SECRET_FIELDS and isinstance(value, str):
                    self.secret(name, value)

    def authorization(self, header: str) -> None:
        """Note the secret of an Authorization header (RFC 7617, RFC 6750)."""
        scheme, _, credentials = header.partition(" ")
        self.secret(f"{scheme} credentials", credentials)
        if scheme.lower() == "basic":
            try:
                decoded = base64.b64decode(credentials, validate=True).decode("utf-8", "replace")
            except ValueError:
                return
            self.secret("client_secret", unquote(decoded.partition(":")[2]))

    def cookie(self, cookie: str) -> None:
        """Note the value of a `Cookie` pair or a `Set-Cookie`."""
        self.secret("cookie", cookie.partition(";")[0].partition("=")[2].strip())

    def page(self, html: str) -> None:
        """Note the sealed values of a page's forms."""
        for value in _ATTRIBUTE.findall(html):
            self.secret("req", value)

    def found(self) -> Iterator[Leak]:
        """Yield a leak for each line that holds a secret, or what looks like one."""
        # A proof at length has seen hundreds of thousands of secrets, so none is looked for by itself at first: in one
        # pass over the distinct words, what stands at each place is looked up among how secrets' longest words begin.
        words = "\n".join({word for _, line in self.lines for word in _WORD.findall(line)})
        longest = {secret: max(_WORD.findall(secret), key=len, default="") for secret in self.secrets}
        begun = _beginnings(words, {word[:_BEGINNING] for word in longest.values()}, _BEGINNING)
        text = "\n".join(line for _, line in self.lines)
        logged = [
            secret
            for secret, word in longest.items()
            if (len(word) < _BEGINNING or word[:_BEGINNING] in begun) and word in words and secret in text
        ]
        for where, line in self.lines:
            for secret in logged:
                if secret in line:
                    yield Leak(where, self.secrets[secret], line.replace(secret, "(…)"))
            if _PATTERN.search(line):
                yield Leak(where, "something like a secret", _PATTERN.sub("(…)", line))


def _beginnings(text: str, wanted: Set[str], length: int) -> Set[str]:
    """Return which of `wanted`, each `length` characters long, stand in `text`."""
    return {piece for at in range(len(text)) if (piece := text[at : at + length]) in wanted}


def note_exchange(leaks: Leaks, event: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    """Note the secrets of an HTTP API event and of the answer to it (payload format 2.0)."""
    headers = event.get("headers") or {}
    leaks.form(event.get("rawQueryString", ""))
    leaks.form(_text(event))
    if "authorization" in headers:
        leaks.authorization(headers["authorization"])
    for cookie in (*(event.get("cookies") or ()), *(response.get("cookies") or ())):
        leaks.cookie(cookie)
    note_answer(leaks, response.get("headers") or {}, _text(response))


def note_answer(leaks: Leaks, headers: Mapping[str, str], body: str) -> None:
    """Note the secrets of an HTTP answer."""
    for name, value in headers.items():
        if name.lower() == "location":
            url = urlsplit(value)
            leaks.form(url.query)
            leaks.form(url.fragment)
    if body.startswith("{"):
        try:
            leaks.document(json.loads(body))
        except ValueError:
            return
    else:
        leaks.page(body)


def note_key(leaks: Leaks, private_pem: str | None) -> None:
    """Note a private key, line by line."""
    for line in (private_pem or "").splitlines():
        if "-----" not in line:
            leaks.secret("a private key", line)


def note_mac_key(leaks: Leaks, secret: bytes) -> None:
    """Note a MAC key, in the ways in which bytes are written."""
    for written in _written(secret):
        leaks.secret("a MAC key", written)


def _written(secret: bytes) -> Iterable[str]:
    yield secret.hex()
    yield base64.b64encode(secret).decode("ascii").rstrip("=")
    yield base64.urlsafe_b64encode(secret).decode("ascii").rstrip("=")
    yield repr(secret)[2:-1]


def _text(message: Mapping[str, Any]) -> str:
    body = str(message.get("body") or "")
    if not message.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(body, validate=True).decode("utf-8", "replace")
    except ValueError:
        return ""
