"""Program files: exact round trips, and typed refusals of everything else."""

from __future__ import annotations

import dataclasses
import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lifline.arch import config as config_module
from lifline.arch.config import INTERFACE_VERSION, preset
from lifline.arch.errors import ProgramError
from lifline.arch.program import FIRST_COUNTER, POPULATION_WORDS
from lifline.arch.registers import Space
from lifline.cli.verify import differs
from lifline.compiler import program_file
from lifline.compiler.compile import compile_network
from lifline.compiler.program_file import Program, load, save
from lifline.driver import device as devices
from lifline.network import file as network_file
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

CONFIG = preset("tiny")


def program(seed: int = 3) -> Program:
    return compile_network(random_network(np.random.default_rng(seed), config=CONFIG), CONFIG)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save(program(), tmp_path / "program")
    return tmp_path / "program"


def parts(path: Path) -> tuple[dict, bytes]:
    """Header and tensors of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def written(path: Path, header: dict, tensors: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + tensors)


@pytest.mark.parametrize("seed", range(8))
def test_round_trip_is_exact(tmp_path: Path, seed: int) -> None:
    before = program(seed)
    save(before, tmp_path / "program")
    after = load(tmp_path / "program")
    for field in dataclasses.fields(Program):
        if field.name == "images":
            assert before.images.keys() == after.images.keys()
            assert all(np.array_equal(image, after.images[space]) and after.images[space].dtype == np.uint32 for space, image in before.images.items())
        elif field.name != "network":
            assert getattr(before, field.name) == getattr(after, field.name), field.name
    spikes = random_spikes(np.random.default_rng(seed), before.network, 20)
    with devices.open("sim:tiny" if shutil.which("g++") else "golden:tiny") as device:
        device.load(after)
        assert not differs(GoldenModel(before.network).run(spikes), device.run(spikes))


def test_a_truncated_file_is_refused_at_every_length(path: Path) -> None:
    data = path.read_bytes()
    for length in [*range(0, 64), *range(64, len(data), max(1, len(data) // 60)), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ProgramError, match="compile the network again"):
            load(path)


def test_a_flipped_bit_anywhere_is_found(path: Path) -> None:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    rng = np.random.default_rng(0)
    places = [*range(0, 8 + length, 3), *rng.integers(8 + length, len(data), 60)]
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(ProgramError, match="compile the network again|lifline compile"):
            load(path)


def test_words_of_another_type_are_found(path: Path) -> None:
    """The bytes are the same, so that only the type in the header tells."""
    header, tensors = parts(path)
    header["weights"]["dtype"] = "F32"
    written(path, header, tensors)
    with pytest.raises(ProgramError, match="corrupted"):
        load(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "something", "format 'something', expected 'lifline-program'"),
        ("version", "4", "program version 4, this lifline reads 5"),
        ("version", "99", "program version 99"),
        ("digest", "0", "corrupted"),
        ("program", "{}", "corrupted"),
    ],
)
def test_foreign_files_and_other_versions_are_refused(path: Path, name: str, value: str, message: str) -> None:
    header, tensors = parts(path)
    header["__metadata__"][name] = value
    written(path, header, tensors)
    with pytest.raises(ProgramError, match=message):
        load(path)


@pytest.mark.parametrize("version", [5, INTERFACE_VERSION + 1])
def test_a_program_of_another_interface_is_refused_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Its file has the version of today's: only the gateware's words have changed."""
    monkeypatch.setattr(config_module, "INTERFACE_VERSION", version)
    save(program(), tmp_path / "program")
    monkeypatch.undo()
    with pytest.raises(ProgramError, match=f"another interface of the gateware than version {INTERFACE_VERSION}, or was changed.*compile the network again"):
        load(tmp_path / "program")


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"registers": {"magic_spell": 1}}', '{"registers": {}, "populations": [{}]}'])
def test_a_file_that_was_made_up_is_refused(path: Path, text: str) -> None:
    """Its digest is right, its content is not."""
    source = load(path)
    images = {space.name.lower(): image for space, image in source.images.items()}
    network_file.save(source.network, path)
    images["network"] = np.frombuffer(path.read_bytes(), np.uint8)
    meta = {"format": program_file.FORMAT, "version": str(program_file.VERSION), "program": text, "digest": program_file._digest(images, text)}
    save_file(images, path, meta)
    with pytest.raises(ProgramError, match="not a complete program"):
        load(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, world, this is a text file")
    network_file.save(program().network, tmp_path / "network")
    for name, message in (("text", "cannot be read"), ("network", "format 'lifline-network'"), ("missing", "cannot be read"), (".", "cannot be read")):
        with pytest.raises(ProgramError, match=message):
            load(tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    made = program()
    for write in (lambda path: save(made, path), lambda path: network_file.save(made.network, path)):
        with pytest.raises(ProgramError, match="cannot write `.*nowhere/file`"):
            write(tmp_path / "nowhere" / "file")


def test_a_file_that_cannot_be_completed_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(tensors: object, where: Path, metadata: object) -> None:
        where.write_bytes(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(network_file, "save_file", full)
    for write in (lambda: save(program(4), path), lambda: network_file.save(program(4).network, path)):
        with pytest.raises(ProgramError, match="No space left"):
            write()
        assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("seed", range(6))
def test_listing_names_every_word_that_is_executed(seed: int) -> None:
    """Each once; what is left of the image are counters and operations that would record."""
    compiled = program(seed)
    listed = [position for position, _, _ in compiled.listing()]
    counters = [p.address + k for p in compiled.populations for k in range(FIRST_COUNTER, len(POPULATION_WORDS))]
    silent = [p.micro_base + p.prologue + p.update + (p.exit_check is not None) + k for p in compiled.populations for k in range(len(p.record))]
    assert sorted([*listed, *counters, *silent]) == list(range(listed[-1] + 1))
    assert not compiled.images[Space.PROGRAM][listed[-1] + 1 :].any(), "behind the last ring there is only room for the sequencer to read on"
