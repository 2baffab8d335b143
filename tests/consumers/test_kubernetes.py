"""A cluster whose API server trusts our ID tokens, and `kubectl`, which keeps its user logged in by refreshing.

The authenticator is built on the library that the API server's own is built on (tests/consumers/kubernetes/main.go);
kubectl is kubectl. The issuer is served over https, which the API server insists on.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from sundial_cli.login.keeper import Keeper, Kept
from sundial_local.paths import LAYER, ROOT, TOOLS
from tests.support.leak_watch import LEAKS
from tests.support.local_server import BANNER_END, local_server, needs_proc
from tests.support.pages import blocks, every_command
from tests.support.relying_party import RelyingParty
from tests.support.tls_front import tls_front

PAGE = (ROOT / "docs" / "how-to" / "kubernetes.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "examples" / "kubernetes.yaml").read_text(encoding="utf-8")
ISSUER = "https://login.example.com"
"""As the page and the example have it."""
GO_PACKAGES = Path("/usr/share/gocode")
_SOURCE = Path(__file__).parent / "kubernetes"

pytestmark = [
    needs_proc,
    pytest.mark.skipif(
        not (shutil.which("go") and GO_PACKAGES.joinpath("src/github.com/coreos/go-oidc").exists()),
        reason="needs Go and its library go-oidc (Debian: golang-go, golang-github-coreos-go-oidc-dev)",
    ),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (Debian: kubernetes-client)"),
]


@dataclass
class Issuer:
    """A local server behind TLS, with examples/kubernetes.yaml."""

    url: str
    ca_file: Path
    certificate_file: Path
    """Of localhost, with its key; the API server has it too."""

    def log_in(self) -> dict[str, Any]:
        """Return the tokens of a login, by a client that has nothing but the issuer's URL."""
        party = RelyingParty(
            self.url, "kubernetes", None, "http://127.0.0.1:8000/", "openid email profile groups offline_access"
        )
        try:
            return party.exchange(party.authorize())
        finally:
            party.close()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    folder = tmp_path_factory.mktemp("kubernetes")
    with tls_front(folder) as front, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(front.ca_file))
        config = EXAMPLE.replace(ISSUER, front.url).replace("reuseInterval: 30s", "reuseInterval: 0s")
        folder.joinpath("sundial.yaml").write_text(config, encoding="utf-8")
        with local_server(folder / "state", "--config", str(folder / "sundial.yaml")) as server:
            server.wait_for(BANNER_END)
            front.port = server.port
            yield Issuer(front.url, front.ca_file, front.certificate_file)


