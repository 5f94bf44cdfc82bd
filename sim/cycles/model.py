"""The cycle model: ``busy_cycles`` of a program image, exactly, from the spikes that flow through it.

It reads the image as the sequencer does and steps through the control of every engine (:mod:`lifline.sim.cycles.core`);
weights, membranes and everything else that takes no time are left out. The spikes come from the golden model, or from any
recorded activity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import InputError
from lifline.arch.limits import LIST_PART, RING_BITS
from lifline.arch.maps import TABLES
from lifline.arch.program import (
    INSTRUCTION,
    MICRO,
    PASS_WORDS,
    PASSES,
    POPULATION_0,
    POPULATION_1,
    POPULATION_2,
    POPULATION_5,
    POPULATION_WORDS,
    REPEAT_WORDS,
    RING_0,
    RING_1,
    RING_WORDS,
    Addend,
    Mode,
    Opcode,
)
from lifline.arch.records import MAX_STEPS_PER_RUN

from . import sequencer
from .active import entries
from .core import pass_cycles
from .kernels import NONE as NO_COVERS
from .kernels import covers
from .maps import NONE, visits
from .placed import PlacedPass, Ring, Writers
from .structure import filled
from .words import NO_TARGET, Pass, Target

INPUT = -1
"""Number of the input where populations are numbered."""
WINDOW_CYCLES = len(sequencer.PER_WINDOW) - 1
"""The last ring does not need its Skip."""
RING_CYCLES = len(sequencer.PER_RING)
LOOP_STEP_CYCLES = len(sequencer.PER_LOOP_STEP) + len(sequencer.BACK_IN_LOOP)
LOOP_CYCLES = len(sequencer.PER_LOOP) - len(sequencer.BACK_IN_LOOP)
"""Nothing follows the last step."""
PASS_CYCLES = len(sequencer.BEFORE_HEAD)
"""The rest of a pass is simulated."""
WALKS = (Opcode.MAPPED_PASS, Opcode.VECTOR_PASS)
"""Passes whose entries walk."""


@dataclass(frozen=True)
class Costs:
    """Of one run.

    Attributes
    ----------
    start : cycles before the first window and after the last.
    cycles : (window, pass + 1), in the order of the program; the last column is the window's own.
    weight_reads : (window, pass), weight words read; one word holds a weight per lane.
    accumulate : (window, pass), those cycles of a pass in which input is added up, or awaited.
    """

    start: int
    cycles: NDArray[np.int64]
    weight_reads: NDArray[np.int64]
    accumulate: NDArray[np.int64]

    @property
    def busy_cycles(self) -> int:
        """What the device's counter of this name shows after the run."""
        return self.start + int(self.cycles.sum())


