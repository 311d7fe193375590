"""The PYNQ driver as it stands, against the register-level board; behind its DMAs a model of the accelerator."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bitpan import cli
from bitpan.errors import DeviceError, DeviceTimeoutError, MissingDependencyError
from bitpan.host.device import fpga
from bitpan.host.device.devices import CpuDevice
from bitpan.host.device.dma import MM2S, DmaChannel
from bitpan.host.device.fpga import FpgaDevice
from bitpan.host.scene.parameters import compute_scene_parameters
from bitpan.host.scene.scene import array_scene
from bitpan.host.scene.tiles import frame_bytes
from bitpan.host.stream import fuse_array
from bitpan.hw.simulate.standin import Board
from bitpan.model import execute
from bitpan.package import Package


@pytest.fixture
def package(small_model, write_package):
    return Package.load(write_package(small_model))


@pytest.fixture
def board(package, model_accelerator):
    board = Board(model_accelerator(package), package)
    with board.installed():
        yield board


def make_frames(package, random_inputs, count):
    found = [random_inputs(package.model, *package.frame, seed=seed) for seed in range(count)]
    return [inputs for inputs, _ in found], [scene for _, scene in found]


def test_frames_and_scenes(package, board, random_inputs):
    """Several scenes in turn, their words in alternating banks; every frame by its own scene's."""
    frames, scenes = make_frames(package, random_inputs, 4)
    device = FpgaDevice(package)
    for scene in scenes[:3]:
        device.load_scene(scene)
        fused = list(device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames))
        assert len(fused) == 4
        for inputs, result in zip(frames, fused, strict=True):
            np.testing.assert_array_equal(result, execute(package.model, inputs, scene))
    assert sorted(set(board.accelerator.bank_of_frame)) == [0, 1]
    assert board.overlays == [str(package.bitstream)]
    device.close()


def test_upsets_of_scene_words_are_gone_before_the_next_frame(package, board, random_inputs):
    """All words of whichever bank no frame under way uses have all their bits turned; every image is right."""
    frames, (scene, *_) = make_frames(package, random_inputs, 5)
    accelerator = board.accelerator

    def upset():
        for inputs in frames:
            used = set(accelerator.bank_of_frame[accelerator.finished :])
            assert len(used) == min(1, len(accelerator.bank_of_frame)), "one frame is under way"
            for bank in {0, 1} - used:
                accelerator.banks[bank] = ~accelerator.banks[bank]
            yield inputs["pan"], inputs["ms"]

    device = FpgaDevice(package)
    device.load_scene(scene)
    for inputs, fused in zip(frames, device.fuse(upset()), strict=True):
        np.testing.assert_array_equal(fused, execute(package.model, inputs, scene))


