"""State machines with one flip-flop per state: fast where much depends on the state, and a state costs no decoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_

from amaranth.hdl import Assert, Module, Signal

from .memory import Check


class States:
    """A state machine, written like ``m.FSM``.

        states = States(m, platform, "Idle", "Busy")
        with states("Idle"):
            with m.If(start):
                states.next("Busy")

    Parameters
    ----------
    platform : of ``elaborate``; a formal proof also checks that exactly one state is on, which induction needs to know.
    names : all states; the first is the initial one.
    """

    def __init__(self, m: Module, platform: object, *names: str) -> None:
        self.module, self.indices = m, {name: k for k, name in enumerate(names)}
        self.now = Signal(len(names), init=1, name="states")
        # A state's choice is zero while another state is on, so that an OR joins them: no priority between states.
        self.choices = [Signal(len(names), name=f"after_{name}") for name in names]
        m.d.sync += self.now.eq(reduce(or_, self.choices))
        if platform is Check.ASSERT:
            m.d.comb += Assert((self.now != 0) & ((self.now & (self.now - 1)) == 0))
        self.open: int | None = None

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """What happens in this state."""
        self.open = self.indices[name]
        with self.module.If(self.now[self.open]):
            self.module.d.comb += self.choices[self.open].eq(1 << self.open)
            yield
        self.open = None

    def next(self, name: str) -> None:
        """The next state; the last one that applies counts, and without any the state stays."""
        assert self.open is not None, "a next state belongs into a state"
        self.module.d.comb += self.choices[self.open].eq(1 << self.indices[name])

    def ongoing(self, name: str) -> Signal:
        """High in this state."""
        ongoing = Signal(name=f"in_{name}")
        self.module.d.comb += ongoing.eq(self.now[self.indices[name]])
        return ongoing
