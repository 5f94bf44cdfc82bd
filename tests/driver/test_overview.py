"""What `lifline boards` shows: written down where it takes long to find out, and true."""

from __future__ import annotations

import pytest

from lifline.arch.config import preset
from lifline.boards import memories
from lifline.boards.board import BOARDS
from lifline.driver import overview


def test_what_is_written_down_is_true() -> None:
    assert overview.known() == memories.written(), "python -m lifline.driver.overview"


def test_boards_are_shown_without_elaborating_or_measuring_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(memories, "memories", never)
    monkeypatch.setattr(overview, "measure_r256", never)
    rows = {row["board"]: row for row in overview.overview()}
    assert rows.keys() == BOARDS.keys()
    assert (rows["icebreaker"]["takes"]["block_ram"], rows["icebreaker"]["takes"]["spram"]) == (29, 4)
    assert rows["ulx3s-25f"]["holds"] == {"weights": 65536, "neurons": 1024, "inputs": 4096, "max_delay": 63}
    assert [name for name, row in rows.items() if row["r256"] is None] == ["tang-nano-9k", "tang-nano-20k", "gatemate-a1-evb"]


def test_rates_follow_clock_and_line() -> None:
    layer = overview.r256(preset("small"))
    assert layer is not None
    row = overview.board_row("icebreaker", BOARDS["icebreaker"])
    assert row["r256"] == {"core": 30e6 / layer["cycles"], "link": 100_000 / layer["bytes"]} and layer["bytes"] > overview.SIZE / 8


def test_a_configuration_that_is_not_written_down_is_looked_at() -> None:
    mine = preset("tiny").replace(weight_words=1024)
    assert memories.name_of(mine, "ecp5") not in memories.written()["memories"]
    assert memories.written_memories(mine, "ecp5") == memories.memories(mine, "ecp5") != memories.written_memories(preset("tiny"), "ecp5")
