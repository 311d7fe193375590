"""Files of arrays that say more of themselves than is in them, or lead elsewhere."""

import io
import struct

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from bitpan.errors import DataError
from bitpan.models.imagery import readers
from bitpan.models.imagery.sources import parse

PAN, MS = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64), np.arange(512, dtype=np.uint16).reshape(16, 16, 2)


def read(source):
    return readers.read(parse(source), ratio=4)[0]


@pytest.fixture
def hdf5(tmp_path):
    """``change(file)`` on an HDF5 file with a MS; the path."""

    def make(change):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["ms"] = MS.transpose(2, 0, 1)[None]
            change(file)
        return str(tmp_path / "a.h5")

    return make


def elsewhere(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["pan"] = PAN[None, None]
    file["pan"] = h5py.ExternalLink(str(folder / "other.h5"), "pan")


def virtual(file, folder):
    elsewhere(file, folder)
    del file["pan"]
    layout = h5py.VirtualLayout((1, 1, 64, 64), np.uint16)
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "pan", (1, 1, 64, 64))
    file.create_virtual_dataset("pan", layout)


def raw(file, folder):
    (folder / "secret").write_bytes(bytes(8192))
    file.create_dataset("pan", (1, 1, 64, 64), np.uint16, external=[(str(folder / "secret"), 0, 8192)])


def loop(file, folder):
    file["pan"] = h5py.SoftLink("/pan")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f, _: f.create_dataset("pan", (1, 1, 1 << 20, 1 << 20), "f8", chunks=True), "says that it holds"),
        (
            lambda f, _: f.create_dataset("pan", (1, 1, 1 << 20, 1 << 20), "f8", chunks=True, compression=1),
            "more than 4,2",
        ),
        (lambda f, _: f.create_dataset("pan", data=h5py.Empty("f8")), "/pan is no array of numbers"),
        (lambda f, _: f.create_dataset("pan", data="text"), "/pan is no array of numbers"),
        (lambda f, _: f.create_group("pan"), "/pan is no array of numbers"),
        (virtual, "/pan lies in other files"),
        (raw, "/pan lies in other files"),
        (elsewhere, "has no array I_PAN or pan or PAN, only ms"),
        (loop, "has no array I_PAN or pan or PAN, only ms"),
        (lambda f, _: f.__setitem__("pan", f["/"]), "/pan is no array of numbers"),
    ],
)
def test_hdf5(hdf5, tmp_path, change, said):
    path = hdf5(lambda file: change(file, tmp_path))
    with pytest.raises(DataError, match=rf"a\.h5: .*{said}"):
        read(path)


def test_compressed_hdf5_is_read(hdf5):
    path = hdf5(lambda file: file.create_dataset("pan", data=PAN[None, None], compression=4))
    assert np.array_equal(read(path)["pan"], PAN[None, None])


@pytest.mark.parametrize("packed", [False, True])
def test_mat(tmp_path, packed):
    """A PAN whose dimensions were raised to 2**15 x 2**15."""
    path = tmp_path / "a.mat"
    savemat(path, {"I_PAN": PAN.astype(float), "I_MS": MS})
    whole = bytearray(path.read_bytes())
    place = whole.index(struct.pack("<ii", 64, 64))
    struct.pack_into("<ii", whole, place, 1 << 15, 1 << 15)
    if packed:
        import zlib

        content = zlib.compress(bytes(whole[128:]))
        whole = whole[:128] + struct.pack("<II", 15, len(content)) + content
    path.write_bytes(whole)
    with pytest.raises(
        DataError, match=r"a\.mat: .*its array I_PAN says that it holds 17,179,869,184 bytes, more than"
    ):
        read(str(path))


def test_mat_with_other_kinds_of_arrays(tmp_path):
    savemat(tmp_path / "a.mat", {"I_PAN": PAN, "I_MS": MS, "note": "text", "cells": np.array([{}, 1], dtype=object)})
    assert set(read(str(tmp_path / "a.mat"))) == {"pan", "ms"}
    savemat(tmp_path / "b.mat", {"I_PAN": "text", "I_MS": MS})
    with pytest.raises(DataError, match=r"b\.mat: array pan has 1 axes"):
        read(str(tmp_path / "b.mat"))


def test_npz(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        np.savez(file, pan=PAN, ms=MS)
    whole = (tmp_path / "a.npz").read_bytes()
    assert set(read(str(tmp_path / "a.npz"))) == {"pan", "ms"}
    stored = io.BytesIO()
    np.lib.format.write_array_header_1_0(stored, {"descr": "<u2", "fortran_order": False, "shape": (64, 64)})
    wider = stored.getvalue().replace(b"(64, 64)", b"(99, 99)")
    (tmp_path / "a.npz").write_bytes(whole.replace(stored.getvalue(), wider))
    with pytest.raises(
        DataError, match=r"a\.npz: .*its array 'pan\.npy' says that it holds 19,602 bytes, but 8,192 follow"
    ):
        read(str(tmp_path / "a.npz"))
