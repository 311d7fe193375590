"""A scene whose run is ended at random moments, a hundred times: the same bytes, and no tile but the last two twice."""

import os
import random
import signal
import threading
import time
from collections import Counter

import pytest
from tqdm import tqdm

from bitpan import cli
from bitpan.host.device.devices import CpuDevice

KILLS = 100
TILE, SIDE = 64, 512
TILES = (SIDE // TILE) ** 2


class Scene:
    """One scene and its runs, all with the same command, each in a process of its own."""

    def __init__(self, folder, pair, model):
        pan, ms = pair(height=SIDE, width=SIDE)
        self.folder, self.frames = folder, folder.parent / "frames"
        self.out = folder / "OUT.tif"
        words = ["fuse", pan, ms, "-o", self.out, "--model", model, "--tile", TILE, "--threads", 1]
        self.words = [str(word) for word in words]
        self.begin()

    def begin(self):
        """Take away what is finished, and forget what was computed."""
        for path in self.folder.glob("OUT*"):
            path.unlink()
        self.frames.write_bytes(b"")

    def start(self):
        """The process's number. It inherits what is loaded, and ends without Python's own cleaning up."""
        ending = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)  # until the child hears them: pytest's own code would, there
        child = os.fork()
        if child:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
            return child
        code = 99
        try:
            tqdm.set_lock(threading.RLock())  # its own is shared with those that are killed while they hold it
            for number in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            for number in ending:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
            plain, log = CpuDevice.fuse, os.open(self.frames, os.O_WRONLY | os.O_APPEND)

            def counted(frames):
                for frame in frames:
                    os.write(log, b".")
                    yield frame

            CpuDevice.fuse = lambda device, frames: plain(device, counted(frames))
            code = cli.main(self.words)
        except KeyboardInterrupt:  # before the command hears of it, or after
            code = 128 + signal.SIGINT
        finally:
            os._exit(code)

    def finished(self):
        """Whether a run from here to the end ends well."""
        return os.waitpid(self.start(), 0)[1] == 0

    def computed(self):
        return self.frames.stat().st_size

    def left(self):
        """Name and content of the outputs, and the names of all else."""
        outputs = {path.name: path.read_bytes() for path in sorted(self.folder.glob("OUT*"))}
        return outputs, {path.name for path in self.folder.iterdir()} - {"PAN.tif", "MS.tif", *outputs}


def ended(scene, process, number, moment):
    """End a process a little later, where that is None when all is computed; its exit code, negative of a signal."""
    code = None
    while code is None and scene.computed() < TILES and moment is None:
        time.sleep(0.002)
        child, status = os.waitpid(process, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if child else None
    if code is None:
        time.sleep(random.uniform(0, 0.1) if moment is None else moment)
        os.kill(process, number)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return code


@pytest.mark.slow
def test_a_hundred_ends_at_random_moments(small_model, tmp_path, pair, tmp_path_factory):
    """One in three comes when the last tile is computed: the image is written then, and takes its place."""
    chance, model = random.Random(0), tmp_path_factory.mktemp("model")
    small_model.save(model)
    scene = Scene(tmp_path, pair, model)
    cli.main([*scene.words[:-4], "--tile", "256", "--threads", "1"])  # loads what the processes inherit
    scene.begin()
    began = time.monotonic()
    assert scene.finished()
    seconds = time.monotonic() - began
    good = scene.left()
    assert sorted(good[0]) == ["OUT.scene.json", "OUT.tif"] and not good[1] and scene.computed() == TILES
    scene.begin()
    codes, twice, kills = Counter(), [], 0
    while codes.total() - codes[0] < KILLS:
        moment = None if chance.random() < 1 / 3 else chance.uniform(0, seconds / 2)
        codes[ended(scene, scene.start(), chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]), moment)] += 1
        kills += 1
        outputs, others = scene.left()
        assert outputs.items() <= good[0].items() and others <= {".OUT.tif.partial"}
        if outputs.keys() == good[0].keys():  # it had finished
            assert scene.finished() and scene.left() == good
            twice.append(scene.computed() - TILES)
            assert twice[-1] <= 2 * kills  # the one that is computed, and the next
            kills = 0
            scene.begin()
    assert scene.finished() and scene.left() == good and scene.computed() - TILES <= 2 * kills
    print(f"{KILLS} ends, exit codes {dict(codes)}; {len(twice) + 1} scenes of {TILES} tiles, computed twice: {twice}")
    killed = -signal.SIGKILL, -signal.SIGTERM  # SIGTERM kills before the command hears of it, and after
    assert codes.keys() <= {0, *killed, 128 + signal.SIGTERM, 128 + signal.SIGINT}
