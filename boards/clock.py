"""The core's clock from the board's, by the phase-locked loop of each family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from amaranth.hdl import Elaboratable, Module, Signal

from lifline.arch.errors import ConfigError


@dataclass(frozen=True)
class Dividers:
    """Reference, feedback and output divider; the oscillator runs ``post`` times faster than the output."""

    reference: int
    feedback: int
    post: int


@dataclass(frozen=True)
class Loop:
    """Limits of a family's phase-locked loop."""

    oscillator_hz: tuple[float, float]
    detector_hz: tuple[float, float]
    references: range
    feedbacks: range
    posts: tuple[int, ...]
    feedback_from_oscillator: bool

    def output_hz(self, input_hz: float, dividers: Dividers) -> float:
        """The frequency that the dividers make."""
        return input_hz / dividers.reference * dividers.feedback / (dividers.post if self.feedback_from_oscillator else 1)

    def dividers(self, input_hz: float, wanted_hz: float) -> Dividers:
        """The dividers whose output comes nearest to ``wanted_hz`` without exceeding it.

        Raises
        ------
        ConfigError   if no setting is within the limits.
        """
        found: list[tuple[float, Dividers]] = []
        for reference in self.references:
            detector = input_hz / reference
            if not self.detector_hz[0] <= detector <= self.detector_hz[1]:
                continue
            for post in self.posts:
                for feedback in self.feedbacks:
                    setting = Dividers(reference, feedback, post)
                    output = self.output_hz(input_hz, setting)
                    if self.oscillator_hz[0] <= output * post <= self.oscillator_hz[1] and output <= wanted_hz * (1 + 1e-9):
                        found.append((wanted_hz - output, setting))
        if not found:
            raise ConfigError(f"no setting of the clock generator makes at most {wanted_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz")
        return min(found, key=lambda f: (round(f[0]), f[1].reference, f[1].post))[1]


class ClockGenerator(Elaboratable):
    """Drives the ``sync`` domain, which the design defines, as soon as its clock is stable. Each family has its own.

    Attributes
    ----------
    hz : the frequency that it makes.   dividers : of the loop.
    resets : whether it resets the domain; else the domain has to be one without reset.
    input : the board's clock behind its pin, for a second loop; only where a family has one (see :meth:`~lifline.boards.families.family.Family.usb_clock`).
    """

    resets = False

    def __init__(self, hz: float, dividers: Dividers = Dividers(1, 1, 1)) -> None:
        self.hz, self.dividers, self.input = hz, dividers, Signal()

    @classmethod
    def by_loop(cls, loop: Loop, input_hz: float, wanted_hz: float) -> Self:
        """One that makes ``wanted_hz``, or the nearest frequency below.

        Raises
        ------
        ConfigError   if the loop cannot make it.
        """
        dividers = loop.dividers(input_hz, wanted_hz)
        return cls(loop.output_hz(input_hz, dividers), dividers)

    def elaborate(self, platform: Any) -> Module:
        raise NotImplementedError  # each family's

    def source(self, platform: Any) -> Any:
        """The pin of the board's clock."""
        return platform.request(platform.default_clk, dir="-")
