"""`python -m sundial_cli` is `sundial`."""

from __future__ import annotations

import sys

from sundial_cli.main import main

sys.exit(main())
