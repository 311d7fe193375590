"""From judgements to rows and pictures: what `bitpan evaluate` and `bitpan sweep` share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bitpan.models.imagery.degrade import Counts
from bitpan.models.imagery.images import Image
from bitpan.models.networks.cost import cost
from bitpan.models.quality.judge import Entry, Judgement, Method, collect, judge, mean_and_deviation
from bitpan.models.quality.provenance import origin, provenance
from bitpan.models.quality.quicklook import quicklook
from bitpan.models.quality.tables import Fact, Row


def judge_and_draw(
    methods: Mapping[str, Method], images: Sequence[Image], border: int, folder: Path
) -> list[Judgement]:
    """Every method on every image, with a bar and quick-looks ``folder/IMAGE-METHOD.png``."""
    with tqdm(total=len(images) * len(methods), desc="judging", unit="image", dynamic_ncols=True) as bar:

        def look(image: Image, method: str, fused: Counts) -> None:
            path = folder / f"{file_name(f'{image.name}-{method}')}.png"
            if image.drawn:
                quicklook(path, image.pan, image.ms, fused, image.gt)
            bar.update()

        return judge(methods, images, border, look=look)


def file_name(text: str) -> str:
    """``text`` without what does not belong into a file's name."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.")


def make_rows(
    judgements: Sequence[Judgement], images: Sequence[Image], facts: Mapping[str, Mapping[str, Fact]]
) -> list[Row]:
    """One row a method: mean and deviation over the images, how many they are, and its ``facts``."""
    counts = {"images": sum(image.gt is not None for image in images)}
    if full := len(images) - counts["images"]:
        counts["full-resolution images"] = full
    return [
        Row(method, {index: mean_and_deviation(row[index]) for index in row}, {**counts, **facts.get(method, {})})
        for method, row in collect(judgements).items()
    ]


def cost_facts(own: Mapping[str, float]) -> dict[str, Fact]:
    """The columns of a network's cost, see :meth:`bitpan.models.networks.cost.Cost.to_json`."""
    return {"parameters": own["parameters"], "binary MACs": own["binary_macs"], "other MACs": own["other_macs"]}


def image_facts(images: Sequence[Image], judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Every image, and every value behind the means."""
    return {
        "images": [
            {"name": image.name, "shape": list(image.pan.shape[1:]), "bands": len(image.ms), "bits": image.bits}
            | {"sensor": image.sensor, "truth": image.gt is not None}
            for image in images
        ],
        "values": [{"image": own.image, "method": own.method, **own.indices} for own in judgements],
    }


def document(
    settings: Mapping[str, Any],
    entries: Sequence[Entry],
    images: Sequence[Image],
    judgements: Sequence[Judgement],
    began: float,
    device: str,
) -> dict[str, Any]:
    """Everything that table.json says beside the table, the ``settings`` of the command among it."""
    checkpoints = {
        entry.name: {
            "file": str(entry.path),
            "configuration": entry.network.configuration.to_json(),
            "cost": cost(entry.network).to_json(),
            "trained": entry.history,
        }
        for entry in entries
    }
    own = {"settings": settings, "checkpoints": checkpoints}
    return {**provenance(began, device), **own, **image_facts(images, judgements)}


def notes(document: Mapping[str, Any]) -> list[str]:
    """The table's paragraphs."""
    own = document["settings"]
    where = f"the right {own['hold_out']:.0%} of the columns of every source, or the last images of several"
    if own["hold_out"] == 1:
        where = "whole images"
    cut = f", {own['border']} pixels cut from every side" if own["border"] else ""
    return [
        f"Mean ± standard deviation over images: {where}{cut}. PSNR in dB against the truth's maximum, SAM in degrees. "
        "Parameters: full precision + binary/32. MACs per PAN pixel.",
        f"Images: {', '.join(image['name'] for image in document['images'])}.",
        origin(document),
    ]
