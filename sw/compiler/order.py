"""The order in which a window goes through the projections of a network."""

from __future__ import annotations

from lifline.network.model import Network, Projection

from .components import Component, components_of


def projections_in_order(network: Network, component: Component, target: str) -> list[Projection]:
    """Projections into a population of ``component``, in the order of their passes.

    It is that of the network, but for those from one source, of which the shorter delays come first: the last one to read a ring then reads the
    oldest spikes, and can clear them. What a population sends to itself within a window comes last: it is accumulated step by step.
    """
    into = network.projections_into(target)
    of_source = {source: iter(sorted((p for p in into if p.source == source), key=lambda p: p.shortest_delay)) for source in {p.source for p in into}}
    return sorted((next(of_source[p.source]) for p in into), key=lambda p: p.source == target and p in component.closing)


def readers_in_order(network: Network, source: str, window: int) -> list[Projection]:
    """Projections from a population, in the order of their passes in a window of so many steps."""
    return [
        p
        for component in components_of(network, window)
        for target in component.populations
        for p in projections_in_order(network, component, target.name)
        if p.source == source
    ]
