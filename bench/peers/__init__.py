"""Sundial and its peers over HTTP on loopback: the same load on each, one process and one store in memory."""

from bench.peers.side_by_side import measure

__all__ = ["measure"]
