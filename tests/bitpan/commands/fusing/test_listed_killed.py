"""A list of scenes, killed at random moments: whoever goes on comes to the same bytes."""

import os
import random
import signal
import subprocess
import time
from collections import Counter

import pytest

from scene_lists import images, summary

KILLS = 10


@pytest.mark.slow
def test_ten_kills_at_random_moments(pairs, start_list, tmp_path):
    source, out, chance = pairs(6, 1024, 768), tmp_path / "out", random.Random(0)
    options = "--jobs", 2, "--tile", 32, "--one-scene"

    def run():
        return start_list(source, *options, said=subprocess.DEVNULL)  # of a pipe that nobody empties it waits

    def clear():
        for path in out.iterdir():
            path.unlink()

    began = time.monotonic()
    assert run().wait() == 0
    seconds, good = time.monotonic() - began, images(out)
    assert len(good) == 2 * 6 + 1
    clear()
    kept, killed, finished = Counter(), 0, 0
    while killed < KILLS:
        began, process = time.monotonic(), run()
        try:
            process.wait(chance.uniform(0.2, 0.7) * seconds)
            assert process.returncode == 0 and images(out) == good  # it was faster than the kill
            seconds = time.monotonic() - began
            finished += 1
            clear()
        except subprocess.TimeoutExpired:
            whole = chance.random() < 0.5  # or the first process alone, after which the others end by themselves
            os.killpg(process.pid, signal.SIGKILL) if whole else process.kill()
            killed += 1
            for name, content in images(out).items():
                assert content == good[name]
                kept[name] += 1
        process.wait()
    assert run().wait() == 0 and images(out) == good
    states = Counter(row["state"] for row in summary(out).values())
    print(f"{KILLS} kills, {finished} times it was faster; outputs that were there after a kill: {sum(kept.values())}")
    print(f"the last run: {dict(states)}")
