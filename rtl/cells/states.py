"""State machines with one flip-flop per state: fast where much depends on the state, and a state costs no decoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_

from amaranth.hdl import Assert, Elaboratable, Module, Signal, Value

from .memory import Check


class States(Elaboratable):
    """A state machine, written like ``m.FSM``; waveforms show the names of its states::

        states = States(m, "Idle", "Busy")
        with states("Idle"):
            with m.If(start):
                states.next("Busy")
        with states("Busy"):
            ...

    A submodule of ``m``, so that the last check cannot be forgotten: it comes when ``m`` is elaborated. For a formal proof there is also an
    assertion that exactly one state is on, or at most one in a machine that rests, which induction needs to know.

    Parameters
    ----------
    names : all states; the first is the initial one.
    name : of the submodule, where a module has several machines.
    start : if given, the machine rests, with no state on, from :meth:`finish` until ``start`` turns the first state on; so several machines
        that work in turn take no flip-flop for waiting. Never high but at rest or in the last cycle of a state that finishes.
    awake : begin in the first state and not at rest; only with ``start``.

    Raises
    ------
    ValueError   if a state is listed twice, opened twice or within another one, or opened or next but not listed; and when the module is
        elaborated, if one was never opened: a machine in it would be stuck.
    """

    def __init__(self, m: Module, *names: str, name: str = "states", start: Value | None = None, awake: bool = False) -> None:
        repeated = [state for state in dict.fromkeys(names) if names.count(state) > 1]
        if repeated or not names:
            raise ValueError(f"listed twice: {', '.join(repeated)}" if repeated else "a machine must have a state")
        self.module, self.names, self.start = m, names, start
        self.now = Signal(len(names), init=start is None or awake, decoder=self.decode)
        # A state's choice is zero while another state is on, so that an OR joins them: no priority between states.
        self.choices = {state: Signal(len(names), name=f"after_{state}") for state in names}
        self.open: str | None = None
        self.described: set[str] = set()
        m.submodules[name] = self

    def decode(self, now: int) -> str:
        """The name of the state that is on; several are a fault, and so is none without rest: both show as what they are."""
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

    def finish(self) -> None:
        """After this state, rest."""
        if self.open is None or self.start is None:
            raise ValueError("cannot finish: " + ("no state is open" if self.start is not None else "a machine without start does not rest"))
        self.module.d.comb += self.choices[self.open].eq(0)

    def ongoing(self, state: str) -> Signal:
        """High in this state."""
        ongoing = Signal(name=f"in_{state}")
        self.module.d.comb += ongoing.eq(self.now[self.position(state)])
        return ongoing

    @property
    def busy(self) -> Value:
        """High in any state: not at rest."""
        return self.now.any()

    def elaborate(self, platform: object) -> Module:
        missing = [state for state in self.names if state not in self.described]
        if missing:
            raise ValueError(f"never described: {', '.join(missing)}")
        m, following = Module(), Signal(len(self.names))
        m.d.comb += following.eq(reduce(or_, self.choices.values()))
        m.d.sync += self.now.eq(following if self.start is None else following | self.start)
        if platform is Check.ASSERT:
            m.d.comb += Assert((self.now & (self.now - 1)) == 0)
            m.d.comb += Assert(self.now != 0) if self.start is None else Assert(~self.start | (following == 0))
        return m
