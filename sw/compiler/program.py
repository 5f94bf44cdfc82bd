"""A compiled program: memory images, registers, and what they were compiled from and for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import ProgramError
from lifline.arch.layout import Word
from lifline.arch.program import (
    FIRST_COUNTER,
    INSTRUCTION,
    MICRO,
    PASSES,
    POPULATION_1,
    POPULATION_2,
    POPULATION_WORDS,
    REPEAT_WORDS,
    RING_WORDS,
    Mode,
    Opcode,
)
from lifline.arch.records import packed_words
from lifline.arch.registers import INPUT_RING_UNIFORM_BIT, Space
from lifline.network.model import Network

from .components import Execution
from .layouts import Layout


@dataclass(frozen=True)
class ProgramPass:
    """One pass: presynaptic neurons ``first .. first + fan_in - 1``, in the order of the hardware, of a projection in one mode."""

    source: str
    target: str
    mode: Mode
    first: int
    fan_in: int
    blocks: int
    updates: bool
    execution: Execution = Execution.WINDOW

    @property
    def is_step_by_step(self) -> bool:
        """Whether a step of it waits for the spikes of the one before, since they come back within a window."""
        return self.execution is not Execution.WINDOW

    @property
    def described(self) -> str:
        """The projection, its mode, and whether it goes step by step."""
        return f"{self.source} -> {self.target} {self.mode.name.lower()}{' step by step' if self.is_step_by_step else ''}"


@dataclass(frozen=True)
class ProgramPopulation:
    """Where a population lives, or a band of one: populations that are computed in bands have several of these.

    Attributes
    ----------
    number : its number in records.   first, places : the first of its places in the hardware, and how many; ``size`` : neurons there.   address : program address of its first population word.
    rows, row_words, row_base : rows, neuron words per row, first neuron word of row 0.
    words : word offset within a row by name.   micro_base : program address of the microprogram; ``prologue`` and
    ``update`` are its lengths, ``record`` the packed operation by variable, ``exit_check`` one more or None.
    """

    number: int
    name: str
    first: int
    places: int
    size: int
    rows: int
    row_words: int
    row_base: int
    address: int
    words: dict[str, int]
    micro_base: int
    prologue: int
    update: int
    record: dict[str, int]
    exit_check: int | None
    fires: bool

    def record_patch(self, image: NDArray[np.uint32], spikes: bool, variables: list[str]) -> list[tuple[int, int]]:
        """Program words (address, value) that make the population send ``variables`` (of ``record``) and its spikes."""
        word1 = POPULATION_1.unpack(int(image[self.address + 1])) | {"record_spikes": int(spikes and self.fires), "record": len(variables)}
        operations = [self.record[v] for v in variables]
        if self.exit_check is not None:
            operations.append(self.exit_check)
        start = self.micro_base + self.prologue + self.update
        return [(self.address + 1, POPULATION_1.pack(**word1))] + [(start + k, op) for k, op in enumerate(operations)]


@dataclass(frozen=True, eq=False)
class Program:
    """What a device loads.

    Attributes
    ----------
    network, config : what it was compiled from, and the gateware it was compiled for.
    images : words (uint32) per address space, from address 0.   registers : values to write at load.
    populations : all but the input, band by band.   layouts : hardware order of the neurons of every population, the input too.
    """

    network: Network
    config: Config
    images: dict[Space, NDArray[np.uint32]]
    registers: dict[str, int]
    populations: tuple[ProgramPopulation, ...]
    passes: tuple[ProgramPass, ...]
    layouts: Mapping[str, Layout]
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __repr__(self) -> str:
        modes = ", ".join(dict.fromkeys(p.described for p in self.passes))
        return f"Program({self.network.name!r} for `{self.config_name}`: {modes})"

    @property
    def is_recurrent(self) -> bool:
        """Whether spikes come back within a window, so that some passes go step by step."""
        return any(p.is_step_by_step for p in self.passes)

    @property
    def config_name(self) -> str:
        return self.config.name

    @property
    def config_hash(self) -> int:
        return self.config.hash

    @property
    def modes(self) -> dict[tuple[str, str], Mode]:
        """The mode of every ``(source, target)``."""
        return {(p.source, p.target): p.mode for p in self.passes}

    @property
    def packed_step(self) -> int:
        """Input words of a step with a bit per input neuron; 0 if it cannot come like this: these have delays of their own, or the configuration has no packed input."""
        uniform = self.registers["input_ring"] >> INPUT_RING_UNIFORM_BIT & 1
        return packed_words(self.layouts[self.network.input.name].size) if uniform and self.config.packed_input else 0

    def population(self, name: str) -> ProgramPopulation:
        """A population, or its first band."""
        return self.bands(name)[0]

    def bands(self, name: str) -> list[ProgramPopulation]:
        """A population, or all its bands, in the order of their places."""
        return [p for p in self.populations if p.name == name]

    @property
    def order(self) -> list[str]:
        """The populations besides the input in the order in which a window computes them."""
        return list(dict.fromkeys(p.name for p in self.populations))

    def recording(self, wanted: Mapping[str, set[str]]) -> list[tuple[int, int]]:
        """Program words (address, value) that make every population send the variables in ``wanted``, and nothing else."""
        image, patch = self.images[Space.PROGRAM], []
        for population in self.populations:
            variables = wanted.get(population.name, set())
            patch += population.record_patch(image, "spikes" in variables, [v for v in ("v", "i") if v in variables])
        return patch

    def listing(self, patch: Iterable[tuple[int, int]] = ()) -> Iterator[tuple[int, Word, int]]:
        """Address, layout and value of every word of program memory that is executed; ``patch`` as from :meth:`recording`.

        Micro-operations that only record are listed if ``patch`` turns them on.
        """
        image = {k: int(w) for k, w in enumerate(self.images[Space.PROGRAM])} | dict(patch)
        populations = {p.address: p for p in self.populations}
        position = 0
        while (opcode := INSTRUCTION.unpack(image[position])["opcode"]) != Opcode.END:
            if opcode in (Opcode.LOOP, Opcode.REPEAT):
                for layout in (INSTRUCTION,) if opcode == Opcode.LOOP else REPEAT_WORDS:
                    yield position, layout, image[position]
                    position += 1
                continue
            for layout in PASSES[Opcode(opcode)]:
                yield position, layout, image[position]
                position += 1
            if (population := populations.get(position)) is not None:
                for k, layout in enumerate(POPULATION_WORDS[:FIRST_COUNTER]):
                    yield position + k, layout, image[position + k]
                head = POPULATION_1.unpack(image[position + 1])
                count = head["prologue"] + head["update"] + head["record"] + (population.exit_check is not None)
                for k in range(population.micro_base, population.micro_base + count):
                    yield k, MICRO, image[k]
                position = population.micro_base + POPULATION_2.unpack(image[position + 2])["micro_words"]
        yield position, INSTRUCTION, image[position]
        for _ in range(INSTRUCTION.unpack(image[position])["argument"]):
            for layout in RING_WORDS:
                position += 1
                yield position, layout, image[position]

    def check_config(self, config: Config) -> None:
        """Refuse another configuration.

        Raises
        ------
        ProgramError   naming both sides.
        """
        if config.hash != self.config_hash:
            raise ProgramError(
                f"program `{self.network.name}` was compiled for configuration `{self.config_name}` (hash {self.config_hash:08x}), "
                f"the device is `{config.name}` (hash {config.hash:08x}); compile it for that configuration"
            )
