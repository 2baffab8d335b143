"""The configuration: a Dex YAML file into frozen, checked dataclasses, every problem with its line."""
