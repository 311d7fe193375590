"""The Python face: a model, loaded once, that fuses pairs of arrays or of files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from bitpan import __version__
from bitpan.errors import DeviceError, SceneError, SceneIOError
from bitpan.files.compression import DEFAULT as COMPRESSION
from bitpan.files.compression import creation_options
from bitpan.files.workspace import Workspace, beside, occupied
from bitpan.host.device.devices import open_device
from bitpan.host.engine.engine import make_engine
from bitpan.host.progress import progress
from bitpan.host.scene.brightness import as_bright_as_trained
from bitpan.host.scene.calibration import (
    SCHEMA,
    Calibration,
    is_of,
    load_calibration,
    of_document,
    sealed_bytes,
    to_document,
)
from bitpan.host.scene.parameters import compute_scene_parameters, interpolation
from bitpan.host.scene.rasters import FileRaster
from bitpan.host.scene.registration import shift_of
from bitpan.host.scene.scene import Scene, array_scene, open_scene
from bitpan.host.scene.sharpness import measure_gain
from bitpan.host.scene.tiles import check_tile
from bitpan.host.stream import fuse, fuse_array
from bitpan.host.tile_log import TileLog
from bitpan.intake.documents import digest
from bitpan.intake.sums import file_crc
from bitpan.model import IntegerModel
from bitpan.operations import Array
from bitpan.package import Package
from bitpan.rasters import writing
from bitpan.rasters.names import divided, listed
from bitpan.rasters.pair import Handling
from bitpan.rasters.raster import Names
from bitpan.rasters.write import require_tiff

File = str | PathLike[str]
Shift = tuple[float, float]

PARAMETERS = ".scene.json"
"""What the file of the scene parameters is called instead of the image's suffix."""

TILES = "tiles"
"""File of the finished tiles, in the workspace of an output."""


