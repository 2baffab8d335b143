"""The page where a person types the code that their device shows (RFC 8628 §3.3): /device and what it posts to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from sundial.authorize.request import AuthorizationRequest, DeviceAsked
from sundial.authorize.server import see_other
from sundial.device.guessing import check_guessing
from sundial.device.server import DeviceServer
from sundial.errors import OAuthError, invalid_request
from sundial.expiry.device import DeviceRequest
from sundial.observe import count, logger
from sundial.tokens.device_codes import read_user_code, show_user_code
from sundial.web.browser import new_binding
from sundial.web.http import Request, Response, read_parameters
from sundial.web.pages import form_action
from sundial.web.sealing import Purpose, SealError, seal, unseal

_NO_COOKIE = (
    "Your browser did not send our cookie back, and without it nobody could tell that this login is yours. "
    "Allow cookies for this site, open this page again and type the code once more."
)
_NOT_A_CODE = "That is not a code of a device: eight letters, such as WDJB-MJHT."
_UNKNOWN = "No device waits for this code. Look at your device: the code may be mistyped, used before, or expired."
_LONGEST_SHOWN = 64


def code_page(server: DeviceServer, request: Request) -> Response:
    """GET /device: the page, filled in from `user_code` where `verification_uri_complete` brought the person here.

    They still press the button: they are to compare the code with the one on their device (RFC 8628 §3.3.1).
    """
    parameters, _ = read_parameters(request.raw_query)
    binding = server.cookie.read(request)
    cookies: tuple[str, ...] = ()
    if binding is None:
        binding = new_binding()
        cookies = (server.cookie.set(binding),)
    return _page(server, binding, request.now, parameters.get("user_code", ""), cookies=cookies)


def verify_code(server: DeviceServer, request: Request) -> Response:
    """POST /device/auth/verify_code: look the code up, and go on to the login as any authorization request does."""
    form = request.form()
    binding = server.cookie.read(request)
    if binding is None:
        raise invalid_request(_NO_COOKIE)
    _check_page(server, form.get("req"), binding, request.now)
    typed = form.get("user_code", "")
    user_code = read_user_code(typed)
    if user_code is None:
        return _page(server, binding, request.now, typed, problem=_NOT_A_CODE, status=400)
    try:
        check_guessing(server, request)
        found = server.devices.find(user_code)
    except OAuthError as error:
        if error.status not in (429, 503):
            raise
        problem = error.description
        if error.status == 503:
            logger.warning("device_interrupted", detail=error.detail)
            problem = "We cannot look the code up at the moment. Try again in a little while."
        return _page(server, binding, request.now, typed, problem, error.status, error.headers, wrong=False)
    if found is None or not _is_alive(server, found, request.now):
        logger.info("user_code_unknown", source_ip=request.source_ip)
        count("UserCodesUnknown")
        return _page(server, binding, request.now, typed, problem=_UNKNOWN, status=400)
    asked = AuthorizationRequest(
        client_id=found.client_id,
        redirect_uri="",
        scopes=found.scopes,
        asked_at=request.now,
        wants_consent=True,  # RFC 8628 §5.4: whoever was sent here by somebody else can still say no
        audience=found.audience,
        resources=found.resources,
        device=DeviceAsked(found.family_id, found.user_code, found.expires_at),
    )
    sealed = seal(server.ring.current(request.now), Purpose.REQUEST, binding, asked.payload(), request.now)
    return see_other(f"{_path(server, 'auth')}?{urlencode({'device': sealed}, quote_via=quote)}")


def _is_alive(server: DeviceServer, found: DeviceRequest, now: int) -> bool:
    return now <= found.expires_at and found.created_at >= server.ring.current(now).not_before


def _check_page(server: DeviceServer, sealed: str | None, binding: str, now: int) -> None:
    """Refuse a form that is not from our page in this browser: another site could have had a code typed for it."""
    try:
        unseal(server.ring.current(now), Purpose.DEVICE_PAGE, binding, sealed or "")
    except SealError as error:
        raise invalid_request(
            "This page was not opened in this browser, or is too old. Open it again and type the code once more.",
            detail=str(error),
        ) from None


def _page(
    server: DeviceServer,
    binding: str,
    now: int,
    typed: str,
    problem: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    cookies: tuple[str, ...] = (),
    wrong: bool = True,
) -> Response:
    user_code = read_user_code(typed)
    return server.pages.page(
        "device.html",
        status=status,
        headers=headers,
        cookies=cookies,
        form_action=form_action(),
        action=_path(server, "device/auth/verify_code"),
        sealed=seal(server.ring.current(now), Purpose.DEVICE_PAGE, binding, {}, now),
        user_code=show_user_code(user_code) if user_code else typed[:_LONGEST_SHOWN],
        problem=problem,
        invalid=bool(problem) and wrong,
    )


def _path(server: DeviceServer, path: str) -> str:
    """Return the path of one of our own pages, under the issuer's path."""
    return f"{urlsplit(server.config.issuer).path.rstrip('/')}/{path}"
