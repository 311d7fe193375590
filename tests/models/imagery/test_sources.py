"""One word for a source: what it says, and how it is refused."""

from pathlib import Path

import numpy as np
import pytest

from bitpan.errors import DataError, NodataWarning
from bitpan.models.imagery.degrade import to_counts, wald
from bitpan.models.imagery.sources import Source, parse, relocated
from bitpan.models.imagery.triples import load_source
from scenes import load


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a.mat", Source("a.mat", (0, 1), 11, "qb")),
        ("p.tif,m.tif", Source("p.tif,m.tif", (0, 1), 11, "qb")),
        ("a.mat:sensor=wv2;bands=2,3,5,7", Source("a.mat", (2, 3, 5, 7), 11, "wv2")),
        ("p.tif,m.tif:bits=10;shift=-2.25,2.5", Source("p.tif,m.tif", (0, 1), 10, "qb", (-2.25, 2.5), True)),
        ("C:/scenes/a.mat", Source("C:/scenes/a.mat", (0, 1), 11, "qb")),
        ("C:/scenes/a.mat:bits=8;", Source("C:/scenes/a.mat", (0, 1), 8, "qb", depth_stated=True)),
    ],
)
def test_it_says_what_differs(text, source):
    assert parse(text, (0, 1), 11, "qb") == source


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.mat:bit=10", "'bit' is no setting of a source; it has sensor, bands, bits, shift"),
        ("a.mat:bits=ten", "'ten' is no number of bits; write one as in 10"),
        ("a.mat:bands=1;2", "'2' is no setting"),
        ("a.mat:bands=0,1,2", r"a\.mat:bands=0,1,2: '0,1,2' is no list .* from 1 \(in bitpan 0\.1\.0 .* from 0\)"),
        ("a.mat:bands=1,1", "is no list of different bands"),
        ("a.mat:bands=1,-2", "is no list of different bands"),
        ("a.mat:shift=3", "write DY,DX"),
        ("a.mat:shift=3,nan", "write DY,DX"),
        ("a.mat:bits=12", "12 bits are not 8 to 11"),
    ],
)
def test_refusals(text, said):
    with pytest.raises(DataError, match=said):
        parse(text)


def test_relocated():
    assert relocated("p.tif,sub/m.tif:bits=10", Path("/data")) == "/data/p.tif,/data/sub/m.tif:bits=10"
    assert relocated("a.mat", Path("/data")) == "/data/a.mat"


def test_loading_obeys_the_sources_own_settings(tmp_path):
    random = np.random.default_rng(0)
    pan, ms = random.integers(0, 1024, (128, 160)), random.integers(0, 1024, (5, 32, 40))
    np.savez(tmp_path / "pair.npz", pan=pan, ms=ms.transpose(1, 2, 0))
    triples = load(f"{tmp_path}/pair.npz:sensor=qb;bands=5,1,2,3;bits=10;shift=-2.25,2.5", None, 11, 4, "generic")
    pan_lr, ms_lr, gt = wald(pan[None], ms[[4, 0, 1, 2]], 4, "qb", shift=(-2.25, 2.5))
    for own, expected in ((triples.pan, pan_lr), (triples.ms, ms_lr), (triples.gt, gt)):
        np.testing.assert_array_equal(own[0], to_counts(expected, 10))
    with pytest.raises(DataError, match="10 bits hold"):
        np.savez(tmp_path / "bright.npz", pan=pan, ms=ms.transpose(1, 2, 0) + 1024)
        load(f"{tmp_path}/bright.npz:bits=10", None, 11, 4, "generic")


def test_a_shift_of_a_source_with_a_truth_is_refused(tmp_path):
    gt = np.full((32, 32, 2), 9)
    np.savez(tmp_path / "triple.npz", pan=gt[..., 0], ms=gt[::4, ::4], gt=gt)
    with pytest.raises(DataError, match="leave --shift out"):
        load(f"{tmp_path}/triple.npz:shift=1,0", None, 11, 4, "generic")


def test_what_errors_and_warnings_advise_a_source_may_say(tmp_path, write_raster):
    random = np.random.default_rng(0)
    pan, ms = (random.integers(1, 1024, size).astype(np.uint16) for size in ((1, 512, 512), (4, 128, 128)))
    pan[:, :64] = 0
    source = f"{tmp_path / 'pan.tif'},{tmp_path / 'ms.tif'}"
    write_raster(tmp_path / "pan.tif", pan, 1.0)
    write_raster(tmp_path / "ms.tif", ms, 4.0, crs="EPSG:32631")

    def load(text):
        return load_source(parse(text), 4)

    with pytest.raises(DataError, match=r"resample the MS \(:align=warp\), or if one CRS is wrong, :align=corners$"):
        load(source)
    with pytest.warns(NodataWarning, match="say what it is with :nodata=0 or :nodata=none$"):
        whole = load(f"{source}:align=corners")
    assert len(whole.gt) == 1 and len(load(f"{source}:align=corners;nodata=0").gt) > 1
