"""What is done to good files and texts, drawn by hypothesis."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

Draw = Callable[[Any], Any]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([2**15, 2**31, 2**63, -(2**63), 2**64 - 5, 10**30]), st.floats(),
    st.text(max_size=6), st.sampled_from(["[red]", "[/]", "all", "../x", "NaN", "no"]), st.lists(st.integers(-1, 4), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
TYPES = [np.bool_, np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64, np.float16, np.float32, np.float64]


def places(holder: Any) -> list[tuple[Any, Any]]:
    """Every value inside of lists and dicts: what holds it, and its key."""
    found, todo = [], [holder]
    while todo:
        inner = todo.pop()
        for key in list(inner) if isinstance(inner, dict) else range(len(inner)):
            found.append((inner, key))
            if isinstance(inner[key], dict | list):
                todo.append(inner[key])
    return found


def damage_json(draw: Draw, holder: Any) -> None:
    """One value becomes another, goes, or one is added."""
    inner, key = draw(st.sampled_from(places(holder)))
    kind = draw(st.sampled_from(["change", "change", "drop", "add", "twice"]))
    if kind == "change":
        inner[key] = draw(ODD)
    elif kind == "drop":
        del inner[key]
    elif isinstance(inner, dict):
        inner[draw(st.text(max_size=4))] = draw(ODD)
    else:
        inner.append(inner[key] if kind == "twice" else draw(ODD))


def damage_array(draw: Draw, array: np.ndarray) -> np.ndarray:
    """Another type, shape or value."""
    kind = draw(st.sampled_from(["type", "shape", "value", "empty", "longer", "axis"]))
    with np.errstate(all="ignore"):
        if kind == "type":
            return array.astype(draw(st.sampled_from(TYPES)))
        if kind == "value" and array.size:
            changed = array.copy()
            place = draw(st.integers(0, array.size - 1))
            wanted = draw(st.integers(-(2**63), 2**63 - 1)) if draw(st.booleans()) else int(array.reshape(-1)[place]) ^ 1
            changed.reshape(-1)[place] = np.array([wanted]).astype(array.dtype)[0]
            return changed
    if kind == "shape":
        return np.ascontiguousarray(array.T).reshape(-1)
    if kind == "empty":
        return array[:0] if array.ndim else array.reshape(0, 1) if not array.size else array.reshape(1)
    if kind == "longer" and array.ndim:
        return np.concatenate([array, array[:1]])
    return array[None]


def damage_bytes(draw: Draw, data: bytes) -> bytes:
    """Flipped, missing or repeated bytes."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        if not changed:
            break
        place = draw(st.integers(0, len(changed) - 1))
        kind = draw(st.sampled_from(["flip", "flip", "cut", "drop", "twice", "set"]))
        if kind == "flip":
            changed[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            changed[place] = draw(st.sampled_from([0, 1, 127, 128, 255]))
        elif kind == "cut":
            del changed[place:]
        elif kind == "drop":
            del changed[place : place + draw(st.integers(1, 9))]
        else:
            changed[place:place] = changed[place : place + 8]
    return bytes(changed)


def damage_file(draw: Draw, path: Path, text: str, digest: Callable[[str, dict[str, Any]], str]) -> None:
    """A network or program file with one thing changed, and mostly with the digest that belongs to it."""
    if draw(st.integers(0, 3)) == 0:
        path.write_bytes(damage_bytes(draw, path.read_bytes()))
        return
    with safe_open(path, framework="numpy") as file:
        arrays, meta = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(arrays)))
        kind = draw(st.sampled_from(["change", "change", "drop", "rename"]))
        old = arrays[name] if kind == "change" else arrays.pop(name)
        if kind == "change":
            arrays[name] = np.ascontiguousarray(damage_array(draw, old))
        elif kind == "rename":
            arrays[draw(st.sampled_from(["x", "p0.bias", "j0.delays", "registers"]))] = old
    else:
        description = json.loads(meta[text])
        damage_json(draw, description)
        meta[text] = json.dumps(description, sort_keys=draw(st.booleans()))
    save_file(arrays, path, meta | {"digest": digest(meta[text], arrays)})
