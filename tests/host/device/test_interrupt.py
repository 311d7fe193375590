"""Waiting: by an interrupt of the kernel's where there is one, never missing what raises it, never for ever."""

import os
import socket
import threading
import time

import pytest

from bitpan.host.device import interrupt
from bitpan.host.device.interrupt import Polling, UioInterrupt, board_interrupt, wait

ROWS = """           CPU0       CPU1
 29:     123456     234567     GIC-0  27 Level     arch_timer
 45:          0          0     GIC-0  61 Level     fabric
 46:          3          0     GIC-0 121 Level     logic
IPI0:          0          0  CPU wakeup interrupts
Err:          0
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """What a board's kernel shows: its interrupts, two UIO devices."""
    (tmp_path / "interrupts").write_text(ROWS)
    for number, name in enumerate(("audio", "fabric", "logic")):
        (tmp_path / f"uio/uio{number}").mkdir(parents=True)
        (tmp_path / f"uio/uio{number}/name").write_text(f"{name}\n")
        (tmp_path / f"uio{number}").touch()
    monkeypatch.setattr(interrupt, "PROCESSES", tmp_path / "interrupts")
    monkeypatch.setattr(interrupt, "UIO", tmp_path / "uio")
    monkeypatch.setattr(interrupt, "DEVICES", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("machine", "device"), [("armv7l", "uio1"), ("aarch64", "uio2")])
def test_the_boards_interrupt(kernel, monkeypatch, machine, device):
    monkeypatch.setattr("platform.machine", lambda: machine)
    found = board_interrupt()
    assert isinstance(found, UioInterrupt)
    assert os.path.samefile(kernel / device, f"/proc/self/fd/{found._file}")
    found.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        found.wait(0)


@pytest.mark.parametrize("lacking", ["interrupts", "uio", "uio1", "line", "machine"])
def test_polling_where_there_is_none(kernel, monkeypatch, lacking):
    monkeypatch.setattr("platform.machine", lambda: "x86_64" if lacking == "machine" else "armv7l")
    if lacking == "line":
        (kernel / "interrupts").write_text(ROWS.replace(" 61 ", " 62 "))
    elif lacking != "machine":
        (kernel / lacking).rename(kernel / "elsewhere")
    assert isinstance(board_interrupt(), Polling)


def test_the_line_is_enabled_for_each_wait():
    ours, kernel = socket.socketpair()
    line = UioInterrupt(ours.detach())
    for count in range(3):
        kernel.send(count.to_bytes(4, "little"))
        line.wait(60)
        assert kernel.recv(8) == b"\1\0\0\0"
    began = time.monotonic()
    line.wait(0.05)  # nothing comes
    assert time.monotonic() - began >= 0.05
    line.close()


class Line:
    """An interrupt's line, high after ``waits`` of them at the latest; what happened, in order."""

    def __init__(self, waits=10):
        self.high, self.log, self.waits = False, [], waits

    def wait(self, seconds):
        self.log.append("wait")
        assert seconds <= 0.1, "a lost interrupt costs no more"
        self.high |= self.log.count("wait") == self.waits

    def tell_off(self):
        self.log.append("off")
        self.high = False


def test_what_happens_while_it_looks_is_not_missed():
    """The line rises between the look and the wait: only what was told off before the look may be lost."""
    line, looks = Line(), iter([False, True])

    def condition():
        line.log.append("look")
        line.high = True
        return next(looks)

    assert wait(condition, 60, line, line.tell_off)
    assert line.log == ["off", "look", "wait", "off", "look"]


def test_a_condition_that_never_holds():
    line = Line()
    assert not wait(lambda: False, 0, line, line.tell_off)
    assert line.log == ["off"]
    assert not wait(lambda: False, 0.01, Polling(), lambda: None)


def test_a_lost_interrupt_is_no_lost_frame():
    ours, kernel = socket.socketpair()
    ended = threading.Event()
    threading.Timer(0.2, ended.set).start()
    assert wait(ended.is_set, 60, UioInterrupt(ours.detach()), lambda: None)
    kernel.close()
