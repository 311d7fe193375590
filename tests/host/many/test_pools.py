"""Processes that compute scenes, and what becomes of a scene whose process ends."""

import ast
import os
import signal
import subprocess
import sys
import time

import pytest

from bitpan.errors import ProcessError
from bitpan.host.many.pools import Processes


def gone(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for(condition):
    ends = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_each_job_is_one_process_with_its_threads():
    with Processes(2, 3) as pool:
        numbers = {pool.submit(eval, "(__import__('time').sleep(0.2), os.getpid())[1]").result() for _ in range(1)}
        numbers |= {f.result() for f in [pool.submit(eval, "__import__('os').getpid()") for _ in range(6)]}
        assert os.getpid() not in numbers and len(numbers) <= 2
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "3"
    assert all(map(gone, numbers))


def test_a_killed_process_costs_its_own_scene_alone():
    with Processes(1, 1) as pool:
        first = pool.submit(eval, "__import__('os').getpid()")
        killed = pool.submit(eval, "__import__('os').kill(__import__('os').getpid(), 9)")
        after = pool.submit(eval, "__import__('os').getpid()")
        with pytest.raises(ProcessError, match="was killed"):
            killed.result()
        assert first.result() != after.result()


def test_what_the_work_raises_is_its_futures():
    with Processes(1, 1) as pool:
        with pytest.raises(ZeroDivisionError):
            pool.submit(eval, "1 // 0").result()
        assert pool.submit(eval, "7").result() == 7


def test_an_error_in_the_block_ends_the_processes():
    with pytest.raises(KeyError), Processes(1, 1) as pool:
        number = pool.submit(eval, "__import__('os').getpid()").result()
        endless, waiting = pool.submit(time.sleep, 60), pool.submit(time.sleep, 60)
        wait_for(endless.running)
        raise KeyError
    assert gone(number) and waiting.cancelled()
    with pytest.raises(ProcessError):
        endless.result()


SCRIPT = """
import sys, time
from bitpan.host.many.pools import Processes
if __name__ == "__main__":
    with Processes(1, 1) as pool:
        hears = "__import__('signal').SIGINT not in __import__('signal').pthread_sigmask(0, [])"
        print(pool.submit(eval, f"__import__('os').getpid(), {hears}").result(), flush=True)
        pool.submit(time.sleep, 60).result()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_the_one_that_started_them(tmp_path, number):
    """Ctrl-C is heard by all processes of a terminal: nothing but the first one's trace is printed."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    run = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    worker, hears = ast.literal_eval(run.stdout.readline())
    assert not hears
    if number == signal.SIGKILL:
        run.kill()
    else:
        os.killpg(run.pid, number)
    said = run.communicate(timeout=120)[1]
    wait_for(lambda: gone(worker))
    if number == signal.SIGINT:
        assert said.count("Traceback") == 1 and "KeyboardInterrupt" in said, said
