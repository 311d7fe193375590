"""Which scenes a list names and a folder holds."""

from pathlib import Path

import pytest

from bitpan.errors import DataError, ListWarning
from bitpan.host.many.pairs import read_pairs


@pytest.fixture
def folder(tmp_path):
    """``folder(*names)``: a folder with these files, of nothing."""

    def make(*names):
        for name in names:
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "in"

    return make


def found(source, outputs):
    """``scene: (pan, ms, output)`` as texts within the source's folder and the outputs'; several MS with ``;``."""
    base = source if source.is_dir() else source.parent

    def short(name):
        return str(Path(name).relative_to(base)) if name.startswith(str(base)) else name

    return {
        p.scene: (short(p.pan), ";".join(map(short, p.ms)), str(p.output.relative_to(outputs)))
        for p in read_pairs(source, outputs)
    }


@pytest.mark.parametrize(
    ("pan", "ms", "scene"),
    [
        ("A_PAN.tif", "A_MS.tif", "A"),
        ("scene07_pan.tif", "scene07_ms.tif", "scene07"),
        ("pan/7.tif", "ms/7.tif", "7"),
        ("train/pan/7.tif", "train/ms/7.tif", "train/7"),
        ("A/PAN.TIF", "A/MUL.tif", "A"),
        ("PAN.tif", "MS.tif", "fused"),
        ("PAN/SN_PAN_img1.tif", "MUL/SN_MUL_img1.tif", "SN_img1"),
        ("PAN-a b.jp2", "xs-a b.jp2", "a b"),
        ("of_ms/a.pan.tif", "of_ms/a.mss.tif", "of/a"),
    ],
)
def test_a_pair_in_a_folder(folder, tmp_path, pan, ms, scene):
    source = folder(pan, ms, "notes_pan.txt", "japan_lms.tif", ".x_pan.tif", ".x_ms.tif")
    assert found(source, tmp_path / "out") == {scene: (pan, ms, f"{scene}.tif")}


def test_outputs_within_the_folder_are_no_inputs(folder, tmp_path):
    source = folder("A_PAN.tif", "A_MS.tif", "out/A_PAN.tif", "out/A_MS.tif")
    assert list(found(source, source / "out")) == ["A"]


def test_files_without_a_partner_are_named(folder, tmp_path):
    source = folder("A_PAN.tif", "A_MS.tif", "B_PAN.tif", "C_MS.tif")
    with pytest.warns(ListWarning, match=r"no partner for .*B_PAN\.tif, .*C_MS\.tif"):
        assert list(found(source, tmp_path / "out")) == ["A"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "names no scene"),
        (["a.tif", "b.tif"], "names no scene"),
        (["A_PAN.tif", "A_pan.jp2", "A_MS.tif"], "which of"),
        (["A_PAN.tif", "A_MS.tif", "A_MUL.tif"], "which of"),
        (["a_PAN.tif", "a_MS.tif", "PAN_a.tif", "MS_a.tif"], "both become"),
    ],
)
def test_a_folder_that_is_not_clear_is_refused(folder, tmp_path, names, said):
    source = folder("x.txt", *names)
    with pytest.raises(DataError, match=said):
        read_pairs(source, tmp_path / "out")


def test_a_list(folder, tmp_path):
    source = folder("scenes.csv") / "scenes.csv"
    source.write_text(
        "\ufeffpan,ms,output\n\n# a remark, with a comma\na_pan.tif, a_ms.tif\r\n"
        '"b, P.tif","b, M.tif",sub/B.tif\npan/c.tif,ms/c.tif,\n'
        'P.tif,B2.tif; B3.tif,D.tif\nLC09.tar,,\ns3://b/e_pan.tif,/vsizip/e.zip/ms.tif\n"p.tif,band=1","m.tif,band=2,band=1",F.tif',
        encoding="utf-8",
    )
    assert found(source, tmp_path / "out") == {
        "a": ("a_pan.tif", "a_ms.tif", "a.tif"),
        "sub/B": ("b, P.tif", "b, M.tif", "sub/B.tif"),
        "c": ("pan/c.tif", "ms/c.tif", "c.tif"),
        "D": ("P.tif", "B2.tif;B3.tif", "D.tif"),
        "LC09": ("LC09.tar", "", "LC09.tif"),
        "e": ("s3://b/e_pan.tif", "/vsizip/e.zip/ms.tif", "e.tif"),
        "F": ("p.tif,band=1", "m.tif,band=2,band=1", "F.tif"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no scene"),
        ("a.tif", "line 1"),
        ("a.tif,b.tif\n,a.tif,x.tif", "line 2: ',a.tif,x.tif'"),
        ("a,b,c,d", "is not pan,ms"),
        ("a.tif,b.tif,x.tif\nc.tif,d.tif,./x.tif", "both become"),
        ("a.tif,b.tif,x.tif\nc.tif,d.tif,x.tiff", "both become"),
        ("a.tif,b.tif,../in/b.tif", "is an input too"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_list_that_is_none_is_refused(folder, text, said):
    source = folder("scenes.csv") / "scenes.csv"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=said):
        read_pairs(source, source.parent)


def test_a_list_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read as a list"):
        read_pairs(tmp_path / "none.csv", tmp_path)
