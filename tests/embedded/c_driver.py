"""The C driver, compiled for this machine and called from Python, over any transport of the Python driver."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lifline.arch.errors import LinkError
from lifline.arch.records import INPUT_END_OF_STEP
from lifline.driver.link import Transport
from lifline.embedded.image import driver_sources

COMPILER = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-O2"]

WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)
READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)
SPIKES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, *[ctypes.c_uint32] * 4)


class Stream(ctypes.Structure):
    _fields_ = [("context", ctypes.c_void_p), ("write", WRITE), ("read", READ)]


class Result(ctypes.Structure):
    _fields_ = [("steps", ctypes.c_uint32), ("exited", ctypes.c_int)]


def write_sources(folder: Path) -> list[Path]:
    for name, text in driver_sources().items():
        (folder / name).write_text(text)
    return sorted(folder.glob("*.c"))


def compile_library(folder: Path) -> ctypes.CDLL:
    assert COMPILER is not None
    sources = [str(s) for s in write_sources(folder)]
    (folder / "size.c").write_text('#include "lifline_driver.h"\nsize_t device_size(void);\nsize_t device_size(void) { return sizeof(struct lifline_device); }\n')
    library = folder / "driver.so"
    subprocess.run([COMPILER, *STRICT, "-shared", "-fPIC", *sources, str(folder / "size.c"), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.lifline_text.restype = ctypes.c_char_p
    loaded.device_size.restype = ctypes.c_size_t
    loaded.lifline_neuron.restype = ctypes.c_uint32
    return loaded


class CDriverError(Exception):
    """What a function of the driver returned; ``code`` is the number."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class CDevice:
    """``struct lifline_device`` over a transport; methods raise :class:`CDriverError`."""

    def __init__(self, library: ctypes.CDLL, transport: Transport) -> None:
        self._library, self._transport = library, transport
        self._device = ctypes.create_string_buffer(library.device_size())
        self._image: np.ndarray | None = None
        self._sizes: list[int] = []
        self.spikes: list[tuple[int, int, int]] = []
        self.stop_after: int | None = None
        self._callbacks = WRITE(self._write), READ(self._read), SPIKES(self._receive)
        self._call("lifline_open", Stream(None, *self._callbacks[:2]))
        library.lifline_receive(self._device, self._callbacks[2], None)

    def _write(self, _: object, data: ctypes._Pointer[ctypes.c_uint8], size: int) -> int:
        try:
            self._transport.write(ctypes.string_at(data, size))
        except LinkError:
            return -1
        return 0

    def _read(self, _: object, data: ctypes._Pointer[ctypes.c_uint8], size: int) -> int:
        try:
            got = self._transport.read(size)
        except LinkError:
            return -1
        ctypes.memmove(data, got, len(got))
        return len(got)

    def _receive(self, _: object, step: int, population: int, first: int, bits: int) -> int:
        assert self._image is not None
        neuron = self._library.lifline_neuron
        image = self._image.ctypes.data_as(ctypes.c_void_p)
        places = [first + k for k in range(32) if bits >> k & 1]
        self.spikes += [(step, population, neuron(image, ctypes.c_uint32(population), ctypes.c_uint32(place))) for place in places]
        return int(self.stop_after is not None and len(self.spikes) >= self.stop_after)

    def _call(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, name)(self._device, *arguments)
        if code < 0:
            raise CDriverError(code, self._library.lifline_text(code).decode())

    def load(self, image: np.ndarray, mark: int = 7) -> None:
        self._image = np.ascontiguousarray(image, np.uint32)
        self._call("lifline_load", self._image.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(image)), ctypes.c_uint32(mark))

    def record(self, population: int, on: bool = True) -> None:
        self._call("lifline_record", ctypes.c_uint32(population), int(on))

    def run(self, spikes: np.ndarray, *, fresh: bool = True, period: int = 0) -> tuple[int, bool]:
        """Steps executed and whether the run left early; what was recorded is in ``spikes``: (step, population, neuron)."""
        words: list[int] = []
        for step in spikes:
            words += [*map(int, np.flatnonzero(step)), INPUT_END_OF_STEP]
        return self.run_words(words, len(spikes), fresh=fresh, period=period)

    def run_words(self, words: list[int], steps: int, *, fresh: bool = True, period: int = 0) -> tuple[int, bool]:
        array, result = np.array(words, np.uint16), Result()
        place = array.ctypes.data_as(ctypes.c_void_p)
        self._call("lifline_run", place, ctypes.c_size_t(len(array)), ctypes.c_uint32(steps), int(fresh), ctypes.c_uint32(period), ctypes.byref(result))
        return result.steps, bool(result.exited)

    def _words(self, name: str, count: int, *arguments: object) -> list[int]:
        out = np.zeros(count, np.uint32)
        self._call(name, *arguments, out.ctypes.data_as(ctypes.c_void_p))
        return [int(w) for w in out]

    def counters(self, population: int) -> list[int]:
        return self._words("lifline_counters", 3, ctypes.c_uint32(population))

    def cycles(self) -> list[int]:
        return self._words("lifline_cycles", 5)

    def membranes(self, population: int, size: int) -> np.ndarray:
        return np.array(self._words("lifline_membranes", size, ctypes.c_uint32(population)), np.uint32).view(np.int32)


@contextmanager
def closing(transport: Transport) -> Iterator[Transport]:
    try:
        yield transport
    finally:
        transport.close()
