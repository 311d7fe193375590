"""Real scenes, where they are: they are read as they lie on disk, and a few minutes of training beat EXP and GSA."""

import pytest
import torch

from bitpan.models.training.settings import Settings
from bitpan.models.training.training import Training
from scenes import DATA, load, needs_data

pytestmark = needs_data


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("source", "bands", "bits", "sensor", "shape"),
    [
        ("{0}/ikonos_imgIK/imgIK.mat", None, 11, "ikonos", (1, 4, 320, 320)),
        ("{0}/wv2_imgWV2/imgWV2.mat", (2, 3, 5, 7), 11, "wv2", (1, 4, 320, 320)),
        ("{0}/gf2_pancollection15/PNN_img_array_GF2.npz", None, 10, "gf2", (1, 4, 256, 256)),
        ("{0}/wv3_tiny/FusionNet_validation.mat", None, 11, "wv3", (100, 8, 64, 64)),
        ("{0}/wv3_tiny/WV3_example.mat", None, 11, "wv3", (1, 8, 32, 32)),
        ("{0}/quickbird_decri/QB-PAN.tif,{0}/quickbird_decri/QB-MS.tif", None, 11, "qb", (1, 4, 248, 248)),
        (
            "{0}/spot6_vegetation/Vegetation_Pan.tif,{0}/spot6_vegetation/Vegetation_MS.tif",
            (3, 2, 1, 4),
            12,
            "spot6",
            (1, 4, 256, 256),
        ),
    ],
)
def test_they_are_read(source, bands, bits, sensor, shape):
    triples = load(source.format(DATA), bands, bits, 4, sensor)
    assert triples.gt.shape == shape
    assert triples.gt.std() > 20
    means = triples.gt.mean(axis=(0, 2, 3)) / triples.ms.mean(axis=(0, 2, 3))
    assert means == pytest.approx(1, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "bands", "sensor"),
    [("ikonos_imgIK/imgIK.mat", None, "ikonos"), ("wv2_imgWV2/imgWV2.mat", (2, 3, 5, 7), "wv2")],
)
def test_minutes_of_training_beat_exp_and_gsa(source, bands, sensor, tmp_path):
    torch.manual_seed(0)
    # What is held out is of the scene of the training, whose own counts say more than its level does.
    settings = Settings(data=(str(DATA / source),), bands=bands, sensor=sensor, iterations=400, level="none")
    training = Training(settings)
    training.run(tmp_path)
    for rival in ("EXP", "GSA"):
        for index in ("SAM", "ERGAS"):
            assert training.table["s2bnet-flat"][index] < training.table[rival][index]