@pytest.fixture(scope="module")
def authenticator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authenticator, compiled."""
    program = tmp_path_factory.mktemp("authenticator") / "authenticator"
    environment = {**os.environ, "GOPATH": str(GO_PACKAGES), "GO111MODULE": "off", "GOFLAGS": ""}
    go = shutil.which("go") or "go"
    done = subprocess.run(
        [go, "build", "-o", program, "."], cwd=_SOURCE, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return program


@contextmanager
def api_server(program: Path, issuer: Issuer, *flags: str) -> Iterator[str]:
    """Start an API server in small, with the flags that the page gives it and `flags`; yield its URL."""
    given = re.findall(r"^(--oidc-\S+)$", PAGE, re.MULTILINE)
    assert len(given) == 4
    options = [flag.replace(ISSUER, issuer.url) for flag in given]
    command = [
        program,
        *options,
        f"--oidc-ca-file={issuer.ca_file}",
        f"-tls-cert-file={issuer.certificate_file}",
        *flags,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            port = process.stdout.readline().strip()
            assert port, process.stderr.read()
            yield f"https://localhost:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def cluster(authenticator: Path, issuer: Issuer) -> Iterator[str]:
    with api_server(authenticator, issuer) as url:
        yield url


class Kubectl:
    """kubectl with a configuration file of its own."""

    def __init__(self, folder: Path, cluster: str, ca_file: Path) -> None:
        self._file = folder / "kubeconfig"
        self.run(
            "kubectl", "config", "set-cluster", "cluster", f"--server={cluster}", f"--certificate-authority={ca_file}"
        )
        self.run("kubectl", "config", "set-context", "context", "--cluster=cluster", "--user=me")
        self.run("kubectl", "config", "use-context", "context")

    def run(self, *words: str, refused: bool = False) -> str:
        """Run kubectl and return what it prints; where it is to be `refused`, its complaint."""
        environment = {**os.environ, "KUBECONFIG": str(self._file), "HOME": str(self._file.parent)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode != 0) is refused, done.stderr
        return done.stderr if refused else done.stdout

    def who_am_i(self) -> dict[str, Any]:
        """Return as whom the API server knows its user."""
        user: dict[str, Any] = json.loads(self.run("kubectl", "get", "--raw", "/whoami"))
        return user

    @property
    def kept(self) -> dict[str, str]:
        """What it keeps of its user's login."""
        [user] = yaml.safe_load(self._file.read_text(encoding="utf-8"))["users"]
        kept: dict[str, str] = user["user"]["auth-provider"]["config"]
        for token in ("id-token", "refresh-token"):
            if token in kept:
                LEAKS.secret(token, kept[token])
        return kept

    def use_plug_in(self, issuer: Issuer, *options: str) -> None:
        """Have the page's exec plug-in, from this checkout, bring the tokens."""
        [text] = (block for block in blocks(PAGE, "yaml") if "exec:" in block)
        [user] = yaml.safe_load(text)["users"]
        plug_in = user["user"]["exec"]
        assert plug_in["command"] == "sundial"
        given = [one.replace(ISSUER, issuer.url) for one in plug_in["args"]]
        document = yaml.safe_load(self._file.read_text(encoding="utf-8"))
        plug_in |= {"command": sys.executable, "args": ["-m", "sundial_cli", *given, *options]}
        plug_in["env"] = [
            {"name": "PYTHONPATH", "value": f"{LAYER}{os.pathsep}{TOOLS}"},
            {"name": "SSL_CERT_FILE", "value": str(issuer.ca_file)},
        ]
        self._file.write_text(yaml.safe_dump({**document, "users": [user]}), encoding="utf-8")

    def use(self, issuer: Issuer, **tokens: str) -> None:
        """Log in with `tokens`, as the page says."""
        with every_command("docs/how-to/kubernetes.md", "kubectl config set-credentials") as (command,):
            words = shlex.split(command)
        tokens = {"id-token": "", "refresh-token": "", **tokens}
        given = {"idp-issuer-url": issuer.url, "idp-certificate-authority": str(issuer.ca_file), **tokens}
        arguments = [word for word in words if word.partition("=")[2].partition("=")[0] not in given]
        self.run(*arguments, *(f"--auth-provider-arg={name}={value}" for name, value in given.items()))


@pytest.fixture
def kubectl(tmp_path: Path, cluster: str, issuer: Issuer) -> Kubectl:
    return Kubectl(tmp_path, cluster, issuer.ca_file)


def test_a_user_is_known_by_their_email_and_their_groups(issuer: Issuer, kubectl: Kubectl) -> None:
    tokens = issuer.log_in()
    kubectl.use(issuer, **{"id-token": tokens["id_token"], "refresh-token": tokens["refresh_token"]})
    assert kubectl.who_am_i() == {"username": "admin@example.com", "groups": ["ops"]}


def test_kubectl_refreshes_by_itself_and_keeps_what_it_gets(issuer: Issuer, kubectl: Kubectl) -> None:
    first = issuer.log_in()["refresh_token"]
    kubectl.use(issuer, **{"refresh-token": first})
    assert kubectl.who_am_i()["username"] == "admin@example.com"
    second = kubectl.kept
    assert second["refresh-token"] != first
    assert jwt.decode(second["id-token"], options={"verify_signature": False})["aud"] == "kubernetes"
    kubectl.use(issuer, **{"refresh-token": second["refresh-token"]})
    assert kubectl.who_am_i()["groups"] == ["ops"]
    assert kubectl.kept["refresh-token"] not in (first, second["refresh-token"])


