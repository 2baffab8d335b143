"""What the functions logged, as CloudWatch would have it."""

from __future__ import annotations

import pytest

from sundial.observe import logger


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return the structured log lines of the test so far."""
    formatter = logger.registered_formatter
    return "\n".join(formatter.format(record) for record in caplog.records if record.name == logger.name)
