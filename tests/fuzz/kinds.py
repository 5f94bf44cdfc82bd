"""One input of each kind: damaged, read, and what came back compared with an independent reading."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st
from safetensors import safe_open
from typer.testing import CliRunner

import lifline
from lifline.arch.config import preset
from lifline.arch.frame import REPLY_SYNC, REQUEST_SYNC, Reply, Request, Status, crc16
from lifline.cli.main import app
from lifline.compiler import program_file
from lifline.compiler.random_layouts import compile_with_random_layouts
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.frameworks.lava import import_lava
from lifline.convert.nir.export_graph import export_nir
from lifline.convert.nir.import_graph import import_nir
from lifline.convert.nir.integers import to_float
from lifline.driver.link import Link
from lifline.network import file as network_file
from lifline.network.spikes import as_batch
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

from .damage import ODD, Draw, damage_array, damage_bytes, damage_file

TINY = preset("tiny")
SAMPLES = 12
TYPED = (lifline.LiflineError, FileNotFoundError)


@cache
def network(number: int) -> lifline.Network:
    return random_network(np.random.default_rng(number), config=TINY)


@cache
def program(number: int) -> Any:
    """Every other one with layouts, for the file holds them, too."""
    if number % 2:
        return compile_with_random_layouts(np.random.default_rng(number), network(number), TINY, "event")
    return lifline.compile_network(network(number), TINY)


@cache
def original(kind: str, number: int) -> bytes:
    """The bytes of a good file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        if kind == "network":
            network_file.save(network(number), path)
        elif kind == "program":
            program_file.save(program(number), path)
        elif kind == "nir":
            export_nir(to_float(network(number)) if number % 2 else network(number), path)
        else:
            rng = np.random.default_rng(number)
            with h5py.File(path, "w") as file:
                for k, (size, source) in enumerate([(5, 4), (3, 5)]):
                    layer = {"weight": rng.integers(-8, 8, (size, source)) * 2, "bias": rng.integers(-4, 4, size), "neuron/iDecay": 4096}
                    layer |= {"neuron/vDecay": 300, "neuron/vThMant": 90, "neuron/refDelay": 1, "neuron/gradedSpike": False, "neuron/type": b"CUBA"}
                    for name, value in layer.items():
                        file[f"layer/{k}/{name}"] = value
                    file[f"layer/{k}/type"] = np.array([b"dense"], "S10")
        return path.read_bytes()


def runs(net: lifline.Network) -> None:
    """The golden model takes it: eight steps of silence."""
    if net.input.size < 10_000:
        GoldenModel(net, threads=1).run(np.zeros((8, net.input.size), np.uint8))


def network_files(draw: Draw, folder: Path) -> None:
    """What loads says in its own file what the damaged one said."""
    path, again = folder / "net", folder / "again"
    path.write_bytes(original("network", draw(st.integers(0, SAMPLES))))
    damage_file(draw, path, "network", network_file._digest)
    net = network_file.load(path)
    runs(net)
    network_file.save(net, again)
    with safe_open(path, framework="numpy") as a, safe_open(again, framework="numpy") as b:
        assert json.loads(a.metadata()["network"]) == json.loads(b.metadata()["network"])
        assert a.keys() == b.keys() and all(np.array_equal(a.get_tensor(k), b.get_tensor(k)) for k in a.keys())  # noqa: SIM118


def program_files(draw: Draw, folder: Path) -> None:
    """What loads is the program that it was; the name of a configuration is nobody's but the file's, and neurons of which nothing differs may change places."""
    number, path = draw(st.integers(0, SAMPLES)), folder / "program"
    path.write_bytes(original("program", number))
    damage_file(draw, path, "program", lambda text, arrays: program_file._digest(arrays, text))
    loaded, whole = program_file.load(path), program(number)
    assert loaded.config.hash == TINY.hash
    whole = dataclasses.replace(whole, config=loaded.config, layouts=loaded.layouts)
    assert program_file._describe(loaded) == program_file._describe(whole)
    assert all(np.array_equal(image, loaded.images[space]) for space, image in whole.images.items())


