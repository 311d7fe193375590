"""Archives of arrays that are not what they say."""

import io
import struct
import zipfile

import numpy as np
import pytest

from bitpan.errors import SizeError
from bitpan.intake.arrays import UNREADABLE, read_npz


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def npy(array, **stated):
    """As NumPy writes it, or with another header."""
    stored = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stored, {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape} | stated
    )
    return stored.getvalue() + array.tobytes()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_wrote_is_read(tmp_path, save):
    arrays = {"a": np.arange(12).reshape(3, 4), "b": np.float32(2.5), "c": np.zeros((0, 3))}
    save(tmp_path / "a.npz", **arrays)
    read = read_npz(tmp_path / "a.npz")
    assert read.keys() == arrays.keys() and all(np.array_equal(read[name], arrays[name]) for name in arrays)
    with open(tmp_path / "a.npz", "rb") as file:
        assert {name: value.size for name, value in read_npz(file, {"a"}).items()} == {"a": 12, "b": 0, "c": 0}


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 33, 1 << 33), (2,), (4,)])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_array_is_as_large_as_what_follows_its_header(tmp_path, shape, method):
    path = archive(tmp_path / "a.npz", [("a.npy", npy(np.arange(3), shape=shape))], method)
    with pytest.raises(SizeError, match=r"its array 'a\.npy' says that it holds .* bytes, but 24 follow"):
        read_npz(path)


def test_a_member_is_no_larger_than_its_file_lets_it_be(tmp_path):
    for method, dense in ((zipfile.ZIP_STORED, 1), (zipfile.ZIP_DEFLATED, 1032)):
        path = archive(tmp_path / "a.npz", [("a.npy", npy(np.arange(3)))], method)
        whole = bytearray(path.read_bytes())
        packed = struct.unpack_from("<I", whole, whole.index(b"PK\x01\x02") + 20)[0]
        struct.pack_into("<I", whole, whole.index(b"PK\x01\x02") + 24, 0xFFFF_FFF0)
        path.write_bytes(whole)
        with pytest.raises(
            SizeError, match=rf"says that it holds 4,294,967,280 bytes, but only {packed * dense:,} are"
        ):
            read_npz(path)


def test_compressed_ones_have_a_limit(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1 << 17), b=np.zeros(1 << 17))
    monkeypatch.setenv("BITPAN_MEMORY", str(1.5 / 1024))
    with pytest.raises(SizeError, match=r"all of it says that it holds 2,097,\d+ bytes, more than 1,572,864"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_name_is_given_twice(tmp_path):
    with pytest.raises(ValueError, match="two of its members have one name"):
        read_npz(archive(tmp_path / "a.npz", [("a.npy", npy(np.arange(3)))] * 2))


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="of object"):
        read_npz(tmp_path / "a.npz")


def test_other_methods_of_compression_are_refused(tmp_path):
    path = archive(tmp_path / "a.npz", [("a.npy", npy(np.arange(3)))], zipfile.ZIP_LZMA)
    with pytest.raises(ValueError, match="encrypted or compressed by a method not known here"):
        read_npz(path)


@pytest.mark.parametrize("header", [b"{'descr': '<i8', 'shape': (3L", b"{" * 200, b"(" * 5000, b"{'shape': 1e9}"])
def test_headers_that_are_none(tmp_path, header):
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(24)
    with pytest.raises(UNREADABLE):
        read_npz(archive(tmp_path / "a.npz", [("a.npy", content)]))
