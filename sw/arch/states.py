"""States of the machines that the gateware and the cycle model both have: the names in waveforms, and the model's numbers.

A member's place is its number in the model and its bit in the gateware; the first one is the initial state.
"""

from __future__ import annotations

import enum


class Sequencer(enum.IntEnum):
    """A run, window by window, and in it pass by pass."""

    IDLE = 0
    """no run"""
    CLEAR = 1
    """rings are cleared, a word per cycle"""
    WINDOW = 2
    """a run starts: is there a window at all?"""
    WAIT = 3
    """until a window's input is there and due"""
    DECODE = 4
    """an instruction's first word"""
    ADVANCE = 5
    """END: the first word of a ring, whose head moves by a window"""
    SKIP = 6
    """END: the second word of a ring"""
    END = 7
    """a window has ended: exit, or another one"""
    PASS_RING = 8
    """PASS: the address of its ring"""
    PASS_WEIGHTS = 9
    """PASS: the address of its weights"""
    PASS_HEAD = 10
    """the ring's first word: the first scan starts"""
    PASS_START = 11
    """the pass's own words are known to every engine"""
    POPULATION = 12
    """words of the population that is updated, and of its rings"""
    LOAD = 13
    """the update fetches its first micro-operation"""
    ACCUMULATE = 14
    """phase A, also while the update waits for something"""
    RESUME = 15
    """after a pass that does not update: reads the next instruction"""
    UPDATE = 16
    """phase B"""
    SETTLE = 17
    """after the last step: until spikes are routed, records sent and counts final"""
    COUNTERS = 18
    """the population's counters are added to what memory holds"""
    PASS_WALK = 19
    """MAPPED_PASS and GATHER_PASS, between PASS_HEAD and PASS_START: its further words, one per cycle"""
    REPEAT = 20
    """REPEAT: goes back for another step, or on"""


class Router(enum.IntEnum):
    """The spike words of one step, destination by destination: the host, if it gets them, and every ring."""

    IDLE = 0
    NEXT = 1
    """the next destination, if there is one"""
    ROUTE = 2
    """a word: into a ring with one delay, or to those that look up the delays of its spikes, or its header to the host; meanwhile the next word is read"""
    RECORD = 3
    """sends the word itself to the host"""
    DRAIN = 4
    """until the last spikes are in the ring"""


def names(machine: type[enum.IntEnum]) -> tuple[str, ...]:
    """As the gateware calls them: ``PASS_RING`` is ``Pass-Ring``."""
    return tuple(state.name.title().replace("_", "-") for state in machine)


SEQUENCER = names(Sequencer)
WITHOUT_MAPS = tuple(state for state in SEQUENCER if state != "Pass-Walk")
"""States of the sequencer in configurations without maps."""
ROUTER = names(Router)
