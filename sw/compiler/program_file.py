"""Program files, see ``docs/files.md``. Nothing in one is trusted: what it was compiled from is compiled again and has to give the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from lifline.arch.config import INTERFACE_VERSION, Config
from lifline.arch.errors import LiflineError, ProgramError
from lifline.arch.program import Mode
from lifline.network import file as network_file
from lifline.network.description import Strict, parse
from lifline.network.model import Network

from .compile import compile_network
from .layouts import Layout
from .places import given_layouts
from .program import Program

__all__ = ["FORMAT", "VERSION", "Program", "load", "save"]

FORMAT, VERSION = "lifline-program", 5
NETWORK = "network"


class PassDescription(Strict):
    """Fields of :class:`~lifline.compiler.program.ProgramPass`."""

    source: str
    target: str
    mode: int
    first: int
    fan_in: int
    blocks: int
    updates: bool
    execution: str


class LayoutDescription(Strict):
    """Fields of :class:`~lifline.compiler.layouts.Layout`."""

    indices: list[int]
    size: int


class ProgramDescription(Strict):
    """The entry ``program`` of the header. What a compilation needs is read from it, all else has to be what the compilation gives."""

    config: dict[str, Any]
    config_hash: int
    registers: dict[str, int]
    populations: list[dict[str, Any]]
    passes: list[PassDescription]
    layouts: dict[str, LayoutDescription]
    memory: dict[str, list[int]]


def _describe(program: Program) -> str:
    """The entry ``program`` of the header: the same program gives the same text."""
    description = {
        "config": dataclasses.asdict(program.config),
        "config_hash": program.config_hash,
        "registers": program.registers,
        "populations": [dataclasses.asdict(p) for p in program.populations],
        "passes": [dataclasses.asdict(p) for p in program.passes],
        "layouts": {name: {"indices": layout.indices.tolist(), "size": layout.size} for name, layout in given_layouts(program).items()},
        "memory": program.memory,
    }
    return json.dumps(description, sort_keys=True)


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
    text = _describe(program)
    images: dict[str, NDArray[Any]] = {space.name.lower(): image for space, image in program.images.items()}
    with tempfile.TemporaryDirectory() as folder:
        network_file.save(program.network, Path(folder) / NETWORK)
        images[NETWORK] = np.frombuffer((Path(folder) / NETWORK).read_bytes(), np.uint8)
    network_file.write_tensors(path, images, {"format": FORMAT, "version": str(VERSION), "program": text, "digest": _digest(images, text)})


def load(path: str | os.PathLike[str]) -> Program:
    """Read a program file, compile its network again for its configuration, and compare.

    Raises
    ------
    ProgramError   if it is missing, truncated, corrupted, not a program, of another version, or not what its network compiles to.
    """
    try:
        if not Path(path).is_file():
            raise FileNotFoundError("no such file")
        with safe_open(Path(path), framework="numpy") as file:
            meta = file.metadata() or {}
            foreign = meta.get("format") != FORMAT
            images = {} if foreign else {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise ProgramError(f"{path} cannot be read as a program file ({error}); compile the network again") from error
    if foreign:
        raise ProgramError(f"{path} is not a program file (format {meta.get('format')!r}, expected {FORMAT!r}); make one with `lifline compile`")
    if meta.get("version") != str(VERSION):
        raise ProgramError(f"{path} has program version {meta.get('version')}, this lifline reads {VERSION}; compile the network again")
    text = meta.get("program", "")
    if _digest(images, text) != meta.get("digest"):
        raise ProgramError(f"{path} is corrupted: its digest does not match; compile the network again")
    try:
        return _compiled_again(text, images)
    except (LiflineError, ValueError, TypeError) as error:
        raise ProgramError(f"{path} is not a complete program ({error}); compile the network again") from error


def _compiled_again(text: str, images: dict[str, NDArray[Any]]) -> Program:
    """The program that the file's network, configuration, modes and layouts give.

    Raises
    ------
    ValueError   naming what is missing or differs.
    """
    description = parse(text, ProgramDescription)
    config = Config(**description.config)
    if config.hash != description.config_hash:
        raise ValueError(
            f"it was compiled for configuration `{config.name}` with hash {description.config_hash:08x}, which this lifline calls {config.hash:08x}: "
            f"it is of another interface of the gateware than version {INTERFACE_VERSION}, or was changed"
        )
    network = _network(images)
    modes: dict[tuple[str, str], Mode] = {}
    for entry in description.passes:
        if modes.setdefault((entry.source, entry.target), Mode(entry.mode)) != entry.mode:
            raise ValueError(f"projection {entry.source} -> {entry.target} has passes in both modes")
    layouts = {name: Layout(np.array(given.indices), given.size) for name, given in description.layouts.items()}
    program = compile_network(network, config, modes, layouts)
    expected: dict[str, NDArray[Any]] = {space.name.lower(): image for space, image in program.images.items()}
    expected[NETWORK] = images[NETWORK]
    if images.keys() != expected.keys():
        raise ValueError(f"it holds the arrays {', '.join(sorted(images))} in place of {', '.join(sorted(expected))}")
    for name, image in expected.items():
        found = images[name]
        if found.dtype != image.dtype or found.shape != image.shape:
            raise ValueError(f"array `{name}` is {found.dtype} of shape {found.shape}, its network compiles to {image.dtype} of shape {image.shape}")
        if (found != image).any():
            raise ValueError(f"word {int((found != image).argmax())} of array `{name}` is not what its network compiles to")
    if (expected_text := _describe(program)) != text:
        given, right = json.loads(text), json.loads(expected_text)
        wrong = [key for key in right if json.dumps(given[key], sort_keys=True) != json.dumps(right[key], sort_keys=True)]
        raise ValueError(f"{', '.join(wrong) or 'its description'} is not what its network compiles to")
    return program


def _network(images: Mapping[str, NDArray[Any]]) -> Network:
    if NETWORK not in images:
        raise ValueError(f"array `{NETWORK}` is missing")
    if images[NETWORK].dtype != np.uint8 or images[NETWORK].ndim != 1:
        raise ValueError(f"array `{NETWORK}` is not made of bytes")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / NETWORK).write_bytes(images[NETWORK].tobytes())
        return network_file.load(Path(folder) / NETWORK)
