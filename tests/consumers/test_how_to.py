"""docs/how-to says nothing that isn't so: its settings load, its URLs are served, its templates and commands run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sundial.config.model import Config
from sundial_local.ministack import MiniStack
from sundial_local.paths import ROOT
from tests.consumers.site import ISSUER, Site
from tests.support.aws_cli import aws_cli, needs_aws_cli
from tests.support.config import make_config
from tests.support.leak_watch import LEAKS
from tests.support.pages import blocks, every_command
from tests.template.test_lint import lint

PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "how-to").glob("*.md"))}


def settings(page: str) -> Config:
    """Return the configuration that a page shows."""
    [text] = (block for block in blocks(PAGES[page], "yaml") if "staticClients:" in block)
    return make_config(f"issuer: {ISSUER}\nenablePasswordDB: true\n{text}")


TEMPLATES = [(page, block) for page in PAGES for block in blocks(PAGES[page], "yaml") if "\nResources:" in f"\n{block}"]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_sets_is_a_configuration(page: str) -> None:
    assert settings(page).clients


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_a_client_that_it_has_registered_and_that_client_s_own_redirect(page: str) -> None:
    clients = settings(page).clients
    named = re.findall(
        r"(?:client_id ?= ?\"?|clientID: |ClientId: |client-id[= ]|client-id-list )([\w-]+)", PAGES[page]
    )
    assert set(named) <= clients.keys()
    for uri in re.findall(r'redirect_url = "(.+)"', PAGES[page]):
        assert any(uri in client.redirect_uris for client in clients.values())


@pytest.mark.parametrize("page", PAGES)
def test_a_page_s_urls_are_the_issuer_and_its_endpoints(page: str, site: Site) -> None:
    discovery = json.loads(site.get(f"{ISSUER}/.well-known/openid-configuration").body)
    served = {ISSUER, *(value for value in discovery.values() if isinstance(value, str))}
    shown = {url.partition("?")[0].rstrip("/") for url in re.findall(rf"{ISSUER}[^\s,\"`)]*", PAGES[page])}
    assert shown <= served


def test_the_templates_that_pages_show_are_clean(tmp_path: Path) -> None:
    paths = [tmp_path / f"{page}-{number}.yaml" for number, (page, _) in enumerate(TEMPLATES)]
    for path, (_, template) in zip(paths, TEMPLATES, strict=True):
        path.write_text(f"Transform: AWS::Serverless-2016-10-31\n{template}", encoding="utf-8")
    assert len(paths) > 1
    assert lint(*paths) == ""


def test_grafana_logs_out_to_where_its_client_may() -> None:
    [url] = re.findall(r"^signout_redirect_url = (.+)$", PAGES["grafana"], re.MULTILINE)
    [client] = settings("grafana").clients.values()
    asked = parse_qs(urlsplit(url).query)
    assert asked["client_id"] == [client.id]
    assert asked["post_logout_redirect_uri"] == list(client.post_logout_redirect_uris)


@contextmanager
def recorded_aws() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Answer every request of an AWS client with an empty document; yield the URL, and what was asked."""
    asked: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@needs_aws_cli
def test_the_aws_page_s_commands_make_a_role_that_a_login_may_assume(
    site: Site, ministack: MiniStack, tmp_path: Path
) -> None:
    account = "000000000000"  # MiniStack's
    [trust] = blocks(PAGES["aws"], "json")
    (tmp_path / "trust.json").write_text(trust.replace("111122223333", account), encoding="utf-8")
    token = site.tokens(scope="openid", client_id="aws")["id_token"]
    LEAKS.secret("id_token", token)
    instead = {"111122223333": account, "file://": f"file://{tmp_path}/", "$ID_TOKEN": token}
    with aws_cli(ministack.environment) as aws, every_command("docs/how-to/aws.md", "aws ") as shown:
        for command in shown:
            printed = aws(reduce(lambda typed, one: typed.replace(*one), instead.items(), command))
    assert f"arn:aws:sts::{account}:assumed-role/developer/me" in printed


@needs_aws_cli
def test_the_kubernetes_page_s_command_gives_eks_the_issuer_the_client_and_the_claims(ministack: MiniStack) -> None:
    with (
        every_command("docs/how-to/kubernetes.md", "aws ") as (command,),
        recorded_aws() as (url, asked),
        aws_cli({**ministack.environment, "AWS_ENDPOINT_URL": url}) as aws,
    ):
        aws(command)
    [(path, document)] = asked
    assert path == "/clusters/my-cluster/identity-provider-configs/associate"
    assert document["oidc"] == {
        "identityProviderConfigName": "sundial",
        "issuerUrl": ISSUER,
        "clientId": "kubernetes",
        "usernameClaim": "email",
        "groupsClaim": "groups",
    }
