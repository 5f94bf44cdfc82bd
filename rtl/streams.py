"""What engines say to each other: one signature for every command and every stream between two rooms of the gateware.

Engines know these signatures and not each other; :mod:`lifline.rtl.core` connects them. Every signature is written from the side of
the engine that asks or sends; the other side has it with ``In``, which turns all directions around. Streams are those of
:mod:`amaranth.lib.stream`: a payload counts in a cycle with ``valid`` and ``ready``, and stays until then. Widths come from ``arch``.
"""

from __future__ import annotations

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, Signature

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import TABLES
from lifline.arch.program import MAX_RINGS, POPULATION_1, POPULATION_COUNTERS, RING_0, RING_1, Mode, Record
from lifline.arch.records import AHEAD_BITS, RECORD
from lifline.arch.registers import EXIT_BITS, INPUT_RING_PERIOD_BITS, PERIOD_BITS, POSITION_BITS

from .cells.decode import GATHER_SHAPE, POPULATION_SHAPE, WALK_SHAPE, word_layout

PROGRAM_SLICES = 4
"""Parts of a program word that are written alone."""


def window_step(config: Config) -> range:
    """Number of a time step within its window."""
    return range(max(config.window, 2))


def index_bits(config: Config) -> int:
    """Of a presynaptic neuron's index, or that of a block of them, in a mapped pass."""
    return (config.mapped_fan_in - 1).bit_length()


def vector_lanes(config: Config) -> int:
    """Lanes that an entry has bits for: all, or none where only neurons are entries."""
    return config.lanes if config.vectors else 0


def entry_layout(config: Config) -> data.FlexibleLayout:
    """One active presynaptic neuron.

    Members
    -------
    index : its index within the pass, as far as a dense pass goes; in event mode the low bits of it.
    arrivals : bit ``w`` for row ``w`` of the scan, if there is a dense mode.   upper : the other bits of the index, in event mode, whose scans
    have no rows but the first: they take the place of those.
    mask : of a block, whose number within the pass is the index: its active neurons, lowest lane first. Of no meaning in passes that do not count blocks.
    """
    low_bits, window = (config.list_entries - 1).bit_length(), config.window if config.dense_lanes else 0
    upper_bits, upper_place = max((config.listed_fan_in - 1).bit_length() - low_bits, 0), low_bits + (1 if window else 0)
    mask_place, mask_bits = max(low_bits + window, upper_place + upper_bits), vector_lanes(config)
    return data.FlexibleLayout(
        mask_place + mask_bits,
        {
            "index": data.Field(range(config.list_entries), 0),
            "arrivals": data.Field(window, low_bits),
            "upper": data.Field(upper_bits, upper_place),
            "mask": data.Field(mask_bits, mask_place),
        },
    )


def rows_per_scan(config: Config) -> int:
    """Rows of a ring that one scan reads at most: all of a window in dense mode, a single one in event mode."""
    return config.window if config.dense_lanes else 1