@pytest.mark.parametrize(("free", "rows"), [(64, "fewer"), (1 << 20, "as many"), (0, "as many")])
def test_frames_fit_the_memory_that_is_free(free, rows, package, board, tmp_path, monkeypatch):
    """In kB; a kernel that keeps no such memory says 0."""
    most = FpgaDevice(package).largest[0]
    monkeypatch.setattr(fpga, "MEMORY_STATE", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text(f"MemTotal:  516056 kB\nCmaTotal:  131072 kB\nCmaFree:  {free} kB\n")
    height, width = FpgaDevice(package).largest
    assert (height < most) == (rows == "fewer")
    if rows == "fewer":
        assert 2 * sum(frame_bytes(package.model, height, width).values()) <= free * 1024 * 7 // 8


def test_next_frame_is_prepared_while_one_runs(package, board, random_inputs):
    frames, scenes = make_frames(package, random_inputs, 3)
    under_way = []

    def watched():
        for inputs in frames:
            under_way.append(len(board.accelerator.bank_of_frame) - board.accelerator.finished)
            yield inputs["pan"], inputs["ms"]

    device = FpgaDevice(package)
    device.load_scene(scenes[0])
    results = device.fuse(watched())
    first = next(results)
    assert len(board.accelerator.bank_of_frame) == 2, "the second frame runs while the first is handed out"
    np.testing.assert_array_equal(first, execute(package.model, frames[0], scenes[0]))
    list(results)
    assert under_way == [0, 1, 1]


def test_scene_equals_the_cpu(package, board, small_model, small_engine):
    """Three strips and a narrower one, each as tall as the scene."""
    rng = np.random.default_rng(0)
    pan, ms = rng.integers(0, 2048, (1, 91, 131)), rng.integers(0, 2048, (2, 23, 33))
    pan[:, :, :50] = 0
    scene = array_scene(small_model, pan, ms, nodata=0)
    parameters = compute_scene_parameters(small_model, scene, small_engine)
    expected = fuse_array(small_model, scene, CpuDevice(small_engine), parameters)
    np.testing.assert_array_equal(fuse_array(small_model, scene, FpgaDevice(package), parameters), expected)


def test_command(package, board, pair, tmp_path, capsys):
    """``bitpan fuse --device fpga`` writes the file that ``--device cpu`` writes."""
    pan, ms = pair()
    files = []
    for options in (["--device", "fpga", "--package"], ["--model"]):
        out = tmp_path / f"{len(files)}.tif"
        assert cli.main(["fuse", str(pan), str(ms), "-o", str(out), *options, str(package.folder)]) == 0
        files.append(out.read_bytes())
    assert files[0] == files[1]
    assert cli.main(["fuse", str(pan), str(ms), "-o", str(out), "--package", str(package.folder), "--model", "x"]) == 1
    wrong = ["--device", "fpga", "--package", str(package.folder), "--tile", "64"]
    assert cli.main(["fuse", str(pan), str(ms), "-o", str(out), *wrong]) == 1
    assert "leave --tile 64 out" in capsys.readouterr().err


@pytest.mark.parametrize("stream", ["pan", "ms", "fused"])
@pytest.mark.parametrize(("bit", "said"), [(4, "internal error"), (5, "memory refused"), (6, "not decoded")])
def test_dma_errors(package, board, random_inputs, stream, bit, said):
    frames, scenes = make_frames(package, random_inputs, 1)
    device = FpgaDevice(package, timeout=0.3)
    device.load_scene(scenes[0])
    board.faults[stream] = 1 << bit
    with pytest.raises(DeviceError, match=f"axi_dma_{stream} failed, DMASR 0x.*{said}"):
        list(device.fuse([(frames[0]["pan"], frames[0]["ms"])]))


def test_a_kernel_without_contiguous_memory_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(fpga, "MEMORY_STATE", tmp_path / "meminfo")
    assert fpga.contiguous_memory() == 0
    (tmp_path / "meminfo").write_text("MemTotal:  516056 kB\n")
    assert fpga.contiguous_memory() == 0


def test_a_dma_that_stays_halted_is_told(monkeypatch):
    monkeypatch.setattr("bitpan.host.device.dma._RESET_SECONDS", 0.01)
    stuck = SimpleNamespace(read=lambda address: int(address == 4), write=lambda address, value: None)
    with pytest.raises(DeviceTimeoutError, match="DMA pan DMACR 0x00000000 DMASR 0x00000001 stays halted; load"):
        DmaChannel("pan", stuck, MM2S, 26)


def test_a_reset_clears_what_a_dma_failed_with(package, board):
    pynq, entry = sys.modules["pynq"], board.ip_dict[package.dma["pan"]]
    channel = DmaChannel("pan", pynq.MMIO(entry["phys_addr"], entry["addr_range"]), MM2S, 26)
    board.faults["pan"] = 1 << 4
    channel.start(pynq.allocate((8,)).physical_address, 32)
    with pytest.raises(DeviceError, match="internal error"):
        channel.done()
    channel.reset()
    assert not channel.done()


def test_works_again_after_an_error_that_left_the_accelerator_alone(package, board, random_inputs):
    """A caller that stops in mid-scene: the frame under way runs out and the next scene is right."""
    frames, scenes = make_frames(package, random_inputs, 3)
    device = FpgaDevice(package)
    device.load_scene(scenes[0])
    results = device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames)
    next(results)
    results.close()
    device.load_scene(scenes[1])
    (fused,) = device.fuse([(frames[2]["pan"], frames[2]["ms"])])
    np.testing.assert_array_equal(fused, execute(package.model, frames[2], scenes[1]))


def test_hang(package, board, random_inputs):
    frames, scenes = make_frames(package, random_inputs, 1)
    device = FpgaDevice(package, timeout=0.2)
    device.load_scene(scenes[0])
    board.hung = True
    with pytest.raises(DeviceTimeoutError) as error:
        list(device.fuse([(frames[0]["pan"], frames[0]["ms"])]))
    for part in ("axi_dma_pan", "axi_dma_ms", "axi_dma_fused", "DMASR", "STARTED 0x1, FINISHED 0x0", "0.2 s"):
        assert part in str(error.value)


def test_status_bits(package, board, random_inputs):
    frames, scenes = make_frames(package, random_inputs, 1)
    device = FpgaDevice(package)
    device.load_scene(scenes[0])
    board.accelerator.status = 0b10
    with pytest.raises(DeviceError, match=r"STATUS 0x2 \(MS frame of a wrong length\)"):
        list(device.fuse([(frames[0]["pan"], frames[0]["ms"])]))


def test_short_frame(package, board, random_inputs, monkeypatch):
    """An accelerator that ends its frame early."""
    frames, scenes = make_frames(package, random_inputs, 1)
    device = FpgaDevice(package)
    device.load_scene(scenes[0])
    fuse = board.accelerator._fuse

    def cut():
        fuse()
        board.accelerator.output = board.accelerator.output[:-4]

    monkeypatch.setattr(board.accelerator, "_fuse", cut)
    with pytest.raises(DeviceError, match="axi_dma_fused moved 18428 bytes of a frame of 18432"):
        list(device.fuse([(frames[0]["pan"], frames[0]["ms"])]))


