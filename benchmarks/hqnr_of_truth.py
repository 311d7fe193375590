"""What HQNR says of the truth itself, beside what was fused: real scenes at reduced resolution, whole.

    BITPAN_SCENES=DIR python benchmarks/hqnr_of_truth.py

There the index is computed as at full resolution, from the fused image, PAN and MS alone, and the truth, which no
method sees, is one of the fused images. An index that knew quality would put it first.
"""

from __future__ import annotations

import os
from pathlib import Path

from bitpan.models.imagery.images import whole_images
from bitpan.models.imagery.sources import parse
from bitpan.models.imagery.triples import load_source
from bitpan.models.quality import full_resolution, judge
from bitpan.shipped import find_model

SCENES = {
    "WorldView-2": "{0}/wv2_imgWV2/imgWV2.mat:sensor=wv2;bands=2,3,5,7;bits=11",
    "IKONOS": "{0}/ikonos_imgIK/imgIK.mat:sensor=ikonos;bits=11",
    "GaoFen-2": "{0}/gf2_pancollection15/PNN_img_array_GF2.npz:sensor=gf2;bits=10",
    "QuickBird": "{0}/quickbird_decri/QB-PAN.tif,{0}/quickbird_decri/QB-MS.tif:sensor=qb;shift=-2.25,2.5;bits=11",
    "SPOT-6": "{0}/spot6_vegetation/Vegetation_Pan.tif,{0}/spot6_vegetation/Vegetation_MS.tif"
    ":sensor=spot6;bands=3,2,1,4",
}
NETWORKS, CLASSICAL = ("s2bnet", "s2bnet-flat", "bnnpan"), ("BT-H", "MTF-GLP-FS", "GSA", "EXP")
RATIO, BITS = 4, 12


def main() -> None:
    """Print a table of HQNR, a row for each method."""
    folder = Path(os.environ["BITPAN_SCENES"])
    entries = judge.load_entries([find_model(name) / "checkpoint.pt" for name in NETWORKS], "cpu")
    methods = judge.entry_methods(entries) | judge.classical_methods(CLASSICAL)
    rows: dict[str, list[str]] = {name: [] for name in ("the truth", *methods)}
    for source in SCENES.values():
        image = whole_images(load_source(parse(source.format(folder), bits=BITS), RATIO))[0].held()
        for name, cells in rows.items():
            fused = methods[name](image) if name in methods else image.gt
            found = full_resolution.evaluate(fused, image.pan, image.ms, RATIO, image.sensor)
            cells.append(f"{found['HQNR']:.3f}")
    for cells in (["", *SCENES], ["---"] * (1 + len(SCENES)), *([name, *own] for name, own in rows.items())):
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
