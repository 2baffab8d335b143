"""OpenLDAP's slapd on loopback, with a small company in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import Certificate
from tests.support.leak_watch import LEAKS
from tests.support.ports import free_port

PLACES = "/usr/sbin:/usr/local/sbin:/usr/lib/openldap"
SUFFIX = "dc=example,dc=com"
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "the password of slapd's root"
SEARCHER, SEARCHER_PASSWORD = f"cn=searcher,{SUFFIX}", "the password of the account that searches"
JANE, JANE_PASSWORD = f"uid=jane,{PEOPLE}", "jane's päßword"

COMPANY = f"""\
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example

dn: ou=people,{SUFFIX}
objectClass: organizationalUnit

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit

dn: {SEARCHER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: {SEARCHER_PASSWORD}

dn: {JANE}
objectClass: inetOrgPerson
sn: Doe
cn: Jane Doe
displayName: Jané
mail: jane@example.com
employeeNumber: 17
userPassword: {JANE_PASSWORD}

dn: uid=john,{PEOPLE}
objectClass: inetOrgPerson
sn: Doe
cn: John (the *second*)
mail: john@example.com
employeeNumber: 18
userPassword: john

dn: uid=twin1,{PEOPLE}
objectClass: inetOrgPerson
sn: Twin
cn: Twin
mail: twin@example.com
userPassword: twin

dn: uid=twin2,{PEOPLE}
objectClass: inetOrgPerson
sn: Twin
cn: Twin
mail: twin@example.com
userPassword: twin

dn: uid=nomail,{PEOPLE}
objectClass: inetOrgPerson
sn: Nomail
cn: Nomail
userPassword: nomail

dn: uid=nopassword,{PEOPLE}
objectClass: inetOrgPerson
sn: Nopassword
cn: Nopassword
mail: nopassword@example.com

dn: cn=devs,{GROUPS}
objectClass: groupOfNames
member: {JANE}

dn: cn=staff,{GROUPS}
objectClass: groupOfNames
member: cn=devs,{GROUPS}
member: cn=circle,{GROUPS}

dn: cn=circle,{GROUPS}
objectClass: groupOfNames
member: cn=staff,{GROUPS}

dn: cn=others,{GROUPS}
objectClass: groupOfNames
member: uid=john,{PEOPLE}

dn: cn=wheel,{GROUPS}
objectClass: organizationalRole
roleOccupant: {JANE}
"""


@dataclass(frozen=True)
class Slapd:
    """A running slapd, in clear and with StartTLS at `port`, with LDAPS at `tls_port`."""

    port: int
    tls_port: int
    program: str

    def modify(self, ldif: str) -> None:
        """Change what is in it, by OpenLDAP's own client."""
        subprocess.run(
            [self.program, "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", ROOT, "-w", ROOT_PASSWORD],
            input=ldif,
            text=True,
            check=True,
            capture_output=True,
        )


@contextmanager
def running_slapd(folder: Path, server: Certificate) -> Iterator[Slapd]:
    """Run slapd with `COMPANY` in it, as the TLS server of that certificate; skips where it isn't installed."""
    slapd, ldapmodify = shutil.which("slapd", path=f"{os.environ['PATH']}:{PLACES}"), shutil.which("ldapmodify")
    if slapd is None or ldapmodify is None:
        pytest.skip("no slapd or no ldapmodify here (on Debian and Ubuntu: apt install slapd ldap-utils)")
    for secret in (SEARCHER_PASSWORD, JANE_PASSWORD):
        LEAKS.secret("a password of the directory", secret)
    # A copy: on Ubuntu, AppArmor lets the installed one read nothing but /var/lib/ldap.
    program = folder / "slapd"
    shutil.copy(slapd, program)
    configuration = _configuration(folder, server)
    _run(program, "-T", "add", "-f", configuration, "-l", _written(folder / "company.ldif", COMPANY))
    port, tls_port = free_port(), free_port()
    urls = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls_port}/"
    process = subprocess.Popen(
        [program, "-d", "0", "-h", urls, "-f", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(process, port)
        _wait(process, tls_port)
        yield Slapd(port, tls_port, ldapmodify)
    finally:
        process.terminate()
        process.wait(10)


def _configuration(folder: Path, server: Certificate) -> Path:
    (folder / "data").mkdir()
    certificate = _written(folder / "server.pem", server.pem)
    key = _written(folder / "server.key", server.key_pem)
    schemas = "\n".join(f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson"))
    return _written(
        folder / "slapd.conf",
        f"""\
{schemas}
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
suffix "{SUFFIX}"
rootdn "{ROOT}"
rootpw "{ROOT_PASSWORD}"
directory {folder / "data"}
maxsize 16777216
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{SEARCHER}" read by anonymous auth by * none
""",
    )


def _written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        assert process.poll() is None, "slapd ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("slapd does not answer")
