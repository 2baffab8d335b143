"""The browser's side: /auth, /auth/{connector}, /auth/{connector}/login, /approval."""

from sundial.starting import starting

with starting():
    from sundial.authorize.endpoint import authorize_edge
    from sundial.deployment import Deployment

    handler = authorize_edge(Deployment())