class CycleModel:
    """Cycles of one program on one configuration.

    Parameters
    ----------
    config : the gateware's.
    image : words of program memory, as loaded, with what is to be recorded patched in.   delays : words of delay memory.
    registers : those that the program sets.   maps : words of the map tables, if the configuration has some.
    sizes : neurons of every population by its number, those of the input under :data:`INPUT`.
    in_windows : recurrent passes and those of loops are executed like all others, as if their spikes were known before: what recurrence costs, by comparison.
    """

    def __init__(
        self,
        config: Config,
        image: NDArray[np.uint32],
        delays: NDArray[np.uint32],
        *,
        registers: Mapping[str, int],
        sizes: Mapping[int, int],
        maps: NDArray[np.uint32] | None = None,
        in_windows: bool = False,
    ) -> None:
        self._in_windows = in_windows
        self.config, self.sizes = config, dict(sizes)
        self._registers = dict(registers)
        self._image, self._delays = [int(w) for w in image], delays.astype(np.int64)
        self._maps = np.zeros(TABLES * config.map_words, np.uint32) if maps is None else maps
        self._rings: dict[int, Ring] = {}
        self._passes: list[PlacedPass] = []
        self._loops = 0
        self._decode()

    def _decode(self) -> None:
        """Read the instructions."""
        found: list[tuple[dict[str, int], dict[str, int], int, list[int], bool, int | None, NDArray[Any]]] = []
        position, looping = 0, False
        while (opcode := INSTRUCTION.unpack(self._image[position])["opcode"]) != Opcode.END:
            if opcode in (Opcode.LOOP, Opcode.REPEAT):
                position += 1 if opcode == Opcode.LOOP else len(REPEAT_WORDS)
                looping = opcode == Opcode.LOOP and not self._in_windows
                self._loops += looping
                continue
            head, ring, tail = (layout.unpack(self._image[position + k]) for k, layout in enumerate(PASS_WORDS))
            position += len(PASS_WORDS)
            further = len(PASSES[Opcode(opcode)]) - len(PASS_WORDS)
            maps = self._image[position : position + further]
            position += further
            population, target = None, NO_TARGET
            if head["update"]:
                population, target = self._target(position)
                position += len(POPULATION_WORDS) + POPULATION_2.unpack(self._image[position + 2])["micro_words"]
            found.append((head, ring, tail["fan_in"], maps, looping, population, target))
        self._rings_advanced = INSTRUCTION.unpack(self._image[position])["argument"]
        for _, pointer, *_ in found:
            if not RING_0.unpack(self._image[pointer["ring"]])["tap"] and pointer["ring"] not in self._rings:
                self._unwritten(pointer["ring"])
        for head, pointer, fan_in, maps, looping, population, target in found:
            recurrent = head["recurrent"] and not self._in_windows
            ring = self._seen(pointer, head["source_words"])
            first = (pointer["ring_base"] - ring.base) // ring.rows * RING_BITS
            blocks, dense = head["blocks"], head["mode"] == Mode.DENSE
            opcode = head["opcode"]
            visited = visits(maps, self._maps, fan_in, self.config, lanes=self.config.lanes if opcode == Opcode.VECTOR_PASS else 1) if opcode in WALKS else None
            covered = covers(maps, self._maps, blocks, self.config) if opcode == Opcode.GATHER_PASS else None
            seen = covered or NO_COVERS
            own = filled(
                Pass, blocks=blocks, stride=0 if head["one_slot"] else blocks, dense=dense, mapped=visited is not None, slots=self.config.slot_words,
                gathers=covered is not None, channels=seen.channels, row_positions=seen.row_positions, depth=self.config.list_entries, words=len(maps),
                updates=population is not None, ahead=head["source_words"] <= self.config.words_ahead and not recurrent, recurrent=recurrent,
                looping=looping, parts=0 if dense else self.config.list_entries // LIST_PART,
                window=self.config.window, drain=self.config.drain_cycles, chunk=self.config.dense_entries,
            )  # fmt: skip
            self._passes.append(PlacedPass(ring, first, head["source_words"], blocks, dense, looping, own, population, target, visited, covered))

    def _unwritten(self, address: int) -> None:
        """A ring that no population writes: the input's, or that of a read-out, which stays empty."""
        head = RING_0.unpack(self._image[address])
        if head["base"] == self._registers["input_ring_base"]:
            self._ring(address, INPUT)
        else:
            self._rings[address] = Ring((), head["base"], head["rows"], np.zeros(0, np.int64))

    def _seen(self, pointer: Mapping[str, int], words: int) -> Ring:
        """The ring of which a pass scans so many words, with all that is written behind one another there; through a tap it is seen later, by as many rows as
        the tap's first row lies before that of the ring."""
        place, head = pointer["ring_base"], RING_0.unpack(self._image[pointer["ring"]])
        ring = max((r for r in self._rings.values() if r.base <= place), key=lambda r: r.base)
        while (ring.source and ring.end < place + words * ring.rows) and (behind := next((r for r in self._rings.values() if r.base == ring.end), None)):
            ring = replace(ring, source=ring.source + behind.source, delays=np.concatenate([ring.delays, behind.delays]))
        return replace(ring, delays=ring.delays + -head["base"] % head["rows"]) if head["tap"] else ring

    def _ring(self, address: int, source: int) -> None:
        head, tail, size = RING_0.unpack(self._image[address]), RING_1.unpack(self._image[address + 1]), self.sizes[source]
        places = np.arange(size) % (tail["period"] * RING_BITS or size)
        delays = np.full(size, tail["delay"]) if tail["uniform"] else self._delays[tail["delay"] + places]
        self._rings[address] = Ring((source,), head["base"], head["rows"], np.ascontiguousarray(delays, np.int64))

    def _target(self, address: int) -> tuple[int, NDArray[Any]]:
        zero, one, five = (layout.unpack(self._image[address + k]) for k, layout in ((0, POPULATION_0), (1, POPULATION_1), (5, POPULATION_5)))
        uniform = 0
        for r in range(one["rings"]):
            ring = five["ring"] + r * len(RING_WORDS)
            self._ring(ring, one["population"])
            uniform |= RING_1.unpack(self._image[ring + 1])["uniform"] << r
        section = address + len(POPULATION_WORDS) + one["prologue"]
        addends = [MICRO.unpack(word)["addend"] for word in self._image[section : section + one["update"]]]
        lanes, recorded = self.config.multipliers, one["record"] + five["exit_check"]
        words = ceil_div(zero["rows"] * lanes, RING_BITS)
        overlap = recorded == 0 and (not one["record_spikes"] or words <= self.config.overlapping_words)
        direct = one["rings"] == 1 and uniform == 1
        return one["population"], filled(
            Target, rows=zero["rows"], words=words, prologue=one["prologue"], update=one["update"],
            recorded=recorded, rings=one["rings"], uniform=uniform, record_spikes=one["record_spikes"], exit_check=five["exit_check"],
            lanes=lanes, block_rows=self.config.rows_per_block, synaptic=addends.index(Addend.SYNAPTIC), overlap=overlap, routed=one["record_spikes"] or (one["rings"] != 0 and not direct),
        )  # fmt: skip

    def costs(self, activity: Mapping[int, NDArray[np.uint8]], *, first: int = 0, steps: int | None = None) -> Costs:
        """What a run costs, window by window and pass by pass.

        Parameters
        ----------
        activity : spikes (time, neuron) since the last reset, by population number; the input's under :data:`INPUT`.
        first : step at which the run started; 0 is a fresh run, another one continues.
        steps : steps executed; to the end of ``activity`` unless given. After an early exit it is where the run left.

        Raises
        ------
        InputError   if the activity is shorter, or of another size.
        """
        length = min(len(a) for a in activity.values())
        stop = length if steps is None else first + steps
        if not 0 <= first <= stop <= length:
            raise InputError(f"activity of {length} steps does not cover steps {first}..{stop}; record the whole run")
        for number, size in self.sizes.items():
            if number not in activity or activity[number].shape[1] != size:
                raise InputError(f"activity of population {number} is missing or not of its {size} neurons; record all spikes")
        seen: dict[Writers, NDArray[np.uint8]] = {(n,): a for n, a in activity.items()}
        for p in self._passes:
            if len(p.ring.source) > 1:
                seen[p.ring.source] = np.concatenate([activity[n] for n in p.ring.source], axis=1)
        words = {n: np.pad(a, ((0, 0), (0, -a.shape[1] % RING_BITS))).reshape(len(a), -1, RING_BITS) for n, a in activity.items()}
        fired = {n: w.sum(axis=2, dtype=np.int64) for n, w in words.items()}
        window, every = self.config.window, self._registers["exit_every"]
        cycles, reads, accumulate = [], [], []
        time = first
        while time < stop:
            part_end = min(stop, first + ((time - first) // MAX_STEPS_PER_RUN + 1) * MAX_STEPS_PER_RUN)
            count = min(window, part_end - time, every - time % every if every else window)
            costs = [self._window(p, seen, fired, time, count) for p in self._passes]
            loops = self._loops * (LOOP_CYCLES + LOOP_STEP_CYCLES * count)
            cycles.append([c for c, _, _ in costs] + [WINDOW_CYCLES + RING_CYCLES * self._rings_advanced + loops])
            reads.append([r for _, r, _ in costs])
            accumulate.append([a for _, _, a in costs])
            time += count
        start = max(self._registers["ring_clear_words"], 1) if first == 0 else 0
        passes = len(self._passes)
        return Costs(
            start + ceil_div(stop - first, MAX_STEPS_PER_RUN),  # each start of the device looks once in vain for a further window
            np.array(cycles, np.int64).reshape(-1, passes + 1),
            np.array(reads, np.int64).reshape(-1, passes),
            np.array(accumulate, np.int64).reshape(-1, passes),
        )

    def _window(
        self, p: PlacedPass, activity: Mapping[Writers, NDArray[np.uint8]], fired: Mapping[int, NDArray[np.int64]], time: int, count: int
    ) -> tuple[int, int, int]:
        """Likewise, of a pass and all its executions in the window at ``time``: one, or one per step."""
        if not p.looping:
            return self._pass(p, activity, fired, time, count)
        each = [self._pass(p, activity, fired, time + step, 1) for step in range(count)]
        return sum(c for c, _, _ in each), sum(r for _, r, _ in each), sum(a for _, _, a in each)

    def _pass(
        self, p: PlacedPass, activity: Mapping[Writers, NDArray[np.uint8]], fired: Mapping[int, NDArray[np.int64]], time: int, count: int
    ) -> tuple[int, int, int]:
        """Cycles, weight words read, and cycles of accumulation of one execution of a pass, for ``count`` steps from ``time`` on."""
        delays = p.ring.delays[p.first : p.first + p.groups * RING_BITS]
        active = np.zeros((1 if p.dense else count, p.groups), np.int64)
        order, seen = np.zeros(0, np.int64), p.visits or NONE
        if p.ring.source:
            order = entries(activity[p.ring.source], p.first, delays, time, count, active, lanes=seen.lanes, listed=bool(p.visits or p.covers))
        spikes = active if p.population is None else fired[p.population][time : time + count]
        covered = p.covers or NO_COVERS
        pointers = covered.pointers(order, self.config.list_entries)
        cycles, accumulate = pass_cycles(
            p.own, p.target, count, active, spikes, (order, seen.counts, seen.starts, seen.steps), (order, pointers, covered.kernels)
        )
        reads = seen.of(order) if p.visits else covered.entries(pointers) if p.covers else int(active.sum()) * p.blocks
        return PASS_CYCLES + cycles, reads, accumulate
