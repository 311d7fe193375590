"""How good a network is on images with a truth, beside the methods it has to beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from bitpan.models import classical, metrics
from bitpan.models.data import Triples
from bitpan.models.pansharpener import PanSharpener

Table = dict[str, dict[str, float]]
"""Method: index: value."""

MOST_SAMPLES = 16
"""Images taken of one source."""


@torch.no_grad()
def quality(network: PanSharpener, held_out: Sequence[Triples]) -> Table:
    """PSNR, SAM and ERGAS of the network, EXP and GSA, mean over the images, each with its own statistics."""
    own = network.configuration
    device = next(network.parameters()).device

    def fuse(pan: npt.NDArray[np.uint16], ms: npt.NDArray[np.uint16]) -> npt.ArrayLike:
        inputs = (torch.from_numpy(image[None].astype(np.float32)).to(device) for image in (pan, ms))
        return network(*inputs)[0].cpu().numpy()  # type: ignore[no-any-return]

    methods: dict[str, Callable[..., npt.ArrayLike]] = {
        network.name: fuse,
        "EXP": lambda pan, ms: classical.exp(pan, ms, own.ratio, own.bits),
        "GSA": lambda pan, ms: classical.gsa(pan, ms, own.ratio, own.bits),
    }
    rows: dict[str, list[tuple[float, float, float]]] = {method: [] for method in methods}
    for triples in held_out:
        for pan, ms, gt in zip(triples.pan[:MOST_SAMPLES], triples.ms, triples.gt, strict=False):
            for method, apply in methods.items():
                fused = apply(pan, ms)
                rows[method].append(
                    (metrics.psnr(fused, gt), metrics.sam(fused, gt), metrics.ergas(fused, gt, own.ratio))
                )
    return {
        method: dict(zip(("PSNR", "SAM", "ERGAS"), np.mean(values, axis=0).tolist(), strict=True))
        for method, values in rows.items()
        if values
    }


def as_text(table: Table) -> str:
    """The table for people; PSNR in dB against the truth's maximum, SAM in degrees."""
    lines = [f"{'':16}{'PSNR':>8}{'SAM':>8}{'ERGAS':>8}"]
    for method, row in table.items():
        lines.append(f"{method:16}{row['PSNR']:8.2f}{row['SAM']:8.3f}{row['ERGAS']:8.3f}")
    return "\n".join(lines)
