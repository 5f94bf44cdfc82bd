"""Program images for hosts without Python: as C source, or as a file of little-endian words."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import INTERFACE_VERSION
from lifline.arch.errors import InputError
from lifline.arch.frame import crc16
from lifline.arch.image import IMAGE_BAND, IMAGE_HEADER, IMAGE_MAGIC, IMAGE_NO_NEURON, IMAGE_POPULATION
from lifline.arch.registers import REGISTERS, Space, address
from lifline.compiler.layouts import Layout
from lifline.compiler.program import Program

SOURCES = ("lifline_link.h", "lifline_link.c", "lifline_driver.h", "lifline_driver.c", "lifline_run.c")
"""The driver; it also needs ``lifline.h`` of :mod:`lifline.data`."""
PER_LINE = 8


def driver_sources() -> dict[str, str]:
    """Name and text of every file that the C driver consists of."""
    own = {name: files("lifline.embedded").joinpath(name).read_text() for name in SOURCES}
    return {"lifline.h": files("lifline.data").joinpath("lifline.h").read_text()} | own


def image_of(program: Program) -> NDArray[np.uint32]:
    """The image of a program, as :mod:`lifline.arch.image` describes it. No population sends anything until the driver asks for it."""
    memories = {space: words.copy() for space, words in program.images.items()}
    for where, value in program.recording({}):
        memories[Space.PROGRAM][where] = value
    config, network, order = program.config, program.network, program.order
    entry = network.input.name
    header = {
        "magic": IMAGE_MAGIC,
        "words": 0,
        "interface_version": INTERFACE_VERSION,
        "config_hash": config.hash,
        "multipliers": config.multipliers,
        "input_neurons": network.input.size,
        "input_places": program.layouts[entry].size,
        "input_layout": 0,
        "input_packed": program.packed_step,
        "input_depth": config.input_words,
        "output_depth": config.output_words,
        "output": order.index(network.output),
        "populations": len(order),
        "bands": len(program.populations),
        "memories": len(memories),
        "registers": len(program.registers),
    }
    before = len(header) + len(IMAGE_POPULATION) * len(order) + len(IMAGE_BAND) * len(program.populations)
    before += sum(2 + len(words) for words in memories.values()) + 2 * len(program.registers)
    tables = {name: _table(layout, by_neuron=name == entry) for name, layout in program.layouts.items() if not layout.is_identity}
    starts = dict(zip(tables, accumulate(map(len, tables.values()), initial=before), strict=False))
    header["input_layout"] = starts.get(entry, 0)
    body: list[int] = []
    for name in order:
        values = {"size": network.population(name).size, "places": program.layouts[name].size, "layout": starts.get(name, 0)}
        values["fires"] = int(program.population(name).fires)
        body += [values[word] for word, _ in IMAGE_POPULATION]
    for band in sorted(program.populations, key=lambda band: band.number):
        values = {"population": order.index(band.name), "first": band.first, "places": band.places, "v": band.words["v"]}
        values |= {"address": band.address, "row_base": band.row_base, "row_words": band.row_words}
        body += [values[word] for word, _ in IMAGE_BAND]
    for space, words in memories.items():
        body += [address(space, 0), len(words), *map(int, words)]
    for name, value in program.registers.items():
        body += [address(Space.REGISTERS, REGISTERS[name].offset), value]
    for table in tables.values():
        body += table
    header["words"] = len(header) + len(body) + 1
    words = np.array([*(header[name] for name, _ in IMAGE_HEADER), *body], np.uint32)
    return np.append(words, np.uint32(crc16(words.astype("<u4").tobytes())))


def _table(layout: Layout, *, by_neuron: bool) -> list[int]:
    """The place of every neuron, or the neuron of every place."""
    return layout.indices.tolist() if by_neuron else [IMAGE_NO_NEURON if neuron < 0 else neuron for neuron in layout.inverse.tolist()]


def c_source(program: Program, name: str) -> str:
    """C source of the image: the constant array ``name`` and its length ``name_words``.

    Raises
    ------
    InputError   if the name is no C identifier.
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise InputError(f"`{name}` is no name in C: use letters, digits and underscores, and no digit first")
    words = [f"0x{int(w):08X}u" for w in image_of(program)]
    lines = [", ".join(words[k : k + PER_LINE]) for k in range(0, len(words), PER_LINE)]
    said = f"/* Network `{program.network.name.replace('*/', '* /')}`, compiled for `{program.config_name}`; made by `lifline embed`. */"
    return f"{said}\n#include <stddef.h>\n#include <stdint.h>\n\nconst uint32_t {name}[{len(words)}] = {{\n    " + ",\n    ".join(lines) + f",\n}};\nconst size_t {name}_words = {len(words)};\n"


def binary(program: Program) -> bytes:
    """The image as a file: its words, little-endian."""
    return image_of(program).astype("<u4").tobytes()
