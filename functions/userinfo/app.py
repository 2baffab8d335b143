"""GET and POST /userinfo."""

from sundial.starting import starting

with starting():
    from sundial.deployment import Deployment
    from sundial.userinfo import userinfo_edge

    handler = userinfo_edge(Deployment())
