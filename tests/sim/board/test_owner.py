"""Ownership alone: who is let in, who is refused, and what close() waits for. Devices are in `tests/driver/test_threads.py`."""

from __future__ import annotations

import os
import threading
import time

import pytest

from lifline.arch.errors import DeviceError, LinkError
from lifline.sim.board.owner import Owner, check_process


def test_one_use_after_another_whatever_they_raise() -> None:
    owner = Owner("thing")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), owner.use("work"):
            assert owner.doing == "work" and owner.mine
            raise ZeroDivisionError
        assert owner.doing == "" and not owner.mine


def test_a_use_within_a_use_is_refused() -> None:
    owner = Owner("thing")
    with owner.use("outer"):
        with pytest.raises(DeviceError, match=f"thing is in use by thread `{threading.current_thread().name}`, for outer"), owner.use("inner"):
            raise AssertionError
        assert owner.doing == "outer", "the outer one goes on"


def test_interrupts_reach_the_use_under_way_and_no_later_one() -> None:
    owner = Owner("thing")
    owner.interrupt()
    with owner.use("first"):
        assert not owner.stop.is_set()
        owner.interrupt()
        assert owner.stop.is_set()
    with owner.use("second"):
        assert not owner.stop.is_set()


def test_close_waits_for_the_use_that_it_interrupts() -> None:
    owner, inside, order = Owner("thing"), threading.Event(), []

    def work() -> None:
        with owner.use("work"):
            inside.set()
            assert owner.stop.wait(60)
            time.sleep(0.05)
            order.append("ended")

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert inside.wait(60)
    assert owner.close(60)
    order.append("closed")
    worker.join(60)
    assert order == ["ended", "closed"]
    with pytest.raises(LinkError, match="thing is closed; open it again"), owner.use("more"):
        raise AssertionError
    assert owner.close(0)


def test_close_from_within_or_of_what_hangs_says_that_it_is_still_used() -> None:
    owner, inside, end = Owner("thing"), threading.Event(), threading.Event()

    def work() -> None:
        with owner.use("work"):
            inside.set()
            assert end.wait(60)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert inside.wait(60)
    assert not owner.close(0.01)
    end.set()
    worker.join(60)
    other = Owner("other")
    with other.use("work"):
        assert not other.close(60) and other.stop.is_set()


@pytest.mark.parametrize("forks", [False, True])
def test_a_process_that_did_not_open_it_is_refused_unless_copies_are_as_good(monkeypatch: pytest.MonkeyPatch, forks: bool) -> None:
    owner, opener = Owner("thing"), os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: opener + 1)
    if forks:
        with owner.use("work", forks=True):
            assert owner.mine
        return
    message = f"thing was opened by process {opener}, this is process {opener + 1}, a fork of it; open the device again here"
    with pytest.raises(LinkError, match=message), owner.use("work"):
        raise AssertionError
    with pytest.raises(LinkError, match=message):
        check_process("thing", opener)
