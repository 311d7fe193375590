"""The driver's side of the registers, against the accelerator's in NumPy."""

import numpy as np
import pytest

from bitpan.errors import DeviceError
from bitpan.package import Package
from bitpan.registers import (
    BANK_WORDS,
    BANKS,
    DMA,
    DMA_BUS,
    DMA_FINISHED,
    DMA_INTERRUPT,
    DMA_RESET,
    DMA_STATUS,
    DMA_TIMEOUT,
    ELEMENT_BITS,
    FINISHED,
    ID,
    MOST_FRAMES,
    SIGNATURE,
    SIZE,
    START,
    STARTED,
    STATUS,
    VERSION,
    Registers,
)


@pytest.fixture
def package(small_model, write_package):
    return Package.load(write_package(small_model))


@pytest.fixture
def accelerator(package, model_accelerator):
    return model_accelerator(package)


@pytest.fixture
def registers(package, accelerator):
    return Registers(package, accelerator.read, accelerator.write)


@pytest.fixture
def scenes(package, random_inputs):
    return [random_inputs(package.model, 8, 8, seed=seed)[1] for seed in range(3)]


def bank_with(package, scene, rest=0):
    """A bank's words by address; beyond the scene's it holds the ``rest``."""
    found = np.full(4096, rest)
    for name, first in package.registers.items():
        found[first : first + scene[name].size] = scene[name].ravel()
    return found


def test_scene_words_are_twos_complement_at_their_addresses(package, accelerator, scenes):
    written = {}
    registers = Registers(package, accelerator.read, written.__setitem__)
    registers.write_bank(1, scenes[0])
    assert min(written) == 0xC000 == BANKS[0] + 4 * BANK_WORDS
    assert len(written) == 20 + 20 + 8 + 8
    for i, value in enumerate(scenes[0]["block1.threshold"]):
        assert written[0xC000 + 4 * (48 + i)] == value % (1 << 32)


def test_each_frame_has_the_words_of_its_scene_whatever_the_banks_held(package, accelerator, registers, scenes):
    for scene in scenes:
        registers.load_scene(scene)
        for upset in (-1, -2):
            accelerator.banks[:] = upset
            registers.start()
            held = accelerator.banks[accelerator.bank_of_frame[-1]]
            np.testing.assert_array_equal(held, bank_with(package, scene, upset))
            accelerator.finished += 1


def test_a_bank_in_use_is_left_alone(package, accelerator, registers, scenes):
    """However many scenes are loaded while frames are under way, a bank is written when its last frame has left."""
    registers.load_scene(scenes[0])
    registers.start()
    registers.load_scene(scenes[1])
    registers.load_scene(scenes[2])
    registers.start()
    held = accelerator.banks.copy()
    for _ in range(2):
        with pytest.raises(DeviceError, match=r"bank . of the scene parameters is in use .* STARTED 0x2, FINISHED 0x0"):
            registers.start()
        for bank in range(2):
            with pytest.raises(DeviceError, match=f"bank {bank} of"):
                registers.write_bank(bank, scenes[1])
    np.testing.assert_array_equal(accelerator.banks, held)
    np.testing.assert_array_equal(held[accelerator.bank_of_frame], [bank_with(package, scenes[n]) for n in (0, 2)])
    accelerator.finished = 1
    registers.start()
    np.testing.assert_array_equal(accelerator.banks[accelerator.bank_of_frame[2]], bank_with(package, scenes[2]))
    with pytest.raises(DeviceError, match="is in use"):
        registers.start()


def test_sizes_from_the_least_to_the_largest(package, accelerator):
    """Whole MS pixels, up to what 16 bits tell and what the accelerator was built for."""
    written = {}
    registers = Registers(package, accelerator.read, written.__setitem__)
    for size in ((4, 4), (65532, 72), (64, 4)):
        registers.set_size(*size)
        assert registers.size == size and [*written.values()] == [size[0] << 16 | size[1]]
    for size in ((0, 4), (4, 0), (65536, 4), (4, 76), (6, 4), (4, 6)):
        with pytest.raises(DeviceError, match=f"frames of {size[0]} x {size[1]} .* multiples of 4, at most 65535 high"):
            registers.set_size(*size)


def test_the_map_is_that_of_the_hardware():
    """``hw/README.md`` has it."""
    assert (ID, VERSION, START, STATUS) == (0x00, 0x04, 0x08, 0x0C)
    assert (STARTED, FINISHED, SIGNATURE, SIZE) == (0x10, 0x14, 0x18, 0x1C)
    assert (DMA_STATUS, DMA_INTERRUPT, DMA_TIMEOUT) == (0x4000, 0x4004, 0x4008)
    assert (DMA_FINISHED, DMA_BUS, DMA_RESET) == (0x400C, 0x4010, 0x4014)
    assert DMA == {"pan": 0x4020, "ms": 0x4040, "fused": 0x4060} and BANKS == (0x8000, 0xC000) and BANK_WORDS == 4096
    assert 8 * np.dtype(np.uint16).itemsize == ELEMENT_BITS


@pytest.mark.parametrize("size", [(64, 73), (65535, 4), (1, 65535)])
def test_the_size_is_read_as_it_is(package, accelerator, size):
    accelerator.size = size
    assert Registers(package, accelerator.read, accelerator.write).size == size


def test_the_tallest_frame(registers, monkeypatch):
    monkeypatch.setattr("bitpan.registers.MOST_ROWS", 64)
    registers.set_size(64, 4)
    with pytest.raises(DeviceError, match="at most 64 high"):
        registers.set_size(68, 4)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0b1, "PAN frame of a wrong length"),
        (0b10, "MS frame of a wrong length"),
        (0b100, "more frames started than it can track"),
        (0b1000, "another size while frames were under way"),
        (0b1010, "MS frame of a wrong length, another size while frames were under way"),
        (0x80, "unknown"),
    ],
)
def test_every_flag_is_told(accelerator, registers, status, said):
    accelerator.status = status
    with pytest.raises(DeviceError, match=rf"STATUS 0x{status:x} \({said}\)"):
        registers.idle()


@pytest.mark.parametrize("first", [0, (1 << 32) - 3])
def test_a_bank_is_in_use_by_as_many_frames_as_there_may_be(package, accelerator, scenes, first):
    """Their counters may begin anew meanwhile. The first frame has the first bank."""
    counters = {STARTED: first, FINISHED: first}

    def read(address):
        return counters[address] % (1 << 32) if address in counters else accelerator.read(address)

    def write(address, value):
        if address == START:
            counters[STARTED] += 1
        accelerator.write(address, value)

    registers = Registers(package, read, write)
    registers.load_scene(scenes[0])
    registers.start()
    assert accelerator.bank_of_frame == [0] and MOST_FRAMES == 15
    for _ in range(14):
        registers.start(0)
    registers.write_bank(1, scenes[1])
    for _ in range(15):
        with pytest.raises(DeviceError, match="bank 0 of the scene parameters is in use"):
            registers.write_bank(0, scenes[1])
        counters[FINISHED] += 1
    registers.write_bank(0, scenes[1])
