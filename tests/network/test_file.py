"""Network files: exact round trips, and typed refusals of everything else."""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from lifline.arch.config import preset
from lifline.arch.errors import NetworkError, ProgramError
from lifline.network.file import load, save
from lifline.network.model import Network
from lifline.sim.random.network import random_network


def drawn(seed: int) -> Network:
    network = random_network(np.random.default_rng(seed), config=preset("tiny"), recurrent=True, graded=True, synaptic=seed % 2 == 0, sparse=seed != 1)
    return network.replace(metadata={"framework": "none", "rates": [1, 2.5], "nested": {"a": None}})


def plain(value):
    """Comparable form of a description."""
    if isinstance(value, np.ndarray):
        return ("array", value.tolist())
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return [plain(v) for v in value] if isinstance(value, tuple) else value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save(drawn(1), tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def rewritten(path: Path, **changes) -> Path:
    """The same file with other header entries (None removes one)."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = {k: v for k, v in (header["__metadata__"] | changes).items() if v is not None}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    return path


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip_is_exact(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("file") / "net.safetensors"
    network = drawn(seed)
    save(network, path)
    assert plain(load(path)) == plain(network)


def test_a_truncated_file_is_refused_at_every_length(path: Path) -> None:
    data = path.read_bytes()
    for length in [*range(0, 64), *range(64, len(data), max(1, len(data) // 40)), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ProgramError):
            load(path)


def test_a_flipped_bit_is_found(path: Path) -> None:
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for position in rng.integers(0, len(data), 60):
        flipped = data.copy()
        flipped[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(ProgramError):
            load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something"}, "its format is 'something'"),
        ({"format": None}, "not named"),
        ({"version": "4"}, "version 4, this lifline reads up to 3; upgrade"),
        ({"version": "2"}, "connection: Field required"),
        ({"version": "first"}, "version 'first'"),
        ({"version": None}, "version ''"),
        ({"digest": "0"}, "corrupted"),
        ({"network": "{}"}, "corrupted"),
    ],
)
def test_foreign_and_newer_files_are_refused(path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        load(rewritten(path, **changes))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello, world, this is a text file")
    with pytest.raises(ProgramError, match="not a readable safetensors file"):
        load(tmp_path / "a")
    save_file({"w": np.zeros(3)}, tmp_path / "b")
    with pytest.raises(ProgramError, match="not a network file"):
        load(tmp_path / "b")
    with pytest.raises(FileNotFoundError, match="no network file"):
        load(tmp_path / "c")


def test_metadata_must_be_json(tmp_path: Path) -> None:
    for value in (object(), float("nan"), np.zeros(3)):
        with pytest.raises(NetworkError, match="is not JSON"):
            save(drawn(1).replace(metadata={"x": value}), tmp_path / "net")
