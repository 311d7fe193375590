"""Whole scenes through driver, IP core and memory: the CPU's bits, and at the pace of the accelerator alone."""

import numpy as np
import pytest
import zynq7

from bitpan.errors import DeviceError
from bitpan.host.device.devices import CpuDevice, open_device
from bitpan.host.device.fpga import FpgaDevice
from bitpan.host.engine.engine import CompiledEngine
from bitpan.host.scene.parameters import compute_scene_parameters
from bitpan.host.scene.scene import array_scene
from bitpan.host.scene.tiles import plan_tiles
from bitpan.host.stream import fuse_array
from bitpan.hw.simulate.memory import ADDRESS_AFTER_DATA, DATA_AFTER_ADDRESS, Behaviour, Memory
from bitpan.hw.simulate.system import System
from bitpan.model import execute

SIZE = 512


@pytest.fixture(scope="module")
def scene(model):
    rng = np.random.default_rng(0)
    pan, ms = (rng.integers(0, 2048, shape) for shape in ((1, SIZE, SIZE), (model.bands, SIZE // 4, SIZE // 4)))
    return array_scene(model, pan, ms)


def fused(package, scene, parameters, behaviour=None):
    """The scene, the clocks it took, and the most that the accelerator alone is estimated to take."""
    with System(package, behaviour) as system:
        device = FpgaDevice(package, system, timeout=60)
        plan = plan_tiles(package.model, SIZE, SIZE, device.largest)
        began = system.simulation.cycle
        found = fuse_array(package.model, scene, device, parameters)
        clocks = system.simulation.cycle - began
    return found, clocks, sum(package.clocks(*tile.frame[2:])[1] for tile in plan)


def test_a_scene_in_strips_at_the_accelerators_pace(package, model, scene):
    """Clocks within 5 % of those of the compute; less than 5 % of them go into waiting for the board's memory."""
    engine = CompiledEngine(model, 2)
    parameters = compute_scene_parameters(model, scene, engine)
    expected = fuse_array(model, scene, CpuDevice(engine), parameters)
    result, clocks, estimate = fused(package, scene, parameters)
    np.testing.assert_array_equal(result, expected)
    assert estimate <= clocks < 1.05 * estimate
    result, ideal, _ = fused(package, scene, parameters, Behaviour())
    np.testing.assert_array_equal(result, expected)
    assert ideal <= clocks < 1.05 * ideal


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(latency=20, jitter=100, pauses=100, reorder=True, order=ADDRESS_AFTER_DATA),
        Behaviour(latency=50, jitter=30, pauses=30, reorder=True, order=DATA_AFTER_ADDRESS, most=2),
    ],
)
def test_a_scene_through_the_pins_of_a_zynq7(package, model, tmp_path, behaviour):
    """By the top that the open tools take, whose processor's twin knows AXI3's rules."""
    rng = np.random.default_rng(1)
    pan, ms = (rng.integers(0, 2048, shape) for shape in ((1, 64, 80), (model.bands, 16, 20)))
    scene, engine = array_scene(model, pan, ms), CompiledEngine(model, 1)
    parameters = compute_scene_parameters(model, scene, engine)
    with System(package, behaviour, around=(zynq7.sources(package.sources, tmp_path), zynq7.TOP)) as system:
        result = fuse_array(model, scene, FpgaDevice(package, system), parameters)
    np.testing.assert_array_equal(result, fuse_array(model, scene, CpuDevice(engine), parameters))


def test_the_device_waits_for_simulated_time_alone(package, make_frames):
    frames, (scene, *_) = make_frames(2)
    device = open_device("system", package, None)
    device.load_scene(scene)
    fused = device.fuse((inputs["pan"], inputs["ms"]) for inputs in frames)
    np.testing.assert_array_equal(next(fused), execute(package.model, frames[0], scene))
    Memory(device._system.simulation, Behaviour(rate=0))
    with pytest.raises(DeviceError, match="no beat moved until the time-out"):
        list(fused)
    device.close()


def test_a_memory_too_slow_is_seen(package, make_frames):
    """At an eighth of the bus a frame takes as long as its bytes take, and is right."""
    (inputs, *_), (scene, *_) = make_frames(1, (256, 48))
    with System(package, Behaviour(latency=50, rate=128)) as system:
        device = FpgaDevice(package, system)
        device.load_scene(scene)
        began = system.simulation.cycle
        (result,) = device.fuse([(inputs["pan"], inputs["ms"])])
        clocks, moved = system.simulation.cycle - began, system.memory.moved
    np.testing.assert_array_equal(result, execute(package.model, inputs, scene))
    assert clocks >= 8 * sum(moved) > 2 * package.clocks(256, 48)[0]
