import math

import h5py
import numpy as np
import pytest
import rasterio
import torch
from scipy.io import savemat

from bitpan.errors import DataError
from bitpan.models.imagery.degrade import to_counts, wald
from bitpan.models.imagery.images import gather_images
from bitpan.models.imagery.sources import Source
from bitpan.models.imagery.spectra import optics
from bitpan.models.imagery.synth import synthesise
from bitpan.models.imagery.triples import GAP, HELD_OUT_SEED, Triples, split, synthetic
from bitpan.models.training.patches import draw, gather, varied
from bitpan.models.training.settings import Settings
from scenes import load


def pair(height=64, width=96, bands=5, seed=0):
    random = np.random.default_rng(seed)
    pan = random.integers(0, 2048, (height * 4, width * 4)).astype(np.uint16)
    return pan, random.integers(0, 2048, (bands, height, width)).astype(np.uint16)


def write_tiff(path, image, **profile):
    count, height, width = image.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=image.dtype, **profile
    ) as dataset:
        dataset.write(image)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_all_pair_formats_give_the_same_triples(tmp_path):
    pan, ms = pair()
    write_tiff(tmp_path / "pan.tif", pan[None])
    write_tiff(tmp_path / "ms.tif", ms)
    savemat(tmp_path / "five.mat", {"I_PAN": pan, "I_MS": ms.transpose(1, 2, 0)})
    with h5py.File(tmp_path / "seven.mat", "w") as file:  # MATLAB 7.3 stores its axes reversed
        file["I_PAN"], file["I_MS"] = pan.T, ms.transpose(0, 2, 1)
    np.savez(tmp_path / "pair.npz", pan=pan, ms=ms.transpose(1, 2, 0))
    sources = [
        f"{tmp_path}/pan.tif,{tmp_path}/ms.tif",
        *(f"{tmp_path}/{n}" for n in ("five.mat", "seven.mat", "pair.npz")),
    ]
    bands = (1, 2, 3, 5)
    pan_lr, ms_lr, gt = wald(pan[None], ms[[0, 1, 2, 4]], 4, "generic")
    for source in sources:
        triples = load(source, bands, 11, 4, "generic")
        assert np.array_equal(triples.gt[0], gt)
        assert np.array_equal(triples.pan[0], to_counts(pan_lr, 11))
        assert np.array_equal(triples.ms[0], to_counts(ms_lr, 11))
        assert triples.gt.dtype == np.uint16 and triples.ratio == 4


def test_pancollection(tmp_path):
    random = np.random.default_rng(0)
    arrays = {
        "gt": random.integers(0, 2048, (6, 4, 16, 16)).astype(np.float64),
        "lms": np.zeros((6, 4, 16, 16)),
        "ms": random.integers(0, 2048, (6, 4, 4, 4)).astype(np.float64),
        "pan": random.integers(0, 2048, (6, 1, 16, 16)).astype(np.float64),
    }
    with h5py.File(tmp_path / "train.h5", "w") as file:
        for name, value in arrays.items():
            file[name] = value
    triples = load(str(tmp_path / "train.h5"), None, 11, 4, "generic")
    for name in ("gt", "ms", "pan"):
        assert np.array_equal(getattr(triples, name), arrays[name])


