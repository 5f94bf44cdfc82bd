"""What a window computes together: populations whose spikes come back to them within it, over projections with delays shorter than the window.

A projection with a delay of a window or more closes no such cycle: all that arrives in a window is there before it begins.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from lifline.network.graph import components
from lifline.network.model import Network, Population, Projection


class Execution(enum.StrEnum):
    """How a pass is executed in a window."""

    WINDOW = "window"
    """once for all steps"""
    RECURRENT = "recurrent"
    """likewise, but each step is scanned only when the spikes of the step before have been routed"""
    LOOP = "loop"
    """once for each step, after all passes of the component for the step before"""


@dataclass(frozen=True, eq=False)
class Component:
    """Populations in the order of their computation, and the projections among them that spikes come back over; none: it is feed-forward."""

    populations: tuple[Population, ...]
    closing: tuple[Projection, ...]

    @property
    def projects_to_itself(self) -> bool:
        """Whether it is one population, whose spikes come back to it."""
        return len(self.populations) == 1 and bool(self.closing)

    def execution(self, incoming: Sequence[tuple[Projection, bool]], *, slots_fit: bool) -> Execution:
        """How its last pass, and in a loop all its passes, are executed.

        A feed-forward population has a slot for every step if several passes add to it, or a loop if there are too few. A population that projects
        to itself accumulates what comes from elsewhere for all steps at once, and its own spikes step by step, if a single event pass does that and
        there are slots for all steps. Anything else is a loop.

        Parameters
        ----------
        incoming : the projection of every pass into its populations, and whether it is in event mode.
        slots_fit : there are accumulator slots for every step of a window.
        """
        if not self.closing:
            return Execution.WINDOW if slots_fit or [is_event for _, is_event in incoming] == [True] else Execution.LOOP
        own = [is_event for projection, is_event in incoming if projection in self.closing]
        return Execution.RECURRENT if self.projects_to_itself and own == [True] and slots_fit else Execution.LOOP


def components_of(network: Network, window: int) -> list[Component]:
    """The components of a program for windows of so many steps, in the order of their computation; all but the input."""
    shortest = {p: p.shortest_delay for p in network.projections}
    inside = [p for p in network.projections if shortest[p] < window]
    immediate = {(p.source, p.target) for p in inside if shortest[p] == 0}
    found = []
    for names in components(network.order, {(p.source, p.target) for p in inside}, immediate):
        populations = tuple(p for p in map(network.population, names) if p.neurons is not None)
        if populations:
            found.append(Component(populations, tuple(p for p in inside if p.source in names and p.target in names)))
    return found
