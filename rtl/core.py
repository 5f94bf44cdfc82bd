"""The core: memories, engines, and the host's view of them."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS

from .cells.memory import Ram
from .cells.target import GENERIC, Target
from .control.sequencer import Sequencer
from .host.bus import HostRequest, HostResponse
from .host.host import Host
from .neurons.update import Update
from .spikes.delays import Delays
from .spikes.input import InputWriter
from .spikes.recorder import Recorder
from .spikes.rings import Rings
from .spikes.router import Router
from .streams import PROGRAM_SLICES, Trace
from .synapses.accumulate import Accumulate
from .synapses.scanner import Scanner


class Core(wiring.Component):
    """The reconfigurable accelerator for one :class:`~lifline.arch.config.Config`.

    Every host request gets exactly one response, in order.

    Parameters
    ----------
    target : the family of chips.
    trace : show every stored neuron word and every accumulator that is used; for simulation.

    Members
    -------
    trace : Out(:class:`~lifline.rtl.streams.Trace`), if asked for.
    request : In(stream of HostRequest)
    response : Out(stream of HostResponse)
    """

    def __init__(self, config: Config, *, target: Target = GENERIC, trace: bool = False) -> None:
        self.config = config
        self.target, self.traced = target, trace
        members = {"request": In(stream.Signature(HostRequest)), "response": Out(stream.Signature(HostResponse))}
        super().__init__(members | ({"trace": Out(Trace(config))} if trace else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        weight_slices = max(config.weight_word_bits // WORD_BITS, 1)
        m.submodules.program = program = Ram(width=WORD_BITS, depth=config.program_words, slices=PROGRAM_SLICES)
        m.submodules.weights = weights = Ram(
            width=config.weight_word_bits, depth=config.weight_words, slices=weight_slices, style=self.target.weight_style
        )
        m.submodules.neurons = neurons = Ram(
            width=config.multipliers * config.state_bits, depth=config.neuron_words, slices=config.multipliers
        )
        m.submodules.delays = delays = Delays(config, readers=2)
        m.submodules.rings = rings = Rings(config, writers=2)

        m.submodules.sequencer = seq = Sequencer(config)
        m.submodules.scanner = scanner = Scanner(config)
        m.submodules.accumulate = accumulate = Accumulate(config, carry_cells=self.target.carry_cells)
        m.submodules.update = update = Update(config, carry_cells=self.target.carry_cells, trace=self.traced)
        m.submodules.router = router = Router(config)
        m.submodules.recorder = recorder = Recorder(config)
        source = InputWriter(config)
        m.submodules.input = ResetInserter(seq.run.cleared)(source)  # a fresh run forgets a half-written spike of an aborted one
        m.submodules.host = host = Host(config)
        wiring.connect(m, wiring.flipped(self.request), host.request)
        wiring.connect(m, host.response, wiring.flipped(self.response))
        wiring.connect(m, host.run, seq.run)
        wiring.connect(m, host.input, source.control)
        wiring.connect(m, host.output, recorder.output)

        # Scan and accumulation.
        wiring.connect(m, seq.scan, scanner.command)
        wiring.connect(m, seq.accumulation, accumulate.command)
        wiring.connect(m, update.slots, accumulate.slots)
        wiring.connect(m, scanner.entries, accumulate.entries)
        m.d.comb += [
            # Words come in the next cycle, always: nobody waits for them.
            accumulate.weight_request.ready.eq(1),
            accumulate.weight_word.valid.eq(1),
            accumulate.weight_word.payload.eq(weights.read_data),
        ]

        # Update, routing, recording.
        wiring.connect(m, seq.update, update.command)
        wiring.connect(m, update.program, seq.update_read)
        wiring.connect(m, seq.route, router.command)
        wiring.connect(m, update.words, router.words)
        wiring.connect(m, router.records, recorder.words)
        wiring.connect(m, update.rows, recorder.rows)
        wiring.connect(m, seq.record, recorder.command)

        if self.traced:
            wiring.connect(m, update.trace, wiring.flipped(self.trace))

        # Input.
        wiring.connect(m, seq.input, source.progress)
        m.d.comb += [
            source.host.address.eq(host.offset),
            source.host.data.eq(host.write_data),
            source.host.write.eq(host.write_input),
            source.host.read.eq(host.read_input),
        ]

        # Memory ports: the host while no run is in progress, else the engines; the input writer comes last. Where the engines' address or
        # data are zero while there is no run, an OR joins them with the host's.
        idle = ~seq.run.running
        m.d.comb += [
            seq.host.address.eq(host.idle_offset),
            seq.host.data.eq(host.idle_data),
            seq.host.write.eq(host.write_program),
            host.read_program.eq(seq.host.read_data),
            program.read_address.eq(seq.program.read_address),
            program.read_enable.eq(seq.program.read_enable),
            program.write_address.eq(seq.program.write_address),
            program.write_data.eq(seq.program.write_data),
            program.write_enable.eq(seq.program.write_enable),
            seq.program.read_data.eq(program.read_data),
        ]
        slice_bits = (weight_slices - 1).bit_length()
        weight_address = Signal(range(config.weight_words))
        m.d.comb += [
            weight_address.eq(Mux(idle, host.offset >> slice_bits, accumulate.weight_request.payload)),
            weights.read_address.eq(weight_address),
            weights.read_enable.eq(~weights.write_enable.any()),
            weights.write_address.eq(weight_address),
            weights.write_data.eq(host.write_data.replicate(weight_slices) if weight_slices > 1 else host.write_data),
        ]
        for k in range(weight_slices):
            selected = (host.offset[:slice_bits] == k) if slice_bits else 1
            m.d.comb += weights.write_enable[k].eq(host.write_weights & selected)
        lane_bits = (config.multipliers - 1).bit_length()
        m.d.comb += [
            neurons.read_address.eq(Mux(idle, host.offset >> lane_bits, update.neurons.read_address)),
            neurons.write_address.eq(Mux(idle, host.offset >> lane_bits, update.neurons.write_address)),
            update.quiet.eq(idle),
            update.written.eq(host.write_data[: config.state_bits]),
            neurons.write_data.eq(update.neurons.write_data),
            update.neurons.read_data.eq(neurons.read_data),
        ]
        for k in range(config.multipliers):
            selected = (host.offset[:lane_bits] == k) if lane_bits else 1
            m.d.comb += neurons.write_enable[k].eq(Mux(idle, host.write_neurons & selected, update.neurons.write_enable))
        wiring.connect(m, router.delays, delays.readers[0])
        wiring.connect(m, source.delays, delays.readers[1])
        m.d.comb += [
            delays.running.eq(seq.run.running),
            delays.host.address.eq(host.offset),
            delays.host.data.eq(host.write_data),
            delays.host.write.eq(host.write_delays),
        ]
        wiring.connect(m, router.write, rings.writers[0])
        wiring.connect(m, source.write, rings.writers[1])
        wiring.connect(m, scanner.ring, rings.scan)
        wiring.connect(m, seq.clear, rings.clear)
        m.d.comb += [
            rings.running.eq(seq.run.running),
            rings.host.valid.eq(host.write_rings),
            rings.host.payload.address.eq(host.offset),
            rings.host.payload.word.eq(host.write_data),
        ]
        m.d.comb += [
            host.read_weights.eq(weights.read_data),
            host.read_neurons.eq(neurons.read_data),
            host.read_delays.eq(delays.host.read_data),
            host.read_rings.eq(rings.read_data),
            host.read_input_data.eq(source.host.read_data),
        ]
        return m


