"""The core: memories, engines, and the host's view of them, joined by the signatures of :mod:`lifline.rtl.streams`."""

from __future__ import annotations

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from .cells.target import GENERIC, Target
from .control.program_memory import ProgramMemory
from .control.sequencer import Sequencer
from .host.bus import HostRequest, HostResponse
from .host.host import Host
from .neurons.neuron_memory import NeuronMemory
from .neurons.update import Update
from .spikes.delays import Delays
from .spikes.input import InputWriter
from .spikes.recorder import Recorder
from .spikes.rings import Rings
from .spikes.router import Router
from .streams import Trace
from .synapses.accumulate import Accumulate
from .synapses.map_memory import MapMemory
from .synapses.scanner import Scanner
from .synapses.weight_memory import WeightMemory


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
    cleared : Out, one cycle, a fresh run begins.   running : Out, level, a run is in progress.
    """

    def __init__(self, config: Config, *, target: Target = GENERIC, trace: bool = False) -> None:
        self.config = config
        self.target, self.traced = target, trace
        members = {"request": In(stream.Signature(HostRequest)), "response": Out(stream.Signature(HostResponse)), "cleared": Out(1), "running": Out(1)}
        super().__init__(members | ({"trace": Out(Trace(config))} if trace else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, target = self.config, self.target
        m.submodules.host = host = Host(config)
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.program = program = ProgramMemory(config, apart=target.slices_apart)
        source = InputWriter(config)
        m.submodules.input = ResetInserter(sequencer.run.cleared)(source)  # a fresh run forgets a half-written spike of an aborted one
        m.submodules.rings = rings = Rings(config, writers=2)
        m.submodules.delays = delays = Delays(config, readers=2)
        m.submodules.scanner = scanner = Scanner(config)
        m.submodules.accumulate = accumulate = Accumulate(config, carry_cells=target.carry_cells)
        m.submodules.weights = weights = WeightMemory(config, style=target.weight_style, apart=target.slices_apart)
        m.submodules.update = update = Update(config, carry_cells=target.carry_cells, trace=self.traced)
        m.submodules.neurons = neurons = NeuronMemory(config, apart=target.slices_apart)
        m.submodules.router = router = Router(config)
        m.submodules.recorder = recorder = Recorder(config)
        for sender, receiver in (
            # the host
            (wiring.flipped(self.request), host.request),
            (host.response, wiring.flipped(self.response)),
            (host.run, sequencer.run),
            (host.input, source.control),
            (host.output, recorder.output),
            (host.program, sequencer.host),
            (host.weights, weights.host),
            (host.neurons, neurons.host),
            (host.delays, delays.host),
            (host.rings, rings.host),
            (host.input_words, source.host),
            # control
            (sequencer.program, program.port),
            (sequencer.input, source.progress),
            (sequencer.clear, rings.clear),
            (sequencer.scan, scanner.command),
            (sequencer.accumulation, accumulate.command),
            (sequencer.update, update.command),
            (sequencer.route, router.command),
            (sequencer.record, recorder.command),
            # the way of a spike: input, rings, synapses, neurons, router, rings or recorder
            (source.delays, delays.readers[1]),
            (source.write, rings.writers[1]),
            (scanner.ring, rings.scan),
            (scanner.entries, accumulate.entries),
            (accumulate.weight_request, weights.request),
            (weights.word, accumulate.weight_word),
            (update.program, sequencer.update_read),
            (update.slots, accumulate.slots),
            (update.neurons, neurons.update),
            (update.words, router.words),
            (update.rows, recorder.rows),
            (router.delays, delays.readers[0]),
            (router.write, rings.writers[0]),
            (router.records, recorder.words),
        ):
            wiring.connect(m, sender, receiver)
        if self.traced:
            wiring.connect(m, update.trace, wiring.flipped(self.trace))
        m.d.comb += [host.ring_word.eq(rings.read_data), self.cleared.eq(sequencer.run.cleared), self.running.eq(sequencer.run.running)]
        memories = [weights, neurons, delays, rings]
        if config.map_words:
            m.submodules.maps = maps = MapMemory(config)
            memories.append(maps)
            wiring.connect(m, host.maps, maps.host)
            wiring.connect(m, accumulate.maps, maps.read)
        for memory in memories:
            m.d.comb += memory.running.eq(sequencer.run.running)
        return m
