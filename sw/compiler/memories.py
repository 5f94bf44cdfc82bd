"""The memories that a program takes room in, and the refusal of one that is too small."""

from __future__ import annotations

from dataclasses import dataclass

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.network.model import Network

MemoryUse = dict[str, tuple[int, int]]
"""Words used and words that there are, by the name of a memory."""


@dataclass(frozen=True)
class Memory:
    """One memory of the gateware.

    Attributes
    ----------
    name : in :attr:`~lifline.compiler.program.Program.memory`.   depth : the field of the configuration that holds its words.
    unit : what a word of it is, for messages.   hint : what to do if they do not suffice.
    """

    name: str
    depth: str
    unit: str
    hint: str

    def claim(self, network: Network, config: Config, used: int, detail: str = "") -> MemoryUse:
        """Room for ``used`` words; ``detail`` says in messages who needs them.

        Raises
        ------
        CompileError   if there are fewer.
        """
        limit = getattr(config, self.depth)
        if used > limit:
            raise CompileError(f"network `{network.name}` needs {used:,} {self.unit}, `{config.name}` has {limit:,}{detail}: {self.hint}")
        return {self.name: (used, limit)}


RINGS = Memory("ring words", "ring_words", "words of 32 for delay rings", "shorten delays or use a larger configuration")
DELAYS = Memory("delay entries", "delay_entries", "axonal delays", "use uniform delays on some projections or a larger configuration")
WEIGHTS = Memory("weight words", "weight_words", "weight words", "use a larger configuration")
PROGRAM = Memory("program words", "program_words", "program words", "use fewer layers")
NEURONS = Memory("neuron words", "neuron_words", "neuron words", "use fewer or simpler neurons")
MAPS = Memory("map words", "map_words", "words in each memory of maps", "use fewer or smaller layers with tables, or a configuration with more map_words")
