"""The host's address map and register table, written once."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .records import MAX_STEPS_PER_RUN


class Space(enum.IntEnum):
    """Top four bits of the 24-bit word address that the host uses."""

    REGISTERS = 0
    PROGRAM = 1
    WEIGHTS = 2
    """32-bit slices of weight words, lowest lanes first"""
    NEURONS = 3
    """one state value per address, sign-extended: neuron word * multipliers + multiplier"""
    DELAYS = 4
    RINGS = 5
    INPUT = 6
    """circular: word ``n`` of the input stream at ``n`` modulo the depth; 16 bits each"""
    OUTPUT = 7
    """circular: word ``n`` of the output stream at ``n`` modulo the depth; read only"""
    MAPS = 8
    """``table * map_words + word``; only in configurations with maps"""


ADDRESS_BITS = 24
SPACE_SHIFT = 20


def address(space: Space, offset: int) -> int:
    """24-bit host address of a word."""
    if not 0 <= offset < 1 << SPACE_SHIFT:
        raise ValueError(f"offset {offset} must be in 0..{(1 << SPACE_SHIFT) - 1}")
    return (int(space) << SPACE_SHIFT) | offset


class Access(enum.Enum):
    READ = "r"
    WRITE = "rw"


@dataclass(frozen=True)
class Register:
    """One 32-bit register. ``doc`` is one sentence with the unit."""

    name: str
    offset: int
    access: Access
    doc: str


MAGIC = int.from_bytes(b"LIFL", "little")


def _table(*rows: tuple[str, Access, str]) -> dict[str, Register]:
    return {name: Register(name, offset, access, doc) for offset, (name, access, doc) in enumerate(rows)}


REGISTERS = _table(
    ("magic", Access.READ, "Constant `LIFL`."),
    ("interface_version", Access.READ, "Version of this table, of the program layout and of the frames."),
    ("config_hash", Access.READ, "Hash of the gateware configuration; a program for another one is refused."),
    ("status", Access.READ, "Bit 0 running, bit 1 stopped by early exit, bit 2 a counter has wrapped, bit 3 input index out of range."),
    ("step", Access.READ, "Time steps done since the last fresh start, modulo 2^16."),
    ("input_taken", Access.READ, "Input words consumed since the last discard, modulo 2^16."),
    ("output_count", Access.READ, "Output words produced since the last fresh start, modulo 2^16."),
    ("control", Access.WRITE, "Write 1 to start a run, 3 to start a fresh one (clears state), 4 to stop at the next window, 8 to discard unread input; 16, in every write, lets the real-time clock go on between runs, and keeps the counters at a fresh start; bits 15..8 tag the run."),
    ("busy_cycles", Access.WRITE, "Cycles spent computing since the last fresh start that cleared them, modulo 2^32 like the other counters. A counter can be set to a multiple of 64."),
    ("stall_input_cycles", Access.WRITE, "Cycles waiting for the host's input, in real time that goes on also between runs."),
    ("stall_output_cycles", Access.WRITE, "Cycles waiting for room in the output memory."),
    ("stall_period_cycles", Access.WRITE, "Cycles waiting for the real-time period."),
    ("overruns", Access.WRITE, "Windows that started later than the real-time period asks."),
    ("load_mark", Access.WRITE, "Written once a program is loaded, with a number that no other load writes; 0 since the device was configured or while one is loaded."),
    ("steps", Access.WRITE, f"Time steps of the next run, at most {MAX_STEPS_PER_RUN}; 0: it only clears, if it is a fresh one."),
    ("period", Access.WRITE, "Cycles per time step in real time, below 2^24; 0: as fast as possible."),
    ("input_count", Access.WRITE, "Input words written by the host since the last discard, modulo 2^16."),
    ("output_taken", Access.WRITE, "Output words that the host has read and frees, modulo 2^16."),
    ("ring_clear_words", Access.WRITE, "Ring words that a fresh start clears."),
    ("input_neurons", Access.WRITE, "Neurons of the input population."),
    ("input_ring_base", Access.WRITE, "First ring word of the input's ring."),
    ("input_ring", Access.WRITE, "Of the input's ring: bits 15..0 delay or first delay entry, bit 16 uniform, bits 23..17 period in words of 32 delays, a power of two, or 0, see ring_1; bits 31..24 rows."),
    ("exit_every", Access.WRITE, "Time steps between early-exit checks, at most 65535; 0: none."),
    ("exit_margin", Access.WRITE, "The run stops when the leading count exceeds the second's by more than this."),
)
"""Offset in :attr:`Space.REGISTERS` of every register, by name: those that show signals, the counters, those that are only kept, those that
the gateware obeys."""

COUNTERS = ("busy_cycles", "stall_input_cycles", "stall_output_cycles", "stall_period_cycles", "overruns")
"""Registers that count events, in their order in the table: modulo ``2^COUNTER_BITS``, which whoever reads them must carry."""

COUNTER_BITS = 32
COUNTER_STEP = 64
"""A counter can be set to multiples of this: the bits below count in flip-flops of their own."""

KEPT = ("load_mark",)
"""Registers that are kept for the host and mean nothing to the gateware."""

STORED_OFFSET = 8
STORED_WORDS = 16
"""Registers from ``STORED_OFFSET`` on are kept in a memory of ``STORED_WORDS`` words, whose address is the offset modulo its depth."""

POSITION_BITS = 16
"""Positions in the input and output streams, and time steps, are counted modulo ``2^POSITION_BITS``; memories and runs are smaller."""

PERIOD_BITS = 24
"""Width of the real-time period in cycles."""

DUE_BITS = 8
"""Time steps that may be due in real time, less one than ``2^DUE_BITS``; a run that is later than that starts counting afresh from there."""

EXIT_BITS = 16
"""Width of the number of steps between early-exit checks."""

STATUS_RUNNING = 1
STATUS_EXITED = 2
STATUS_COUNTER_WRAPPED = 4
STATUS_INPUT_RANGE = 8

INPUT_RING_UNIFORM_BIT = 16
INPUT_RING_PERIOD_SHIFT = 17
INPUT_RING_PERIOD_BITS = 7
INPUT_RING_ROWS_SHIFT = 24

CONTROL_START = 1
CONTROL_FRESH = 2
CONTROL_STOP = 4
CONTROL_DISCARD = 8
CONTROL_CLOCK = 16
"""The real-time clock goes on between runs, as long as every write has this bit."""
CONTROL_TAG_SHIFT = 8
"""A start is obeyed only if its 8-bit tag differs from the last one's, so that repeating it is harmless."""