class RunControl(Signature):
    """The host starts and stops runs, and sees how they go.

    Members
    -------
    start : one cycle: run.   fresh : with ``start``: from step 0, with cleared rings, counters and output.   stop : level, until the run has ended.
    clock : level, real time goes on between runs.
    steps : time steps to run.   period : cycles per step, 0 for as fast as possible.   ring_clear_words : ring words that a fresh run clears.
    exit_every, exit_margin : compare spike counts every so many steps (0: never), and stop at a lead of more than the margin.
    All of these stay during a run.
    running : level.   exited : the last run stopped by itself.   counter_overflow : sticky until a fresh run, a population counter wrapped.
    time : the current window's first step.   cleared : one cycle, a fresh run begins.
    stall_input, stall_output, stall_period : in this cycle the run waits for input (also between runs, if real time goes on), for room, for real time.   overrun : one cycle, a window began late.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "start": Out(1),
                "fresh": Out(1),
                "stop": Out(1),
                "clock": Out(1),
                "steps": Out(RECORD["step"].width),
                "period": Out(PERIOD_BITS),
                "ring_clear_words": Out(range(config.ring_words + 1)),
                "exit_every": Out(EXIT_BITS),
                "exit_margin": Out(config.state_bits),
                "running": In(1),
                "exited": In(1),
                "counter_overflow": In(1),
                "time": In(POSITION_BITS),
                "cleared": In(1),
                "stall_input": In(1),
                "stall_output": In(1),
                "stall_period": In(1),
                "overrun": In(1),
            }
        )


class InputControl(Signature):
    """The host describes the input, and sees how much of it was taken.

    Members
    -------
    discard : one cycle: forget words that were not taken.   available : words that the host has written.   base, rows, delay, uniform : the input's
    ring, as in a ring descriptor.   period : only in configurations with maps: of its delays, as in a ring descriptor, 0 or a power of two.
    neurons : input neurons.   taken : words taken.   out_of_range : sticky, a word named no input neuron.
    """

    def __init__(self, config: Config) -> None:
        period = {"period": Out(INPUT_RING_PERIOD_BITS)} if config.map_words else {}
        super().__init__(
            {
                "discard": Out(1),
                "available": Out(POSITION_BITS),
                "base": Out(range(config.ring_words)),
                "rows": Out(range(config.max_ring_rows + 1)),
                "delay": Out(range(config.delay_entries)),
                "uniform": Out(1),
                "neurons": Out(range(config.max_input_neurons + 1)),
                "taken": In(POSITION_BITS),
                "out_of_range": In(1),
            }
            | period
        )


class HostAccess(Signature):
    """The host reads and writes a memory of ``words`` words of ``bits`` bits.

    Parameters
    ----------
    read_bits : of what is read, where several of the host's words are one of the memory: then the whole one that holds ``address``.

    Members
    -------
    address : of the word.   write : one cycle: ``data`` is written.   read : in this cycle the word is meant to be read.   read_data : one cycle later.
    """

    def __init__(self, words: int, bits: int, *, read_bits: int | None = None) -> None:
        members = {"address": Out(range(words)), "write": Out(1), "data": Out(bits), "read": Out(1), "read_data": In(read_bits or bits)}
        super().__init__(members)


def host_weights(config: Config) -> HostAccess:
    """The host's way to the weights: words of the bus, or smaller ones if a weight word is smaller."""
    bits = min(WORD_BITS, config.weight_word_bits)
    return HostAccess(config.weight_words * (config.weight_word_bits // bits), bits, read_bits=config.weight_word_bits)


def host_neurons(config: Config) -> HostAccess:
    """The host's way to the neuron words, one neuron's at a time."""
    return HostAccess(config.neuron_words * config.multipliers, config.state_bits, read_bits=config.multipliers * config.state_bits)


def host_maps(config: Config) -> HostAccess:
    """The host's way to the map tables, one after the other."""
    return HostAccess(TABLES * config.map_words, WORD_BITS, read_bits=TABLES * WORD_BITS)


def delay_bits(config: Config) -> int:
    """Width of a delay."""
    return max(config.max_delay.bit_length(), 1)


class InputProgress(Signature):
    """How far the input may be written ahead of the computation, and how far it is: ``limit`` and ``steps``, in steps modulo ``2^AHEAD_BITS``."""

    def __init__(self) -> None:
        super().__init__({"limit": Out(AHEAD_BITS), "steps": In(AHEAD_BITS)})


class ScanCommand(Signature):
    """Scan rows of a ring for the presynaptic neurons of a pass.

    Members
    -------
    start : one cycle; ``words`` and ``base`` are taken with it, the rest stays while ``busy``.   words : groups of 32 neurons.   count : rows
    (1 in event mode).   base : ring word of group 0, row 0.   ring_rows : rows of the ring.   row : the first row.   clear : zero what was read.
    vector : entries are blocks; only in configurations that have such (``Config.vectors``).
    clear_words : only in configurations that gather: with ``clear``, of so many groups, the first ones; from the cycle after ``start`` on.
    busy : from the cycle after ``start`` to the one with the last of the ring's words in hand.
    """

    def __init__(self, config: Config) -> None:
        rows = range(config.max_ring_rows + 1)
        members = {
            "start": Out(1),
            "words": Out(range(config.max_source_words + 1)),
            "count": Out(range(rows_per_scan(config) + 1)),
            "base": Out(range(config.ring_words)),
            "ring_rows": Out(rows),
            "row": Out(rows),
            "clear": Out(1),
            "busy": In(1),
        }
        members |= {"vector": Out(1)} if config.vectors else {}
        super().__init__(members | ({"clear_words": Out(range(config.max_source_words + 1))} if config.gathers else {}))


class Entries(Signature):
    """Active presynaptic neurons, one per cycle at most. Not a stream: what says that there is room is known a cycle ahead.

    Members
    -------
    ready : in the next cycle an entry may come.   valid, entry : an entry, see :func:`entry_layout`; taken at once.
    done : one cycle, the scan ends; its last entry comes in the next cycle at the latest.
    """

    def __init__(self, config: Config) -> None:
        super().__init__({"ready": In(1), "valid": Out(1), "entry": Out(entry_layout(config)), "done": Out(1)})


class PassCommand(Signature):
    """Accumulate one pass.

    Members
    -------
    start : one cycle, a pass begins.   weight_base : with ``start``, weight word of presynaptic neuron 0, block 0.   mode, blocks, fan_in : the pass's
    words.   one_slot : its blocks have one slot each for all steps, else one for each step.   count : steps of this pass.
    step : the step that is accumulated (event) or updated.   advance : one cycle: in the next one it is the next step's turn.
    enable : accumulate now.   done : level, this step (event) or the window (dense) is complete, and the update may read its first slot two cycles
    later, and another one with each further cycle.   rows_done : finished scans of this pass.
    mapped, walk : only in configurations with maps: it is a mapped pass, and words 3 and further ones of it; both stay while ``enable``.
    vector : only in configurations with vectors: likewise, entries are blocks.
    gathered, gather : only in configurations that gather: it is a gather pass, from ``start`` on, and words 3 and further ones of it, word 3 from two cycles
    later on, all of them with ``enable``.
    """

    def __init__(self, config: Config) -> None:
        members = {
            "start": Out(1),
            "mode": Out(Mode),
            "blocks": Out(range(config.max_blocks + 1)),
            "weight_base": Out(range(config.weight_words)),
            "fan_in": Out(range(config.max_fan_in + 1)),
            "one_slot": Out(1),
            "count": Out(range(config.window + 1)),
            "step": Out(window_step(config)),
            "advance": Out(1),
            "enable": Out(1),
            "done": In(1),
            "rows_done": In(range(config.window + 2)),
        }
        members |= {"mapped": Out(1), "walk": Out(WALK_SHAPE)} if config.map_words else {}
        members |= {"vector": Out(1)} if config.vectors else {}
        super().__init__(members | ({"gathered": Out(1), "gather": Out(GATHER_SHAPE)} if config.gathers else {}))


class MapRead(Signature):
    """Read a word of each map table. ``addresses``, ``enable`` : read.   ``words`` : one cycle later and until the next read."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            {"addresses": Out(range(config.map_words)).array(TABLES), "enable": Out(1), "words": In(WORD_BITS).array(TABLES)}
        )


def weight_request(config: Config) -> stream.Signature:
    """Addresses of weight words; every accepted one is answered by one :func:`weight_word`, in order, one cycle later at the earliest."""
    return stream.Signature(range(config.weight_words))


def weight_word(config: Config) -> stream.Signature:
    """Weight words: one weight per lane, lane 0 lowest. Always taken."""
    return stream.Signature(unsigned(config.weight_word_bits), always_ready=True)


class SlotRead(Signature):
    """The update reads the accumulators of a step, block after block.

    Members
    -------
    block, row : the block and the row in it.   used : one cycle later: its sums are used.   last : with ``used``: nobody uses another row of this block in
    this step, as it is the last one of the block or of the population: its slot becomes zero.   sums : two cycles later, one per multiplier.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "block": Out(range(config.max_blocks)),
                "row": Out(range(max(config.rows_per_block, 2))),
                "used": Out(1),
                "last": Out(1),
                "sums": In(signed(config.accumulator_bits)).array(config.multipliers),
            }
        )