def test_several_pairs_are_as_many_triples(tmp_path):
    """A full-resolution file of PanCollection has no truth: each of its pairs is degraded."""
    pairs = [pair(16, 24, 4, seed) for seed in range(3)]
    pan, ms = (np.stack(images) for images in zip(*pairs, strict=True))
    path = tmp_path / "full.h5"
    with h5py.File(path, "w") as file:
        file["pan"], file["ms"] = pan[:, None], ms
    triples = load(str(path), None, 11, 4, "generic")
    assert triples.gt.shape == (3, 4, 16, 24)
    for i, (pan, ms) in enumerate(pairs):
        pan_lr, ms_lr, gt = wald(pan[None], ms, 4, "generic")
        assert np.array_equal(triples.pan[i], to_counts(pan_lr, 11)) and np.array_equal(triples.gt[i], gt)
        assert np.array_equal(triples.ms[i], to_counts(ms_lr, 11))
    images = gather_images([Source(str(path))], 4, 0.3, full=True)
    assert [image.name for image in images] == ["full", "full-full"]
    assert np.array_equal(images[1].pan[0], pairs[2][0]) and np.array_equal(images[1].ms, pairs[2][1])
    assert len(gather_images([Source(str(path))], 4, 1, full=True)) == 6
    with h5py.File(path, "a") as file:
        del file["pan"]
        file["pan"] = np.stack([one for one, _ in pairs[:2]])[:, None]
    with pytest.raises(DataError, match=r"full\.h5: holds 2 PAN and 3 MS images"):
        load(str(path), None, 11, 4, "generic")


def test_of_several_images_the_last_are_held_out():
    random = np.random.default_rng(0)
    gt = random.integers(0, 2048, (10, 4, 64, 64)).astype(np.uint16)
    triples = Triples("ten", gt[:, :1], gt[:, :, ::4, ::4], gt)
    for fraction, kept in ((0.3, 7), (0.01, 9), (0.99, 1)):
        training, held_out = split(triples, fraction)
        assert np.array_equal(np.concatenate([training.gt, held_out.gt]), gt) and len(training.gt) == kept
        assert len(training.pan) == len(training.ms) == kept and len(held_out.ms) == len(held_out.pan) == 10 - kept


def test_a_band_without_values_is_refused_in_what_is_held_out(tmp_path):
    pan, ms = pair(48, 64, 4)
    ms[2, :, 40:] = 0
    savemat(tmp_path / "dark.mat", {"I_PAN": pan, "I_MS": ms.transpose(1, 2, 0)})
    with pytest.raises(DataError, match=r"dark\.mat, what is held out of it: MS band 3 is 0 everywhere"):
        gather(Settings(data=(f"{tmp_path}/dark.mat",), hold_out=0.2))


def test_held_out_scenes_are_never_trained_on():
    with pytest.raises(DataError, match="--seed 999999: synthetic scenes from 1000000 on are held out"):
        gather(Settings(synthetic=2, scene_size=64, seed=HELD_OUT_SEED - 1))


def test_sizes_that_are_no_multiple_are_cropped(tmp_path):
    pan, ms = pair(35, 50)
    savemat(tmp_path / "odd.mat", {"I_PAN": pan, "I_MS": ms.transpose(1, 2, 0)})
    triples = load(str(tmp_path / "odd.mat"), None, 11, 4, "generic")
    assert triples.gt.shape == (1, 5, 32, 48) and triples.ms.shape == (1, 5, 8, 12)


def bad_mat(tmp_path, **changes):
    pan, ms = pair(16, 16, 4)
    stored = {"I_PAN": pan, "I_MS": ms.transpose(1, 2, 0), **changes}
    savemat(tmp_path / "bad.mat", {name: value for name, value in stored.items() if value is not None})
    return str(tmp_path / "bad.mat")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"I_MS": None}, "has no array I_MS"),
        ({"I_PAN": np.full((64, 64), np.nan)}, "pan holds NaN"),
        ({"I_PAN": np.full((64, 64), 65536)}, "pan spans 65536 to 65536, but 16 bits hold 0 to 65535; set --bits"),
        ({"I_MS": np.full((16, 16, 4), 2048)}, "ms spans 2048 to 2048, but 11 bits hold 0 to 2047; set --bits"),
        ({"I_MS": np.full((16, 16, 4), -1)}, "ms spans -1"),
        ({"I_PAN": np.full((64, 64), 0.5)}, "scaled to one"),
        ({"I_PAN": np.ones((32, 32))}, "scaled to one"),
        ({"I_PAN": np.full((32, 32), 7)}, "not at ratio 4"),
        ({"I_MS": np.full((16, 16, 3), 7)}, "ms has no band 4, only 3; bands count from 1"),
        ({"gt": np.full((60, 64, 4), 7)}, "do not fit together"),
    ],
)
def test_bad_arrays(tmp_path, changes, message):
    source = bad_mat(tmp_path, **changes)
    with pytest.raises(DataError, match=message) as error:
        load(source, (1, 2, 3, 4), 11, 4, "generic")
    assert source in str(error.value)