def _damage_hdf5(draw: Draw, path: Path) -> None:
    if draw(st.integers(0, 2)) == 0:
        path.write_bytes(damage_bytes(draw, path.read_bytes()))
        return
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = draw(st.sampled_from(sorted(names)))
        value = file[name][()]
        kind = draw(st.sampled_from(["array", "odd", "drop", "nan"]))
        del file[name]
        if kind == "array" and isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            file[name] = damage_array(draw, value)
        elif kind == "nan":
            file[name] = np.full(np.shape(value), draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1.0, 0.0])))
        elif kind == "odd":
            odd = draw(ODD.filter(lambda v: isinstance(v, bool | int | float | list) and v != [] and not (isinstance(v, int) and abs(v) >= 2**64)))
            file[name] = np.asarray(odd) if np.asarray(odd).dtype.kind != "O" else 0


def nir_graphs(draw: Draw, folder: Path) -> None:
    """What loads has the weights that are in the file, and can be evaluated."""
    path = folder / "graph.nir"
    path.write_bytes(original("nir", draw(st.integers(0, SAMPLES))))
    _damage_hdf5(draw, path)
    exact = import_nir(path)
    stored = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: stored.append(item[()]) if isinstance(item, h5py.Dataset) and name.endswith("/weight") else None)
    matrices = [op.weight for q in exact.projections for op in q.operators if hasattr(op, "weight")]
    for matrix in matrices:
        assert any(np.array_equal(np.asarray(w, np.float64), matrix) for w in stored), "a weight matrix that is not in the file"
    if exact.input.size < 10_000:
        evaluate(exact, np.zeros((1, 4, exact.input.size), np.uint8))


def lava_files(draw: Draw, folder: Path) -> None:
    """What loads has the weights that are in the file, scaled as Loihi does."""
    path = folder / "net.net"
    path.write_bytes(original("lava", draw(st.integers(0, SAMPLES))))
    _damage_hdf5(draw, path)
    net = import_lava(path)
    runs(net)
    with h5py.File(path, "r") as file:
        stored = [np.asarray(file[f"layer/{k}/weight"][()], np.float64) for k in range(len(file["layer"])) if "weight" in file[f"layer/{k}"]]
    for q in net.projections:
        scaled = np.ldexp(q.weights.astype(np.float64), q.weight_shift - 6)
        assert any(w.shape == scaled.shape and np.array_equal(w, scaled) for w in stored), "weights that are not in the file"


def event_lists(draw: Draw, folder: Path) -> None:
    """What is taken is the list again. Numbers of steps that are large and possible are left out: they only take time."""
    neurons, steps = 5, draw(st.one_of(st.integers(-1, 40), ODD.filter(lambda v: not isinstance(v, int) or abs(v) < 100 or abs(v) >= 2**40)))
    number = st.one_of(st.integers(-1, 6), st.sampled_from([2**31, 2**63 - 1, 2**64 - 5, 2**70, True, 0.5, float("nan"), None]))
    rows = draw(st.lists(st.lists(number, min_size=draw(st.integers(1, 2)), max_size=2), max_size=5))
    if draw(st.booleans()):
        rows = sorted((r for r in rows if all(isinstance(v, int) for v in r)), key=lambda r: tuple(map(int, r)))
    events: Any = rows
    if draw(st.booleans()):
        try:
            events = np.asarray(rows, draw(st.sampled_from([None, *map(np.dtype, ("i1", "u8", "f4", "i8", "?"))])))
        except (ValueError, TypeError, OverflowError):
            return
    if steps is None:  # dense spikes
        found, _ = as_batch(events, neurons)
        assert np.array_equal(found.reshape(np.shape(events)), np.asarray(events))
        return
    found, _ = as_batch(events, neurons, steps)
    assert [[int(t), int(n)] for t, n in np.argwhere(found[0])] == [[int(t), int(n)] for t, n in events]


COMMANDS = {
    "show": ("{file}",), "compile": ("{file}", "-o", "{out}", "--config", "tiny", "--mode", "dense"),
    "run": ("{file}", "{file}", "--device", "golden:tiny", "--steps", "4", "-o", "{out}"), "export": ("{file}", "-o", "{out}"),
    "import": ("{file}", "-o", "{out}", "--dialect", "lifline", "--dt", "1", "--set", "v_min=-1", "--step", "1"), "info": ("--device", "golden:tiny"),
    "fidelity": ("{file}", "{file}", "--samples", "{file}", "--device", "golden:tiny"),
    "verify": ("--config", "nothing", "--seed", "1", "--inject", "weight"), "demo": ("--config", "nothing", "--picture", "{out}"),
    "build": ("--board", "nothing", "--clock", "0", "--seed", "1"),
}  # fmt: skip


