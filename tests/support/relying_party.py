"""A client that nobody here wrote, Authlib's, and a browser for its user. It is given the issuer's URL, no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urljoin, urlsplit

import jwt
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwk
from joserfc import jwt as joserfc_jwt

from sundial_local.demo import CLIENT_SECRETS, USER_PASSWORDS
from sundial_local.forms import forms
from tests.support.leak_watch import LEAKS
from tests.support.leaks import note_answer

_SECRET = CLIENT_SECRETS["example-app"]
Claims = dict[str, Any]
_SECONDS_TO_ANSWER = 30


class Browser:
    """A browser without JavaScript, which follows redirects up to the client's own URL."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.hooks["response"].append(_watch)
        self.pages: list[str] = []
        """Every page shown so far."""
        self.answers: dict[str, str] = {}
        """What its user answers where a form asks, instead of its first button."""
        self.posted: dict[str, str] = {}
        """What it was to POST to the client's own URL at last (`response_mode=form_post`)."""

    def open(self, url: str, redirect_uri: str, login: str, *passwords: str) -> str:
        """Open `url`, send each form that comes, and return the URL by which the client is told the outcome.

        `login` and one of `passwords` after the other are typed where they are asked for. Fails where a
        page comes that has no form. Without a `redirect_uri` it ends there, and returns that page's URL.
        """
        left = iter(passwords)
        response = self._send("GET", url, None)
        while True:
            if response.is_redirect:
                target = urljoin(response.url, response.headers["Location"])
                if redirect_uri and target.startswith(redirect_uri):
                    return target
                response = self._send("GET", target, None)
                continue
            self.pages.append(response.text)
            found = forms(response.text, response.url)
            if not found and not redirect_uri:
                return response.url
            assert found, f"{response.url} answered {response.status_code}: {response.text}"
            filled = dict(found[0].fields)
            if redirect_uri and found[0].action.startswith(redirect_uri):
                self.posted = filled
                return found[0].action
            if "password" in filled:
                filled |= {"login": login, "password": next(left)}
            filled |= {name: answer for name, answer in self.answers.items() if name in filled}
            response = self._send(found[0].method, found[0].action, filled)

    def _send(self, method: str, url: str, form: Mapping[str, str] | None) -> requests.Response:
        return self.session.request(method, url, data=form, allow_redirects=False, timeout=_SECONDS_TO_ANSWER)


class RelyingParty:
    """An application that logs its user in at `issuer`, with PKCE, by Authlib."""

    def __init__(
        self,
        issuer: str,
        client_id: str = "example-app",
        client_secret: str | None = _SECRET,
        redirect_uri: str = "http://127.0.0.1:5555/callback",
        scope: str = "openid email profile offline_access",
        served_at: str | None = None,
    ) -> None:
        """`served_at` is where the issuer is found, where a proxy would stand between."""
        self.discovery: dict[str, Any] = self._get(f"{served_at or issuer}/.well-known/openid-configuration")
        assert self.discovery["issuer"] == issuer  # OpenID Connect Discovery §4.3
        self.redirect_uri = redirect_uri
        self.browser = Browser()
        self.session = OAuth2Session(
            client_id,
            client_secret,
            token_endpoint_auth_method="client_secret_basic" if client_secret else "none",
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=_SECONDS_TO_ANSWER,
        )
        self.session.hooks["response"].append(_watch)

    def log_in(self, *passwords: str, **parameters: str) -> Claims:
        """Log the demonstration's user in and return the token response; `state`, `iss` and the nonce are checked."""
        tokens = self.exchange(self.authorize(*passwords, **parameters))
        assert self.verified(tokens["id_token"])["nonce"] == self._nonce
        return tokens

    def authorize(self, *passwords: str, **parameters: str) -> str:
        """Have the user log in with the last of `passwords` (their own); return the authorization response, a URL."""
        [(email, password)] = USER_PASSWORDS.items()
        self._verifier, self._nonce = generate_token(48), generate_token(24)
        url, self._state = self.session.create_authorization_url(
            self.discovery["authorization_endpoint"], code_verifier=self._verifier, nonce=self._nonce, **parameters
        )
        outcome = self.browser.open(url, self.redirect_uri, email, *(passwords or (password,)))
        assert dict(parse_qsl(urlsplit(outcome).query))["iss"] == self.discovery["issuer"]  # RFC 9207 §2.4
        return outcome

    def exchange(self, outcome: str) -> Claims:
        """Exchange the code of an authorization response; raises Authlib's OAuthError for a refusal."""
        return dict(
            self.session.fetch_token(
                self.discovery["token_endpoint"],
                authorization_response=outcome,
                state=self._state,
                code_verifier=self._verifier,
            )
        )

    def refresh(self, refresh_token: str | None = None) -> Claims:
        """Refresh, with the refresh token that it has or another; raises Authlib's OAuthError for a refusal."""
        return dict(self.session.refresh_token(self.discovery["token_endpoint"], refresh_token=refresh_token))

    def userinfo(self) -> Claims:
        """Return what the access token's scopes allow to be known of the user."""
        response = self.session.get(self.discovery["userinfo_endpoint"])
        response.raise_for_status()
        return dict(response.json())

    def keys(self) -> dict[str, Any]:
        """Return the JWKS as it is served now."""
        return self._get(self.discovery["jwks_uri"])

    def verified(self, id_token: str) -> Claims:
        """Return the claims of an ID token, verified with PyJWT and with joserfc, which must agree."""
        return verify(id_token, self.discovery, self.session.client_id, self.keys())

    def close(self) -> None:
        """Close its connections."""
        self.session.close()
        self.browser.session.close()

    @staticmethod
    def _get(url: str) -> dict[str, Any]:
        with requests.get(url, timeout=_SECONDS_TO_ANSWER) as response:
            response.raise_for_status()
            return dict(response.json())


def verify(id_token: str, discovery: Mapping[str, Any], audience: str, keys: Mapping[str, Any]) -> Claims:
    """Return the claims of an ID token: PyJWT fetches the key from `jwks_uri`, joserfc finds it in `keys`."""
    algorithms = discovery["id_token_signing_alg_values_supported"]
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(id_token)
    options: Any = {"strict_aud": True}
    claims: Claims = jwt.decode(
        id_token, key, algorithms=algorithms, audience=audience, issuer=discovery["issuer"], options=options
    )
    token = joserfc_jwt.decode(id_token, jwk.KeySet.import_key_set(cast(Any, dict(keys))), algorithms=algorithms)
    registry = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": discovery["issuer"]},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    registry.validate(token.claims)
    assert token.claims == claims
    return claims


def _watch(response: requests.Response, *_args: object, **_options: object) -> None:
    """Note the secrets of a request and its answer: none of them may stand in a log line."""
    sent = response.request
    LEAKS.form(urlsplit(sent.url or "").query)
    if isinstance(sent.body, str):
        LEAKS.form(sent.body)
    LEAKS.authorization(str(sent.headers.get("Authorization", "")))
    for cookie in response.cookies:
        LEAKS.secret("cookie", cookie.value or "")
    note_answer(LEAKS, response.headers, response.text)
