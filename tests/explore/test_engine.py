"""Pieces of work in this process and in others; a failure is its own piece's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lifline.arch.errors import InputError
from lifline.explore.engine import Engine


def half(shared: int, item: int) -> float:
    if item == 3:
        raise InputError("three is odd")
    return shared / item


ITEMS = (1, 0, 3, 4)
ENDED = {1: (8.0, None), 0: (None, "ZeroDivisionError: division by zero"), 3: (None, "InputError: three is odd"), 4: (2.0, None)}


def test_in_this_process_one_after_the_other() -> None:
    with Engine(workers=0) as engine:
        assert engine.width == 1
        done = list(engine.run(half, engine.share(8), ITEMS))
    assert [d.item for d in done] == list(ITEMS)
    assert {d.item: (d.value, d.failure) for d in done} == ENDED


def test_the_next_item_can_be_made_of_what_has_ended() -> None:
    seen: list[float] = []

    def items() -> Iterator[int]:
        yield 1
        while len(seen) < 4:
            yield int(seen[-1]) * 2

    with Engine(workers=0) as engine:
        for done in engine.run(lambda shared, item: item, None, items()):
            seen.append(done.value)
    assert seen == [1, 2, 4, 8]


def test_in_processes_of_a_cluster_and_through_its_address() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", protocol="tcp") as cluster:
        with Engine(cluster.scheduler_address) as engine:
            assert engine.width == 1
            done = list(engine.run(half, engine.share(8), ITEMS))
    assert {d.item: (d.value, d.failure) for d in done} == ENDED


def test_a_scheduler_that_does_not_answer_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("lifline.explore.engine.CONNECT_S", 0.2)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at `tcp://127.0.0.1:1`"):
        Engine("tcp://127.0.0.1:1")
