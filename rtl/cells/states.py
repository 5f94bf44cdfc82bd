"""State machines with one flip-flop per state: fast where much depends on the state, and a state costs no decoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_

from amaranth.hdl import Assert, Elaboratable, Module, Signal

from .memory import Check


class States(Elaboratable):
    """A state machine, written like ``m.FSM``; waveforms show the names of its states.

        states = States(m, "Idle", "Busy")
        with states("Idle"):
            with m.If(start):
                states.next("Busy")
        with states("Busy"):
            ...

    A submodule of ``m``, so that the last check cannot be forgotten: it comes when ``m`` is elaborated. For a formal proof there is also an
    assertion that exactly one state is on, which induction needs to know.

    Parameters
    ----------
    names : all states; the first is the initial one.
    name : of the submodule, where a module has several machines.

    Raises
    ------
    ValueError   if a state is listed twice, opened twice or within another one, or opened or next but not listed; and when the module is
        elaborated, if one was never opened: a machine in it would be stuck.
    """

    def __init__(self, m: Module, *names: str, name: str = "states") -> None:
        repeated = [state for state in dict.fromkeys(names) if names.count(state) > 1]
        if repeated or not names:
            raise ValueError(f"listed twice: {', '.join(repeated)}" if repeated else "a machine must have a state")
        self.module, self.names = m, names
        self.now = Signal(len(names), init=1, decoder=self.decode)
        # A state's choice is zero while another state is on, so that an OR joins them: no priority between states.
        self.choices = {state: Signal(len(names), name=f"after_{state}") for state in names}
        self.open: str | None = None
        self.described: set[str] = set()
        m.submodules[name] = self

    def decode(self, now: int) -> str:
        """The name of the state that is on; anything but one is a fault, and shows as what it is."""
        return "+".join(state for k, state in enumerate(self.names) if now >> k & 1) or "none"

    def position(self, state: str) -> int:
        """Number of the state's bit."""
        if state not in self.names:
            raise ValueError(f"state {state} is not listed; the states are {', '.join(self.names)}")
        return self.names.index(state)

    @contextmanager
    def __call__(self, state: str) -> Iterator[None]:
        """What happens in this state."""
        position = self.position(state)
        if state in self.described:
            raise ValueError(f"state {state} is opened twice")
        if self.open is not None:
            raise ValueError(f"state {state} is opened within {self.open}")
        self.open = state
        self.described.add(state)
        with self.module.If(self.now[position]):
            self.module.d.comb += self.choices[state].eq(1 << position)
            yield
        self.open = None

    def next(self, state: str) -> None:
        """The next state; the last one that applies counts, and without any the state stays."""
        if self.open is None:
            raise ValueError(f"state {state} cannot be next: no state is open")
        self.module.d.comb += self.choices[self.open].eq(1 << self.position(state))

    def ongoing(self, state: str) -> Signal:
        """High in this state."""
        ongoing = Signal(name=f"in_{state}")
        self.module.d.comb += ongoing.eq(self.now[self.position(state)])
        return ongoing

    def elaborate(self, platform: object) -> Module:
        missing = [state for state in self.names if state not in self.described]
        if missing:
            raise ValueError(f"never described: {', '.join(missing)}")
        m = Module()
        m.d.sync += self.now.eq(reduce(or_, self.choices.values()))
        if platform is Check.ASSERT:
            m.d.comb += Assert((self.now != 0) & ((self.now & (self.now - 1)) == 0))
        return m
