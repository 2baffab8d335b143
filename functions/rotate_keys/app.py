"""The schedule's Lambda function, the only writer of the secret: rotates what is due, and obeys the operator."""

from sundial.starting import starting

with starting():
    from sundial.deployment import Deployment
    from sundial.keys.scheduled import rotation_handler

    handler = rotation_handler(Deployment())
