"""The DMA between an AXI memory and streams: images in memory, their transfers, what must have come of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from bitpan.hw.simulate.memory import ADDRESS_AFTER_DATA, DATA_AFTER_ADDRESS, Behaviour, Memory
from bitpan.hw.simulate.simulation import Simulation
from bitpan.hw.sources import unit_sources
from bitpan.registers import DMA, DMA_FINISHED, DMA_STATUS

CHANNELS = ("pan", "ms", "fused")
SIZE = 1 << 18  # bytes of memory
RAM = 0x7FFF_0000  # across 2 GiB

CONTRARY = (
    Behaviour(latency=20, jitter=60, pauses=80, reorder=True),
    Behaviour(latency=2, jitter=9, pauses=128, order=ADDRESS_AFTER_DATA, reorder=True),
    Behaviour(jitter=30, pauses=20, order=DATA_AFTER_ADDRESS, most=1, reorder=True),
)
"""Memories that answer late, with pauses and out of order, data and addresses in any order."""


@dataclass
class Image:
    """Pixels of a transfer and where they lie: byte offset in memory, pixels of a row, bytes from row to row."""

    channel: str
    offset: int
    rows: int
    row_bytes: int
    stride: int
    beats: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))

    @property
    def places(self) -> np.ndarray:
        """Offset of each byte, in the order of the stream."""
        return (self.offset + self.stride * np.arange(self.rows)[:, None] + np.arange(self.row_bytes)).ravel()


class Dma:
    """A DMA after its reset, its memory full of noise."""

    def __init__(
        self, behaviour: Behaviour | None = None, *, seed: int = 0, base: int = RAM, **parameters: int
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.bands = parameters.get("Bands", 4)
        self.word = parameters.get("DataBits", 64) // 8
        self.base = base
        self.simulation = Simulation(unit_sources("bp_dma"), "bp_dma", parameters)
        self.memory = Memory(self.simulation, behaviour)
        self.ram = self.rng.integers(0, 256, SIZE, np.uint8)
        self.expected = self.ram.copy()
        self.memory.map(base, self.ram)
        self.finished = dict.fromkeys(CHANNELS, 0)

    def pixel(self, channel: str) -> int:
        """Bytes of a pixel."""
        return 2 if channel == "pan" else 2 * self.bands

    def image(self, channel: str, rows: int, columns: int, offset: int, gap: int = 0) -> Image:
        """An image at an offset, rounded to what pixel and bus have in common; ``gap`` pixels between rows."""
        pixel = self.pixel(channel)
        offset -= offset % math.gcd(pixel, self.word)
        return Image(channel, offset, rows, columns * pixel, (columns + gap) * pixel)

    def start(self, image: Image) -> None:
        """Program a transfer; the fused image's pixels are queued, and expected in memory."""
        first = DMA[image.channel]
        address = self.base + image.offset
        words = (address & 0xFFFFFFFF, address >> 32, image.row_bytes, image.stride, image.rows)
        for number, word in enumerate(words):
            self.simulation.write(first + 4 * number, word)
        places = image.places
        if image.channel == "fused":
            image.beats = self.rng.integers(0, 256, (len(places) // self.pixel("fused"), self.pixel("fused")), np.uint8)
            self.simulation.push("fused", image.beats, last=True)
            self.expected[places] = image.beats.ravel()
        else:
            image.beats = self.expected[places].reshape(-1, self.pixel(image.channel))
        self.finished[image.channel] += 1

    def status(self, channel: str) -> int:
        """The channel's byte of STATUS."""
        return self.simulation.read(DMA_STATUS) >> 8 * CHANNELS.index(channel) & 0xFF

    def wait(self, clocks: int = 2_000_000) -> None:
        """Until all transfers have finished."""
        until = self.simulation.cycle + clocks
        while self._counts() != {name: count % 256 for name, count in self.finished.items()}:
            assert self.simulation.cycle < until, f"{self._counts()} of {self.finished} finished"
            self.simulation.run(200)
        self.simulation.run(100)  # the last pixel may be in the register before the stream

    def _counts(self) -> dict[str, int]:
        found = self.simulation.read(DMA_FINISHED)
        return {name: found >> 8 * number & 0xFF for number, name in enumerate(CHANNELS)}

    def check(self, *images: Image) -> int:
        """All bytes of memory, and these images' pixels on their streams, tlast with the last; the beats compared."""
        for channel in ("pan", "ms"):
            mine = [image.beats for image in images if image.channel == channel]
            expected = np.concatenate([np.zeros((0, self.pixel(channel)), np.uint8), *mine])
            beats, last = self.simulation.pull_with_last(channel)
            np.testing.assert_array_equal(beats, expected, err_msg=channel)
            ends = np.cumsum([len(each) for each in mine]) - 1
            np.testing.assert_array_equal(np.flatnonzero(last), ends, err_msg=f"tlast of {channel}")
        np.testing.assert_array_equal(self.ram, self.expected)
        assert self.memory.idle
        return sum(self.memory.moved)
