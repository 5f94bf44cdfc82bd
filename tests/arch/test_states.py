"""State names are shared: what the gateware describes is what ``arch`` lists, in its order."""

from __future__ import annotations

import pytest
from amaranth.hdl import Fragment
from amaranth.lib.wiring import Component

from lifline.arch import states
from lifline.arch.config import Config, preset
from lifline.rtl.cells.states import States
from lifline.rtl.control import sequencer
from lifline.rtl.spikes import router

TINY = preset("tiny")
MACHINES = [
    (sequencer.Sequencer, sequencer, states.WITHOUT_MAPS, TINY),
    (sequencer.Sequencer, sequencer, states.SEQUENCER, TINY.replace(map_words=16)),
    (router.Router, router, states.ROUTER, TINY),
]


def test_names_are_those_of_the_gateware() -> None:
    assert states.names(states.Router)[:2] == ("Idle", "Next") and "Drain" in states.ROUTER
    assert [machine.index(name) for machine in (states.SEQUENCER, states.ROUTER) for name in ("Idle",)] == [0, 0]
    assert states.SEQUENCER[states.Sequencer.PASS_HEAD] == "Pass-Head"


@pytest.mark.parametrize(("component", "module", "expected", "config"), MACHINES)
def test_the_gateware_describes_every_state_once(
    monkeypatch: pytest.MonkeyPatch, component: type[Component], module: object, expected: tuple[str, ...], config: Config
) -> None:
    listed, described = [], []

    class Watched(States):
        def __init__(self, m: object, *names: str) -> None:
            listed.append(names)
            super().__init__(m, *names)

        def __call__(self, name: str) -> object:
            described.append(name)
            return super().__call__(name)

    monkeypatch.setattr(module, "States", Watched)
    Fragment.get(component(config), None)
    assert listed == [expected] and sorted(described) == sorted(expected)
