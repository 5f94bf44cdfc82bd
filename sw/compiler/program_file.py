"""A compiled program: memory images, registers, and what they were compiled from and for; and its file, see ``docs/files.md``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lifline.arch.config import Config
from lifline.arch.errors import ProgramError
from lifline.arch.layout import Word
from lifline.arch.program import (
    FIRST_COUNTER,
    INSTRUCTION,
    MICRO,
    PASS_WORDS,
    POPULATION_1,
    POPULATION_2,
    POPULATION_WORDS,
    RING_WORDS,
    Mode,
    Opcode,
)
from lifline.arch.registers import REGISTERS, Space
from lifline.network import file as network_file
from lifline.network.model import Network

FORMAT, VERSION = "lifline-program", 2


@dataclass(frozen=True)
class ProgramPass:
    """One pass: presynaptic neurons ``first .. first + fan_in - 1`` of a projection in one mode."""

    source: str
    target: str
    mode: Mode
    first: int
    fan_in: int
    blocks: int
    updates: bool


@dataclass(frozen=True)
class ProgramPopulation:
    """Where a population lives.

    Attributes
    ----------
    number : its number in records.   address : program address of its first population word.
    rows, row_words, row_base : rows, neuron words per row, first neuron word of row 0.
    words : word offset within a row by name.   micro_base : program address of the microprogram; ``prologue`` and
    ``update`` are its lengths, ``record`` the packed operation by variable, ``exit_check`` one more or None.
    """

    number: int
    name: str
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
    network : what it was compiled from.   config_name, config_hash : the gateware it was compiled for.
    images : words (uint32) per address space, from address 0.   registers : values to write at load.
    """

    network: Network
    config_name: str
    config_hash: int
    images: dict[Space, NDArray[np.uint32]]
    registers: dict[str, int]
    populations: tuple[ProgramPopulation, ...]
    passes: tuple[ProgramPass, ...]
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)

    def population(self, name: str) -> ProgramPopulation:
        return next(p for p in self.populations if p.name == name)

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
        while INSTRUCTION.unpack(image[position])["opcode"] != Opcode.END:
            for layout in PASS_WORDS:
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


def _digest(images: Mapping[str, NDArray[Any]], header: str) -> str:
    digest = hashlib.sha256(header.encode())
    for name in sorted(images):
        digest.update(f"{name}:{images[name].dtype}:{images[name].shape};".encode())
        digest.update(images[name].tobytes())
    return digest.hexdigest()


def save(program: Program, path: str | os.PathLike[str]) -> None:
    """Write a program file: safetensors with one uint32 tensor per address space; everything else as JSON in the header.

    Raises
    ------
    ProgramError   if the file cannot be written.
    """
    header = {f.name: getattr(program, f.name) for f in dataclasses.fields(program) if f.name not in ("network", "images")}
    header["populations"] = [dataclasses.asdict(p) for p in program.populations]
    header["passes"] = [dataclasses.asdict(p) for p in program.passes]
    text = json.dumps(header, sort_keys=True)
    images: dict[str, NDArray[Any]] = {space.name.lower(): image for space, image in program.images.items()}
    with tempfile.TemporaryDirectory() as folder:
        network_file.save(program.network, Path(folder) / "network")
        images["network"] = np.frombuffer((Path(folder) / "network").read_bytes(), np.uint8)
    network_file.write_tensors(path, images, {"format": FORMAT, "version": str(VERSION), "program": text, "digest": _digest(images, text)})


def load(path: str | os.PathLike[str]) -> Program:
    """Read a program file.

    Raises
    ------
    ProgramError   if it is missing, truncated, corrupted, not a program, or of another version.
    """
    try:
        with safe_open(Path(path), framework="numpy") as file:
            meta = file.metadata() or {}
            images = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise ProgramError(f"{path} cannot be read as a program file ({error}); compile the network again") from error
    if meta.get("format") != FORMAT:
        raise ProgramError(f"{path} is not a program file (format {meta.get('format')!r}, expected {FORMAT!r}); make one with `lifline compile`")
    if meta.get("version") != str(VERSION):
        raise ProgramError(f"{path} has program version {meta.get('version')}, this lifline reads {VERSION}; compile the network again")
    if _digest(images, meta.get("program", "")) != meta.get("digest"):
        raise ProgramError(f"{path} is corrupted: its digest does not match; compile the network again")
    try:
        return _build(json.loads(meta["program"]), images)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProgramError(f"{path} is not a complete program ({type(error).__name__}: {error}); compile the network again") from error


def _build(header: dict[str, Any], images: dict[str, NDArray[Any]]) -> Program:
    unknown = set(header["registers"]) - set(REGISTERS)
    if unknown:
        raise ValueError(f"it sets unknown registers {sorted(unknown)}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "network").write_bytes(images.pop("network").tobytes())
        network = network_file.load(Path(folder) / "network")
    header["populations"] = tuple(ProgramPopulation(**p) for p in header["populations"])
    header["passes"] = tuple(ProgramPass(**(p | {"mode": Mode(p["mode"])})) for p in header["passes"])
    header["memory"] = {k: tuple(v) for k, v in header["memory"].items()}
    return Program(network=network, images={Space[name.upper()]: image for name, image in images.items()}, **header)
