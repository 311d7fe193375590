"""Pairs of GeoTIFFs, deployment folders and a model of the accelerator behind the board's registers."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from bitpan.host.engine.engine import CompiledEngine
from bitpan.intake.sums import write_sums


@pytest.fixture(scope="session")
def small_model(random_model):
    """A small model with everything in it, whose residual rarely saturates, so that every pixel tells."""
    model = random_model(blocks=2, channels=8, bands=2)
    model.nodes = [replace(n, attributes={"shift": 9}) if n.name == "tail" else n for n in model.nodes]
    return model


@pytest.fixture(scope="session")
def small_engine(small_model):
    return CompiledEngine(small_model, threads=1)


@pytest.fixture(scope="session")
def write_raster():
    """``write(path, values, pixel, origin, crs=, nodata=, descriptions=)``; ``pixel=None``: not georeferenced."""

    def write(path, values, pixel=None, origin=(600000.0, 4700000.0), crs="EPSG:32630", descriptions=(), **options):
        if pixel is not None:
            options |= {"transform": Affine(pixel, 0, origin[0], 0, -pixel, origin[1]), "crs": crs}
        bands, height, width = values.shape
        options |= {"count": bands, "height": height, "width": width, "dtype": values.dtype}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(path, "w", driver="GTiff", **options) as dataset:
                dataset.write(values)
                for number, text in enumerate(descriptions, start=1):
                    dataset.set_band_description(number, text)
        return path

    return write


@pytest.fixture
def pair(tmp_path, write_raster):
    """``pair(bands=2, height=90, width=70, **of both)``: paths of a random PAN of 1 m and MS of 4 m."""

    def make(bands=2, height=90, width=70, bits=11, seed=0, pixel=1.0, dtype=np.uint16, **options):
        rng = np.random.default_rng(seed)
        pan = rng.integers(0, 1 << bits, (1, height, width)).astype(dtype)
        ms = rng.integers(0, 1 << bits, (bands, -(-height // 4), -(-width // 4))).astype(dtype)
        coarse = None if pixel is None else 4 * pixel
        return (
            write_raster(tmp_path / "PAN.tif", pan, pixel, **options),
            write_raster(tmp_path / "MS.tif", ms, coarse, descriptions=["blue", "near infrared"][:bands], **options),
        )

    return make


@pytest.fixture
def write_package(tmp_path):
    """``write(model, size)``: a deployment folder as the builder leaves it, without RTL."""

    def write(model, size=(64, 72), **changes):
        folder = tmp_path / "package"
        model.save(folder)
        registers, address = {}, 0
        for parameter in model.scene:
            count = int(np.prod(parameter.shape))
            registers[parameter.name] = {"address": address, "count": count}
            address += count
        document = {
            "schema": 3,
            "frame": {"height": size[0], "width": size[1]},
            "signature": 0xC0FFEE42,
            "registers": registers,
            "ip": "bitpan_ip",
            "bitstream": "bitpan.bit",
            "clock_mhz": 100,
            "board": "zcu104",
            "rtl": {"top": "bitpan_top", "sources": []},
            "memory": {"bytes_per_second": 1e9, "latency_ns": 500},
            "cycles_per_frame": 1000,
            "cycles_per_frame_steady": 900,
        }
        (folder / "accelerator.json").write_text(json.dumps(document | changes))
        write_sums(folder)
        return folder

    return write


class ModelAccelerator:
    """The accelerator's registers in NumPy."""

    def __init__(self, package):
        self.package = package
        self.banks = np.zeros((2, 4096), np.int64)
        self.bank_of_frame = []
        self.finished = self.status = 0
        self.size = package.frame

    def read(self, address):
        known = {0x00: 0x62697470, 0x04: 2, 0x0C: self.status, 0x18: self.package.signature}
        known |= {0x1C: self.size[0] << 16 | self.size[1]}
        return (known | {0x10: len(self.bank_of_frame), 0x14: self.finished})[address]

    def write(self, address, value):
        if address == 0x08:
            self.bank_of_frame.append(value & 1)
        elif address == 0x1C:
            assert self.finished == len(self.bank_of_frame), "the size changes between frames"
            self.size = value >> 16, value & 0xFFFF
        elif address >= 0x8000:
            signed = value - (1 << 32) if value >> 31 else value
            self.banks[(address >> 14) & 1, (address & 0x3FFF) // 4] = signed
        else:
            raise ValueError(f"write to register 0x{address:x}")


@pytest.fixture(scope="session")
def model_accelerator():
    return ModelAccelerator
