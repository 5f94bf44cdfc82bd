"""Network files: one safetensors file holds the arrays and, in its JSON header, everything else. Never pickle.

Layout, version 3. The header's metadata (strings only, as safetensors demands) has four entries:

- ``format``: ``"lifline-network"``
- ``version``: ``"3"`` where a projection is sparse, else ``"2"``, or ``"1"`` where all projections are fully connected and no two of them lie between the
  same populations: earlier versions of lifline read those, too; a file with a larger number is refused
- ``network``: JSON: ``name``, ``output``, ``state_bits``, ``early_exit`` (null or ``{every, margin}``), ``metadata``,
  ``populations`` (list of ``{name, shape, neurons}``; ``neurons`` null for the input, else the fields of
  :class:`~lifline.network.model.Neurons`), ``projections`` (list of ``{source, target, weights, weight_shift, delays}``, and from
  version 2 on ``connection``: ``{kind}`` and the fields of its class in :mod:`lifline.network.connections`)
- ``digest``: SHA-256 over ``network`` and the tensors, so that a flipped bit is found

A field that is an array holds ``{"tensor": key}`` in the JSON; the tensor is stored under that key in the smallest
signed integer type that holds its values: ``p<k>.threshold``, ``p<k>.bias``, ``p<k>.budget`` for population ``k``,
``j<k>.weights``, ``j<k>.delays`` ((source,), (channels,) or (target, source)), ``j<k>.connection.sources`` and ``j<k>.connection.targets`` ((synapses,)) for projection ``k``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lifline.arch.errors import NetworkError, ProgramError
from lifline.arch.files import write_file

from .connections.fully_connected import FullyConnected
from .connections.kind import Connection
from .connections.named import connection_of, described
from .connections.sparse import Sparse
from .description import (
    ConnectedDescription,
    ConnectedNetworkDescription,
    NetworkDescription,
    ProjectionDescription,
    Strict,
    TensorReference,
    parse,
)
from .model import EarlyExit, Network, Neurons, Population, Projection, ResetRule

FORMAT = "lifline-network"
VERSION = 3

Tensors = dict[str, NDArray[np.integer]]


def _smallest(values: NDArray[np.integer]) -> NDArray[np.integer]:
    for kind in (np.int8, np.int16, np.int32):
        limits = np.iinfo(kind)
        if values.min() >= limits.min and values.max() <= limits.max:
            return np.ascontiguousarray(values, dtype=kind)
    return np.ascontiguousarray(values)


def _digest(text: str, tensors: Mapping[str, NDArray[np.integer]]) -> str:
    total = hashlib.sha256(text.encode())
    for key in sorted(tensors):
        total.update(f"{key}:{tensors[key].dtype}:{tensors[key].shape};".encode())
        total.update(np.ascontiguousarray(tensors[key]).tobytes())
    return total.hexdigest()


def _version(network: Network) -> int:
    """The oldest that can hold it."""
    if any(isinstance(p.connection, Sparse) for p in network.projections):
        return 3
    pairs = {(p.source, p.target) for p in network.projections}
    plain = all(isinstance(p.connection, FullyConnected) for p in network.projections)
    return 1 if plain and len(pairs) == len(network.projections) else 2


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write ``network`` to ``path``.

    Raises
    ------
    NetworkError   if the network's metadata cannot be written as JSON.
    ProgramError   if the file cannot be written.
    """
    text, tensors = _described(network)
    header = {"format": FORMAT, "version": str(_version(network)), "network": text, "digest": _digest(text, tensors)}
    write_tensors(path, tensors, header)


def digest_of(network: Network) -> str:
    """Hexadecimal digits that change with everything that a network's file holds. Errors as :func:`save`."""
    return _digest(*_described(network))


