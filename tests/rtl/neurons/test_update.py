"""The neuron update running compiled microprograms, against the equations one neuron and one step at a time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.limits import RING_BITS
from lifline.arch.program import POPULATION_COUNTERS, POPULATION_WORDS, Record
from lifline.arch.timing import UPDATE_SPACING
from lifline.compiler.bands import whole
from lifline.compiler.layouts import Layout, identity, position_major
from lifline.compiler.microcode import LATE, Microprogram, build
from lifline.compiler.neurons import PlacedNeurons
from lifline.network.model import Neurons, Population, ResetRule
from lifline.rtl.neurons.update import Update
from lifline.sim.random.network import random_network

from ...sim.reference import update_one
from ..bench import Memory, simulate

TINY = preset("tiny")
NARROW = TINY.replace(state_bits=8)
WIDE = TINY.replace(event_lanes=8, dense_lanes=8, multipliers=8, state_bits=18, accumulator_bits=18, weight_shifts=(0, 4))
SINGLE = TINY.replace(multipliers=1, dense_lanes=0, drain_cycles=1, neuron_words=1024)
NEURON_START, MICRO_BASE = 5, 17


@dataclass
class Case:
    """One population, the accumulators (step, neuron) that it gets, and what it sends to the host."""

    config: Config
    population: Population
    slots: list[list[int]]
    shift: int = 0
    record: tuple[str, ...] = ()
    exit_check: bool = False
    layout: Layout | None = None
    program: Microprogram = field(init=False)

    def __post_init__(self) -> None:
        self.program = build(self.population, self.config, count_spikes=self.exit_check, layout=self.layout)
        self.layout = self.layout or identity(self.population.size)
        self.placed = PlacedNeurons(
            self.population, whole(self.layout, self.config.lanes), self.layout, self.program, NEURON_START, self.config.multipliers, self.config.lanes
        )
        self.record = tuple(v for v in self.record if v in self.program.record)
        self.exit_check = self.program.exit_check is not None

    @property
    def neurons(self) -> Neurons:
        assert self.population.neurons is not None
        return self.population.neurons

    @property
    def rows(self) -> int:
        return self.placed.rows

    def row_of(self, values: list[int], row: int) -> list[int]:
        """Values of the neurons in a row of the hardware."""
        assert self.layout is not None
        width = self.config.multipliers
        own = self.layout.inverse[row * width : (row + 1) * width]
        return [values[j] for j in own if j >= 0]


@dataclass
class Outcome:
    """What one update of every step has given: words of spikes, rows for the host, final state by name, the three counters."""

    spikes: list[list[int]] = field(default_factory=list)
    sent: list[tuple[Record, int, list[int]]] = field(default_factory=list)
    state: dict[str, list[int]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)


def reference(case: Case) -> Outcome:
    neurons, size = case.neurons, case.population.size
    result = Outcome(counters={"spikes": 0, "budget_hits": 0, "saturations": 0})
    i, v, c, emitted = ([0] * size for _ in range(4))
    for slots in case.slots:
        fired = [0] * size
        for j in range(size):
            x = slots[j] << case.config.weight_shifts[case.shift]
            i[j], v[j], c[j], fired[j] = update_one(neurons, j, x, i[j], v[j], c[j], emitted, case.config.state_max, result.counters)
        assert case.layout is not None
        places = case.layout.spread(np.array(fired, np.int64)).tolist()
        words = [sum(f << k for k, f in enumerate(places[n : n + RING_BITS])) for n in range(0, len(places), RING_BITS)]
        result.spikes.append(words if neurons.cap else [])
        for row in range(case.rows):
            for kind, values in (*((Record.V if n == "v" else Record.CURRENT, v if n == "v" else i) for n in case.record),
                                 *([(Record.COUNT, emitted)] if case.exit_check else [])):  # fmt: skip
                result.sent.append((kind, row, case.row_of(values, row)))
    result.state = {"v": v} | ({"i": i} if "i" in case.program.words else {})
    return result


class Bench:
    """The gateware with its memories; neuron words that a fresh start must not see hold noise."""

    def __init__(self, ctx, dut: Update, case: Case, rng: random.Random, stalls: bool) -> None:
        self.ctx, self.dut, self.case, self.rng, self.stalls = ctx, dut, case, rng, stalls
        config, program, width = case.config, case.program, case.config.multipliers
        self.program = Memory(32, [rng.getrandbits(32) for _ in range(config.program_words)], rng)
        operations = [*program.prologue, *program.update, *(program.record[v] for v in case.record)]
        operations += [program.exit_check] if program.exit_check else []
        self.program.words[MICRO_BASE : MICRO_BASE + len(operations)] = [op.word() for op in operations]
        self.words = [[rng.randint(-config.state_max, config.state_max) for _ in range(width)] for _ in range(config.neuron_words)]
        self.row_base, image = case.placed.row_base, case.placed.image()
        self.words[case.placed.start : self.row_base] = image[: self.row_base - case.placed.start].tolist()
        for name in program.initial.keys() - {"count"}:  # a fresh start takes it from the budget beside it
            for row in range(case.rows):
                word = self.row_base + row * len(program.words) + program.words[name]
                self.words[word] = image[word - case.placed.start].tolist()
        self.parameters = [list(word) for word in self.words[: self.row_base]]
        self.neurons = Memory(width * config.state_bits, [self.pack(w) for w in self.words], rng)
        self.outcome = Outcome()
        self.arrived: list[int] = []
        self.read = [0] * width  # what the slots addressed in the previous cycle hold
        self.slot_row = 0  # the row that was addressed in the previous cycle
        self.busy_for = 0
        self.start()

    def pack(self, values: list[int]) -> int:
        bits = self.case.config.state_bits
        return sum((value & (1 << bits) - 1) << k * bits for k, value in enumerate(values))

    def unpack(self, word: int) -> list[int]:
        bits = self.case.config.state_bits
        parts = [word >> k * bits & (1 << bits) - 1 for k in range(self.case.config.multipliers)]
        return [p - (1 << bits) if p >> bits - 1 else p for p in parts]

    def start(self) -> None:
        case, neurons, program = self.case, self.case.neurons, self.case.program
        fields = {
            "population_0": {"rows": case.rows, "neuron_base": case.placed.base},
            "population_1": {
                "prologue": len(program.prologue), "update": len(program.update), "record": len(case.record), "shift": case.shift,
                "non_strict": not neurons.strict, "reset_now": neurons.reset in (ResetRule.NOW_VALUE, ResetRule.NOW_SUBTRACT),
                "reset_subtract": neurons.reset is ResetRule.NOW_SUBTRACT,
            },
            "population_2": {"factor_v": 4096 - neurons.decay_v, "factor_i": 4096 - neurons.decay_i},
            "population_3": {"v_reset": neurons.v_reset, "period_words": case.placed.period_words},
            "population_4": {"v_min": -case.config.state_max if neurons.v_min is None else neurons.v_min},
            "population_5": {"exit_check": case.exit_check, "row_words": len(program.words), "period_rows": program.period_rows},
            "population_6": {"last_row": case.placed.last_row},
        }  # fmt: skip
        assert set(fields) <= {w.name for w in POPULATION_WORDS}
        self.ctx.set(self.dut.command.population, {name: {k: int(v) for k, v in values.items()} for name, values in fields.items()})
        self.ctx.set(self.dut.command.micro_base, MICRO_BASE)
        self.ctx.set(self.dut.rows.room, 1)

    async def cycle(self, step: int) -> None:
        ctx, dut, case, rng = self.ctx, self.dut, self.case, self.rng
        command, program, neurons, slots, words, rows = dut.command, dut.program, dut.neurons, dut.slots, dut.words, dut.rows
        (
            _, _, busy, program_address, program_enable, read_address, write_address, write, write_data, slot_block, slot_row, slot_used, slot_last,
            spike_valid, spike_word, spike_index, complete, row_valid, row_record, row_index, *row_values,
        ) = await ctx.tick().sample(
            command.busy, program.address, program.enable, neurons.read_address, neurons.write_address, neurons.write_enable,
            neurons.write_data, slots.block, slots.row, slots.used, slots.last, words.valid, words.word, words.index, words.complete,
            rows.valid, rows.record, rows.index, *(rows.values[k] for k in range(case.config.multipliers)),
        )  # fmt: skip
        self.busy_for += busy
        ctx.set(program.data, self.program.cycle(program_address, program_enable))
        ctx.set(neurons.read_data, self.neurons.cycle(read_address, 1, write_address, write, write_data))
        lanes, width = case.config.lanes, case.config.multipliers
        if slot_used:
            assert slot_last == (self.slot_row in (case.rows - 1, *range(lanes // width - 1, case.rows, lanes // width)))
        self.slot_row = slot_block * (lanes // width) + slot_row
        # Neurons that do not exist get what would make them fire and saturate.
        own = case.layout.inverse.tolist() + [-1] * 2 * lanes
        given = case.slots[min(step, len(case.slots) - 1)]
        amounts = [given[j] if j >= 0 else rng.choice([1, 1, -1]) * case.config.accumulator_max for j in own]
        amounts = amounts[slot_block * lanes : (slot_block + 1) * lanes] or [0] * lanes
        for k, value in enumerate(self.read):
            ctx.set(slots.sums[k], value)
        self.read = amounts[slot_row * width : (slot_row + 1) * width]
        if spike_valid:
            assert spike_index == len(self.arrived)
            self.arrived.append(spike_word)
        if complete:
            self.outcome.spikes.append(self.arrived)
            self.arrived = []
        if row_valid:
            exists = case.layout.exists[row_index * width : (row_index + 1) * width]
            self.outcome.sent.append((Record(row_record), row_index, [v for v, own in zip(row_values, exists, strict=False) if own]))
        if self.stalls:
            ctx.set(rows.busy, rng.random() < 0.3)
            ctx.set(rows.room, rng.random() < 0.7)

    def finish(self) -> Outcome:
        ctx, dut, program, layout = self.ctx, self.dut, self.case.program, self.case.layout
        for name in ("v", "i"):
            if name in program.words:
                rows = [self.row_base + row * len(program.words) + program.words[name] for row in range(self.case.rows)]
                self.outcome.state[name] = layout.gather(np.array([self.unpack(self.neurons.words[address]) for address in rows]).reshape(-1)).tolist()
        self.outcome.counters = {name: ctx.get(count) for name, count in zip(POPULATION_COUNTERS, dut.command.counts, strict=True)}
        assert [self.unpack(word) for word in self.neurons.words[: self.row_base]] == self.parameters, "parameters are not written"
        return self.outcome


def gateware(case: Case, seed: int = 1, stalls: bool = False) -> tuple[Outcome, int]:
    """The outcome, and cycles spent issuing. Steps follow each other as soon as the update allows, or after a pause."""
    dut = Update(case.config)
    command = dut.command
    rng = random.Random(seed)
    result: list[tuple[Outcome, int]] = []

    async def body(ctx):
        bench = Bench(ctx, dut, case, rng, stalls)
        ctx.set(command.load, 1)
        await bench.cycle(0)
        ctx.set(command.load, 0)
        for _ in range(4):
            await bench.cycle(0)
        going = False
        for step in range(len(case.slots)):
            ctx.set(command.fresh, step == 0)
            if not going:
                while not ctx.get(command.ready):
                    await bench.cycle(step)
                ctx.set(command.go, 1)
                await bench.cycle(step)
            ctx.set(command.go, 0)
            while not ctx.get(command.ending):
                await bench.cycle(step)
            going = bool(ctx.get(command.again)) and step + 1 < len(case.slots) and (not stalls or rng.random() < 0.7)
            ctx.set(command.go, going)
            await bench.cycle(step)
            for _ in range(0 if going or not stalls else rng.randrange(9)):
                await bench.cycle(step)
        ctx.set(command.go, 0)
        busy = bench.busy_for
        for _ in range(UPDATE_SPACING + 4):
            await bench.cycle(len(case.slots) - 1)
        assert ctx.get(command.settled) and ctx.get(command.counted)
        result.append((bench.finish(), busy))

    simulate(dut, body)
    return result[0]


def cycles(case: Case) -> int:
    """One per operation and row; rows for the host come ``UPDATE_SPACING`` cycles apart."""
    program = case.program
    sending = len(case.record) + case.exit_check
    return len(program.prologue) + len(case.slots) * case.rows * (len(program.update) + UPDATE_SPACING * sending)


def random_case(config: Config, seed: int, size: int | None = None) -> Case:
    """A population of a random network, with inputs around its threshold and at the limits."""
    rng = np.random.default_rng(seed)
    population = [p for p in random_network(rng, config=config, max_size=40).populations if p.neurons is not None][-1]
    neurons = population.neurons
    assert neurons is not None
    shift = int(rng.integers(len(config.weight_shifts)))
    theta = max(1, int(np.max(neurons.threshold)) >> config.weight_shifts[shift])
    largest = config.accumulator_max

    def slot() -> int:
        kind = rng.integers(4)
        return int((0, rng.integers(-theta, theta + 1), theta * rng.choice([1, -1]), rng.integers(-largest, largest + 1))[kind])

    slots = [[max(-largest, min(largest, slot())) for _ in range(population.size)] for _ in range(10)]
    record = [(), ("v",), ("v", "i"), ("i",)][rng.integers(4)]
    return Case(config, population, slots, shift, record, exit_check=config.early_exit and neurons.cap > 0 and rng.random() < 0.3)


@pytest.mark.parametrize("stalls", [False, True], ids=["no-stalls", "stalls"])
@pytest.mark.parametrize("config", [TINY, NARROW, WIDE, SINGLE], ids=["tiny", "8-bit", "eight-lanes", "one-lane"])
def test_random_populations(config: Config, stalls: bool) -> None:
    hits = {"spikes": 0, "budget_hits": 0, "saturations": 0}
    for seed in range(6):
        case = random_case(config, 100 * stalls + seed)
        expected, (actual, busy) = reference(case), gateware(case, seed, stalls)
        assert actual == expected, f"seed {seed}: {case.neurons}"
        assert stalls or busy == cycles(case), f"seed {seed}"
        hits = {name: count + expected.counters[name] for name, count in hits.items()}
    assert hits["spikes"] and hits["saturations"]


def neurons(**changes: object) -> Neurons:
    return Neurons(**({"threshold": 40, "decay_v": 512} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("reset", list(ResetRule))
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("decay_i", [4096, 1024], ids=["no-current", "current"])
def test_every_reset_rule(reset: ResetRule, strict: bool, decay_i: int) -> None:
    """Crossings in step after step, at and around the threshold; one row, so that every step waits for the one before."""
    values = [40, 41, 39, 80, 40, 0, -60, 100, 100, 5]
    model = neurons(reset=reset, strict=strict, decay_i=decay_i, v_reset=-9, v_min=-50, bias=3)
    case = Case(TINY, Population("p", (2,), model), [[v, -v] for v in values])
    actual, busy = gateware(case)
    assert actual == reference(case) and busy == cycles(case) and actual.counters["spikes"] > 0
    assert (case.neurons.reset in LATE) == ("crossed" in case.program.words)


@pytest.mark.parametrize("budget", [1, 3])
def test_a_spent_budget_suppresses_spikes_and_still_resets(budget: int) -> None:
    case = Case(TINY, Population("p", (3,), neurons(budget=budget, threshold=10)), [[20, 20, -5]] * 6)
    actual, _ = gateware(case)
    assert actual == reference(case)
    assert actual.counters == {"spikes": 2 * budget, "budget_hits": 2 * (6 - budget), "saturations": 0}


def test_parameters_of_each_neuron() -> None:
    model = neurons(threshold=np.array([5, 50, 500, 1, 77]), bias=np.array([0, -3, 9, 100, -100]), budget=np.array([1, 2, 3, 4, 5]))
    case = Case(TINY, Population("p", (5,), model), [[60, 60, 600, -60, 90]] * 5, record=("v",))
    actual, busy = gateware(case)
    assert actual == reference(case) and busy == cycles(case)


def test_saturation_counts_currents_and_membranes_and_clamps_do_not() -> None:
    model = neurons(decay_v=0, decay_i=0, v_min=-100, threshold=127)
    case = Case(NARROW, Population("p", (2,), model), [[127, -127], [100, -1], [-300, 300], [0, 0]])
    actual, _ = gateware(case)
    assert actual == reference(case) and actual.counters["saturations"] > 3


def gaps(size: int, config: Config, rng: np.random.Generator) -> Layout:
    """Any order, with rows that have no neuron, and with rows that have some."""
    width = config.multipliers
    places = min(size + 3 * width, config.max_neurons - width)
    free = rng.choice(np.arange(width, places), size, replace=False)
    return Layout(free, places + int(rng.integers(width)))


@pytest.mark.parametrize("stalls", [False, True], ids=["no-stalls", "stalls"])
@pytest.mark.parametrize("config", [TINY, NARROW, WIDE, SINGLE], ids=["tiny", "8-bit", "eight-lanes", "one-lane"])
def test_padding_never_fires_counts_or_saturates(config: Config, stalls: bool) -> None:
    """Padding gets sums that make it fire and saturate in every step."""
    hits = {"spikes": 0, "budget_hits": 0, "saturations": 0}
    for seed in range(6):
        case = random_case(config, 300 + 100 * stalls + seed)
        layout = gaps(case.population.size, config, np.random.default_rng(seed))
        case = Case(config, case.population, case.slots, case.shift, case.record, case.exit_check, layout)
        assert "exists" in {**case.program.initial, **case.program.phases}
        expected, (actual, busy) = reference(case), gateware(case, seed, stalls)
        assert actual == expected, f"seed {seed}: {case.neurons}"
        assert stalls or busy == cycles(case), f"seed {seed}"
        hits = {name: count + expected.counters[name] for name, count in hits.items()}
    assert hits["spikes"] and hits["saturations"]


@pytest.mark.parametrize("decay_i", [4096, 1024], ids=["no-current", "current"])
@pytest.mark.parametrize("reset", [ResetRule.NOW_VALUE, ResetRule.LATE_SUBTRACT])
@pytest.mark.parametrize("threshold", [40, np.repeat([40, 50, 60], 6)], ids=["shared", "per-channel"])
def test_padding_with_a_bias_that_all_neurons_share_does_nothing(threshold: object, reset: ResetRule, decay_i: int) -> None:
    """Without a current a row has as few operations as there are: the word that says who exists comes as late as it may."""
    model = neurons(threshold=threshold, reset=reset, decay_i=decay_i, bias=90, decay_v=0)
    layout = position_major((3, 2, 3), 4)  # three channels padded to four
    case = Case(NARROW, Population("p", (3, 2, 3), model), [[100, -100, 3] * 6] * 12, layout=layout)
    actual, busy = gateware(case)
    assert actual == reference(case) and busy == cycles(case) and actual.counters["saturations"]
    assert case.program.period_rows == 2 and "exists" in case.program.phases


@pytest.mark.parametrize("config", [TINY, WIDE, SINGLE], ids=["tiny", "eight-lanes", "one-lane"])
def test_parameters_that_repeat(config: Config) -> None:
    """Thresholds and biases of channels, positions first, in image rows that are padded; steps begin with the first phase again."""
    for shape in ((3, 2, 3), (2, 5), (6, 1, 4), (1, 3, 3)):
        rng = np.random.default_rng(sum(shape))
        inside = int(np.prod(shape[1:]))
        theta, bias = (np.repeat(rng.integers(1, 90, shape[0]), inside) for _ in range(2))
        model = neurons(threshold=theta, bias=bias, reset=ResetRule.LATE_SUBTRACT)
        slots = rng.integers(-60, 100, (7, inside * shape[0])).tolist()
        case = Case(config, Population("p", shape, model), slots, record=("v",), layout=position_major(shape, config.lanes))
        actual, busy = gateware(case)
        assert actual == reference(case) and busy == cycles(case), shape
        repeats = shape[0] > 1 and case.rows > case.program.period_rows
        assert not repeats or {"theta", "bias", "bias_late"} <= set(case.program.phases), shape
