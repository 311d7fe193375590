"""The board's driver as it stands, against the verilated IP core before a simulated memory."""

import re
import socket
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bitpan import cli
from bitpan.errors import DeviceError, DeviceTimeoutError, MissingDependencyError
from bitpan.host.device import fpga
from bitpan.host.device.devices import CpuDevice, open_device
from bitpan.host.device.dma import Dma
from bitpan.host.device.fpga import FpgaDevice
from bitpan.host.device.interrupt import UioInterrupt
from bitpan.host.scene.parameters import compute_scene_parameters
from bitpan.host.scene.scene import array_scene
from bitpan.host.scene.tiles import frame_bytes
from bitpan.host.stream import fuse_array
from bitpan.hw.simulate.memory import SLVERR, Behaviour, Memory
from bitpan.hw.simulate.system import System
from bitpan.model import execute
from bitpan.package import Package
from bitpan.registers import (
    BANKS,
    DMA,
    DMA_STATUS,
    DMA_TIMEOUT,
    FINISHED,
    ID,
    SIGNATURE,
    SIZE,
    START,
    STARTED,
    VERSION,
)
from bitpan.registers import STATUS as SCENE_STATUS


def images(frames):
    return ((inputs["pan"], inputs["ms"]) for inputs in frames)


def check(package, frames, scene, fused):
    assert len(fused) == len(frames)
    for inputs, result in zip(frames, fused, strict=True):
        np.testing.assert_array_equal(result, execute(package.model, inputs, scene))


@pytest.fixture(params=["polling", "interrupt"])
def open_fpga(request, package):
    """Factory of the device before a system, which it waits for in either way."""

    def make(system, **options):
        return FpgaDevice(
            package, system, interrupt=system.interrupt if request.param == "interrupt" else None, **options
        )

    return make


def test_frames_and_scenes(package, system, make_frames, open_fpga):
    """Several scenes in turn, their words in alternating banks; every frame by its own scene's."""
    frames, scenes = make_frames(4)
    device = open_fpga(system)
    for scene in scenes[:3]:
        device.load_scene(scene)
        check(package, frames, scene, list(device.fuse(images(frames))))
    assert system.overlays == [str(package.bitstream)]
    assert len(system.buffers) == 6
    device.close()
    assert not system.memory.mapped


def test_frames_of_many_sizes(package, system, random_inputs, open_fpga):
    """The last frame leaves before a size changes; equal ones follow each other; buffers grow."""
    sizes = [(8, 48), (8, 48), (120, 4), (64, 48), (64, 48), (64, 48), (12, 20)]
    frames = [random_inputs(package.model, *size, seed=seed)[0] for seed, size in enumerate(sizes)]
    _, scene = random_inputs(package.model, 8, 8)
    device = open_fpga(system)
    device.load_scene(scene)
    check(package, frames, scene, list(device.fuse(images(frames))))


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(latency=300, rate=100),
        Behaviour(latency=20, jitter=100, pauses=100, reorder=True, order=1),
        Behaviour(jitter=30, pauses=30, reorder=True, order=2, most=1),
    ],
)
def test_memories_of_all_kinds(package, make_frames, behaviour, open_fpga):
    frames, (scene, *_) = make_frames(3)
    with System(package, behaviour) as system:
        device = open_fpga(system)
        device.load_scene(scene)
        check(package, frames, scene, list(device.fuse(images(frames))))


