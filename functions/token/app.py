"""POST /token, /token/introspect and /token/revoke."""

from sundial.starting import starting

with starting():
    from sundial.deployment import Deployment
    from sundial.grants.endpoint import token_edge

    handler = token_edge(Deployment())
