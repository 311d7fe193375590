"""Options that several commands have, each written once."""

from __future__ import annotations

import argparse
from typing import Any

from bitpan.errors import BitpanError


def size(text: str) -> tuple[int, int]:
    """Height and width, both at least 1, as in ``512x384``; one number stands for both."""
    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write HEIGHTxWIDTH, such as 512x512")
    return int(parts[0]), int(parts[-1])


def renamed(parser: argparse.ArgumentParser, old: str, new: str, why: str) -> None:
    """Refuse the option ``old`` of earlier versions, and name ``new``."""

    class Refuse(argparse.Action):
        def __call__(self, *_: Any) -> None:  # noqa: ANN401
            raise BitpanError(f"{old} is called {new} since bitpan 0.2.0: {why}")

    parser.add_argument(old, nargs="?", action=Refuse, help=argparse.SUPPRESS)
