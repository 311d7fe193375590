"""How much faster many scenes are fused by two processes than by one.

    python benchmarks/fuse_list.py

A synthetic scene of 2,048 PAN pixels a side is fused 20 times by ``bitpan fuse --list``, one thread to a process. One
process that may use all cores reads and compresses on a second one while it computes, so it is also held to one core.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SIDE, SCENES = 2048, 20


def main() -> None:
    """Print seconds of each, and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bitpan("synth", "-o", folder, "--size", f"{SIDE}x{SIDE}")
        lines = [f"pan.tif,ms.tif,{number}.tif\n" for number in range(SCENES)]
        (folder / "scenes.csv").write_text("".join(lines))
        (folder / "warm.csv").write_text(lines[0])
        fuse(folder, "warm.csv", 1)  # compiles, and reads the scene once
        core = {min(os.sched_getaffinity(0))}
        held = fuse(folder, "scenes.csv", 1, lambda: os.sched_setaffinity(0, core))
        free = fuse(folder, "scenes.csv", 1)
        two = fuse(folder, "scenes.csv", 2)
        print(f"two processes: {held / two:.2f} times one that is held to a core, {free / two:.2f} times a free one")


def fuse(folder: Path, scenes: str, jobs: int, first: Callable[[], object] | None = None) -> float:
    """Seconds that a list takes; the function ``first`` is called in its process."""
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    options = "--jobs", jobs, "--threads", 1, "--restart"
    bitpan("fuse", "--list", folder / scenes, "-o", folder / "out", *options, first=first)
    seconds, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    computed = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    how = f"{jobs} processes" if jobs > 1 else "one process held to a core" if first else "one process"
    print(f"{scenes}, {how}: {seconds:.1f} s, {computed / seconds:.2f} cores at work")
    return seconds


def bitpan(*words: object, first: Callable[[], object] | None = None) -> None:
    """A command of bitpan, which says nothing."""
    command = [sys.executable, "-m", "bitpan.cli", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, preexec_fn=first)


if __name__ == "__main__":
    main()
