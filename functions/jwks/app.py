"""The discovery documents, GET /keys and GET /healthz."""

from sundial.starting import starting

with starting():
    from sundial.deployment import Deployment
    from sundial.discovery.endpoint import jwks_edge

    handler = jwks_edge(Deployment())
