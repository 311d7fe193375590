"""SIGTERM and SIGHUP interrupt a run as Ctrl-C does; what must not be torn is not."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from bitpan.signals import Ended, exit_code, held, interrupting

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def foreground():
    """Signals have the effect that they have where a shell has not started the tests in the background."""
    previous = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_interrupts_and_says_which(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as error, interrupting():
        os.kill(os.getpid(), number)
    assert exit_code(error.value) == 128 + number
    assert signal.getsignal(number) == before


def test_a_repeated_sigterm_does_not_tear_the_cleaning_up():
    cleaned = []
    with pytest.raises(Ended), interrupting():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            with contextlib.suppress(OSError):
                try:
                    raise FileNotFoundError
                finally:
                    os.kill(os.getpid(), signal.SIGTERM)
            cleaned.append(True)
    assert cleaned


def test_a_sigterm_that_somebody_swallows_does_not_make_deaf():
    """As libraries do that try what they may import."""
    swallowed = []
    with pytest.raises(Ended), interrupting():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException as error:
            swallowed.append(error)
        os.kill(os.getpid(), signal.SIGTERM)
        swallowed.append("deaf")
    assert len(swallowed) == 1


@pytest.mark.parametrize("number", ENDING)
def test_a_held_signal_waits(number):
    done = []
    with pytest.raises(KeyboardInterrupt) as error, interrupting():
        with held() as noted:
            with held() as inner:
                os.kill(os.getpid(), number)
                assert inner == [number]
            assert noted == [number]
            done.append(True)
        done.append(False)
    assert done == [True] and exit_code(error.value) == 128 + number


def test_a_second_ctrl_c_does_not_wait():
    done = []
    with pytest.raises(KeyboardInterrupt), held():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            done.append(True)
    assert len(done) == 1


def test_what_is_ignored_stays_ignored():
    """As SIGHUP is under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interrupting(), held() as noted:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not noted


def test_another_thread_may_use_it():
    done = []

    def work():
        with interrupting(), held():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done


COMMAND = """
import sys, time, types
from pathlib import Path
from bitpan import cli
from bitpan.files import partial

def run(arguments):
    with partial(Path(sys.argv[1])) as new:
        new.write_text("half")
        print("writing", flush=True)
        time.sleep(60)

sys.modules["bitpan.commands.fuse"] = types.SimpleNamespace(add_arguments=lambda parser: None, run=run)
sys.exit(cli.main(["fuse"]))
"""


@pytest.mark.parametrize("number", ENDING)
def test_every_command_cleans_up_and_says_by_which_signal_it_ended(tmp_path, number):
    words = [sys.executable, "-c", COMMAND, str(tmp_path / "a")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    process.send_signal(number)
    assert process.communicate()[1] == "bitpan fuse: interrupted; nothing was half-written\n"
    assert process.returncode == 128 + number and not os.listdir(tmp_path)
