"""Scenes for tests. The real ones are not ours to ship: without them, what needs them is skipped."""

import os
from pathlib import Path

import pytest

from bitpan.models.imagery.sources import parse
from bitpan.models.imagery.triples import load_source

DATA = Path(os.environ.get("BITPAN_SCENES") or Path(__file__).parents[3] / "shared" / "data")
"""Laid out as docs/researcher.md says."""

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real scenes in {DATA}; see docs/researcher.md")


def load(text, bands, bits, ratio, sensor, shift=(0.0, 0.0)):
    """Triples of a source in words."""
    return load_source(parse(text, bands, bits, sensor, shift), ratio)
