"""State machines: what they do, how they show in waveforms, and which mistakes are refused."""

from __future__ import annotations

import gc
import io
import random
import re
from collections.abc import Callable

import pytest
from amaranth.hdl import Fragment, Module, Signal
from amaranth.sim import Simulator

from lifline.rtl.cells.states import States

NAMES = ("Idle", "Work", "Rest")
AFTER = {"Idle": {0: "Idle", 1: "Work"}, "Work": {0: "Rest", 1: "Idle"}, "Rest": {0: "Idle", 1: "Idle"}}
"""The next state by state and input."""


def machine() -> tuple[Module, Signal, States, dict[str, Signal]]:
    """A machine with a state that stays, one with a default and an exception, and one that goes on."""
    m, go = Module(), Signal()
    states = States(m, *NAMES)
    with states("Idle"):
        with m.If(go):
            states.next("Work")
    with states("Work"):
        states.next("Rest")
        with m.If(go):
            states.next("Idle")
    with states("Rest"):
        states.next("Idle")
    return m, go, states, {name: states.ongoing(name) for name in NAMES}


def test_goes_from_state_to_state_and_shows_names_in_waveforms() -> None:
    m, go, states, ongoing = machine()
    rng, seen, file = random.Random(0), ["Idle"], io.StringIO()

    async def bench(ctx):
        for _ in range(100):
            assert [name for name in NAMES if ctx.get(ongoing[name])] == seen[-1:]
            assert states.decode(ctx.get(states.now)) == seen[-1]
            choice = rng.randrange(2)
            ctx.set(go, choice)
            await ctx.tick()
            seen.append(AFTER[seen[-1]][choice])

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    with simulator.write_vcd(file):
        simulator.run()
    variable = re.search(r"\$var string 1 (\S+) now \$end", file.getvalue())
    assert variable, "the state is not shown as text"
    shown = re.findall(rf"^s(\S+) {re.escape(variable[1])}$", file.getvalue(), re.MULTILINE)
    assert shown == [name for k, name in enumerate(seen) if k == 0 or name != seen[k - 1]]


def test_a_word_with_no_state_or_two_shows_as_such() -> None:
    m, _, states, _ = machine()
    assert (states.decode(0), states.decode(5)) == ("none", "Idle+Rest")
    Fragment.get(m, None)


@pytest.mark.parametrize("awake", [False, True])
def test_a_machine_with_a_start_rests_from_its_end_to_the_next_start(awake: bool) -> None:
    """It finishes from either state; a start in the last cycle begins anew at once."""
    m, start, go = Module(), Signal(), Signal()
    states = States(m, "First", "Second", start=start, awake=awake)
    with states("First"):
        with m.If(go):
            states.next("Second")
    with states("Second"):
        with m.If(go):
            states.finish()
    rng, expected = random.Random(0), "First" if awake else "none"

    async def bench(ctx):
        nonlocal expected
        for _ in range(300):
            assert states.decode(ctx.get(states.now)) == expected
            assert ctx.get(states.busy) == (expected != "none")
            choice = rng.randrange(2)
            ends = expected == "none" or (expected == "Second" and choice)
            begins = ends and rng.randrange(2)
            ctx.set(go, choice)
            ctx.set(start, begins)
            await ctx.tick()
            expected = ("First" if begins else "none") if ends else "Second" if choice else expected

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def opened_twice(m: Module, states: States) -> None:
    for _ in range(2):
        with states("Idle"):
            states.next("Work")


def opened_within_another(m: Module, states: States) -> None:
    with states("Idle"):
        with states("Work"):
            pass


def opened_but_not_listed(m: Module, states: States) -> None:
    with states("Play"):
        pass


def next_but_not_listed(m: Module, states: States) -> None:
    with states("Idle"):
        states.next("Play")


def next_outside_any_state(m: Module, states: States) -> None:
    with states("Idle"):
        pass
    states.next("Work")


def asked_for_but_not_listed(m: Module, states: States) -> None:
    states.ongoing("Play")


def finished_without_a_start(m: Module, states: States) -> None:
    with states("Idle"):
        states.finish()


def never_described(m: Module, states: States) -> None:
    with states("Work"):
        states.next("Idle")


MISTAKES = {
    opened_twice: "state Idle is opened twice",
    opened_within_another: "state Work is opened within Idle",
    opened_but_not_listed: "state Play is not listed; the states are Idle, Work, Rest",
    next_but_not_listed: "state Play is not listed; the states are Idle, Work, Rest",
    next_outside_any_state: "state Work cannot be next: no state is open",
    asked_for_but_not_listed: "state Play is not listed; the states are Idle, Work, Rest",
    finished_without_a_start: "cannot finish: a machine without start does not rest",
    never_described: "never described: Idle, Rest",
}


def refuses(build: Callable[[], object], message: str) -> None:
    """``build`` raises, and leaves modules that nobody elaborates."""
    with pytest.raises(ValueError, match=message):
        build()
    gc.collect()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_refuses_a_machine_that_would_be_stuck(mistake: Callable[[Module, States], None]) -> None:
    def build() -> None:
        m = Module()
        mistake(m, States(m, *NAMES))
        Fragment.get(m, None)

    refuses(build, MISTAKES[mistake])


def test_a_module_may_have_several_machines() -> None:
    m = Module()
    for name in ("first", "second"):
        states = States(m, "Idle", name=name)
        with states("Idle"):
            pass
    Fragment.get(m, None)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(("names", "message"), [((), "a machine must have a state"), (("Idle", "Work", "Idle"), "listed twice: Idle")])
def test_refuses_a_list_with_repetitions_or_nothing(names: tuple[str, ...], message: str) -> None:
    refuses(lambda: States(Module(), *names), message)
