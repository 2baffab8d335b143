"""The login page of a connector that checks passwords itself: GET and POST /auth/{connector}/login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sundial.authorize.consent import ask_or_answer, asks_consent
from sundial.authorize.flow import Login, binding_of, client_of, connector_of, open_request
from sundial.authorize.request import AuthorizationRequest
from sundial.authorize.server import AuthorizeServer
from sundial.config.model import Client
from sundial.connectors.base import PasswordLogin
from sundial.errors import OAuthError, asking
from sundial.observe import count, logger
from sundial.tokens.opaque import new_change_id, new_family_id
from sundial.web.http import Request, Response
from sundial.web.pages import form_action

WRONG_PASSWORD = 403
"""RFC 9110 §15.5.4: the credentials that came are not good enough. 401 would owe a WWW-Authenticate challenge
(§15.5.2), and with a 200 a browser takes the wrong password for the right one and offers to keep it."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Where the browser is: before a connector's form, with a request that has been checked."""

    server: AuthorizeServer
    sealed: str
    asked: AuthorizationRequest
    client: Client
    connector: PasswordLogin

    def page(
        self, *, username: str, problem: str = "", status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the form, the user name kept and the password not."""
        leads_to_client = not asks_consent(self.server.config, self.asked)
        several = len(self.server.connectors_for(self.client, self.asked.grant)) > 1
        return self.server.pages.page(
            "login.html",
            status=status,
            headers=headers,
            form_action=form_action(self.asked.redirect_uri if leads_to_client else None),
            action=self.server.link("auth", self.connector.id, "login"),
            sealed=self.sealed,
            client_name=self.client.name or self.client.id,
            prompt=self.connector.prompt,
            username=username,
            problem=problem,
            invalid=status == WRONG_PASSWORD,
            other_ways=self.server.link("auth", req=self.sealed) if several else "",
        )


def login_page(server: AuthorizeServer, request: Request) -> Response:
    """Show the form, the user name filled in from `login_hint` (OpenID Connect Core §3.1.2.1)."""
    step = _step(server, request, request.query().get("req"), binding_of(server, request))
    return step.page(username=step.asked.login_hint)


def log_in(server: AuthorizeServer, request: Request) -> Response:
    """Check the password; then ask for consent, or answer the client."""
    form = request.form()
    binding = binding_of(server, request)
    step = _step(server, request, form.get("req"), binding)
    username, password = form.get("login", ""), form.get("password", "")
    prompt = step.connector.prompt.lower()
    if not username or not password:
        return step.page(username=username, problem=f"Enter your {prompt} and your password.", status=400)
    try:
        with asking(step.connector.id):
            claims = step.connector.log_in(username, password)
        if claims is not None:
            login = Login(step.asked, step.connector.id, claims, request.now, new_family_id(), new_change_id())
            return ask_or_answer(server, step.client, login, binding, request.now)
    except OAuthError as error:
        if error.status != 503:
            raise
        logger.warning("login_interrupted", connector_id=step.connector.id, detail=error.detail)
        problem = "We cannot log you in at the moment. Nothing is lost: try again in a little while."
        page = step.page(username=username, problem=problem, status=error.status, headers=error.headers)
        return replace(page, failed_at=error.connector_id)
    # Without the user name: people type their password into the wrong field.
    logger.info("login_failed", client_id=step.client.id, connector_id=step.connector.id, source_ip=request.source_ip)
    count("FailedLogins", connector=step.connector.id)
    problem = f"The {prompt} or the password is wrong."
    return step.page(username=username, problem=problem, status=WRONG_PASSWORD)


def _step(server: AuthorizeServer, request: Request, sealed: str | None, binding: str) -> _Step:
    asked = open_request(server, sealed, binding, request.now)
    client = client_of(server, asked, request.now)
    connector = connector_of(server, client, asked, request.path_parameters.get("connector", ""))
    if not isinstance(connector, PasswordLogin):
        raise OAuthError("not_found", "This way to log in has no such page.", status=404)
    return _Step(server, sealed or "", asked, client, connector)