def _described(network: Network) -> tuple[str, Tensors]:
    """A network as JSON text, and the arrays that it names."""
    tensors: Tensors = {}

    def stored(key: str, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            tensors[key] = _smallest(value)
            return {"tensor": key}
        if isinstance(value, Connection):
            return {name: stored(f"{key}.{name}", field) for name, field in described(value).items()}
        return value.value if isinstance(value, ResetRule) else value

    def neurons_of(k: int, p: Population) -> dict[str, Any] | None:
        return None if p.neurons is None else {f.name: stored(f"p{k}.{f.name}", getattr(p.neurons, f.name)) for f in fields(Neurons)}

    exit_, version = network.early_exit, _version(network)
    projection_fields = [f.name for f in fields(Projection) if f.init and (f.name != "connection" or version > 1)]
    description = {
        "name": network.name,
        "output": network.output,
        "state_bits": network.state_bits,
        "early_exit": None if exit_ is None else {"every": exit_.every, "margin": exit_.margin},
        "metadata": dict(network.metadata),
        "populations": [
            {"name": p.name, "shape": list(p.shape), "neurons": neurons_of(k, p)} for k, p in enumerate(network.populations)
        ],
        "projections": [
            {name: stored(f"j{k}.{name}", getattr(p, name)) for name in projection_fields} for k, p in enumerate(network.projections)
        ],
    }
    try:
        text = json.dumps(description, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NetworkError(f"metadata of network `{network.name}` is not JSON ({error}); use strings, numbers, lists and dicts") from error
    return text, tensors


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], header: dict[str, str]) -> None:
    """Write a safetensors file with :func:`lifline.arch.files.write_file`.

    Raises
    ------
    ProgramError   if it cannot be written.
    """

    def write(part: Path) -> None:
        try:
            save_file(dict(tensors), part, metadata=header)
        except SafetensorError as error:  # of a full disk, among others
            raise OSError(str(error)) from error

    write_file(path, write, ProgramError)


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network file.

    Raises
    ------
    ProgramError   if the file is truncated, corrupted, not a network file, or of a newer version.
    NetworkError   if it is intact and describes an illegal network.
    FileNotFoundError   if there is no such file.
    """
    header, tensors = _read(Path(path))
    if header.get("format") != FORMAT:
        raise ProgramError(f"`{path}` is not a network file: its format is {header.get('format', 'not named')!r}, expected {FORMAT!r}; give what `save_network`, `lifline import` or training wrote")
    version = header.get("version", "")
    if not version.isdecimal() or int(version) < 1:
        raise ProgramError(f"`{path}` has version {version!r}, expected a number from 1 to {VERSION}; save it again from its source")
    if int(version) > VERSION:
        raise ProgramError(f"`{path}` has version {version}, this lifline reads up to {VERSION}; upgrade lifline or save the file again")
    text = header.get("network", "")
    if header.get("digest") != _digest(text, tensors):
        raise ProgramError(f"`{path}` is corrupted: its digest does not match its content; save it again from its source")
    try:
        description = parse(text, NetworkDescription if int(version) == 1 else ConnectedNetworkDescription)
        arrays = _Arrays(tensors)
        network = _build(description, arrays)
        arrays.check_all_used()
        return network
    except NetworkError:
        raise
    except ValueError as error:
        raise ProgramError(f"`{path}` is not a complete network description ({error}); save it again from its source") from error


def file_format(path: str | os.PathLike[str]) -> str:
    """What a file of lifline's says it is: ``"lifline-network"``, ``"lifline-program"``, or ``""`` if it says nothing.

    Raises
    ------
    FileNotFoundError   if there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no network file `{path}`")
    try:
        with safe_open(Path(path), framework="numpy") as file:
            return (file.metadata() or {}).get("format", "")
    except (SafetensorError, OSError, ValueError, TypeError):
        return ""


def _read(path: Path) -> tuple[dict[str, str], Tensors]:
    if not path.is_file():
        raise FileNotFoundError(f"no network file `{path}`")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            foreign = header.get("format") != FORMAT
            return header, {} if foreign else {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ProgramError(f"`{path}` is not a readable safetensors file ({error}); it is truncated, corrupted or foreign; save it again from its source") from error


class _Arrays:
    """The arrays of a file, each to be used once, in its own place."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors, self._used = tensors, set[str]()

    def restored(self, owner: str, description: Strict | Mapping[str, Any]) -> dict[str, Any]:
        """Fields of a description, references replaced by arrays.

        Raises
        ------
        ValueError   for a reference to another place's array, or to one that is missing or not made of signed integers.
        """
        values = dict(description)
        for name, value in values.items():
            if not isinstance(value, TensorReference):
                continue
            if value.tensor != f"{owner}.{name}" or value.tensor not in self._tensors:
                raise ValueError(f"{name} of {owner} refers to the array {value.tensor!r}, which is missing or not its own")
            values[name] = array = self._tensors[value.tensor]
            self._used.add(value.tensor)
            if array.dtype.kind != "i":
                raise ValueError(f"array {value.tensor} is {array.dtype}, not signed integers")
        return values

    def check_all_used(self) -> None:
        if unused := self._tensors.keys() - self._used:
            raise ValueError(f"nothing refers to the arrays {sorted(unused)}")


def _projection(arrays: _Arrays, k: int, description: ProjectionDescription) -> Projection:
    values = arrays.restored(f"j{k}", description)
    if isinstance(description, ConnectedDescription):
        values["connection"] = connection_of(arrays.restored(f"j{k}.connection", description.connection))
    return Projection(**values)


def _build(description: NetworkDescription, arrays: _Arrays) -> Network:
    populations = [
        Population(p.name, tuple(p.shape), None if p.neurons is None else Neurons(**arrays.restored(f"p{k}", p.neurons)))
        for k, p in enumerate(description.populations)
    ]
    projections = [_projection(arrays, k, p) for k, p in enumerate(description.projections)]
    exit_ = description.early_exit
    return Network(
        name=description.name,
        populations=tuple(populations),
        projections=tuple(projections),
        output=description.output,
        state_bits=description.state_bits,
        early_exit=None if exit_ is None else EarlyExit(exit_.every, exit_.margin),
        metadata=description.metadata,
    )
