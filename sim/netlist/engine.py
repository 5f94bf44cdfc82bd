"""The compiled evaluator of circuits, and the numbers that describe a circuit to it."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import tempfile
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ToolError
from lifline.sim.board.build import cache_folder, compiler, run_tool

from .circuit import Circuit, ReadPort, WritePort

LANES, ROWS = 64, 16
ALL = (1 << LANES) - 1
OPTIONS = ("-O3", "-std=c++14", "-shared", "-fPIC", "-fvisibility=hidden")
SOURCES = ("circuit.h", "activity.h", "engine.h", "host.cc")
KINDS = {"table": 0, "read": 1, "multiplier": 2}
ALWAYS = -1
UNDEFINED = 2
"""In the content of memories, where 0 and 1 are themselves."""


@functools.cache
def library() -> Any:
    """The evaluator, compiled at its first use.

    Raises
    ------
    ToolError   without a C++ compiler, or if the cache folder cannot be written.
    """
    command = compiler()
    if command is None:
        raise ToolError("no C++ compiler found: install g++ (or set CXX); netlists have no other simulator")
    folder = files("lifline.sim.netlist")
    digest = hashlib.sha256("\n".join([*command, *OPTIONS]).encode())
    for name in SOURCES:
        digest.update(folder.joinpath(name).read_bytes())
    target = cache_folder() / f"netlist-{digest.hexdigest()[:16]}.so"
    try:
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with as_file(folder) as sources, tempfile.TemporaryDirectory(dir=target.parent) as made:
                run_tool([*command, *OPTIONS, str(sources / "host.cc"), "-o", "made.so"], Path(made))
                os.replace(Path(made) / "made.so", target)
    except OSError as error:
        raise ToolError(f"cannot build in {target.parent} ({error}); set XDG_CACHE_HOME to a folder that can be written") from error
    return _declared(ctypes.CDLL(str(target)))


def _declared(loaded: Any) -> Any:
    host, size, word, number, data = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_int32, ctypes.c_char_p
    for name, result, arguments in (
        ("create", host, [host, data, host, word]),
        ("destroy", None, [host]),
        ("cycles", word, [host]),
        ("disagreements", word, [host, host]),
        ("set", None, [host, number, word]),
        ("get", word, [host, number]),
        ("settle", None, [host]),
        ("edge", None, [host]),
        ("push", None, [host, data, size]),
        ("run", size, [host, size, word]),
        ("pull", size, [host, data, size]),
        ("cover", None, [host]),
        ("covered", None, [host, host]),
        ("count", None, [host, host, size, number, host, size, number, number]),
        ("counted", None, [host, host]),
        ("stream", word, [host, data, host, word, word]),
        ("wander", None, [host, host, size, word]),
        ("fault", None, [host, number, number, number]),
        ("heal", None, [host, word]),
        ("replay", word, [host, data, host, size, data, size, word, word]),
    ):
        function = getattr(loaded, f"host_{name}")
        function.restype, function.argtypes = result, arguments
    return loaded


class Engine:
    """A circuit in 64 lanes, in which undefined contents and unconnected pins are other random bits.

    Parameters
    ----------
    pins : nets of the byte stream or of a serial line, see ``Pins`` in ``host.cc``.
    seed : of the random bits.

    Raises
    ------
    NetlistError   if the circuit has a loop, or a net that is driven twice or never.
    ToolError      if the evaluator cannot be built.
    """

    def __init__(self, circuit: Circuit, pins: tuple[int, ...] = (0,) * 23, seed: int = 0) -> None:
        self.circuit, self._library = circuit, library()
        self.order = circuit.order()
        numbers = np.array(_described(circuit, self.order), np.int32)
        content = bytes(UNDEFINED if cell is None else cell for memory in circuit.memories for cell in memory.content)
        nets = np.array(pins, np.int32)
        self._host: int | None = self._library.host_create(numbers.ctypes.data, content, nets.ctypes.data, seed)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function of ``host.cc``."""
        if self._host is None:
            raise ToolError("the evaluator is closed; make another one")
        return getattr(self._library, f"host_{name}")(self._host, *arguments)

    def set(self, net: int, word: int) -> None:
        """Give a net of an input a bit per lane."""
        self.call("set", net, word)

    def get(self, net: int) -> int:
        """A bit per lane of a net."""
        return self.call("get", net)

    def cover(self) -> None:
        """Note from now on which rows of every lookup table are looked at, in any lane."""
        self.call("cover")

    def covered(self) -> dict[int, int]:
        """Index of every table -> a bit for each row that was looked at since :meth:`cover`, in any lane."""
        lanes = self.covered_by_lane()
        rows = (lanes != 0) @ (1 << np.arange(ROWS))
        return {index: int(rows[op]) for op, (kind, index, _) in enumerate(self.order) if kind == "table"}

    def covered_by_lane(self) -> NDArray[np.uint64]:
        """A bit for each lane that has looked at a row since :meth:`cover`: (part in the order of evaluation, row)."""
        seen = np.zeros((len(self.order), ROWS), np.uint64)
        self.call("covered", seen.ctypes.data)
        return seen

    def stream(self, scripts: Sequence[bytes], *, quiet: int, most: int) -> int:
        """Give every lane bytes of its own, as fast as it takes them, until nothing moves for ``quiet`` cycles, or for ``most``; returns the cycles."""
        begins = np.cumsum([0, *map(len, scripts), *[0] * (LANES - len(scripts))]).astype(np.uintp)
        return self.call("stream", b"".join(scripts), begins.ctypes.data, quiet, most)

    def wander(self, nets: NDArray[np.int32], cycles: int) -> None:
        """Run for some cycles in which ``nets`` show other random bits in every cycle and lane."""
        self.call("wander", nets.ctypes.data, len(nets), cycles)

    def reset(self) -> None:
        """One cycle with the circuit's reset, if it has one."""
        for net in self.circuit.inputs.get("rst", ()):
            self.set(net, ALL)
            self.call("settle")
            self.call("edge")
            self.set(net, 0)

    def close(self) -> None:
        """Free it."""
        if self._host is not None:
            self._library.host_destroy(self._host)
            self._host = None


