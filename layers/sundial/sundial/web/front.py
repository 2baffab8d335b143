"""Who asks, where CloudFront stands before the API (template.yaml: CloudFrontCertificateArn).

Then the address that the API sees is CloudFront's, and the one of whoever asks is in a header, which anybody can
send who reaches the API itself. So CloudFront proves itself in each request by a secret that is nobody else's. What
comes without it is refused: it has gone around CloudFront, and the WAF there.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from sundial.errors import OAuthError
from sundial.web.http import Request

PROOF = "x-sundial-front"
"""The header with the secret, which CloudFront puts in the place of whatever was sent under that name."""
VIEWER = "cloudfront-viewer-address"
"""The header with the address and port of whoever asks, which CloudFront sets."""


@dataclass(frozen=True, slots=True)
class Front:
    """What stands before the API; `secret` is empty where nothing does."""

    secret: str = field(default="", repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Return what `environment` says (SUNDIAL_FRONT_SECRET)."""
        return cls(environment.get("SUNDIAL_FRONT_SECRET", ""))

    def admit(self, request: Request) -> Request:
        """Return `request` as it was before the front: with the address of whoever asks, and without the proof.

        Raises an `access_denied` (403) for a request that hasn't come through it.
        """
        if not self.secret:
            return request
        headers = dict(request.headers)
        proof = headers.pop(PROOF, "")
        if not hmac.compare_digest(proof.encode("utf-8"), self.secret.encode("utf-8")):
            problem = "this is not where requests are answered; use the issuer's address"
            raise OAuthError("access_denied", problem, status=403, detail="not through CloudFront")
        return replace(request, headers=headers, source_ip=_address(headers.get(VIEWER, "")))


def _address(viewer: str) -> str:
    """Return the address in `ADDRESS:PORT`; an IPv6 address stands there with brackets or without."""
    address, _, port = viewer.rpartition(":")
    return address.removeprefix("[").removesuffix("]") if port.isdigit() else ""
