"""What the stages of the update say to each other, and the control that its lanes get.

A micro-operation is issued in stage 0 and is in stage ``k`` in the ``k``-th cycle after that: its word has been read in :data:`READ`, is
multiplied in :data:`MULTIPLY`, added to in :data:`ADD`, saturated and clamped in :data:`CLAMP`, compared with the threshold in :data:`FIRE`,
and written back in :data:`WRITE`. Every signature here holds for one cycle: the one in which its operation is in the stage that it names.
"""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, Signature

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import Config
from lifline.arch.program import MICRO, Latch, Record
from lifline.arch.timing import UPDATE_STAGES

from ..cells.decode import word_layout

READ, MULTIPLY, ADD, CLAMP, FIRE, WRITE = range(1, UPDATE_STAGES + 1)
"""Numbers of the stages."""

MICRO_LAYOUT = word_layout(MICRO)
"""A micro-operation."""

OPERATION_LAYOUT = data.StructLayout({"micro": MICRO_LAYOUT, "last": 1, "needs_room": 1})
"""A micro-operation on its way to be issued: the word, whether it is the last of its section, whether the host gets its result (meant for
operations of the recording section only)."""

LATCHES = {latch: latch.name.lower() for latch in Latch if latch not in (Latch.NONE, Latch.EXISTS)}
"""The parameter registers of a lane, and their names; whether a neuron exists is kept for all lanes together."""


class Issued(Signature):
    """Stage 0: what is issued.

    Members
    -------
    valid : a micro-operation is issued.   micro : it; anything without ``valid``.   address : neuron word of its row's (or prologue's) offset 0.
    ends_row : with ``valid``, it is the last one of its section in this row; not in the prologue.   last_row : the row is the population's last one.
    ends_step : with ``valid``, it is the last one of a step.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "micro": Out(MICRO_LAYOUT),
                "address": Out(range(config.neuron_words)),
                "ends_row": Out(1),
                "last_row": Out(1),
                "ends_step": Out(1),
            }
        )


class ReadControl(Signature):
    """Stage 1: the neuron word is there.

    Members
    -------
    latch : a bit for each of :data:`LATCHES`, the register takes the word.   zero : the word counts as zero.   late_zero : the word counts as zero if
    the neuron crossed its threshold in the step before.   forward : add the clipped result that is now in stage 5.
    """

    def __init__(self) -> None:
        super().__init__(
            {"latch": Out(data.StructLayout(dict.fromkeys(LATCHES.values(), 1))), "zero": Out(1), "late_zero": Out(1), "forward": Out(1)}
        )


class MultiplyControl(Signature):
    """Stage 2: the product, and what is added to it.

    Members
    -------
    factor : of the word, in units of ``1 / DECAY_ONE``.   add_slot : add the accumulator; never together with ``forward`` a cycle earlier.
    shift : index of the weight shift of what is added; that of the accumulator, and 0 for a forwarded result.   use_bias : add the bias.
    late_bias : if the neuron crossed its threshold in the step before, ``bias_late`` takes the place of ``bias``.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "factor": Out(DECAY_BITS + 1),
                "add_slot": Out(1),
                "shift": Out(range(max(len(config.weight_shifts), 2))),
                "use_bias": Out(1),
                "late_bias": Out(1),
            }
        )


class AddControl(Signature):
    """Stage 3: ``carry_crossing``, ``carry_spike``: add one if the neuron has crossed its threshold, or spiked, in the last operation that fired."""

    def __init__(self) -> None:
        super().__init__({"carry_crossing": Out(1), "carry_spike": Out(1)})


class ClampControl(Signature):
    """Stage 4: ``floor``, the lowest result, at least ``-state_max``; in units of the state."""

    def __init__(self, config: Config) -> None:
        super().__init__({"floor": Out(signed(config.state_bits))})


class FireControl(Signature):
    """Stage 5: the clipped result meets the threshold.

    Members
    -------
    fire : ``crossing`` and ``spike`` are taken anew.   budget : a crossing is a spike only while the neuron has budget.   non_strict : equality crosses.
    reset_now : only with ``fire``, a crossing resets.   reset_subtract : a reset subtracts theta; else it loads a value.
    discard : any time, in the next cycle the result is the reset value of that cycle.
    """

    def __init__(self) -> None:
        super().__init__(
            {"fire": Out(1), "budget": Out(1), "non_strict": Out(1), "reset_now": Out(1), "reset_subtract": Out(1), "discard": Out(1)}
        )


class ResetControl(Signature):
    """Stage 6: ``value``, what a reset loads; zero if resets subtract."""

    def __init__(self, config: Config) -> None:
        super().__init__({"value": Out(signed(config.state_bits))})


class LaneControl(Signature):
    """Control of a lane: a member for every stage, decoded, and valid while an operation is in the stage."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "read": Out(ReadControl()),
                "multiply": Out(MultiplyControl(config)),
                "add": Out(AddControl()),
                "clamp": Out(ClampControl(config)),
                "fire": Out(FireControl()),
                "reset": Out(ResetControl(config)),
            }
        )


class Finished(Signature):
    """Stage 6: what becomes of the results.

    Members
    -------
    write : they are written back.   address : to this neuron word.   record : what they are to the host, if not NONE.   fire : they are membranes, and the
    lanes' spikes are theirs.   row : number of their row.   last_row : it is the population's last one.   ends_step : the last operation of a step.
    saturation : a cycle early (stage 5), a clipped result counts as a saturation.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "write": Out(1),
                "address": Out(range(config.neuron_words)),
                "record": Out(Record),
                "fire": Out(1),
                "row": Out(range(config.max_rows)),
                "last_row": Out(1),
                "ends_step": Out(1),
                "saturation": Out(1),
            }
        )


class Section(Signature):
    """Which section of the microprogram comes.

    Members
    -------
    restart : one cycle, with the last operation of a section: what follows is dropped, and in the next cycle nothing may be taken.
    recording : level, changes in the cycle after ``restart``: operations are those of the recording section, else of the prologue and the update section.
    has_recording : level, a cycle after the population: there is a recording section.
    """

    def __init__(self) -> None:
        super().__init__({"restart": Out(1), "recording": Out(1), "has_recording": In(1)})
