"""A list of scenes, killed at random moments: whoever goes on comes to the same bytes."""

import os
import random
import signal
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
        return start_list(source, *options)

    began = time.monotonic()
    assert run().wait() == 0
    seconds, good = time.monotonic() - began, images(out)
    kept, killed, begun_anew = Counter(), 0, 0
    for path in out.iterdir():
        path.unlink()
    while killed < KILLS:
        process = run()
        time.sleep(chance.uniform(0.3, 0.6) * seconds)
        whole = chance.random() < 0.5  # or the first process alone, after which the others end by themselves
        os.killpg(process.pid, signal.SIGKILL) if whole else process.kill()
        if process.wait() == 0:  # it had finished
            assert images(out) == good
            begun_anew += 1
            for path in out.iterdir():
                path.unlink()
            continue
        killed += 1
        process.communicate()
        for name, content in images(out).items():
            assert content == good[name]
            kept[name] += 1
    last = run()
    last.communicate()
    assert last.returncode == 0 and images(out) == good
    notes = " ".join(row["notes"] + row["state"] for row in summary(out).values())
    print(f"{KILLS} kills, {begun_anew} times finished before; at the last: {notes}")
    assert len(good) == 13 and kept
