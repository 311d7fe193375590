"""Training data as it lies on disk: pairs of rasters, .mat, .npz, .npy and PanCollection HDF5, as plain arrays.

A file holds either a pair at full resolution (PAN and MS, to be degraded by Wald's protocol) or triples that already
have a truth (``gt``). Images come out as ``(N, bands, height, width)`` in the file's own counts; of a pair of GeoTIFFs
with gaps the tiles that have none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.io.matlab import MatReadError

from bitpan.errors import DataError
from bitpan.intake.arrays import UNREADABLE, read_npy, read_npz
from bitpan.intake.budget import require_bearable, require_held
from bitpan.models.imagery.gaps import whole_tiles
from bitpan.models.imagery.sources import Shift, Source, advised
from bitpan.rasters import block_cache
from bitpan.rasters.counts import ROWS
from bitpan.rasters.names import Name, joined
from bitpan.rasters.pair import Handling, open_pair, read_whole, unread_whole, whole_windows
from bitpan.rasters.products import product_of
from bitpan.rasters.raster import block_bytes
from bitpan.rasters.unread import Arrays as Images

Arrays = dict[str, npt.NDArray[Any]]

HELD = 64 << 20
"""Bytes of counts of a pair of rasters up to which it is held in memory; the images of a larger one are unread."""

NAMES = {
    "pan": ("I_PAN", "pan", "PAN"),
    "ms": ("I_MS_LR", "I_MS", "ms", "MS", "mslr"),
    "gt": ("gt", "I_GT", "GT"),
}
"""What arrays are called in the files of others, in order of preference: beside ``I_MS_LR``, ``I_MS`` is upsampled."""

FOLDERS = ("pan", "ms")
"""Of a data set's images, named alike in both."""

WANTED = {name for names in NAMES.values() for name in names}
"""Of other arrays only the names are read, for the message that something is missing."""

_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"single", "double", "logical"}
"""MATLAB's classes of plain arrays."""


def read(own: Source, ratio: int) -> tuple[dict[str, Images], Shift]:
    """Arrays ``pan``, ``ms`` and, where the file has a truth, ``gt`` of one source, and how far the MS lies off.

    Those of a large pair of rasters are unread, see :data:`HELD`.

    The shift (dy, dx) is what the georeference of rasters leaves of whole MS pixels, in PAN pixels, the source's own
    included.

    Raises:
        DataError: the source is missing, of an unknown kind, or lacks an array or a band.
    """
    path, names = Path(own.files), [Path(name) for name in joined(own.files)]
    if path.suffix.lower() in _READERS and path.is_file():
        return {**_chosen(own, _stored(path))}, own.shift
    if len(names) == 2 and all(name.suffix.lower() == ".npy" and name.is_file() for name in names):
        return {**_chosen(own, _select(path, _read_npys(*names), convention=-1))}, own.shift
    with advised():
        pairs = [_read_pair(pan, ms, own, ratio) for pan, ms in _pairs(own.files)]
    kinds = {(arrays["pan"].shape[1:], arrays["ms"].shape[1:], shift) for arrays, shift in pairs}
    if len(kinds) > 1:
        raise DataError(f"{own.files}: its images are of several sizes; give each pair as PAN.tif,MS.tif")
    ((*_, shift),) = kinds
    if len(pairs) == 1:
        return pairs[0]
    return {role: np.concatenate([np.asarray(arrays[role]) for arrays, _ in pairs]) for role in ("pan", "ms")}, shift


def _pairs(files: str) -> list[tuple[Name, list[Name]]]:
    """The rasters of a source: a pair, a product, or the images of two folders, or of ``pan`` and ``ms`` in one."""
    pan, *ms = joined(files)
    if not ms and Path(pan).is_dir() and all((Path(pan) / part).is_dir() for part in FOLDERS):
        pan, *ms = (str(Path(pan) / part) for part in FOLDERS)
    if len(ms) == 1 and Path(pan).is_dir() and Path(ms[0]).is_dir():
        found = [sorted(path.name for path in Path(folder).iterdir() if path.is_file()) for folder in (pan, *ms)]
        if found[0] != found[1] or not found[0]:
            raise DataError(f"{files}: the two folders do not hold images of the same names; name them alike")
        return [(str(Path(pan) / name), [str(Path(ms[0]) / name)]) for name in found[0]]
    return [product_of(pan, ms)]