def cli_arguments(draw: Draw, folder: Path) -> None:
    """Ends with status 0, with one line and status 1, or with the usage and status 2."""
    for kind, name in (("network", "net"), ("program", "program"), ("nir", "graph.nir"), ("lava", "net.net")):
        (folder / name).write_bytes(original(kind, 1))
    np.save(folder / "spikes.npy", random_spikes(np.random.default_rng(1), network(1), 4))
    (folder / "text").write_text("hello")
    files = [str(folder / f) for f in ("net", "program", "graph.nir", "net.net", "spikes.npy", "text", "missing", "", "net/x")] + ["/dev/null", "\x1b[1m", "x" * 300]
    outs = [str(folder / f) for f in ("out", "net", "no/out", "")] + ["/dev/full", "x" * 300]
    command = draw(st.sampled_from(sorted(COMMANDS)))
    words = [command]
    for word in COMMANDS[command]:
        value = {"{file}": lambda: draw(st.sampled_from(files)), "{out}": lambda: draw(st.sampled_from(outs))}.get(word, lambda word=word: word)()
        odd = not word.startswith(("{", "-")) and draw(st.integers(0, 3)) == 0
        words.append(draw(st.sampled_from(["", "0", "-1", "nan", "1e9", "99999999999999999999", "[red]", "golden:x", "event", "=", "dt=0", "v_min=[]"])) if odd else value)
    if draw(st.integers(0, 5)) == 0:
        words.insert(draw(st.integers(1, len(words))), draw(st.sampled_from(["--json", "--nothing", "--", "extra"])))
    result = CliRunner().invoke(app, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), f"{words}: {result.exception!r}"
    assert result.exit_code in (0, 1, 2), words
    if result.exit_code == 1:
        assert "Error" in result.output or "differ" in result.output or "not found" in result.output, (words, result.output)
    assert "Traceback" not in result.output and "\x1b[1m" not in result.output, words


class Memory:
    """A device of 64 words behind a stream that damages what it says, and what it hears."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.words, self.out, self.heard, self.faults = draw, list(range(7, 71)), bytearray(), bytearray(), draw(st.integers(1, 3))

    def _damaged(self, data: bytes) -> bytes:
        if self.faults and self.draw(st.booleans()):
            self.faults -= 1
            return damage_bytes(self.draw, data)
        return data

    def write(self, data: bytes) -> None:
        heard = self._damaged(data)
        if len(heard) < 9 or heard[0] != REQUEST_SYNC or crc16(heard[1:-2]) != int.from_bytes(heard[-2:], "little"):
            return
        kind, count, start = heard[2], heard[3], int.from_bytes(heard[4:7], "little")
        request = Request(heard[1], kind, start, count)  # type: ignore[arg-type]
        if start + count > len(self.words):
            self.out += self._damaged(Reply(request.sequence, Status.BAD_ADDRESS).encode())
        elif kind == 1:
            self.out += self._damaged(Reply(request.sequence, Status.OK, tuple(self.words[start : start + count])).encode())
        else:
            for k in range(count):
                self.words[start + k] = int.from_bytes(heard[7 + 4 * k : 11 + 4 * k], "little")
            self.out += self._damaged(Reply(request.sequence, Status.OK).encode())

    def read(self, count: int) -> bytes:
        data, self.out = bytes(self.out[:count]), self.out[count:]
        return data

    def close(self) -> None:
        self.out.clear()


def frames(draw: Draw, folder: Path) -> None:
    """Words that are read are those of the device, words that are written are there."""
    assert REPLY_SYNC != REQUEST_SYNC
    device = Memory(draw)
    link = Link(device, retries=draw(st.integers(0, 4)))
    start, count = draw(st.integers(0, 70)), draw(st.integers(1, 8))
    if draw(st.booleans()):
        words = draw(st.lists(st.integers(0, 2**32 - 1), min_size=count, max_size=count))
        link.write(start, words)
        assert device.words[start : start + count] == words
    assert link.read(start, count).tolist() == device.words[start : start + count]


KINDS: dict[str, Callable[[Draw, Path], None]] = {
    f.__name__: f for f in (program_files, network_files, nir_graphs, lava_files, event_lists, cli_arguments, frames)
}
