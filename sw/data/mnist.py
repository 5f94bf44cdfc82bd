"""MNIST and its relatives in the idx format of http://yann.lecun.com/exdb/mnist/, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DatasetError

from .events import existing

SOURCE = "https://ossci-datasets.s3.amazonaws.com/mnist/ or https://yann.lecun.com/exdb/mnist/"
LAYOUT = "a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (or each with .gz)"
UNSIGNED_BYTES = 8
"""The idx code of the only element type that these data sets use."""


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """An idx file of unsigned bytes: two zero bytes, type, number of dimensions, each dimension as a big-endian 32-bit number, then the data.

    Raises
    ------
    DatasetError   if it is missing, truncated, or something else.
    """
    file = existing(path, "an idx file", "one file, plain or .gz", SOURCE)
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{file} cannot be unpacked ({error}); get it again") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != UNSIGNED_BYTES:
        raise DatasetError(f"{file} is not an idx file of unsigned bytes: it starts with {data[:4].hex() or 'nothing'}")
    dimensions = data[3]
    start = 4 + 4 * dimensions
    shape = tuple(int(n) for n in np.frombuffer(data[4:start], ">u4")) if len(data) >= start else ()
    if len(shape) != dimensions or len(data) != start + math.prod(shape):
        raise DatasetError(f"{file} has {len(data)} bytes; its header asks for {start} and {math.prod(shape) if shape else 'more'}: get it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def load(folder: str | Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (sample, 28, 28) 0..255 and labels (sample,) of ``split`` ``"train"`` or ``"test"``, in the official order.

    Raises
    ------
    DatasetError   for another split, and as :func:`read_idx`.
    """
    if split not in ("train", "test"):
        raise DatasetError(f"split {split!r} must be 'train' or 'test'")
    root, prefix = existing(folder, "MNIST", LAYOUT, SOURCE), {"train": "train", "test": "t10k"}[split]

    def one(name: str) -> NDArray[np.uint8]:
        plain = root / f"{prefix}-{name}"
        return read_idx(existing(plain if plain.exists() else plain.with_name(plain.name + ".gz"), "MNIST", LAYOUT, SOURCE))

    images, labels = one("images-idx3-ubyte"), one("labels-idx1-ubyte")
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DatasetError(f"{root}: {split} images have shape {images.shape}, labels {labels.shape}; the files do not belong together")
    return images, labels.astype(np.int64)
