"""Sundial: an OpenID Connect provider with no server to run."""
