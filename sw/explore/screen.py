"""What a candidate would need that is known at once, so that nothing is spent on one that cannot be."""

from __future__ import annotations

from lifline.arch.errors import LiflineError
from lifline.boards.board import board
from lifline.boards.estimate import lookup_tables
from lifline.network.model import Network

from .candidate import Candidate
from .evaluate import Problem, check_at_once, network_of


class Screen:
    """Tells what a candidate's lookup tables would be, in milliseconds, from its fields and the widest sums of its network; keeps what it has told.

    Attributes
    ----------
    last : why the last candidate that cannot be was refused; empty before there is one.
    """

    def __init__(self, problem: Problem) -> None:
        self.last = ""
        self._problem = problem
        self._networks: dict[tuple[int, ...], Network] = {}
        self._known: dict[Candidate, int | None] = {}

    def tables(self, candidate: Candidate) -> int | None:
        """Lookup tables, as :func:`~lifline.explore.evaluate.evaluate` will count them; None if there is no such accelerator for this network on its board."""
        plain = candidate.plain()
        if plain not in self._known:
            try:
                config = plain.roomy_for(self._network(plain))
                check_at_once(config, plain)
                self._known[plain] = lookup_tables(config, board(plain.board).family.tables).number
            except LiflineError as error:
                self.last = f"{plain}: {error}"
                self._known[plain] = None
        return self._known[plain]

    def _network(self, candidate: Candidate) -> Network:
        """In its widths, which many candidates share."""
        widths = (candidate.weight_bits, candidate.state_bits, candidate.decay_bits, candidate.delays)
        if widths not in self._networks:
            self._networks[widths] = network_of(self._problem, candidate)
        return self._networks[widths]