def test_damaged_files(tmp_path):
    pan, ms = pair(16, 16, 4)
    for name, write in (("a.mat", lambda path, **a: savemat(path, a, do_compression=True)), ("a.npz", np.savez)):
        path = tmp_path / name
        write(path, I_PAN=pan, I_MS=ms.transpose(1, 2, 0))
        whole = path.read_bytes()
        for stored in (b"", whole[: len(whole) // 2], whole[:300] + bytes([whole[300] ^ 255]) + whole[301:]):
            path.write_bytes(stored)
            with pytest.raises(DataError, match=rf"{name}: cannot be read as an? {path.suffix} file"):
                load(str(path), None, 11, 4, "generic")
    np.save(tmp_path / "a.npy", pan)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(DataError, match=r"a\.npz: cannot be read as a \.npz file \(File is not a zip file\)"):
        load(f"{tmp_path}/a.npz", None, 11, 4, "generic")


def test_bad_files(tmp_path):
    for name in ("a.mat", "a.npz", "a.h5", "a.tif", "a.png"):
        (tmp_path / name).write_bytes(b"this is none of these formats" * 20)
    tiffs = f"{tmp_path}/a.tif,{tmp_path}/a.tif"
    for source in (*(f"{tmp_path}/a.{kind}" for kind in ("mat", "npz", "h5")), tiffs):
        with pytest.raises(DataError, match="cannot be read as"):
            load(source, None, 11, 4, "generic")
    with pytest.raises(DataError, match="is one raster; give PAN and MS"):
        load(f"{tmp_path}/a.png", None, 11, 4, "generic")
    with pytest.raises(DataError, match="no such file"):
        load(f"{tmp_path}/none.mat", None, 11, 4, "generic")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_tiles_with_nodata_are_left_out(tmp_path):
    pan, ms = (np.maximum(image, 1) for image in pair(150, 200))
    pan[250, 300], ms[:, 140:] = 0, 0
    write_tiff(tmp_path / "pan.tif", pan[None], nodata=0)
    write_tiff(tmp_path / "ms.tif", ms, nodata=0)
    triples = load(f"{tmp_path}/pan.tif,{tmp_path}/ms.tif", None, 11, 4, "generic")
    corners = [(0, 0), (0, 64), (0, 128), (64, 0), (64, 64), (64, 128)]
    corners.remove((0, 64))  # which holds MS pixel (62, 75)
    assert len(triples.gt) == 5
    for i, (top, left) in enumerate(corners):
        np.testing.assert_array_equal(triples.gt[i], ms[:, top : top + 64, left : left + 64])
        fine = pan[None, 4 * top : 4 * (top + 64), 4 * left : 4 * (left + 64)]
        expected = wald(fine, ms[:, top : top + 64, left : left + 64], 4)
        np.testing.assert_array_equal(triples.pan[i], to_counts(expected[0], 11))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_nodata_everywhere_is_refused(tmp_path):
    pan, ms = pair(16, 16)
    pan[5, 5] = 0
    write_tiff(tmp_path / "pan.tif", np.maximum(pan[None], 1), nodata=0)
    write_tiff(tmp_path / "ms.tif", ms, nodata=int(ms[0, 0, 0]))
    with pytest.raises(DataError, match=r"ms.tif: 0 pixels of the PAN and \d+ of the MS hold no data .* crop the pair"):
        load(f"{tmp_path}/pan.tif,{tmp_path}/ms.tif", None, 11, 4, "generic")


def coordinates(height=48, width=160):
    """Triples whose values tell where they come from."""
    y, x = np.mgrid[:height, :width]
    gt = np.stack([y, x]).astype(np.uint16)[None]
    return Triples("coordinates", gt[:, :1] * 4 + gt[:, 1:], gt[:, :, ::4, ::4], gt)


def test_split_keeps_a_gap():
    training, held_out = split(coordinates())
    assert held_out.gt[0, 1].min() == 112 and held_out.gt[0, 1].max() == 159
    assert training.gt[0, 1].max() < 112 - GAP
    assert training.ms.shape[-1] * 4 == training.gt.shape[-1] == training.pan.shape[-1]
    with pytest.raises(DataError, match="too few"):
        split(coordinates(width=20))


def test_patches_stay_registered_through_flips():
    pan, ms, gt = draw([coordinates()], 40, 16, (1, 2))
    assert pan.shape == (40, 1, 16, 16) and ms.shape == (40, 2, 4, 4) and gt.shape == (40, 2, 16, 16)
    assert torch.equal(pan[:, 0], 4 * gt[:, 0] + gt[:, 1])
    # A block of the truth holds the MS sample, whose coordinates are the block's smallest.
    blocks = gt.unfold(2, 4, 4).unfold(3, 4, 4).amin(dim=(-1, -2))
    assert torch.equal(blocks, ms)
    transposed = (gt[:, 0, 0, 0] != gt[:, 0, 0, 1]).sum()
    assert 5 < int(transposed) < 35


def test_draw_is_a_function_of_its_seed():
    sources = [coordinates(), coordinates(64, 64)]
    for one, other in zip(draw(sources, 8, 16, (3, 7)), draw(sources, 8, 16, (3, 7)), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(draw(sources, 8, 16, (3, 7))[0], draw(sources, 8, 16, (3, 8))[0])
    with pytest.raises(DataError, match="set --patch"):
        draw(sources, 8, 52, (0, 0))


def test_bands_take_gains_and_offsets_and_pan_those_of_their_mean():
    """Means of 100 and 300 with gains of 2 and 1/2 give 350 of 400, offsets of 10 and -8 give 1. Half up, in range."""
    ms = torch.tensor([[80.0, 120.0], [301.0, 299.0]]).reshape(1, 2, 1, 2)
    pan, gt = (
        torch.tensor([8.0, 4.0]).reshape(1, 1, 1, 2),
        torch.tensor([[90.0, 123.0], [15.0, 300.0]]).reshape(1, 2, 1, 2),
    )
    found = varied(pan, ms, gt, torch.tensor([[2.0, 0.5]]), torch.tensor([[10.0, -8.0]]), 8)
    expected = [[8.0, 5.0]], [[170.0, 250.0], [143.0, 142.0]], [[190.0, 255.0], [0.0, 142.0]]
    for image, counts in zip(found, expected, strict=True):
        assert image[0, :, 0].tolist() == counts


def test_gains_and_offsets_have_their_spreads():
    flat = [np.full((1, bands, size, size), 4000, np.uint16) for bands, size in ((1, 64), (4, 16), (4, 64))]
    dark = [np.zeros_like(image) for image in flat]
    bright, black = (draw([Triples("flat", *own)], 400, 16, (1, 2), varying=16)[2][:, :, 0, 0] for own in (flat, dark))
    assert torch.equal(draw([Triples("flat", *flat)], 400, 16, (1, 2))[2], torch.full((400, 4, 16, 16), 4000.0))
    above = black[black > 0]
    assert abs(len(above) / black.numel() - 0.5) < 0.05 and abs(above.std() / (0.603 * 30 * 32) - 1) < 0.1
    assert abs((bright[black > 0] - above).div(4000).log().std() / 0.2 - 1) < 0.1


def test_parts_make_up_the_batch():
    sources = [coordinates(), coordinates(64, 64)]
    whole = draw(sources, 6, 16, (3, 7), varying=11)
    parts = [draw(sources, 6, 16, (3, 7), slice(2 * i, 2 * i + 2), 11) for i in range(3)]
    for i, images in enumerate(whole):
        assert torch.equal(images, torch.cat([part[i] for part in parts]))


def test_a_displaced_pair_is_registered(tmp_path):
    """A smooth scene whose MS was taken 1 and -2 PAN pixels off: with the shift, the PAN lies on the truth."""
    y, x = np.mgrid[:256, :256]

    def scene(dy, dx):
        return 1000 + 400 * np.sin((y + dy) / 11) * np.cos((x + dx) / 13)

    block = scene(1, -2).reshape(64, 4, 64, 4).mean(axis=(1, 3))
    savemat(tmp_path / "displaced.mat", {"I_PAN": np.round(scene(0, 0)), "I_MS": np.round(block)[..., None]})

    def error(shift):
        triples = load(str(tmp_path / "displaced.mat"), None, 11, 4, "generic", shift)
        pan, gt = (image[0, 0, 8:-8, 8:-8].astype(float) for image in (triples.pan, triples.gt))
        return np.abs((pan - pan.mean()) / pan.std() - (gt - gt.mean()) / gt.std()).mean()

    assert error((1.0, -2.0)) < 0.02 < 0.1 < error((0.0, 0.0)) < error((-1.0, 2.0))


def test_synthetic_scenes():
    scenes = synthetic(2, 32, seed=5, bits=10)
    assert [scene.gt.shape for scene in scenes] == [(1, 4, 32, 32)] * 2
    assert scenes[0].ms.shape == (1, 4, 8, 8) and int(scenes[0].gt.max()) < 1024
    assert not np.array_equal(scenes[0].gt, scenes[1].gt)
    (scene,) = synthetic(1, 32, 5, 16, ratio=2, optics=optics("wv3"))
    assert scene.ms.shape == (1, 8, 16, 16) and scene.ratio == 2


def test_a_training_makes_scenes_of_its_sensor_bands_and_ratio():
    own = Settings(synthetic=1, scene_size=64, sensor="wv2", bands=(7, 2), ratio=2, bits=12, seed=3)
    training, held_out = gather(own)
    made = synthesise(64, 3, 12, 2, optics=optics("wv2", (7, 2)))
    np.testing.assert_array_equal(training[0].gt[0], made.truth)
    np.testing.assert_array_equal(training[0].ms[0], made.ms)
    assert [part.ms.shape for part in held_out] == [(1, 2, 32, 32)] * 2


@pytest.mark.parametrize("ratio", [2, 3, 4])
@pytest.mark.parametrize("truth", [True, False])
def test_every_part_is_of_whole_blocks(tmp_path, ratio, truth):
    """A truth of 128 x 129 gave 39 columns to hold out, which have no whole 2x2 blocks."""
    random = np.random.default_rng(0)
    gt = random.integers(1, 2048, (133, 151, 2)).astype(np.uint16)
    coarse = random.integers(1, 2048, (133 // ratio, 151 // ratio, 2)).astype(np.uint16)
    fine = random.integers(1, 2048, gt.shape[:2] if truth else (133 * ratio, 151 * ratio)).astype(np.uint16)
    np.savez(tmp_path / "odd.npz", pan=fine, **({"ms": coarse, "gt": gt} if truth else {"ms": gt}))
    whole = load(str(tmp_path / "odd.npz"), None, 11, ratio, "generic")
    block = math.lcm(ratio, 4)
    assert np.array_equal(whole.gt[0], gt[: 133 // block * block, : 151 // block * block].transpose(2, 0, 1))
    for part in (whole, *split(whole, 0.3)):
        assert part.ratio == ratio and part.pan.shape[2:] == part.gt.shape[2:]
        assert not any(size % block for size in part.gt.shape[2:])
    (image,) = gather_images([Source(str(tmp_path / "odd.npz"))], ratio, 0.3, full=False)
    assert np.array_equal(image.gt, split(whole, 0.3)[1].gt[0])
    if not truth:
        reduced, pair = gather_images([Source(str(tmp_path / "odd.npz"))], ratio, 0.3, full=True)
        assert np.array_equal(pair.ms, reduced.gt)
