"""Options that several commands have, and what the commands need to be installed."""

import os
import subprocess
import sys

import numpy as np
import pytest

from bitpan.cli import main
from bitpan.commands import options


@pytest.mark.parametrize(
    ("words", "new"),
    [
        (["export", "net.pt", "-o", "net.onnx", "--tile", "64x64"], "--tile is called --frame HxW"),
        (["export", "--til", "64x64"], "--tile is called --frame HxW"),
        (["simulate", "package", "--tiles", "4"], "--tiles is called --frames N"),
        (["simulate", "package", "--tile=4"], "--tiles is called --frames N"),
    ],
)
def test_old_names_are_refused_in_one_line_that_names_the_new(capsys, words, new):
    assert main(words) == 1
    printed = capsys.readouterr()
    assert f"{new} since bitpan 0.2.0" in printed.err and printed.err.count("\n") == 1 and not printed.out


@pytest.mark.parametrize("command", ["train", "evaluate", "fuse"])
def test_bands_from_0_are_refused(capsys, command):
    files = {"train": ["-o", "a"], "evaluate": ["-o", "a"], "fuse": ["pan.tif", "ms.tif", "-o", "out.tif"]}
    with pytest.raises(SystemExit) as error:
        main([command, *files[command], "--bands", "0,1,2"])
    assert error.value.code == 2 and "bands count from 1 (in bitpan 0.1.0" in capsys.readouterr().err


WITHOUT = """
import sys
for name in ("torch", "brevitas", "tqdm", "h5py", "PIL", "onnx"):
    sys.modules[name] = None
from bitpan.cli import main
from bitpan.commands import options
sys.exit(main(sys.argv[1:]))
"""


def test_scenes_metrics_and_fusing_need_no_pytorch(tmp_path):
    def bitpan(*words):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, *map(str, words)], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    bitpan("synth", "-o", "scene", "--size", "64")
    bitpan("fuse", "scene/pan.tif", "scene/ms.tif", "-o", "fused.tif", "--threads", "1")
    pair = "--pan", "scene/pan.tif", "--ms", "scene/ms.tif"
    printed = bitpan("metrics", "fused.tif", "--truth", "scene/truth.tif", *pair, "--border", "8")
    values = [float(line.split()[-2]) for line in printed.splitlines() if line.startswith(("PSNR", "Q2n", "HQNR"))]
    assert len(values) == 3 and np.isfinite(values).all()


def test_threads_are_those_of_idle_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    found = {}
    for load in (0.0, 0.4, 3.2, 7.9, 30.0):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        found[load] = options.free_cores()
    assert found == {0.0: 8, 0.4: 8, 3.2: 5, 7.9: 1, 30.0: 1}
