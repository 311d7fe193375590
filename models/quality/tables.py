"""Tables of methods and indices, as Markdown for people, CSV for spreadsheets and strict JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bitpan.files import write_beside

DECIMALS = {"PSNR": 2, "SAM": 3, "ERGAS": 3}
"""Of an index in the Markdown table; others have four."""

Fact = str | int | float | None


@dataclass(frozen=True)
class Row:
    """One method: mean and standard deviation by index, and whatever else is said of it, by column."""

    method: str
    indices: Mapping[str, tuple[float, float]]
    facts: Mapping[str, Fact] = field(default_factory=dict)


def write_tables(folder: Path, title: str, notes: Sequence[str], rows: Sequence[Row], document: dict[str, Any]) -> None:
    """Write ``table.md`` below paragraphs of notes, ``table.csv``, and ``table.json`` as the document's last part."""
    table: dict[str, Any] = {row.method: dict(row.facts) for row in rows}
    for row in rows:
        for index, (mean, deviation) in row.indices.items():
            table[row.method][index] = {"mean": mean, "deviation": deviation}
    write_beside(folder / "table.csv", _csv(rows).encode())
    write_beside(folder / "table.json", strict_json({**document, "table": table}))
    paragraphs = [f"# {title}", *notes, markdown(rows)]
    write_beside(folder / "table.md", ("\n\n".join(paragraphs) + "\n").encode())


def strict_json(document: Any, indent: int | None = 1) -> bytes:  # noqa: ANN401
    """JSON that every reader takes: null for NaN and infinity, which JSON does not have; without indent in a line."""
    return (json.dumps(_finite(document), indent=indent, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table, ``mean ± deviation``; a dash where there is nothing."""
    indices, facts = _columns(rows)
    lines = ["| method | " + " | ".join([*indices, *facts]) + " |"]
    lines.append("|---" * (1 + len(indices) + len(facts)) + "|")
    for row in rows:
        cells = [_index(index, row.indices.get(index)) for index in indices]
        cells += [_fact(row.facts.get(name)) for name in facts]
        lines.append("| " + " | ".join([row.method, *cells]) + " |")
    return "\n".join(lines)


def _columns(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Indices and facts of all rows, in order of appearance."""
    indices = {index: None for row in rows for index in row.indices}
    facts = {name: None for row in rows for name in row.facts}
    return list(indices), list(facts)


def _index(index: str, value: tuple[float, float] | None) -> str:
    if value is None:
        return "-"
    mean, deviation = (f"{number:.{DECIMALS.get(index, 4)}f}" for number in value)
    return f"{mean} ± {deviation}" if math.isfinite(value[1]) else mean


def _fact(value: Fact) -> str:
    if value is None:
        return "-"
    return f"{value:,.10g}" if isinstance(value, int | float) else value


def _csv(rows: Sequence[Row]) -> str:
    """One line a method; ``index`` and ``index deviation``, empty where there is nothing."""
    indices, facts = _columns(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", *(name for index in indices for name in (index, f"{index} deviation")), *facts])
    for row in rows:
        pairs = (row.indices.get(index, (math.nan, math.nan)) for index in indices)
        numbers = (None if math.isnan(value) else value for pair in pairs for value in pair)
        writer.writerow([row.method, *numbers, *map(row.facts.get, facts)])
    return text.getvalue()
