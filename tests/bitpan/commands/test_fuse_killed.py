"""A scene whose run is ended at random moments, a hundred times: the same bytes, and no tile but the last twice."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

KILLS = 100
TILE, SIDE = 64, 1152
TILES = (SIDE // TILE) ** 2

PROGRAM = """
import os, sys
from bitpan import cli
from bitpan.host.device.devices import CpuDevice

frames, plain = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND), CpuDevice.fuse

def fuse(device, given):
    def counted():
        for frame in given:
            os.write(frames, b".")
            yield frame
    return plain(device, counted())

CpuDevice.fuse = fuse
print("begun", flush=True)
sys.exit(cli.main(sys.argv[2:]))
"""


class Scene:
    """One scene and its runs, all with the same command."""

    def __init__(self, folder, pair, model):
        pan, ms = pair(height=SIDE, width=SIDE)
        self.folder, self.frames = folder, folder.parent / "frames"
        self.out = folder / "OUT.tif"
        words = ["fuse", pan, ms, "-o", self.out, "--model", model, "--tile", TILE, "--threads", 1]
        self.words = [sys.executable, "-c", PROGRAM, str(self.frames), *map(str, words)]
        self.begin()

    def begin(self):
        """Take away what is finished, and forget what was computed."""
        for path in self.folder.glob("OUT*"):
            path.unlink()
        self.frames.write_bytes(b"")

    def start(self):
        process = subprocess.Popen(
            self.words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert process.stdout.readline() == "begun\n"
        return process

    def computed(self):
        return self.frames.stat().st_size

    def left(self):
        """Name and content of the outputs, and the names of all else."""
        outputs = {path.name: path.read_bytes() for path in sorted(self.folder.glob("OUT*"))}
        return outputs, {path.name for path in self.folder.iterdir()} - {"PAN.tif", "MS.tif", *outputs}


def wait_for_the_end_of(scene, process, moment):
    """Until all is computed, or the process has ended, and a little longer."""
    while scene.computed() < TILES and process.poll() is None:
        time.sleep(0.005)
    time.sleep(moment)


@pytest.mark.slow
def test_a_hundred_ends_at_random_moments(small_model, tmp_path, pair, tmp_path_factory):
    """One in three comes when the last tile is computed: the image is written then, and takes its place."""
    chance, model = random.Random(0), tmp_path_factory.mktemp("model")
    small_model.save(model)
    scene = Scene(tmp_path, pair, model)
    began = time.monotonic()
    assert scene.start().wait() == 0
    seconds = time.monotonic() - began
    good = scene.left()
    assert sorted(good[0]) == ["OUT.scene.json", "OUT.tif"] and not good[1] and scene.computed() == TILES
    scene.begin()
    codes, twice, scenes, ended = Counter(), [], 0, 0
    while codes.total() - codes[0] < KILLS:
        process, number = scene.start(), chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        if chance.random() < 1 / 3:
            wait_for_the_end_of(scene, process, chance.uniform(0, 0.4))
        else:
            time.sleep(chance.uniform(0, seconds / 2))
        process.send_signal(number)
        codes[process.wait()] += 1
        ended += 1
        outputs, others = scene.left()
        assert outputs.items() <= good[0].items() and others <= {".OUT.tif.partial"}
        if outputs.keys() == good[0].keys():  # it had finished
            assert scene.start().wait() == 0 and scene.left() == good
            twice.append(scene.computed() - TILES)
            assert twice[-1] <= ended
            scenes, ended = scenes + 1, 0
            scene.begin()
    assert scene.start().wait() == 0
    assert scene.left() == good and scene.computed() - TILES <= ended
    print(f"{KILLS} ends, exit codes {dict(codes)}; {scenes + 1} scenes of {TILES} tiles, computed twice: {twice}")
    asked = {signal.SIGTERM, signal.SIGINT}  # negative where Python itself was starting or ending
    assert codes.keys() <= {0, -signal.SIGKILL, *(128 + number for number in asked), *(-number for number in asked)}