@pytest.mark.parametrize(("free", "rows"), [(64, "fewer"), (1 << 20, "as many"), (0, "as many")])
def test_frames_fit_the_memory_that_is_free(free, rows, package, system, tmp_path, monkeypatch):
    """In kB; a kernel that keeps no such memory says 0."""
    most = FpgaDevice(package, system).largest[0]
    monkeypatch.setattr(fpga, "MEMORY_STATE", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text(f"MemTotal:  516056 kB\nCmaTotal:  131072 kB\nCmaFree:  {free} kB\n")
    height, width = FpgaDevice(package, system).largest
    assert width == package.frame[1] != package.frame[0]
    assert (height < most) == (rows == "fewer")
    if rows == "fewer":
        assert 2 * sum(frame_bytes(package.model, height, width).values()) <= free * 1024 * 7 // 8


def test_next_frame_waits_in_the_dma_while_one_runs(package, system, make_frames):
    frames, (scene, *_) = make_frames(3, (400, 48))
    under_way = []

    def watched():
        for inputs in frames:
            under_way.append(system.simulation.read(STARTED) - system.simulation.read(FINISHED))
            yield inputs["pan"], inputs["ms"]

    device = FpgaDevice(package, system)
    device.load_scene(scene)
    results = device.fuse(watched())
    first = next(results)
    assert system.simulation.read(STARTED) == 2, "the second frame runs while the first is handed out"
    np.testing.assert_array_equal(first, execute(package.model, frames[0], scene))
    list(results)
    assert under_way == [0, 1, 1]


def test_upsets_of_scene_words_are_gone_before_the_next_frame(package, system, make_frames):
    """All words of the bank that no frame under way uses have all their bits turned; every image is right."""
    frames, (scene, *_) = make_frames(5)

    def upset():
        for number, inputs in enumerate(frames):
            for name, first in package.registers.items():
                for address, word in enumerate(scene[name].ravel().tolist(), first):
                    system.write(BANKS[number % 2] + 4 * address, ~word & 0xFFFFFFFF)
            yield inputs["pan"], inputs["ms"]

    device = FpgaDevice(package, system)
    device.load_scene(scene)
    check(package, frames, scene, list(device.fuse(upset())))


def test_command(package, pair, tmp_path, capsys):
    """``bitpan fuse --device system`` writes the file that ``--device cpu`` writes."""
    pan, ms = pair(height=30, width=20)
    files = []
    for options in (["--device", "system", "--package"], ["--model"]):
        out = tmp_path / f"{len(files)}.tif"
        assert cli.main(["fuse", str(pan), str(ms), "-o", str(out), *options, str(package.folder)]) == 0
        files.append(out.read_bytes())
    assert files[0] == files[1]
    assert cli.main(["fuse", str(pan), str(ms), "-o", str(out), "--package", str(package.folder), "--model", "x"]) == 1
    for device in ("rtl", "system", "fpga"):
        wrong = ["--device", device, "--package", str(package.folder), "--tile", "64"]
        assert cli.main(["fuse", str(pan), str(ms), "-o", str(out), *wrong]) == 1
        assert "leave --tile 64 out" in capsys.readouterr().err


@pytest.mark.parametrize("stream", DMA)
@pytest.mark.parametrize("said", ["SLVERR", "DECERR"])
def test_what_memory_refuses(package, system, make_frames, monkeypatch, stream, said):
    """It is told, and once the memory is there all is well again."""
    frames, (scene, *_) = make_frames(1)
    allocate, held = system.allocate, []

    def refuse(*arguments, **options):
        buffer = allocate(*arguments, **options)
        if len(system.buffers) == list(DMA).index(stream) + 1:
            held.append((buffer.physical_address, system.memory.mapped[buffer.physical_address]))
            if said == "SLVERR":
                system.memory.map(*held[0], SLVERR)
            else:
                system.memory.unmap(buffer.physical_address)
        return buffer

    monkeypatch.setattr(system, "allocate", refuse)
    device = FpgaDevice(package, system)
    device.load_scene(scene)
    with pytest.raises(DeviceError, match=rf"a transfer failed, {stream}: .*{said}.* \(DMA STATUS 0x"):
        list(device.fuse(images(frames)))
    system.memory.map(*held[0])
    check(package, frames, scene, list(device.fuse(images(frames))))


def test_a_kernel_without_contiguous_memory_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(fpga, "MEMORY_STATE", tmp_path / "meminfo")
    assert fpga.contiguous_memory() == 0
    (tmp_path / "meminfo").write_text("MemTotal:  516056 kB\n")
    assert fpga.contiguous_memory() == 0


def test_works_again_after_a_caller_that_stopped_in_mid_scene(package, system, make_frames, open_fpga):
    """The frames under way run out and the next scene is right."""
    frames, scenes = make_frames(3)
    device = open_fpga(system)
    device.load_scene(scenes[0])
    results = device.fuse(images(frames))
    next(results)
    results.close()
    device.load_scene(scenes[1])
    check(package, frames[2:], scenes[1], list(device.fuse(images(frames[2:]))))


def test_a_memory_that_does_not_answer(package, system, make_frames, open_fpga):
    """The time-out names the registers, and that a reset waits for what memory owes; once it came all is well."""
    frames, (scene, *_) = make_frames(2)
    device = open_fpga(system, timeout=0.2)
    assert system.simulation.read(DMA_TIMEOUT) == 20_000_000
    device.load_scene(scene)
    Memory(system.simulation, Behaviour(rate=0))
    with pytest.raises(DeviceTimeoutError) as error:
        list(device.fuse(images(frames)))
    state = r"DMA STATUS 0xc0c0c0, FINISHED 0x000000, RESET 0x\d+0[23]: pan ready, nothing offered, ms ready, nothing "
    state += r"offered, fused ready, nothing offered, memory has not given all data that was asked for"
    told = rf"did not end within 0.2 s: {state}; accelerator STATUS 0x0, STARTED 0x2, FINISHED 0x0; it cannot be reset "
    assert re.search(rf"{told}\({state}\): load the overlay again, or switch the board off", str(error.value))
    with pytest.raises(DeviceError, match=r"a transfer is still under way \(DMA STATUS 0xc0c0c0"):
        Dma(system.read, system.write, 1e6)
    Memory(system.simulation, Behaviour())
    device._timeout = 60
    assert device._reset() == "the accelerator was reset and takes frames again: run it once more"
    check(package, frames, scene, list(device.fuse(images(frames))))


@pytest.mark.parametrize("lost", ["start", "PAN", "MS"])
def test_a_stream_that_stands_still(package, system, make_frames, open_fpga, lost):
    """The frame was not let in, or a beat went astray: it is told which stream waits; after a reset all is well."""
    frames, (scene, *_) = make_frames(3)
    device, write = open_fpga(system), system.write
    device.load_scene(scene)
    system.write(DMA_TIMEOUT, 3000)
    rows = {DMA["pan"] + 16: "PAN", DMA["ms"] + 16: "MS", START: "start"}
    system.write = lambda address, value: None if rows.get(address) == lost else write(address, value)
    with pytest.raises(DeviceTimeoutError) as error:
        list(device.fuse(images(frames)))
    state = {
        "start": "pan offered, not taken, ms offered, not taken, fused ready, nothing offered",
        "PAN": "pan ready, nothing offered, ms (offered, not taken|nothing offered, not ready), fused ready",
        "MS": "pan (offered, not taken|nothing offered, not ready), ms ready, nothing offered, fused ready",
    }[lost]
    state += ".*; the accelerator was reset and takes frames again"
    assert re.search(f"fused: no beat moved until the time-out .*{state}", str(error.value)), error.value
    system.write = write
    check(package, frames, scene, list(device.fuse(images(frames))))


def test_a_flag_of_the_accelerator_is_gone_after_a_reset(package, system, make_frames):
    """Frames of twice the length that it was told: the flag is told once, the next frames are right."""
    frames, (scene, *_) = make_frames(2)
    device = FpgaDevice(package, system)
    device.load_scene(scene)
    height, width = package.frame
    system.write(SIZE, height // 2 << 16 | width)
    with pytest.raises(DeviceError, match=r"frame of a wrong length.*; the accelerator was reset"):
        list(device.fuse(images(frames)))
    check(package, frames, scene, list(device.fuse(images(frames))))


def test_the_kernels_interrupt(package, system, make_frames):
    """By a file as UIO's: the kernel enables the line when a word is written, and a word comes when it is high."""
    frames, (scene, *_) = make_frames(3)
    (ours, kernel), woken, turn = socket.socketpair(), [], threading.Lock()

    def in_turn(access):
        def call(*arguments):
            with turn:
                return access(*arguments)

        return call

    def answer():
        while kernel.recv(4) == (1).to_bytes(4, "little"):
            with turn:
                system.interrupt.wait(1)
                woken.append(system.simulation.peek("irq"))
            kernel.send(len(woken).to_bytes(4, "little"))

    system.read, system.write = in_turn(system.read), in_turn(system.write)
    thread = threading.Thread(target=answer, daemon=True)  # which nobody waits for where the driver fails
    thread.start()
    device = FpgaDevice(package, system, interrupt=UioInterrupt(ours.detach()))
    device.load_scene(scene)
    check(package, frames, scene, list(device.fuse(images(frames))))
    device.close()
    thread.join()
    assert woken and all(woken)


@pytest.mark.parametrize(
    ("address", "value", "said"),
    [
        (SCENE_STATUS, 0b10, r"STATUS 0x2 \(MS frame of a wrong length\)"),
        (DMA_STATUS, 0x880000, r"fused: the frame ended early or late \(DMA STATUS 0x880000"),
        (DMA_STATUS, 0x000020, "pan: started while another transfer waited"),
    ],
)
def test_flags(package, system, make_frames, monkeypatch, address, value, said):
    frames, (scene, *_) = make_frames(1)
    device = FpgaDevice(package, system)
    device.load_scene(scene)
    read = system.read
    monkeypatch.setattr(system, "read", lambda a: value if a == address else read(a))
    with pytest.raises(DeviceError, match=said):
        list(device.fuse(images(frames)))


@pytest.mark.parametrize(("address", "name"), [(ID, "ID"), (VERSION, "VERSION"), (SIGNATURE, "SIGNATURE")])
def test_foreign_accelerators(package, system, monkeypatch, address, name):
    read = system.read
    monkeypatch.setattr(system, "read", lambda a: 7 if a == address else read(a))
    with pytest.raises(DeviceError, match=f"{name} reads 0x00000007"):
        FpgaDevice(package, system)


def test_left_in_mid_frame(package, system):
    system.write(START, 0)
    with pytest.raises(DeviceError, match="a frame is still under way"):
        FpgaDevice(package, system)


@pytest.mark.parametrize(("height", "width"), [(32, 52), (66, 48), (0, 48), (1 << 16, 48)])
def test_wrong_frames(package, system, height, width):
    device = FpgaDevice(package, system)
    with pytest.raises(
        DeviceError, match=f"{height} x {width} PAN pixels: .* multiples of 4, at most 65535 high and 48"
    ):
        list(device.fuse([(np.zeros((1, height, width)), np.zeros((2, height // 4, width // 4)))]))


def test_no_board_no_bitstream_no_memory_no_core(package, system, monkeypatch):
    def fail(error):
        def call(*_, **__):
            raise error

        return call

    for error, said in (
        (OSError("does not exist"), "finish the build"),
        (RuntimeError("No Devices Found"), "no board"),
    ):
        with monkeypatch.context() as context:
            context.setattr(system, "Overlay", fail(error))
            with pytest.raises(DeviceError, match=said):
                FpgaDevice(package, system)
    with monkeypatch.context() as context:
        context.setattr(system, "Overlay", lambda path: SimpleNamespace(ip_dict={"axi_dma_0": {}}))
        with pytest.raises(DeviceError, match="holds no 'bitpan_ip', only axi_dma_0"):
            FpgaDevice(package, system)
    monkeypatch.setattr(system, "allocate", fail(RuntimeError("Failed to allocate Memory!")))
    with pytest.raises(DeviceError, match="no contiguous memory for a frame's 128 bytes of pan"):
        list(FpgaDevice(package, system).fuse([(np.zeros((1, 8, 8)), np.zeros((2, 2, 2)))]))


def test_a_bitstream_without_a_description(package, system, tmp_path, make_frames):
    """As the open tools leave it: the core is where their top has it, at the package's clock."""
    loaded, clocks = [], SimpleNamespace()
    bitstream = tmp_path / "bitpan.bit"
    bitstream.touch()

    def mmio(base, length):
        assert (base, length) == (0x4000_0000, 0x1_0000)
        return system.MMIO(system.ip_dict["bitpan_ip"]["phys_addr"], length)

    def load(path):
        return SimpleNamespace(download=lambda: loaded.append(path))

    pynq = SimpleNamespace(Bitstream=load, Clocks=clocks, MMIO=mmio, allocate=system.allocate)
    frames, (scene, *_) = make_frames(2)
    device = FpgaDevice(replace(package, bitstream=bitstream), pynq)
    device.load_scene(scene)
    check(package, frames, scene, list(device.fuse(images(frames))))
    assert loaded == [str(bitstream)] and clocks.fclk0_mhz == 100


@pytest.mark.parametrize(
    ("device", "module", "extra"),
    [
        ("fpga", "pynq", "board"),
        ("system", "bitpan.hw.simulate.system", "fpga"),
        ("rtl", "bitpan.hw.simulate.accelerator", "fpga"),
    ],
)
def test_what_is_not_installed(small_model, write_package, monkeypatch, device, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    package = Package.load(write_package(small_model))
    with pytest.raises(MissingDependencyError, match=rf"bitpan\[{extra}\]"):
        open_device(device, package, None)


def test_the_system_is_strict(package, system):
    """It catches what a board would: unmapped registers, what was not flushed or not invalidated."""
    mmio = system.MMIO(system.ip_dict["bitpan_ip"]["phys_addr"], 0x1_0000)
    for wrong in (0x1_0000, 2):
        with pytest.raises(MemoryError):
            mmio.read(wrong)
    with pytest.raises(DeviceError, match="bus error"):
        system.MMIO(0, 0x1000).read(0)
    with pytest.raises(DeviceError, match="cacheable=True"):
        system.allocate((4, 4), np.uint16)
    buffer = system.allocate((4, 4), np.uint16, cacheable=True)
    buffer[:] = 5
    assert not (buffer.ram.view(np.uint16) == 5).all()
    buffer.flush()
    assert (buffer.ram.view(np.uint16) == 5).all()
    buffer.ram[:] = 0
    assert (buffer == 5).all()
    buffer.invalidate()
    assert not buffer.any()


def test_a_driver_that_does_not_flush_is_seen(package, system, make_frames, monkeypatch):
    frames, (scene, *_) = make_frames(1)
    monkeypatch.setattr("bitpan.hw.simulate.system.Buffer.flush", lambda buffer: None)
    device = FpgaDevice(package, system)
    device.load_scene(scene)
    with pytest.raises(AssertionError):
        check(package, frames, scene, list(device.fuse(images(frames))))


def test_scene_equals_the_cpu(package, model, system, monkeypatch):
    """Strips as tall as the scene, the last one narrower."""
    from bitpan.host.engine.engine import CompiledEngine

    rng = np.random.default_rng(0)
    pan, ms = rng.integers(0, 2048, (1, 91, 131)), rng.integers(0, 2048, (2, 23, 33))
    pan[:, :, :50] = 0
    scene = array_scene(model, pan, ms, nodata=0)
    engine = CompiledEngine(model, 1)
    parameters = compute_scene_parameters(model, scene, engine)
    expected = fuse_array(model, scene, CpuDevice(engine), parameters)
    np.testing.assert_array_equal(fuse_array(model, scene, FpgaDevice(package, system), parameters), expected)