class UpdateCommand(Signature):
    """Update a population's neurons, one step after the other.

    Members
    -------
    population : its words, stable while it is in use.   micro_base : program address of its microprogram.   load : one cycle: a new population.
    go : one cycle, only while ``ready``, or while ``ending`` and ``again``: update one step.   fresh : the first step since the state was cleared.
    busy : issuing.   ending : the last cycle of ``busy``, or if rows were recorded the next.   ready, again : see ``go``.
    complete : one cycle, with the last spike word of a step.   settled : no result is on its way.   counted : counters are final two cycles from now.
    blocked : waiting for room only.   counts : of :data:`~lifline.arch.program.POPULATION_COUNTERS`, since ``load``.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "population": Out(POPULATION_SHAPE),
                "micro_base": Out(range(config.program_words)),
                "load": Out(1),
                "go": Out(1),
                "fresh": Out(1),
                "busy": In(1),
                "ending": In(1),
                "ready": In(1),
                "again": In(1),
                "complete": In(1),
                "settled": In(1),
                "counted": In(1),
                "blocked": In(1),
                "counts": In(WORD_BITS).array(len(POPULATION_COUNTERS)),
            }
        )


class SpikeWords(Signature):
    """A population's spikes of one step, 32 neurons a word, in rising order.

    Members
    -------
    valid, word, index : a word and its number, which stays until the next.   complete : one cycle, with the last word of a step or after it.
    """

    def __init__(self, config: Config) -> None:
        super().__init__({"valid": Out(1), "word": Out(RING_BITS), "index": Out(range(config.max_groups)), "complete": Out(1)})


class StateRows(Signature):
    """Rows of state for the host, or of spike counts to compare.

    Members
    -------
    valid, values, record, index : a row: one value per multiplier, what it is, its number.   room : a row fits.   busy : no row is taken now.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "values": Out(signed(config.state_bits)).array(config.multipliers),
                "record": Out(Record),
                "index": Out(RECORD["index"].width),
                "room": In(1),
                "busy": In(1),
            }
        )


