"""``bitpan fuse --list --scheduler``: on a Dask cluster the same bytes, whatever becomes of a worker."""

import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from scene_lists import images, summary

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'bitpan[dask]'")


@pytest.fixture
def expected(pairs, fuse_list, tmp_path):
    """A folder of pairs, and the outputs of this machine alone, which are gone again."""

    def make(*size):
        source, out = pairs(*size), tmp_path / "out"
        assert fuse_list(source, "--tile", 32) == 0
        good = images(out)
        for path in out.iterdir():
            path.unlink()
        return source, good

    return make


def test_a_local_cluster_gives_the_same_bytes(expected, fuse_list, tmp_path, monkeypatch):
    source, good = expected(4)
    (source / "2_ms.tif").write_bytes(b"II*\0")
    good = {name: content for name, content in good.items() if not name.startswith("2")}
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        assert fuse_list(source, "--tile", 32, "--scheduler", cluster.scheduler_address) == 1
    assert images(tmp_path / "out") == good
    assert [row["state"] for row in summary(tmp_path / "out").values()] == ["fused", "fused", "failed", "fused"]


def test_a_worker_may_have_a_device_of_its_own(pairs, fuse_list, tmp_path, monkeypatch):
    monkeypatch.setenv("BITPAN_DEVICE", "rtl")  # the worker inherits it
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        assert fuse_list(pairs(1), "--scheduler", cluster.scheduler_address) == 1
    assert "device rtl needs the folder" in summary(tmp_path / "out")["0"]["reason"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "here"])
def test_a_scheduler_that_is_not_there_is_told(pairs, fuse_list, capsys, address):
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        assert fuse_list(pairs(1), "--scheduler", address) == 1
    assert f"no Dask scheduler answers at {address}" in capsys.readouterr().err


@contextmanager
def process(*words):
    run = subprocess.Popen([sys.executable, "-m", "dask", *map(str, words)], stderr=subprocess.DEVNULL)
    try:
        yield run
    finally:
        run.kill()
        run.wait()


def test_the_scene_of_a_killed_worker_is_done_by_another(expected, start_list, tmp_path):
    """Scheduler and workers are processes of their own; one is killed in the middle of a scene."""
    source, good = expected(4, 512, 512)
    address, out = tmp_path / "scheduler.json", tmp_path / "out"
    words = "--scheduler-file", address, "--no-dashboard"
    worker = "worker", *words, "--nthreads", 1, "--no-nanny", "--host", "127.0.0.1"
    with ExitStack() as stack:
        stack.enter_context(process("scheduler", *words, "--host", "127.0.0.1", "--port", 0))
        workers = {run.pid: run for run in (stack.enter_context(process(*worker)) for _ in range(2))}
        with distributed.Client(scheduler_file=str(address), timeout=30) as client:
            client.wait_for_workers(2, timeout=30)
            scheduler = client.scheduler.address
        run = start_list(source, "--tile", 32, "--scheduler", scheduler)
        victim = None
        while victim is None:
            assert run.poll() is None, run.communicate()
            victim = next(filter(None, map(at_work, out.glob(".*.partial/lock"))), None)
        workers[victim].kill()
        said, wrong = run.communicate(timeout=120)
        assert run.returncode == 0, said + wrong
        assert workers[victim].wait() == -9 and all(run.poll() is None for pid, run in workers.items() if pid != victim)
    assert images(out) == good and len(good) == 8
    assert any("going on after" in row["notes"] for row in summary(out).values())


def at_work(lock):
    """The process that has finished some of a scene's tiles, by the scene's lock."""
    try:
        tiles = lock.with_name("tiles").stat().st_size
        return int(lock.read_text().split()[1]) if tiles > 20_000 else None
    except (OSError, IndexError, ValueError):
        time.sleep(0.01)
        return None
