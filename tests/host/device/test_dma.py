"""What the driver tells the DMA: transfers of images that lie alone, or in a wider one."""

import math
from contextlib import nullcontext

import numpy as np
import pytest

from bitpan.arithmetic import BORDER
from bitpan.errors import DeviceError
from bitpan.host.device.dma import LARGEST, Dma
from bitpan.model import execute
from bitpan.registers import DMA, DMA_BUS, DMA_INTERRUPT, DMA_STATUS, DMA_TIMEOUT, Registers


def image(*shape, stride=None):
    """Of this shape, so many bytes from row to row; none of it is there."""
    row = 2 * math.prod(shape[1:])
    strides = row if stride is None else stride, *(2 * math.prod(shape[i:]) for i in range(2, len(shape) + 1))
    return np.lib.stride_tricks.as_strided(np.zeros(1, np.uint16), shape, strides)


@pytest.mark.parametrize(
    ("address", "image", "said"),
    [
        (0xFFFF_F000, image(1, 0x802), "ms lies at 0xfffff000, the DMA has 32 address bits"),
        (0xFFFF_F000, image(2, 0x400, 1, stride=0x802), "the DMA has 32 address bits"),
        (0x1_0000_0000, image(1, 2), "ms lies at 0x100000000"),
        (0, image(1, LARGEST // 2 + 1), "at most 65,535 rows of 67,108,863 bytes, ms has 1 of 67,108,864, one every 0"),
        (0, image(2, 2, stride=LARGEST + 1), "ms has 2 of 4, one every 67,108,864"),
        (0, image(1 << 16, 2, stride=6), "ms has 65,536 of 4"),
        (0, image(0, 4), "ms has 1 of 0"),
        (0, image(2, 4, stride=-8), r"not strides of \(-8, 2\)"),
        (0, image(8, 4)[:, ::2], r"each below the last, not strides of \(8, 4\)"),
        (4, image(8, 4, 4), "ms lies at 0x4, its rows 0 bytes apart: the DMA moves multiples of 8"),
        (2, image(8, 4, 3), None),
        (6, image(8, 4, 6), "multiples of 4"),
        (0, image(8, 4, 4, stride=36), "ms lies at 0x0, its rows 36 bytes apart: the DMA moves multiples of 8"),
        (2, image(8, 7, stride=18), None),
        (3, image(8, 7, stride=18), "multiples of 2"),
    ],
)
def test_transfers_that_cannot_be(address, image, said):
    dma = Dma(lambda register: 32 << 8 | 8 if register == DMA_BUS else 0, lambda register, value: None, 1e12)
    dma.start("ms", 0xFFFF_F000, np.zeros((2, 0x400), np.uint16))
    with pytest.raises(DeviceError, match=said) if said else nullcontext():
        dma.start("ms", address, image)


def test_a_transfer_in_words():
    """Of any address that the DMA reaches, each channel's at its own place; contiguous, and part of a wider image."""
    for stream, first in DMA.items():
        written = {}
        dma = Dma(lambda register: 40 << 8 | 16 if register == DMA_BUS else 0, written.__setitem__, 2.5)
        assert written == {DMA_TIMEOUT: 2, DMA_INTERRUPT: 0x3F3E3E, DMA_STATUS: 0xFFFFFFFF}
        for part, words in (
            (image(0x1234, 0x2B), (0x1234 * 0x2B * 2, 0, 1)),
            (image(0x1234, 0x2B, stride=0x3_3332), (0x56, 0x3_3332, 0x1234)),
        ):
            written.clear()
            dma.start(stream, 0xFE_FFFF_FFF2, part)
            assert written == dict(zip(range(first, first + 20, 4), (0xFFFF_FFF2, 0xFE, *words), strict=True))
        dma.start(stream, (1 << 40) - (1 << 25), image(1, 1 << 24))


def test_strips_of_a_scenes_images(package, system, random_inputs):
    """Read in place out of buffers of a whole scene's PAN and MS, and written into one, side by side."""
    height, width = package.frame
    bands, ratio = package.model.bands, package.model.ratio
    shapes = (height, 200), (height // ratio + 2 * BORDER, 80, bands), (height, 200, bands)
    buffers = {name: system.allocate(shape, np.uint16, True) for name, shape in zip(DMA, shapes, strict=True)}
    for buffer in buffers.values():
        buffer[:] = np.random.default_rng(0).integers(0, 2048, buffer.shape)
    _, scene = random_inputs(package.model, height, width)
    dma, registers = Dma(system.read, system.write, 1e6), Registers(package, system.read, system.write)
    registers.load_scene(scene)
    registers.set_size(height, width)
    expected = np.array(buffers["fused"])
    for buffer in buffers.values():
        buffer.flush()
    for left in (124, 8):
        pan = buffers["pan"][:, left + 1 :][:, :width]
        ms = buffers["ms"][:, left // ratio + 1 :][:, : width // ratio + 2 * BORDER]
        fused = buffers["fused"][:, left - 1 :][:, :width]
        for name, part in {"pan": pan, "ms": ms, "fused": fused}.items():
            away = part.ctypes.data - buffers[name].ctypes.data
            dma.start(name, buffers[name].physical_address + away, part)
        registers.start()
        result = execute(package.model, {"pan": pan[None], "ms": np.moveaxis(ms, -1, 0)}, scene)
        expected[:, left - 1 :][:, :width] = np.moveaxis(result, 0, -1)
    assert dma.wait(lambda: not dma.under_way("fused"), 60)
    buffers["fused"].invalidate()
    np.testing.assert_array_equal(buffers["fused"], expected)