def test_the_plug_in_brings_kubectl_a_token_of_a_login_that_it_keeps(
    issuer: Issuer, kubectl: Kubectl, tmp_path: Path
) -> None:
    scope = "openid email groups offline_access"
    keeper = Keeper(tmp_path, issuer.url, "kubernetes", scope)
    first = issuer.log_in()["refresh_token"]
    keeper.write(Kept(first))
    kubectl.use_plug_in(issuer, f"--folder={tmp_path}", "--how=never")
    assert kubectl.who_am_i() == {"username": "admin@example.com", "groups": ["ops"]}
    second = keeper.read().refresh_token
    LEAKS.secret("refresh_token", second)
    assert second != first
    assert kubectl.who_am_i()["groups"] == ["ops"]
    assert keeper.read().refresh_token == second, "while the ID token is good there is nothing to refresh"

    keeper.write(Kept(first))  # a replay
    assert "nobody is logged in" in kubectl.run("kubectl", "get", "--raw", "/whoami", refused=True)


def test_a_login_that_has_ended_can_not_be_refreshed(issuer: Issuer, kubectl: Kubectl) -> None:
    first = issuer.log_in()["refresh_token"]
    kubectl.use(issuer, **{"refresh-token": first})
    kubectl.who_am_i()
    kubectl.use(issuer, **{"refresh-token": first})  # a replay
    assert "invalid_grant" in kubectl.run("kubectl", "get", "--raw", "/whoami", refused=True)


def test_an_id_token_is_refused_once_it_has_expired(
    authenticator: Path, issuer: Issuer, tmp_path: Path, kubectl: Kubectl
) -> None:
    token = issuer.log_in()["id_token"]
    kubectl.use(issuer, **{"id-token": token})
    kubectl.who_am_i()
    with api_server(authenticator, issuer, "-ahead=16m") as later:
        late = Kubectl(tmp_path, later, issuer.ca_file)
        late.use(issuer, **{"id-token": token})
        assert "token is expired" in late.run("kubectl", "get", "--raw", "/whoami", refused=True)


def test_a_token_for_another_client_is_refused(authenticator: Path, issuer: Issuer, tmp_path: Path) -> None:
    with api_server(authenticator, issuer, "--oidc-client-id=another-cluster") as url:
        other = Kubectl(tmp_path, url, issuer.ca_file)
        other.use(issuer, **{"id-token": issuer.log_in()["id_token"]})
        complaint = other.run("kubectl", "get", "--raw", "/whoami", refused=True)
        assert 'expected audience "another-cluster"' in complaint


def test_the_authentication_configuration_says_what_the_flags_say() -> None:
    [text] = (block for block in blocks(PAGE, "yaml") if block.startswith("apiVersion: apiserver"))
    configuration = yaml.safe_load(text)
    assert (configuration["apiVersion"], configuration["kind"]) == (
        "apiserver.config.k8s.io/v1",
        "AuthenticationConfiguration",
    )
    [one] = configuration["jwt"]
    assert one["issuer"] == {"url": ISSUER, "audiences": ["kubernetes"]}
    assert one["claimMappings"].keys() == {"username", "groups"}
    assert one["claimMappings"]["groups"] == {"claim": "groups", "prefix": ""}


def test_the_binding_of_a_group_is_one_that_kubectl_makes(kubectl: Kubectl) -> None:
    kubectl.run("kubectl", "config", "unset", "current-context")  # it asks no API server for a dry run
    with every_command("docs/how-to/kubernetes.md", "kubectl create") as (command,):
        made = yaml.safe_load(kubectl.run(*shlex.split(command), "--dry-run=client", "-o", "yaml"))
    assert made["subjects"] == [{"kind": "Group", "name": "ops", "apiGroup": "rbac.authorization.k8s.io"}]
