"""One deployment for all consumers, a day old, so that several keys are published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sundial.keys.scheduled import rotation_handler
from sundial_local.ministack import MiniStack
from sundial_local.template import Template
from tests.consumers.site import CONFIG, Site
from tests.support.deployed import deployed
from tests.support.families import LOGIN_AT
from tests.support.keys import HOUR
from tests.support.stack import own_stack


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, template: Template, ministack: MiniStack, aws_clients: Mapping[str, Any]
) -> Iterator[Site]:
    stack = own_stack(template, ministack, aws_clients)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ministack.environment.items():
            patch.setenv(name, value)
        site = Site(deployed(stack, tmp_path_factory.mktemp("rules"), CONFIG.rstrip() + " {}\n"), LOGIN_AT - 24 * HOUR)
        rotate = rotation_handler(site.deployment, clock=lambda: site.now)
        while site.now < LOGIN_AT:
            rotate({}, None)
            site.now += HOUR
        yield site
