"""JSON files: of a bearable size, of this schema, and with the sum of their content where one decides bits."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from bitpan.errors import ModelError

MOST_BYTES = 1 << 24
"""Of a file; a parsed one takes some twenty times as much memory."""

SUM = "sha256"
"""Key of the sum of all others."""


def digest(content: Any) -> str:  # noqa: ANN401
    """SHA-256 of what JSON can hold; the order of keys does not count."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the sum of its content."""
    return {**document, SUM: digest(document)}


def parsed(text: str | bytes) -> Any:  # noqa: ANN401
    """What a JSON text says; raise :class:`ValueError` if it is none, too long, or nested too deeply."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_document(path: Path, schema: int, cure: str) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: of the file.
        schema: that it must be of.
        cure: what to do where it is not.

    Raises:
        ModelError: it cannot be read, is no JSON, or is of another schema.
    """
    try:
        with path.open("rb") as file:
            document = parsed(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); {cure}") from None
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error}); {cure}") from None
    found = document.get("schema") if isinstance(document, dict) else None
    if found != schema:
        raise ModelError(f"{path}: schema {found}, this bitpan reads schema {schema}; {cure}")
    return dict(document)


def read_sealed(path: Path, schema: int, cure: str) -> dict[str, Any]:
    """As :func:`read_document`, a file that was written :func:`sealed`; also refuse one that is not as it was."""
    document = read_document(path, schema, cure)
    stated = document.pop(SUM, None)
    try:
        own = digest(document)
    except RecursionError:
        own = ""
    if stated != own:
        raise ModelError(f"{path}: damaged or changed since it was written (its sha256 is another); {cure}")
    return document
