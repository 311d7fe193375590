"""Where the real scenes lie. They are not ours to ship: without them, what needs them is skipped."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("BITPAN_SCENES") or Path(__file__).parents[3] / "shared" / "data")
"""Laid out as docs/networks.md says."""

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real scenes in {DATA}; see BITPAN_SCENES in README.md")
