"""What a configuration cannot run, refused by name, and the mode of every projection."""

from __future__ import annotations

from collections.abc import Mapping

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.arch.records import RECORD
from lifline.arch.registers import EXIT_BITS
from lifline.arch.values import short
from lifline.network.connections.windows import Windowed
from lifline.network.model import Network, Projection

from .bands import Bands
from .layouts import Layout
from .projections.chosen import kind_of

OneMode = Mode | str
Modes = OneMode | Mapping[tuple[str, str], OneMode]
"""Of all projections, or of each ``(source, target)``; a :class:`Mode` or its name, ``"event"`` or ``"dense"``."""


def has_dense_mode(projection: Projection) -> bool:
    """Whether there is a dense mode for it."""
    return not kind_of(projection).event_only(projection)


def wherever_it_exists(network: Network, mode: Mode) -> dict[tuple[str, str], Mode]:
    """A mode for every ``(source, target)`` whose kind has it, event for the others."""
    without = {(p.source, p.target) for p in network.projections if not has_dense_mode(p)}
    return {(p.source, p.target): Mode.EVENT if (p.source, p.target) in without else mode for p in network.projections}


def modes_that_exist(network: Network, modes: Mapping[tuple[str, str], Mode]) -> dict[tuple[str, str], Mode]:
    """These modes, but event mode where a projection has no other."""
    events = wherever_it_exists(network, Mode.DENSE)
    return {pair: mode if events[pair] is Mode.DENSE else Mode.EVENT for pair, mode in modes.items()}


def named_modes(network: Network, modes: Modes) -> dict[tuple[str, str], Mode]:
    """The mode that is asked for, by projection.

    Raises
    ------
    CompileError   for what is no mode, and projections without one.
    """
    pairs = [(p.source, p.target) for p in network.projections]
    choice = modes if isinstance(modes, Mapping) else dict.fromkeys(pairs, modes)
    if missing := [pair for pair in pairs if pair not in choice]:
        raise CompileError(f"modes has no entry for the projection {missing[0]}; give one per projection, or one mode for all")
    named: dict[tuple[str, str], Mode] = {}
    for p in network.projections:
        mode = choice[p.source, p.target]
        if isinstance(mode, str) and mode.upper() in Mode.__members__:
            mode = Mode[mode.upper()]
        if not isinstance(mode, Mode):
            hint = "; `lifline.compile_auto` chooses by samples" if mode == "auto" else ""
            raise CompileError(f"{p.where}: mode {short(mode)} must be {' or '.join(m.name.lower() for m in Mode)}{hint}")
        named[p.source, p.target] = mode
    return named


def mode_by_projection(network: Network, config: Config, modes: Modes) -> dict[tuple[str, str], Mode]:
    """The mode of every projection.

    Raises
    ------
    CompileError   as :func:`named_modes`, and for dense mode where there are no dense lanes, or for kinds that have none.
    """
    chosen = named_modes(network, modes)
    for p in network.projections:
        mode = chosen[p.source, p.target]
        if mode is Mode.DENSE and not config.dense_lanes:
            raise CompileError(f"{p.where}: `{config.name}` has no dense lanes; use mode event")
        if mode is Mode.DENSE and (why := kind_of(p).event_only(p)):
            raise CompileError(f"{p.where} ({p.connection.name}) {why}; give each projection its mode")
    return chosen


def check_supported(network: Network, config: Config, layouts: Mapping[str, Layout]) -> None:
    """Refuse, by name, what the network may ask for and this gateware does not have. Padding counts as neurons.

    Raises
    ------
    CompileError   naming the value, the limit and the next step.
    """
    if network.state_bits != config.state_bits:
        raise CompileError(
            f"network `{network.name}` is defined for {network.state_bits} state bits, `{config.name}` has {config.state_bits}; "
            f"use a configuration with {network.state_bits}, or `network.replace(state_bits={config.state_bits})` and check the accuracy"
        )
    for p in network.populations:
        if p.neurons is not None and p.neurons.cap > 1:
            raise CompileError(
                f"population `{p.name}` may fire {p.neurons.cap} spikes per step; graded spikes are not supported by this gateware, use cap 1"
            )
    for p in network.projections:
        if not config.map_words and isinstance(p.connection, Windowed):
            raise CompileError(f"{p.where} ({p.connection.name}) needs maps, which `{config.name}` is built without; use a configuration that has map_words")
    total = sum(layouts[p.name].size for p in network.populations if p.neurons is not None)
    if total > config.max_neurons:
        padding = total - sum(p.size for p in network.populations if p.neurons is not None)
        told = f" ({padding} of them padding)" if padding else ""
        raise CompileError(
            f"the network has {total} neurons{told} besides inputs, `{config.name}` has {config.max_neurons}; use fewer neurons or a larger configuration"
        )
    rows = 1 << RECORD["index"].width
    for p in network.populations:
        if p.neurons is not None and ceil_div(layouts[p.name].size, config.multipliers) > rows:
            raise CompileError(
                f"population `{p.name}` has {layouts[p.name].size} neurons, `{config.name}` updates at most {rows * config.multipliers} in one population "
                f"({rows} rows of {config.multipliers}): split it, or use a configuration with more multipliers"
            )
    most = 1 << RECORD["population"].width
    if len(network.populations) - 1 > most:
        raise CompileError(f"the network has {len(network.populations) - 1} populations besides the input, records can name {most}")
    for p in network.projections:
        if p.synaptic:
            raise CompileError(
                f"projection {p.source} -> {p.target} has synaptic delays (up to {p.longest_delay} steps), this gateware delays "
                "presynaptic neurons only; train it with AxonalDelays, or run it in the golden model"
            )
        delay = p.longest_delay
        if delay > config.max_delay:
            raise CompileError(
                f"projection {p.source} -> {p.target}: delay {delay} exceeds {config.max_delay}, the largest of `{config.name}`"
            )
    exit_ = network.early_exit
    if exit_ is not None and not config.early_exit:
        raise CompileError(f"`{network.name}` exits early, which `{config.name}` is built without; use `medium`, or a network without early_exit")
    if exit_ is not None and exit_.every >= 1 << EXIT_BITS:
        raise CompileError(f"early exit every {exit_.every} steps: the gateware counts to {(1 << EXIT_BITS) - 1}; check more often")
    if exit_ is not None and exit_.margin >= config.state_max:
        raise CompileError(
            f"early exit with a margin of {exit_.margin}: spikes are counted to {config.state_max} ({config.state_bits} state bits), so that no run "
            f"could ever leave; use a margin below {config.state_max}, or a network without early_exit"
        )
    if exit_ is not None and exit_.every % config.window:
        raise CompileError(f"early exit every {exit_.every} steps must be a multiple of the window, {config.window} steps on `{config.name}`")


def check_bands(bands: Bands) -> None:
    """Refuse more bands than records can tell from each other.

    Raises
    ------
    CompileError   naming the population with the most.
    """
    most, total = 1 << RECORD["population"].width, sum(map(len, bands.values()))
    if total > most:
        name, own = max(bands.items(), key=lambda item: len(item[1]))
        raise CompileError(
            f"the network is computed in {total} bands, `{name}` in {len(own)} of them, records can name {most}: use mode event for the projections into it, "
            "or a configuration with more slots"
        )
