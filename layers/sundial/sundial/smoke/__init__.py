"""The smoke test of a release: a function's new version answers recorded events before anybody's requests."""

from sundial.smoke.answers import problem
from sundial.smoke.hook import hook_handler

__all__ = ["hook_handler", "problem"]
