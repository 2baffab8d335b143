"""Durations, policies and the decisions about time: pure, without I/O and without a clock."""