@pytest.mark.parametrize(("address", "name"), [(0x00, "ID"), (0x04, "VERSION"), (0x18, "SIGNATURE")])
def test_foreign_accelerators(package, board, monkeypatch, address, name):
    read = board.accelerator.read
    monkeypatch.setattr(board.accelerator, "read", lambda a: 7 if a == address else read(a))
    with pytest.raises(DeviceError, match=f"{name} reads 0x00000007"):
        FpgaDevice(package)


def test_left_in_mid_frame(package, board):
    board.accelerator.bank_of_frame.append(0)
    with pytest.raises(DeviceError, match="still under way"):
        FpgaDevice(package)


@pytest.mark.parametrize(("height", "width"), [(32, 76), (66, 72), (0, 72), (1 << 16, 72)])
def test_wrong_frames(package, board, random_inputs, height, width):
    _, scenes = make_frames(package, random_inputs, 1)
    device = FpgaDevice(package)
    device.load_scene(scenes[0])
    with pytest.raises(
        DeviceError, match=f"{height} x {width} PAN pixels: .* multiples of 4, at most 65535 high and 72"
    ):
        list(device.fuse([(np.zeros((1, height, width)), np.zeros((2, height // 4, width // 4)))]))


def test_frames_of_many_sizes(package, board, random_inputs):
    """The last frame leaves before a size changes; equal ones follow each other."""
    sizes = [(8, 72), (8, 72), (120, 4), (64, 72), (64, 72), (64, 72), (12, 20)]
    frames = [random_inputs(package.model, *size, seed=seed)[0] for seed, size in enumerate(sizes)]
    _, scene = random_inputs(package.model, 8, 8)
    device = FpgaDevice(package)
    device.load_scene(scene)
    fused = list(device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames))
    for inputs, result in zip(frames, fused, strict=True):
        np.testing.assert_array_equal(result, execute(package.model, inputs, scene))


def test_length_register_makes_strips_shorter(package, board, small_model, small_engine):
    board.ip_dict["axi_dma_fused"]["parameters"]["C_SG_LENGTH_WIDTH"] = "15"
    device = FpgaDevice(package)
    assert device.largest == ((1 << 15) // (72 * 4) // 4 * 4, 72)
    rng = np.random.default_rng(0)
    scene = array_scene(small_model, rng.integers(0, 2048, (1, 203, 61)), rng.integers(0, 2048, (2, 51, 16)))
    parameters = compute_scene_parameters(small_model, scene, small_engine)
    expected = fuse_array(small_model, scene, CpuDevice(small_engine), parameters)
    np.testing.assert_array_equal(fuse_array(small_model, scene, device, parameters), expected)


def test_missing_part_of_the_overlay(package, board):
    del board.ip_dict["axi_dma_ms"]
    with pytest.raises(DeviceError, match="holds no 'axi_dma_ms'"):
        FpgaDevice(package)


def test_no_board_no_bitstream_no_pynq_no_memory(package, board, monkeypatch):
    def fail(error):
        def call(*_):
            raise error

        return call

    for error, said in (
        (OSError("does not exist"), "finish the build"),
        (RuntimeError("No Devices Found"), "no board"),
    ):
        monkeypatch.setattr(sys.modules["pynq"], "Overlay", fail(error))
        with pytest.raises(DeviceError, match=said):
            FpgaDevice(package)
    monkeypatch.undo()
    monkeypatch.setattr(sys.modules["pynq"], "allocate", fail(RuntimeError("Failed to allocate Memory!")))
    with pytest.raises(DeviceError, match="no contiguous memory for a frame's 128 bytes of pan"):
        list(FpgaDevice(package).fuse([(np.zeros((1, 8, 8)), np.zeros((2, 2, 2)))]))
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(MissingDependencyError, match=r"bitpan\[board\]"):
        FpgaDevice(package)


def test_board_is_strict(package, board):
    """The stand-in catches what a board would: unmapped registers, DMAs that read what was not flushed."""
    mmio = sys.modules["pynq"].MMIO(0x43C0_0000, 0x1_0000)
    with pytest.raises(MemoryError):
        mmio.read(0x1_0000)
    with pytest.raises(MemoryError):
        mmio.read(2)
    buffer = sys.modules["pynq"].allocate((4, 4), np.uint16)
    buffer[:] = 5
    seen = board.memory(buffer.physical_address, buffer.nbytes)
    assert not (seen.view(np.uint16) == 5).all()
    buffer.flush()
    assert (seen.view(np.uint16) == 5).all()
