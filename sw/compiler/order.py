"""The order in which a window goes through the projections of a network."""

from __future__ import annotations

from lifline.network.model import Network, Projection


def projections_in_order(network: Network, target: str) -> list[Projection]:
    """Projections into a population, in the order of their passes.

    It is that of the network, but for those from one source, of which the shorter delays come first: the last one to read a ring then reads the
    oldest spikes, and can clear them.
    """
    into = network.projections_into(target)
    of_source = {source: iter(sorted((p for p in into if p.source == source), key=lambda p: p.shortest_delay)) for source in {p.source for p in into}}
    return [next(of_source[p.source]) for p in into]


def readers_in_order(network: Network, source: str) -> list[Projection]:
    """Projections from a population, in the order of their passes."""
    return [p for target in network.order for p in projections_in_order(network, target) if p.source == source]