class RouteCommand(Signature):
    """Route spikes of a population, step by step.

    Members
    -------
    load : one cycle, a population starts.   first : with ``load``, the step of the window that comes first.   ring_0, ring_1 : ring descriptors.   population : word 1 of the
    population; they stay for the pass.   begin : one cycle, an update of the next step starts.   step : with ``begin``, for records.
    go : one cycle: route the last complete step.   busy : routing.   needed : this population's spikes have to be routed.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "load": Out(1),
                "first": Out(window_step(config)),
                "ring_0": Out(word_layout(RING_0)).array(MAX_RINGS),
                "ring_1": Out(word_layout(RING_1)).array(MAX_RINGS),
                "population": Out(word_layout(POPULATION_1)),
                "begin": Out(1),
                "step": Out(RECORD["step"].width),
                "go": Out(1),
                "busy": In(1),
                "needed": In(1),
            }
        )


def record_words() -> stream.Signature:
    """Words of records for the host, which are never refused: room was reserved."""
    return stream.Signature(unsigned(WORD_BITS), always_ready=True)


class RecordCommand(Signature):
    """Reserve room for records, and compare spike counts.

    Members
    -------
    clear : one cycle: forget all output.   needed : words to reserve for spikes.   population, step : for records of state.   check : one cycle: a new
    comparison.   room : the reserved words fit.   busy : a row is sent or compared.   leading, second : the two highest counts since ``check``.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "clear": Out(1),
                "needed": Out(range(config.output_words + 1)),
                "population": Out(RECORD["population"].width),
                "step": Out(RECORD["step"].width),
                "check": Out(1),
                "room": In(1),
                "busy": In(1),
                "leading": In(config.state_bits),
                "second": In(config.state_bits),
            }
        )


class OutputRead(Signature):
    """The host reads records. ``taken`` : words that it has freed.   ``count`` : words written.   ``address``, ``data`` : a word, one cycle later."""

    def __init__(self, config: Config) -> None:
        super().__init__({"taken": Out(POSITION_BITS), "address": Out(range(config.output_words)), "count": In(POSITION_BITS), "data": In(WORD_BITS)})


class RingClear(Signature):
    """A fresh run clears the rings. ``clearing`` : in this cycle the word at ``address`` becomes zero."""

    def __init__(self, config: Config) -> None:
        super().__init__({"clearing": Out(1), "address": Out(range(config.ring_words))})


