"""Training data as it lies on disk: GeoTIFF and .mat pairs, .npz and PanCollection HDF5 triples, as plain arrays.

A file holds either a pair at full resolution (PAN and MS, to be degraded by Wald's protocol) or triples that already
have a truth (``gt``). Images come out as ``(N, bands, height, width)`` in the file's own counts; of a pair of GeoTIFFs
with gaps the tiles that have none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.io.matlab import MatReadError

from bitpan.errors import DataError, SceneError, SceneIOError
from bitpan.intake.arrays import UNREADABLE, read_npz
from bitpan.intake.budget import require_bearable, require_held
from bitpan.models.imagery.gaps import whole_tiles
from bitpan.rasters import Picture, read_picture

Arrays = dict[str, npt.NDArray[Any]]

NAMES = {
    "pan": ("I_PAN", "pan", "PAN"),
    "ms": ("I_MS", "I_MS_LR", "ms", "MS", "mslr"),
    "gt": ("gt", "I_GT", "GT"),
}
"""What each array is called in the files of others, in order of preference."""

WANTED = {name for names in NAMES.values() for name in names}
"""Of other arrays only the names are read, for the message that something is missing."""

_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"single", "double", "logical"}
"""MATLAB's classes of plain arrays."""


def read(source: str, bands: Sequence[int] | None = None) -> Arrays:
    """Arrays ``pan``, ``ms`` and, where the file has a truth, ``gt`` of one source.

    Args:
        source: ``PAN.tif,MS.tif``, or one .mat, .npz, .h5 or .hdf5 file.
        bands: which bands of MS and truth to take, from 1, in this order; None takes all.

    Raises:
        DataError: if the source is missing, of an unknown kind, or lacks an array or a band.
    """
    paths = [Path(part) for part in source.split(",")]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: there is no such file; a pair of GeoTIFFs is given as PAN.tif,MS.tif")
    if len(paths) == 2:
        return whole_tiles(_read_tiff(paths[0]), _read_tiff(paths[1], bands))
    if len(paths) > 2:
        raise DataError(f"{source}: a source is one file or the two files PAN.tif,MS.tif, not {len(paths)}")
    path, suffix = paths[0], paths[0].suffix.lower()
    if suffix not in _READERS:
        raise DataError(f"{source}: a source is PAN.tif,MS.tif or a {', '.join(_READERS)} file, not {suffix or 'this'}")
    try:
        stored = _READERS[suffix](path)
    except DataError:
        raise
    except (*UNREADABLE, MatReadError) as error:
        raise DataError(f"{path}: cannot be read as a {suffix} file ({error})") from None
    arrays = _select(path, stored, channels_first=_READERS[suffix] is _read_hdf5)
    if bands is None:
        return arrays
    return {role: image if role == "pan" else _choose(path, role, image, bands) for role, image in arrays.items()}


def _choose(path: Path, role: str, image: npt.NDArray[Any], bands: Sequence[int]) -> npt.NDArray[Any]:
    if missing := [band for band in bands if not 0 < band <= image.shape[1]]:
        raise DataError(f"{path}: {role} has no band {missing[0]}, only {image.shape[1]}; bands count from 1")
    return image[:, [band - 1 for band in bands]]


def _read_tiff(path: Path, bands: Sequence[int] | None = None) -> Picture:
    try:
        return read_picture(path, bands)
    except (SceneError, SceneIOError) as error:
        raise DataError(str(error)) from None


def _read_mat(path: Path) -> Arrays:
    import h5py
    from scipy.io import loadmat, whosmat

    if h5py.is_hdf5(path):  # MATLAB 7.3, which stores the axes reversed
        return {name: value.transpose() for name, value in _read_hdf5(path).items()}
    kinds = {name: (shape, kind) for name, shape, kind in whosmat(path)}
    plain = [name for name in kinds if name in WANTED and kinds[name][1] in _NUMBERS]
    for name in plain:
        require_bearable(f"its array {name}", 16 * math.prod(kinds[name][0]))  # complex numbers of double precision
    return {name: np.empty(0) for name in kinds} | {
        name: value for name, value in loadmat(path, variable_names=plain).items() if name in plain
    }


def _read_npz(path: Path) -> Arrays:
    return read_npz(path, WANTED)


def _read_hdf5(path: Path) -> Arrays:
    import h5py

    with h5py.File(path, "r") as file:
        own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
        return {name: _read_dataset(file[name]) if name in WANTED else np.empty(0) for name in own}


def _read_dataset(dataset: Any) -> npt.NDArray[Any]:  # noqa: ANN401 -- h5py's
    """A dataset that lies in the file itself; :class:`SizeError` where it says that it holds more than it can."""
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None or dataset.dtype.kind not in "uifb":
        raise ValueError(f"{dataset.name} is no array of numbers")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} lies in other files; copy it into one (h5repack)")
    what, declared = f"its array {dataset.name}", math.prod(dataset.shape) * dataset.dtype.itemsize
    if dataset.id.get_create_plist().get_nfilters():
        require_bearable(what, max(declared, math.prod(dataset.chunks or ()) * dataset.dtype.itemsize))
    else:
        stored = min(dataset.id.get_storage_size(), Path(dataset.file.filename).stat().st_size)
        require_held(what, declared, stored)
    return np.asarray(dataset[()])


def _select(path: Path, stored: Arrays, channels_first: bool) -> Arrays:
    """Pick the arrays by their names and bring them into one shape, which is that of PanCollection's HDF5."""
    found: Arrays = {}
    for role, names in NAMES.items():
        name = next((name for name in names if name in stored), None)
        if name is not None:
            found[role] = stored[name] if channels_first else _channels_first(stored[name], role == "pan")
        elif role != "gt":
            raise DataError(f"{path}: has no array {' or '.join(names)}, only {', '.join(sorted(stored)) or 'nothing'}")
    for role, value in found.items():
        if value.ndim != 4:
            raise DataError(f"{path}: array {role} has {value.ndim} axes, not samples, bands, height and width")
    return found


def _channels_first(image: npt.NDArray[Any], single: bool) -> npt.NDArray[Any]:
    """``(H, W)``, ``(H, W, B)``, ``(N, H, W)`` of one band or ``(N, H, W, B)`` to ``(N, B, H, W)``."""
    if image.ndim == 2:
        return image[None, None]
    if image.ndim == 3 and single and image.shape[-1] != 1:
        return image[:, None]
    if image.ndim == 3:
        image = image[None]
    return np.moveaxis(image, -1, 1) if image.ndim == 4 else image


_READERS = {".mat": _read_mat, ".npz": _read_npz, ".h5": _read_hdf5, ".hdf5": _read_hdf5}
