"""The verilated accelerator behind ``--device rtl``, against the CPU; and all devices alike."""

import numpy as np
import pytest

from bitpan import cli
from bitpan.errors import DeviceError
from bitpan.host.device.devices import CpuDevice, RtlDevice, open_device
from bitpan.host.scene.parameters import compute_scene_parameters
from bitpan.host.scene.scene import array_scene
from bitpan.host.scene.tiles import largest_frame, plan_tiles
from bitpan.host.stream import fuse_array
from bitpan.hw.simulate.accelerator import Accelerator, from_beats, to_beats
from bitpan.model import execute
from bitpan.registers import BANKS, STATUS, STREAMS


@pytest.mark.parametrize("stalls", ["never", "half"])
def test_rtl_equals_the_reference(package, make_frames, stalls):
    """Frames back to back, scenes one after the other."""
    frames, scenes = make_frames(3)
    device = RtlDevice(package, stalls)
    for scene in scenes:
        device.load_scene(scene)
        fused = list(device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames))
        for inputs, result in zip(frames, fused, strict=True):
            np.testing.assert_array_equal(result, execute(package.model, inputs, scene))
    assert device._accelerator.simulation.cycle > 9 * 40 * 48
    for height, width in ((8, 48 + 4), (6, 8)):
        with pytest.raises(DeviceError, match=f"frames of {height} x {width} .* takes multiples of 4"):
            list(device.fuse([(np.zeros((1, height, width)), np.zeros((2, height // 4, width // 4)))]))
    device.close()


def test_frames_of_many_sizes(package, random_inputs):
    """Tall, flat, narrow, a single MS pixel; equal ones back to back; another scene's parameters in between."""
    sizes = [(4, 48), (92, 12), (92, 12), (40, 48), (4, 4), (20, 44), (20, 44), (20, 44), (64, 4)]
    device = RtlDevice(package)
    for turn in range(2):
        frames = [random_inputs(package.model, *size, seed=seed)[0] for seed, size in enumerate(sizes, 10 * turn)]
        _, scene = random_inputs(package.model, 8, 8, turn)
        device.load_scene(scene)
        fused = list(device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames))
        for inputs, result in zip(frames, fused, strict=True):
            np.testing.assert_array_equal(result, execute(package.model, inputs, scene))
    device.close()


def test_scenes_loaded_while_frames_are_under_way(package, make_frames):
    """Each frame keeps the scene that it was started with; a third scene waits for a bank."""
    frames, scenes = make_frames(3)
    with Accelerator(package) as accelerator:
        for scene in scenes[:2]:
            accelerator.registers.load_scene(scene)
            accelerator.start(frames[0])
        accelerator.registers.load_scene(scenes[2])
        with pytest.raises(DeviceError, match="is in use by a frame under way"):
            accelerator.start(frames[0])
        fused = accelerator.finish()
        accelerator.start(frames[0])
        fused += accelerator.finish(2)
    for scene, result in zip(scenes, fused, strict=True):
        np.testing.assert_array_equal(result, execute(package.model, frames[0], scene))


@pytest.mark.parametrize(("stream", "status"), [("pan", 0b01), ("ms", 0b10)])
def test_a_tlast_that_is_missing_is_told_and_spoils_no_frame(package, make_frames, stream, status):
    frames, (scene, *_) = make_frames(3)
    with Accelerator(package) as accelerator:
        accelerator.registers.write_bank(0, scene)
        for number, inputs in enumerate(frames):
            accelerator.registers.start(0)
            for name in ("pan", "ms"):
                beats = to_beats(inputs[name])
                accelerator.simulation.push(STREAMS[name], beats, last=number > 0 or name != stream)
        fused = accelerator.finish(3)
        assert accelerator.read(STATUS) == status
    for inputs, result in zip(frames, fused, strict=True):
        np.testing.assert_array_equal(result, execute(package.model, inputs, scene))


def test_upsets_of_scene_words_are_gone_before_the_next_frame(package, make_frames):
    """Every word of the bank that the next frame will use has all its bits turned; every image is right."""
    frames, (scene, *_) = make_frames(4)
    device = RtlDevice(package)
    accelerator = device._accelerator

    def upset():
        for number, inputs in enumerate(frames):
            for name, first in package.registers.items():
                for address, word in enumerate(scene[name].ravel().tolist(), first):
                    accelerator.write(BANKS[number % 2] + 4 * address, ~word & 0xFFFFFFFF)
            yield inputs["pan"], inputs["ms"]

    device.load_scene(scene)
    for inputs, fused in zip(frames, device.fuse(upset()), strict=True):
        np.testing.assert_array_equal(fused, execute(package.model, inputs, scene))
    device.close()


def test_abandoned_in_mid_scene(package, make_frames):
    frames, scenes = make_frames(3)
    device = RtlDevice(package)
    device.load_scene(scenes[0])
    results = device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames)
    next(results)
    results.close()
    device.load_scene(scenes[1])
    (fused,) = device.fuse([(frames[2]["pan"], frames[2]["ms"])])
    np.testing.assert_array_equal(fused, execute(package.model, frames[2], scenes[1]))


def test_all_devices_fuse_a_scene_alike(package, model, monkeypatch):
    """Three strips, the last one narrower, cut where the memory for a frame ends."""
    from bitpan.host.engine.engine import CompiledEngine

    monkeypatch.setattr("bitpan.host.scene.tiles.FRAME_BYTES", 80 * 48 * 25 // 4)
    rng = np.random.default_rng(0)
    scene = array_scene(model, rng.integers(0, 2048, (1, 97, 107)), rng.integers(0, 2048, (2, 25, 27)), (-2.25, 2.5))
    plan = plan_tiles(model, scene.grid.height, scene.grid.width, largest_frame(model, 48))
    assert len({tile.frame[2:] for tile in plan}) == 4 and len(plan) == 6
    engine = CompiledEngine(model, 1)
    parameters = compute_scene_parameters(model, scene, engine)
    expected = fuse_array(model, scene, CpuDevice(engine), parameters)
    for name in ("rtl", "system"):
        device = open_device(name, package, engine)
        np.testing.assert_array_equal(fuse_array(model, scene, device, parameters), expected)
        device.close()


def test_command(package, pair, tmp_path):
    pan, ms = pair(height=30, width=20)
    files = []
    for options in (["--device", "rtl", "--package"], ["--model"]):
        out = tmp_path / f"{len(files)}.tif"
        assert cli.main(["fuse", str(pan), str(ms), "-o", str(out), *options, str(package.folder)]) == 0
        files.append(out.read_bytes())
    assert files[0] == files[1]


def test_beats_there_and_back():
    image = np.random.default_rng(0).integers(0, 1 << 16, (3, 4, 5))
    beats = to_beats(image)
    assert beats.shape == (20, 6)
    assert beats[6, 2:4].view("<u2") == image[1, 1, 1]
    np.testing.assert_array_equal(from_beats(beats, 4, 5), image)
