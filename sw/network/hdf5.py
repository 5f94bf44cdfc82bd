"""HDF5 files of strangers, looked over before anything is read: what they hold, how large it becomes, and that no link leads in a circle.

A file of a few kilobytes can declare arrays of gigabytes (chunks that were never written read as zeros), link to itself or to other files,
or hold objects of kinds that no reader expects. All of it is known from the file's headers, so it is refused before an array is read.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from lifline.arch.errors import LiflineError, MissingLibraryError

if TYPE_CHECKING:
    import h5py

LARGEST = 1 << 30
"""Bytes that a file may become in memory, or :data:`UNPACKED` times its own size if that is more."""
UNPACKED = 4
RATIO = 1100
"""Bytes in memory per byte of file: deflate packs at most 1032 times, so more was never written."""
ALLOWANCE = 1 << 20
DEEPEST = 64
"""Groups inside groups."""
BLOCK = 1 << 28
"""Most bytes that texts of variable length are read in at once, to add up their sizes."""


@contextmanager
def open_hdf5(path: str | os.PathLike[str], what: str, error: type[LiflineError], *, arrays: bool = False) -> Iterator[h5py.File]:
    """Open a file for reading once its whole content has been looked over.

    Parameters
    ----------
    what : what the file should be, for messages: ``"NIR file"``.   error : the error to raise.
    arrays : whether arrays of arrays of different lengths are expected; their sizes are not known before they are read, so the caller
        reads them one by one.

    Raises
    ------
    error   for a file that is no HDF5, links that are not to an object of this file or that lead in a circle, values that are neither
        numbers nor texts, and content above :data:`LARGEST` or :data:`RATIO`.
    MissingLibraryError   without the package ``h5py``.
    FileNotFoundError   if there is no such file.
    """
    try:
        import h5py
    except ImportError as missing:
        raise MissingLibraryError(f"reading a {what} needs the package `h5py`: pip install 'lifline[convert]'") from missing
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no {what} `{os.fsdecode(path)}`")
    where = f"`{os.fsdecode(path)}`"
    if problem := _broken_heap(path):
        raise error(f"{where} is not a readable {what}: {problem}")
    try:
        file = h5py.File(path, "r")
    except Exception as failure:  # whatever the library raises on bytes that it does not understand
        raise error(f"{where} is not a readable {what} ({type(failure).__name__}: {failure})") from failure
    with file:
        try:
            _Survey(where, what, error, os.path.getsize(path), arrays).group(file, "", 0)
        except LiflineError:
            raise
        except Exception as failure:
            raise error(f"{where} is not a readable {what} ({type(failure).__name__}: {failure})") from failure
        yield file


HEAP, HEAP_HEADER, OBJECT_HEADER = b"GCOL\x01\0\0\0", 16, 16


def _broken_heap(path: str | bytes) -> str:
    """What is wrong with the heaps of texts and of arrays of any length, if anything: the HDF5 library goes round for ever at free space of size 0.

    Layout: HDF5 File Format Specification 3.0, III.E: signature, version, 8 bytes of size; objects of index, 6 other bytes, 8 bytes of size, and
    content up to a multiple of 8. Index 0 is free space, whose size includes the object's header.
    """
    if not os.path.getsize(path):
        return ""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(HEAP)
        while 0 <= start <= len(data) - HEAP_HEADER:
            end = start + struct.unpack_from("<Q", data, start + 8)[0]
            if end > len(data):
                return f"its heap at byte {start} ends behind the file"
            place = start + HEAP_HEADER
            while place + OBJECT_HEADER <= end:
                index, size = struct.unpack_from("<H6xQ", data, place)
                length = size if index == 0 else OBJECT_HEADER + -(-size // 8) * 8
                if length < OBJECT_HEADER or place + length > end:
                    return f"its heap at byte {start} has an object of {size} bytes at byte {place}, which does not fit"
                place += length
            start = data.find(HEAP, start + HEAP_HEADER)
    return ""


@dataclass
class _Survey:
    """Walks through the groups of a file and adds up sizes."""

    where: str
    what: str
    error: type[LiflineError]
    size: int
    arrays: bool
    total: int = 0
    groups: dict[int, str] = field(default_factory=dict)

    def refuse(self, problem: str) -> LiflineError:
        return self.error(f"{self.where} is not a readable {self.what}: {problem}")

    def group(self, group: Any, name: str, depth: int) -> None:
        import h5py

        address = hash(group.id)  # of the file and of the object's place in it
        if address in self.groups:
            raise self.refuse(f"the groups `{self.groups[address] or '/'}` and `{name}` are one; links must not lead in a circle")
        self.groups[address] = name
        if depth > DEEPEST:
            raise self.refuse(f"`{name}` lies more than {DEEPEST} groups deep")
        for key in group:
            inner = f"{name}/{key}"
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise self.refuse(f"`{inner}` is a {type(link).__name__}; write the object itself into this file")
            item = group[key]
            if isinstance(item, h5py.Group):
                self.group(item, inner, depth + 1)
            elif isinstance(item, h5py.Dataset):
                self.dataset(item, inner)
            else:
                raise self.refuse(f"`{inner}` is a {type(item).__name__}, neither a group nor an array")

    def dataset(self, item: Any, name: str) -> None:
        import h5py

        if item.shape is None:
            raise self.refuse(f"`{name}` holds no values")
        if item.is_virtual or item.external:
            raise self.refuse(f"`{name}` takes its values from other files; write them into this one")
        text = h5py.check_string_dtype(item.dtype)
        if text is not None and text.length is None:
            self._texts(item, name)
        elif h5py.check_vlen_dtype(item.dtype) is not None and self.arrays:
            self._add(prod(item.shape) * item.dtype.itemsize, name)
        elif item.dtype.kind in "iufbS":
            self._add(prod(item.shape) * item.dtype.itemsize, name)
            if item.chunks is not None and prod(item.chunks) * item.dtype.itemsize > max(LARGEST, self.size):
                raise self.refuse(f"`{name}` has chunks of {prod(item.chunks) * item.dtype.itemsize:,} bytes; at most {LARGEST:,}")
        else:
            raise self.refuse(f"`{name}` holds {item.dtype}; there are numbers and texts")

    def _texts(self, item: Any, name: str) -> None:
        """Texts of any length: many may be one and the same in the file, so they are read in blocks that stay small whatever they hold."""
        count = prod(item.shape)
        self._add(count * item.dtype.itemsize, name)
        if item.ndim == 0:
            self._add(len(item[()]), name)
            return
        rows = max(1, BLOCK // max(self.size * max(count // max(len(item), 1), 1), 1))
        if item.ndim and count and rows * (count // len(item)) * self.size > max(BLOCK, LARGEST):
            raise self.refuse(f"`{name}` has rows of {count // len(item):,} texts")
        for start in range(0, len(item), rows):
            self._add(sum(len(value) for value in item[start : start + rows].reshape(-1)), name)

    def _add(self, amount: int, name: str) -> None:
        self.total += amount
        most = min(max(LARGEST, UNPACKED * self.size), RATIO * self.size + ALLOWANCE)
        if self.total > most:
            raise self.refuse(f"with `{name}` its {self.size:,} bytes would become {self.total:,} in memory, at most {most:,} are read")
