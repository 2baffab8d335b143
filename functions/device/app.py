"""The device flow: POST /device/code, GET /device and POST /device/auth/verify_code."""

from sundial.starting import starting

with starting():
    from sundial.deployment import Deployment
    from sundial.device.endpoint import device_edge

    handler = device_edge(Deployment())
