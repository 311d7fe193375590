"""What GDAL is told, and which bands a name chooses."""

import re
import subprocess
import sys
import tarfile
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from bitpan.errors import SceneIOError
from bitpan.rasters import read_picture
from bitpan.rasters.names import archive_of, divided, is_remote, is_virtual, joined, opened, short, unparsed

VALUES = np.arange(2 * 12 * 12, dtype=np.uint16).reshape(2, 12, 12)


@pytest.mark.parametrize(
    ("name", "plain", "bands"),
    [
        ("a.tif", "a.tif", None),
        ("a.tif,band=3", "a.tif", (3,)),
        ("a,b.tif,band=2,band=1", "a,b.tif", (2, 1)),
        ("a.tif,band=0", "a.tif,band=0", None),
        ("s3://b/a.tif,band=12", "s3://b/a.tif", (12,)),
    ],
)
def test_a_name_may_choose_bands(name, plain, bands):
    assert divided(name) == (plain, bands)


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.tif,band=2").touch()
    assert divided("a.tif,band=2") == ("a.tif,band=2", None)


def test_bands_stay_with_their_file():
    assert joined("p.tif,m.tif,band=3,band=1,n.tif") == ["p.tif", "m.tif,band=3,band=1", "n.tif"]


@pytest.mark.parametrize(
    ("name", "told", "remote"),
    [
        ("zip:///a/b.zip!c.tif", "/vsizip//a/b.zip/c.tif", False),
        ("/vsitar//a/b.tar.gz/c.tif", "/vsitar//a/b.tar.gz/c.tif", False),
        ("https://host/c.tif", "/vsicurl/https://host/c.tif", True),
        ("zip+https://host/b.zip!c.tif", "/vsizip/vsicurl/https://host/b.zip/c.tif", True),
        ("s3://bucket/c.tif", "/vsis3/bucket/c.tif", True),
        ("/vsizip/vsicurl/https://host/b.zip/c.tif", "/vsizip/vsicurl/https://host/b.zip/c.tif", True),
    ],
)
def test_names_of_other_file_systems_are_gdals(name, told, remote):
    assert is_virtual(name) and (opened(name), is_remote(name)) == (told, remote)


def test_what_is_no_raster_by_itself_is_told(tmp_path):
    (tmp_path / "a.tar.gz").touch()
    with pytest.raises(SceneIOError, match=r"a\.tar\.gz: is an archive; name a raster in it, as in /vsitar//"):
        opened(tmp_path / "a.tar.gz")
    with pytest.raises(SceneIOError, match="is a folder; name a raster in it"):
        opened(tmp_path)
    with pytest.raises(SceneIOError, match=r"b\.tif: there is no such file; check the path"):
        opened(tmp_path / "b.tif")


@pytest.fixture
def raster(tmp_path, write_raster):
    return write_raster(tmp_path / "a.tif", VALUES, 1.0)


def test_archives_are_read_and_watched(raster, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.write(raster, "in/a.tif")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as file:
        file.add(raster, "a.tif")
    names = [f"/vsizip/{tmp_path}/a.zip/in/a.tif", f"zip://{tmp_path}/a.zip!in/a.tif"]
    names.append(f"/vsitar/{tmp_path}/a.tar.gz/a.tif")
    for name in names:
        np.testing.assert_array_equal(read_picture(name).image, VALUES)
        assert archive_of(name).parent == tmp_path
    np.testing.assert_array_equal(read_picture(f"{names[0]},band=2").image, VALUES[1:])
    assert archive_of(raster) is archive_of("https://host/a.tif") is None


@pytest.fixture
def address(tmp_path):
    """Of a server of the folder's files, in a process of its own: while GDAL waits no thread of this one runs."""
    words = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        yield re.search(r"http://[^/]*", server.stdout.readline())[0]
        server.terminate()


def test_an_address_is_read_where_it_is_asked_for(raster, address):
    for name in (f"{address}/a.tif", f"/vsicurl/{address}/a.tif"):
        np.testing.assert_array_equal(read_picture(name).image, VALUES)


@pytest.mark.parametrize("version", ["1.2", "later"])
def test_any_rasterio_takes_a_name_apart(version, tmp_path, monkeypatch):
    """That of 1.2, which Ubuntu 22.04 has, under public names."""
    if version == "1.2":
        own = {name: getattr(rasterio._path, f"_{name}") for name in ("UnparsedPath", "parse_path", "vsi_path")}
        monkeypatch.setattr(rasterio, "path", SimpleNamespace(**own), raising=False)
        monkeypatch.delattr(rasterio, "_path")
    monkeypatch.chdir(tmp_path)
    assert opened("zip://a.zip!b.tif") == opened(f"zip://{tmp_path}/a.zip!b.tif") == f"/vsizip/{tmp_path}/a.zip/b.tif"
    assert opened("/vsizip/a.zip/b.tif") == "/vsizip/a.zip/b.tif"
    file = tmp_path / "http:a?b=c!d.tif"
    file.touch()
    assert unparsed(opened(file)).path == str(file), "as it stands"


@pytest.mark.parametrize("name", ["MS.tif", "/a/b/c/MS.tif", "zip:///a/b.zip!in/MS.tif", "zip://b.zip!MS.tif"])
def test_people_read_the_last_part(name):
    assert short(name) == "MS.tif" and short([name, "B2.tif"]) == "MS.tif, B2.tif"
