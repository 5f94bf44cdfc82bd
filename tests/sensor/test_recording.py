"""What a sensor sent can be played again, event by event, also where the recording was cut off."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lifline.arch.errors import InputError, OutputError
from lifline.sensor.event_clock import EventClock
from lifline.sensor.recording import EVENT, MAGIC, Replay, record

SOURCE: list[Any] = [np.array([[5, 0], [17, 3], [12, 1]]), (-40, 2), 90, np.zeros((0, 2), np.int64), 95, np.array([[99, 1]])]


def rows(source: Any) -> tuple[list, str]:
    clock = EventClock(10, 4, origin_us=0, slack_us=5)
    return np.concatenate(list(clock.steps(source))).tolist(), repr(clock)


def test_a_replay_gives_the_same_steps(tmp_path: Path) -> None:
    path = tmp_path / "events.lif"
    live = rows(record(SOURCE, path))
    assert live == rows(SOURCE) == rows(Replay(path)) == rows(Replay(path, speed=1e6))
    for play in (lambda file: file, Replay):
        with path.open("rb") as file:
            assert rows(play(file)) == live
    assert path.stat().st_size == len(MAGIC) + 7 * EVENT.itemsize


def test_what_was_passed_on_is_in_the_file_whatever_comes_next(tmp_path: Path) -> None:
    path = tmp_path / "events.lif"
    source = record(SOURCE, path)
    next(source)
    assert [item.tolist() for item in Replay(path)] == [[[5, 0], [17, 3], [12, 1]]]


def test_a_recording_that_was_cut_off_gives_its_whole_events(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events.lif"
    list(record(SOURCE, path))
    path.write_bytes(path.read_bytes()[:-5])
    assert len(list(Replay(path))) == 3 and "7 of 12 bytes are left out" in caplog.text


def test_a_replay_keeps_the_recording_s_pace(tmp_path: Path) -> None:
    path = tmp_path / "events.lif"
    list(record([np.array([[0, 0], [100_000, 1], [200_000, 1]])], path))
    began = time.monotonic()
    parts = [(time.monotonic() - began, item.tolist()) for item in Replay(path, speed=2)]
    assert [p for _, p in parts] == [[[0, 0]], [[100_000, 1]], [[200_000, 1]]]
    assert parts[1][0] >= 0.05 and parts[2][0] >= 0.1


@pytest.mark.parametrize(
    ("source", "message"),
    [(io.BytesIO(b"RIFF...."), "no recording of events"), (io.BytesIO(b""), "no recording"), ("/nowhere/at/all", "cannot be read"), (3, "cannot be read")],
)
def test_what_is_no_recording_is_refused(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(Replay(source))


@pytest.mark.parametrize("speed", [-1, float("inf"), "fast", float("nan")])
def test_a_speed_that_is_none_is_refused(speed: Any) -> None:
    with pytest.raises(InputError, match="speed"):
        Replay("x", speed=speed)


@pytest.mark.parametrize("item", ["abc", (1, -1), np.zeros((2, 3), np.int64), 1.5, (0, 1 << 32), (0, 0xFFFFFFFF)])
def test_what_is_no_event_is_not_recorded(tmp_path: Path, item: Any) -> None:
    with pytest.raises(InputError):
        list(record([item], tmp_path / "x"))


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        list(record(SOURCE, tmp_path / "none" / "x"))
    if Path("/dev/full").exists():
        with pytest.raises(OutputError, match="cannot be written.*No space"):
            list(record(SOURCE, "/dev/full"))


def test_no_file_is_touched_for_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"kept")
    with pytest.raises(InputError, match="3 gives no events"):
        list(record(cast(Any, 3), tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == b"kept"


def test_a_pipe_is_played_as_it_comes() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sensor:
        sensor.write(MAGIC + np.array([(7, 2), (9, 0)], EVENT).tobytes())
        assert next(iter(Replay(source))).tolist() == [[7, 2], [9, 0]]


def test_a_file_that_does_not_wait_is_refused() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sensor:
        sensor.write(MAGIC)
        with pytest.raises(InputError, match="open it in blocking mode"):
            list(Replay(source))
