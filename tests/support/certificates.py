"""Certificates for the tests: an authority of their own, and what it issues."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
UNTIL = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @cached_property
    def pem(self) -> str:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @cached_property
    def key_pem(self) -> str:
        """The key alone."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

    def issue(
        self, name: str, hosts: Iterable[str] = (), *, begins: datetime.datetime = FROM, ends: datetime.datetime = UNTIL
    ) -> Certificate:
        """Return a certificate of `name`, for a server at `hosts`, that this one signs."""
        return _make(name, self, hosts=tuple(hosts), begins=begins, ends=ends)


def authority(name: str = "An authority of the tests") -> Certificate:
    """Return a new authority."""
    return _make(name, None, is_authority=True)


def self_signed(
    name: str, *, begins: datetime.datetime = FROM, ends: datetime.datetime = UNTIL, by_rsa: bool = False
) -> Certificate:
    """Return a certificate that nobody vouches for; `by_rsa` for who signs what such a key signs."""
    return _make(name, None, begins=begins, ends=ends, by_rsa=by_rsa)


def _make(
    name: str,
    issuer: Certificate | None,
    *,
    is_authority: bool = False,
    hosts: tuple[str, ...] = (),
    begins: datetime.datetime = FROM,
    ends: datetime.datetime = UNTIL,
    by_rsa: bool = False,
) -> Certificate:
    key = rsa.generate_private_key(65537, 2048) if by_rsa else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if hosts:
        names = [x509.IPAddress(IPv4Address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Certificate(builder.sign(issuer.key if issuer else key, SHA256()), key)
