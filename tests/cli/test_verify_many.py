"""A campaign in parts reports what one in one piece does, and a part that fails is no success."""

from __future__ import annotations

import shutil

import pytest

from lifline.arch.errors import ConfigError, DeviceError, InputError
from lifline.cli import verify_many as module
from lifline.cli.verify import verify_random
from lifline.cli.verify_many import verify_many
from lifline.explore.engine import Engine


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("inject", [None, "weight"])
def test_parts_together_are_the_whole(inject: str | None) -> None:
    whole = verify_random("tiny", 7, 40, inject, lambda: None)
    ended: list[int] = []
    with Engine(workers=0) as engine:
        assert verify_many("tiny", 7, 40, inject, engine, ended.append, part=3) == whole
    assert ended == [3, 3, 1] and bool(whole["differences"]) == (inject is not None)


def test_a_part_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise OSError("no such machine")

    monkeypatch.setattr(module, "verify_random", broken)
    with Engine(workers=0) as engine, pytest.raises(DeviceError, match=r"programs 3 to 5 could not be verified \(OSError: no such machine\).*--random 3 --seed 3"):
        verify_many("tiny", 6, 3, None, engine, part=3)


def test_what_cannot_be_asked_for_is_refused_before_anything_runs() -> None:
    with Engine(workers=0) as engine:
        with pytest.raises(ConfigError):
            verify_many("nothing", 6, 3, None, engine)
        with pytest.raises(InputError):
            verify_many("tiny", 6, 3, "luck", engine)
