"""Results that took long, kept as JSON under ``$BITPAN_CACHE`` by the hash of all that they depend on.

Each file holds the digest of its own content: one that was cut or edited is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bitpan.files import write_json


def cache_folder() -> Path:
    """``$BITPAN_CACHE``, else ``~/.cache/bitpan``."""
    return Path(os.environ.get("BITPAN_CACHE") or Path.home() / ".cache" / "bitpan")


def remembered(kind: str, key: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401
    """What ``make`` gave for this ``key`` before, or gives now, in JSON's types; ``kind`` is a folder of the cache."""
    path = cache_folder() / kind / f"{key}.json"
    try:
        document = json.loads(path.read_text())
        if document["sha256"] == _digest(document["content"]):
            return document["content"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    content = json.loads(json.dumps(make()))
    write_json(path, {"sha256": _digest(content), "content": content}, indent=None)
    return content


def _digest(content: Any) -> str:  # noqa: ANN401
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