def _described(circuit: Circuit, order: list[tuple[str, int, int]]) -> list[int]:
    """What the constructor of ``Engine`` in ``engine.h`` reads."""
    out = [circuit.nets, len(order)]
    for kind, index, port in order:
        if kind == "table":
            table = circuit.tables[index]
            out += [KINDS[kind], table.output, *table.inputs, table.content]
        else:
            out += [KINDS[kind], 0, index, port, 0, 0, 0]
    out.append(len(circuit.registers))
    for r in circuit.registers:
        out += [r.data, r.output, r.enable, r.reset, r.value, int(r.gated), r.start]
    out.append(len(circuit.memories))
    for memory in circuit.memories:
        out.append(len(memory.content))
        for ports in (memory.reads, memory.writes):
            out.append(len(ports))
            for port in ports:
                out += _port(port)
    out.append(len(circuit.multipliers))
    for m in circuit.multipliers:
        out += [*_listed(m.first), *_listed(m.second), *_listed(m.output), m.first_signed, m.second_signed]
    return out


def _port(port: ReadPort | WritePort) -> list[int]:
    place = port.place
    out = [*_listed(port.address), place.row, place.below, place.step, place.stride, *_listed(port.data)]
    if isinstance(port, WritePort):
        return [*out, *_listed(port.masks), port.enable, *_listed(port.spoils), int(port.whole)]
    return [*out, *_listed(()), ALWAYS if port.enable is None else port.enable, *_listed(()), 0]


def _listed(numbers: tuple[int, ...]) -> list[int]:
    return [len(numbers), *numbers]