class Fuser(AbstractContextManager["Fuser"]):
    """A model on a device: ``bitpan.load("s2bnet").fuse(pan, ms)``.

    Its arguments are those of :func:`bitpan.load`; ``rtl`` and ``fpga`` need the accelerator's package.

    Raises:
        DeviceError: there is no such device, or it needs a package.
    """

    def __init__(
        self,
        model: IntegerModel,
        device: str = "cpu",
        package: Package | None = None,
        threads: int | None = None,
        timeout: float = 10.0,
    ) -> None:
        if threads is not None and threads < 1:
            raise DeviceError(f"--threads {threads}: at least 1")
        self.model = model
        self._engine = make_engine(model, threads, device)
        self._device = open_device(device, package, self._engine, timeout)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the device holds."""
        self._device.close()

    def fuse(
        self,
        pan: npt.ArrayLike | Names,
        ms: npt.ArrayLike | Names,
        output: File | None = None,
        *,
        shift: Shift | str | None = None,
        scene_parameters: File | None = None,
        tile: int | None = None,
        restart: bool = False,
        compression: str = COMPRESSION,
        **known: Any,  # noqa: ANN401
    ) -> Array | Path:
        """Fuse one pair: two arrays into an array, or two GeoTIFFs into a GeoTIFF.

        Args:
            pan: counts ``(H, W)`` or ``(1, H, W)``, or a file, see :mod:`bitpan.rasters.names`.
            ms: counts ``(B, H/ratio, W/ratio)``, or a file of the same place, or a list of files, of one grid.
            output: the file to write, where ``pan`` and ``ms`` are files; the scene parameters go beside it.
            shift: how far (dy, dx) the MS lies below and right of where it should, in PAN pixels; ``"auto"``: measured;
                default: measured too, but 0 with a warning where that is not sure.
            scene_parameters: a file of an earlier run's, instead of computing them.
            tile: side of the tiles in which the CPU computes.
            compression: of the file, see :func:`bitpan.files.compression.creation_options`.
            restart: begin anew, even where an interrupted run to the same file has finished tiles, or all of it.
            known: bands, nodata, everywhere and align, of :meth:`bitpan.rasters.pair.Handling.of`.

        Returns:
            The fused counts ``(B, H, W)`` in the MS's type, or the path of the file.

        Raises:
            SceneError: the pair does not fit together, or not the model.
            SceneIOError: a file cannot be read or written, or an input is changed meanwhile.
            OutputBusyError: another run is writing the file.
        """
        if tile is not None:
            check_tile(self.model, tile)
        handling = Handling.of(**known)
        if not _are_files(pan) or not _are_files(ms):
            scene = self._arrays(pan, ms, handling)
            own = self.calibration(scene, shift, scene_parameters)
            return fuse_array(self.model, _calibrated(scene, own), self._device, own.parameters, tile)
        creation_options(compression)  # before anything is done
        path = _output(output, pan, ms)
        with (
            writing(path),
            occupied(beside(path), resumable=True) as work,
            open_scene(pan, ms, self.model, handling) as scene,
        ):
            job = self._job(scene, handling.align, shift, scene_parameters, tile, compression)
            if restart:
                (work.folder / TILES).unlink(missing_ok=True)
            elif path.is_file() and is_of(path.with_suffix(PARAMETERS), job=job, image=file_crc(path)):
                print(f"{path}: is there already, of these files and options; --restart fuses it again")
                return path
            if scene.chosen:
                print(scene.chosen)
            self._fuse_files(scene, work, job, shift, scene_parameters, tile, compression)
        return path

    def _fuse_files(
        self,
        scene: Scene,
        work: Workspace,
        job: str,
        shift: Shift | str | None,
        saved: File | None,
        tile: int | None,
        compression: str,
    ) -> None:
        """From where an earlier run to the same output has stopped, if it was of the same job."""
        new = work.new / work.principal
        with TileLog(work.folder / TILES, job) as log, _told_of(log, work.folder):
            if log.measured is not None:
                own = of_document(log.measured, self.model)
            else:
                own = self.calibration(scene, shift, saved)
                log.begin(to_document(self.model, own))
            fuse(_calibrated(scene, own), log, new, self.model, self._device, own.parameters, tile, compression)
        new.with_suffix(PARAMETERS).write_bytes(sealed_bytes(self.model, own, job=job, image=file_crc(new)))

    def _job(
        self,
        scene: Scene,
        align: str,
        shift: Shift | str | None,
        saved: File | None,
        tile: int | None,
        compression: str,
    ) -> str:
        """The digest of all that decides which tiles a scene's files are fused into, and how these are written."""
        assert isinstance(scene.pan, FileRaster)
        assert isinstance(scene.ms, FileRaster)
        pan, ms = scene.pan.file, scene.ms.file
        job = {
            "bitpan": __version__,
            "schema": SCHEMA,
            "model": self.model.digest(),
            "files": [pan.state, ms.state],
            "names": [pan.name, ms.name],
            "bands": [pan.bands, ms.bands],
            "nodata": [str(pan.nodata), str(ms.nodata), pan.everywhere],
            "edge": scene.edge,
            "align": align,
            "shift": str(shift),
            "scene parameters": saved and to_document(self.model, load_calibration(Path(saved), self.model)),
            "tiles": [self._device.largest, tile],
            "compression": compression,
        }
        return digest(job)

    def _arrays(self, pan: Any, ms: Any, handling: Handling) -> Scene:  # noqa: ANN401
        pan, ms, bands = np.asarray(pan), np.asarray(ms), handling.bands
        if pan.dtype.kind not in "iu" or ms.dtype.kind not in "iu":
            raise SceneError(f"pan is {pan.dtype}, ms {ms.dtype}; give two arrays of integer counts, or two file names")
        if bands is not None:
            if ms.ndim != 3 or min(bands) < 1 or max(bands) > len(ms):
                raise SceneError(f"ms of shape {ms.shape} has no bands {bands}; they count from 1")
            ms = ms[[band - 1 for band in bands]]
        fine, coarse = handling.nodata
        if fine != coarse:
            raise SceneError(f"nodata is {fine} and {coarse}; arrays have one value for both")
        nodata = None if isinstance(fine, str) else fine
        return array_scene(self.model, pan[None] if pan.ndim == 2 else pan, ms, nodata=nodata)

    def calibration(self, scene: Scene, shift: Shift | str | None = None, saved: File | None = None) -> Calibration:
        """A scene's, measured and computed, or read: of another scene's all but what follows from the grid alone."""
        if saved is not None:
            if shift is not None:
                raise SceneError(f"{saved} holds its own shift: leave --shift out")
            own = load_calibration(Path(saved), self.model)
            here = interpolation(self.model, scene.shifted(own.shift).grid)
            return replace(own, parameters={**own.parameters, **here})
        found = shift_of(scene, shift, self._engine.threads)
        if shift == "auto" or found != (shift or (0.0, 0.0)):
            print(f"measured shift: {found[0]:g},{found[1]:g} PAN pixels")
        shifted = scene.shifted(found)
        gain, seen = measure_gain(shifted, self._engine.threads), as_bright_as_trained(shifted, self.model)
        assert seen.level
        assert seen.match
        with progress(len(self.model.scene), "scene parameters", "parameter") as step:
            parameters = compute_scene_parameters(self.model, seen, self._engine, step)
        return Calibration(found, seen.level, seen.match, gain, parameters)


@contextmanager
def _told_of(log: TileLog, folder: Path) -> Iterator[None]:
    """Say what an interrupt leaves."""
    try:
        yield
    except KeyboardInterrupt:
        print(
            f"\n{folder}: {log.count} finished tiles are kept there ({log.bytes / 1e6:.0f} MB); the same command goes "
            "on with them, --restart starts over",
            file=sys.stderr,
        )
        raise


def _calibrated(scene: Scene, own: Calibration) -> Scene:
    return replace(scene.shifted(own.shift), level=own.level, match=own.match, gain=own.gain)


def _are_files(names: Any) -> TypeGuard[Names]:  # noqa: ANN401
    return isinstance(names, str | PathLike) or (
        isinstance(names, list | tuple) and len(names) > 0 and all(isinstance(name, str | PathLike) for name in names)
    )


def _output(output: File | None, *inputs: Names) -> Path:
    if output is None:
        raise SceneIOError("two files are fused into a file: say which (output=)")
    path = Path(output)
    if path.is_dir() or not path.parent.is_dir():
        raise SceneIOError(f"{path}: is a folder or lies in none; give a file in a folder that exists")
    require_tiff(path)
    if path.resolve() in [Path(divided(name)[0]).resolve() for names in inputs for name in listed(names)]:
        raise SceneIOError(f"{path}: is an input too; give another name")
    return path
