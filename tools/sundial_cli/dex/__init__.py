"""Moving from Dex: its configuration file, and what it keeps in its storage, read as its own source has them.

Nothing here writes; `sundial_cli.moving` does.
"""
