"""The example for C, from a network file to spikes, over a pseudo-terminal; and the commands on its page."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.arch.errors import InputError
from lifline.cli.main import app
from lifline.compiler.compile import compile_network
from lifline.compiler.program_file import save
from lifline.embedded.image import c_source, image_of
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.build import compiler
from lifline.sim.board.serve import PseudoTerminal
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

from .c_driver import COMPILER, STRICT

ROOT = Path(__file__).parents[2]
TINY = preset("tiny")
STEPS, NEURONS = 32, 12


def network() -> Network:
    weights = np.random.default_rng(5).integers(-20, 60, (6, NEURONS))
    return Network(
        name="first */", state_bits=TINY.state_bits, output="out",
        populations=(Population("in", (NEURONS,)), Population("out", (6,), Neurons(threshold=120, decay_v=300))),
        projections=(Projection(source="in", target="out", weights=weights, delays=1),),
    )  # fmt: skip


@pytest.mark.skipif(COMPILER is None or compiler() is None, reason="needs a C and a C++ compiler")
def test_the_example_prints_the_spikes_of_the_golden_model(tmp_path: Path) -> None:
    save(compile_network(network(), TINY), tmp_path / "program.lifline")
    done = CliRunner().invoke(app, ["embed", str(tmp_path / "program.lifline"), "-o", str(tmp_path / "out"), "--name", "network"])
    assert done.exit_code == 0, done.output
    sources = [str(s) for s in sorted((tmp_path / "out").glob("*.c"))]
    assert COMPILER is not None
    run = tmp_path / "run"
    subprocess.run([COMPILER, *STRICT, "-I", str(tmp_path / "out"), str(ROOT / "examples/embedded/main.c"), *sources, "-o", str(run)], check=True)

    spikes = np.zeros((STEPS, NEURONS), np.uint8)
    spikes[np.arange(STEPS), np.arange(STEPS) % NEURONS] = 1
    spikes[::4, :8] = 1
    expected = [f"step {t} population 0 neuron {n}" for t, n in np.argwhere(GoldenModel(network()).run(spikes).output_spikes[0])]
    terminal = PseudoTerminal(CompiledBoard(TINY))
    server = threading.Thread(target=terminal.serve, daemon=True)
    server.start()
    try:
        told = subprocess.run([str(run), terminal.path], capture_output=True, text=True, timeout=100, check=False)
    finally:
        terminal.stop()
        server.join(20)
    assert told.stdout.splitlines() == [*expected, f"{STEPS} steps"] and expected, told.stderr


def test_a_binary_holds_the_same_words(tmp_path: Path) -> None:
    program = compile_network(network(), TINY)
    save(program, tmp_path / "program.lifline")
    done = CliRunner().invoke(app, ["embed", str(tmp_path / "program.lifline"), "-o", str(tmp_path / "out"), "--binary"])
    assert done.exit_code == 0, done.output
    assert (np.frombuffer((tmp_path / "out" / "network.bin").read_bytes(), "<u4") == image_of(program)).all()


@pytest.mark.parametrize("name", ["", "1st", "a-b", "ü", "a b"])
def test_a_name_that_c_does_not_take_is_refused(name: str, tmp_path: Path) -> None:
    program = compile_network(network(), TINY)
    with pytest.raises(InputError, match="is no name in C"):
        c_source(program, name)
    save(program, tmp_path / "program.lifline")
    done = CliRunner().invoke(app, ["embed", str(tmp_path / "program.lifline"), "-o", str(tmp_path / "out"), "--name", name])
    assert done.exit_code == 1 and not (tmp_path / "out").exists()