def _read_pair(pan: Name, ms: list[Name], own: Source, ratio: int) -> tuple[dict[str, Images], Shift]:
    cache = block_bytes(pan, ROWS) + block_bytes(ms, ROWS)
    with block_cache(cache), ExitStack() as files:
        pair = files.enter_context(open_pair(pan, ms, ratio, Handling(own.bands, own.nodata, align=own.align)))
        fine, coarse, _ = whole_windows(pair)
        counts = math.prod(fine[2:]) + len(pair.ms.bands) * math.prod(coarse[2:])
        found = read_whole(pair) if 2 * counts <= HELD else unread_whole(pair, files.pop_all(), cache)
        (dy, dx), (y, x) = found.shift, own.shift
        return whole_tiles(found, own.files), (dy + y, dx + x)


def _stored(path: Path) -> Arrays:
    suffix = path.suffix.lower()
    try:
        stored = _READERS[suffix](path)
    except DataError:
        raise
    except (*UNREADABLE, MatReadError) as error:
        raise DataError(f"{path}: cannot be read as a {suffix} file ({error})") from None
    return _select(path, stored, convention=1 if _READERS[suffix] is _read_hdf5 else -1)


def _chosen(own: Source, arrays: Arrays) -> Arrays:
    if own.bands is None:
        return arrays
    path, bands = Path(own.files), own.bands
    return {role: image if role == "pan" else _choose(path, role, image, bands) for role, image in arrays.items()}


def _choose(path: Path, role: str, image: npt.NDArray[Any], bands: Sequence[int]) -> npt.NDArray[Any]:
    if missing := [band for band in bands if not 0 < band <= image.shape[1]]:
        raise DataError(f"{path}: {role} has no band {missing[0]}, only {image.shape[1]}; bands count from 1")
    return image[:, [band - 1 for band in bands]]


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


def _read_npys(pan: Path, ms: Path) -> Arrays:
    arrays = {}
    for name, path in (("pan", pan), ("ms", ms)):
        try:
            arrays[name] = read_npy(path)
        except UNREADABLE as error:
            raise DataError(f"{path}: cannot be read as a .npy file ({error})") from None
    return arrays


def _read_npz(path: Path) -> Arrays:
    return read_npz(path, WANTED)


def _read_hdf5(path: Path) -> Arrays:
    import h5py

    with h5py.File(path, "r") as file:
        own = _members(file)
        groups = [name for name in own if isinstance(file[name], h5py.Group) and not name.startswith("#")]
        if not WANTED.intersection(own) and len(groups) == 1:  # a struct of MATLAB's
            return {
                name: _read_dataset(file[groups[0]][name]) for name in WANTED.intersection(_members(file[groups[0]]))
            }
        return {name: _read_dataset(file[name]) if name in WANTED else np.empty(0) for name in own}


def _members(group: Any) -> list[str]:  # noqa: ANN401 -- h5py's
    """Names of what lies in the file itself."""
    import h5py

    return [name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]


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


def _select(path: Path, stored: Arrays, convention: int) -> Arrays:
    """Pick the arrays by their names and bring them into one shape, which is that of PanCollection's HDF5.

    The ``convention`` is the axis of the bands where an array's shape does not tell.
    """
    found: Arrays = {}
    for role, names in NAMES.items():
        name = next((name for name in names if name in stored), None)
        if name is not None:
            found[role] = _channels_first(stored[name], role == "pan", convention)
        elif role != "gt":
            raise DataError(f"{path}: has no array {' or '.join(names)}, only {', '.join(sorted(stored)) or 'nothing'}")
    for role, value in found.items():
        if value.ndim != 4:
            raise DataError(f"{path}: array {role} has {value.ndim} axes, not samples, bands, height and width")
    return found


def _channels_first(image: npt.NDArray[Any], single: bool, convention: int) -> npt.NDArray[Any]:
    """Any order of axes to ``(N, B, H, W)``: there are fewer bands than rows, and than columns."""
    if image.ndim == 2:
        return image[None, None]
    if image.ndim == 3 and single and 1 not in (image.shape[0], image.shape[-1]):
        return image[:, None]  # samples of one band
    if image.ndim == 3:
        image = image[None]
    if image.ndim != 4:
        return image
    first, last = image.shape[1], image.shape[-1]
    return np.moveaxis(image, convention if first == last else 1 if first < last else -1, 1)


_READERS = {".mat": _read_mat, ".npz": _read_npz, ".h5": _read_hdf5, ".hdf5": _read_hdf5}