class RingScan(Signature):
    """The scanner's way to the rings, which it has alone while it is ``busy``.

    Members
    -------
    busy : the rings are the scanner's.   address, enable : read; ``data`` one cycle later and until the next read.   clear_address, clear : write zero.
    """

    def __init__(self, config: Config) -> None:
        address = range(config.ring_words)
        super().__init__(
            {"busy": Out(1), "address": Out(address), "enable": Out(1), "data": In(RING_BITS), "clear": Out(1), "clear_address": Out(address)}
        )


def spike_layout(config: Config) -> data.StructLayout:
    """What becomes of a ring word: all 32 neurons of ``word``; or with ``merge`` the one bit ``neuron`` is set in what is there, and ``word`` has no meaning."""
    return data.StructLayout({"address": range(config.ring_words), "merge": 1, "neuron": range(RING_BITS), "word": RING_BITS})


def spike_write(config: Config) -> stream.Signature:
    """Spikes into the rings: from the input, the router, the host, later from other cores. See :func:`spike_layout`.

    The rings take a word at once, and read for a bit first, so that this write is taken in the next cycle at the earliest. A register is on the
    rings' side.
    """
    return stream.Signature(spike_layout(config))


class DelayRead(Signature):
    """Look up axonal delays. ``address``, ``enable`` : read; counts only with ``free``, the memory is not used by somebody else.   ``data`` : one cycle later."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            {"address": Out(range(config.delay_entries)), "enable": Out(1), "free": In(1), "data": In(range(config.max_delay + 1))}
        )


class ProgramRead(Signature):
    """Read program words. ``address``, ``enable`` : read.   ``data`` : one cycle later and until the next read."""

    def __init__(self, config: Config) -> None:
        super().__init__({"address": Out(range(config.program_words)), "enable": Out(1), "data": In(WORD_BITS)})


class ProgramPort(Signature):
    """The way to the program memory.

    Members
    -------
    read_address, read_enable : read; ``read_data`` one cycle later and until the next read.   write_address, write_data : a word.
    write_enable : one bit for each of :data:`PROGRAM_SLICES`, lowest first.
    """

    def __init__(self, config: Config) -> None:
        address = range(config.program_words)
        super().__init__(
            {
                "read_address": Out(address),
                "read_enable": Out(1),
                "read_data": In(WORD_BITS),
                "write_address": Out(address),
                "write_data": Out(WORD_BITS),
                "write_enable": Out(PROGRAM_SLICES),
            }
        )


class ProgramLoad(Signature):
    """The host reads and writes the program between runs.

    Members
    -------
    address : of the word that is read, or written; zero during a run.   data : the word to write; zero during a run.
    write : one cycle: writes ``data`` of the next cycle to ``address`` of this one.   read_data : the word, one cycle after its address.
    """

    def __init__(self, config: Config) -> None:
        super().__init__({"address": Out(range(config.program_words)), "data": Out(WORD_BITS), "write": Out(1), "read_data": In(WORD_BITS)})


class NeuronPort(Signature):
    """The update's way to the neuron memory: rows of one word per multiplier, multiplier 0 lowest.

    Members
    -------
    read_address : always read; ``read_data`` one cycle later.   write_address, write_data, write_enable : a row.
    quiet : no run is in progress: in the next cycle all neurons of ``write_data`` have to be ``written``, the host's value.
    """

    def __init__(self, config: Config) -> None:
        address, row = range(config.neuron_words), config.multipliers * config.state_bits
        super().__init__(
            {
                "read_address": Out(address),
                "read_data": In(row),
                "write_address": Out(address),
                "write_data": Out(row),
                "write_enable": Out(1),
                "quiet": In(1),
                "written": In(signed(config.state_bits)),
            }
        )


class Trace(Signature):
    """What simulation builds show of the update, whether or not the host records it: every neuron word as it is stored, and the sums that went into it.

    It cannot be stalled, and does not change the design's timing.

    Members
    -------
    valid : one row of one variable is stored in this cycle.   address : its neuron word, which names population, row and variable.
    values : the stored values of the row's neurons.   fired : their spikes; zero with words other than membranes.
    sums : the row's accumulators that the operation has added, before their shift; zero with words that take no synaptic input.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "address": Out(range(config.neuron_words)),
                "values": Out(config.multipliers * config.state_bits),
                "fired": Out(config.multipliers),
                "sums": Out(config.multipliers * config.accumulator_bits),
            }
        )
