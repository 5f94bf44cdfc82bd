"""Simulated boards: both simulators give the same bytes in the same cycles; building is cached, safe and refuses clearly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import LinkError, ToolError
from lifline.arch.frame import RESYNC_BYTES, Kind, Request
from lifline.arch.program import Mode
from lifline.arch.registers import REGISTERS, Space, address
from lifline.compiler.compile import compile_network
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.sim.board import build
from lifline.sim.board.simulated import QUIET_CYCLES, Board, CompiledBoard, InterpretedBoard
from lifline.sim.random.network import random_network, random_spikes

CONFIG = preset("tiny")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
BOARD = CompiledBoard if shutil.which("g++") else InterpretedBoard


def conversation() -> list[bytes]:
    """Requests that touch every memory, with noise and broken frames between them."""
    rng = np.random.default_rng(5)
    frames = [Request(0, Kind.READ, 0, len(REGISTERS)).encode()]
    for k, space in enumerate((Space.PROGRAM, Space.WEIGHTS, Space.NEURONS, Space.DELAYS, Space.RINGS, Space.INPUT)):
        words = tuple(int(w) for w in rng.integers(0, 1 << 32, 20))
        frames.append(Request(2 * k, Kind.WRITE, address(space, 3), len(words), words).encode())
        frames.append(Request(2 * k + 1, Kind.READ, address(space, 0), 25).encode())
    return [*frames, rng.bytes(5), frames[1][:20] + bytes(RESYNC_BYTES), frames[2]]


def talk(board: Board) -> list[tuple[bytes, int]]:
    replies = []
    for frame in conversation():
        board.write(frame)
        replies.append((board.read(1000), board.cycles))
    return replies


@needs_compiler
def test_both_simulators_agree_byte_for_byte_and_cycle_for_cycle():
    compiled, interpreted = CompiledBoard(CONFIG), InterpretedBoard(CONFIG)
    assert talk(compiled) == talk(interpreted)
    compiled.close()


@needs_compiler
@pytest.mark.parametrize("mode", list(Mode))
def test_both_simulators_run_a_program_in_the_same_cycles(mode):
    rng = np.random.default_rng(11)
    network = random_network(rng, config=CONFIG, max_inputs=8, max_size=5)
    program, spikes = compile_network(network, CONFIG, mode), random_spikes(rng, network, 8)
    seen = []
    for board in (CompiledBoard(CONFIG), InterpretedBoard(CONFIG)):
        device = LinkedDevice(Link(board))
        device.load(program)
        result = device.run(spikes)
        seen.append((result.output_spikes.tolist(), [c.tolist() for c in vars(result.cycles).values()], board.cycles))
        device.close()
    assert seen[0] == seen[1]


@needs_compiler
def test_design_that_needs_several_evaluations_per_cycle_is_refused(monkeypatch, tmp_path):
    run = build.run_tool

    def with_warning(command, folder):
        return run(command, folder) + ("Warning: Design contains feedback wires" if build.YOSYS in command else "")

    monkeypatch.setattr(build, "run_tool", with_warning)
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path)
    with pytest.raises(ToolError, match="several evaluations per cycle"):
        build.build(CONFIG)


@pytest.mark.parametrize("kind", [pytest.param(CompiledBoard, marks=needs_compiler), InterpretedBoard])
def test_clock_stands_still_until_somebody_waits(kind):
    board = kind(CONFIG)
    board.write(Request(0, Kind.READ, 0, 1).encode())
    assert board.cycles == 0
    assert len(board.read(10)) == 10
    after = board.cycles
    assert board.read(1) == b"" and board.cycles == after + QUIET_CYCLES
    board.advance(64)
    board.advance(512)
    assert board.cycles == after + QUIET_CYCLES + 64 + 512
    board.close()


@pytest.mark.parametrize("kind", [pytest.param(CompiledBoard, marks=needs_compiler), InterpretedBoard])
def test_bytes_that_were_not_read_wait(kind):
    board = kind(CONFIG)
    board.write(Request(0, Kind.READ, 0, 1).encode())
    assert board.advance(500) == 10
    assert len(board.read(4)) == 4 and len(board.read(100)) == 6
    board.close()


@needs_compiler
def test_boards_of_one_library_are_independent():
    first, second = CompiledBoard(CONFIG), CompiledBoard(CONFIG)
    first.write(Request(0, Kind.WRITE, address(Space.DELAYS, 0), 1, (5,)).encode())
    first.read(6)
    for board, value in ((first, 5), (second, 0)):
        board.write(Request(1, Kind.READ, address(Space.DELAYS, 0), 1).encode())
        assert int.from_bytes(board.read(10)[4:8], "little") == value
    first.close()
    second.write(b"\x00")
    second.close()
    with pytest.raises(LinkError, match="closed"):
        first.read(1)


@needs_compiler
def test_library_name_follows_configuration_and_options(monkeypatch):
    names = {build.library(CONFIG), build.library(CONFIG.replace(max_delay=6)), build.library(preset("small"))}
    monkeypatch.setattr(build, "OPTIONS", (*build.OPTIONS, "-g"))
    names.add(build.library(CONFIG))
    assert len(names) == 4


def test_missing_compiler_names_the_way_out(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ToolError, match=r"install g\+\+.*pysim:"):
        CompiledBoard(CONFIG)


def test_compiler_that_cannot_be_run_is_a_tool_error(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler-anywhere -x")
    with pytest.raises(ToolError, match="no-such-compiler-anywhere"):
        CompiledBoard(CONFIG)


def test_failing_compiler_shows_its_message(monkeypatch, tmp_path):
    script = tmp_path / "cxx"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo 1; exit; }\necho "out of ideas" >&2\nexit 1\n')
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path / "cache")
    with pytest.raises(ToolError, match="out of ideas"):
        build.build(CONFIG)
    left = [p.name for p in (tmp_path / "cache").iterdir() if p.suffix != ".lock"]
    assert left == []


@pytest.mark.skipif(os.name != "posix", reason="needs file locks")
def test_two_processes_build_once(tmp_path):
    script = tmp_path / "cxx"
    script.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo 1; exit; }\n'
        f'echo built >> {tmp_path}/log\nsleep 0.3\nwhile [ "$1" != -o ]; do shift; done\necho library > "$2"\n'
    )
    script.chmod(0o755)
    code = (
        "from pathlib import Path; from lifline.sim.board import build; from lifline.arch.config import preset\n"
        f"build.cache_folder = lambda: Path({str(tmp_path)!r}, 'cache')\n"
        "print(build.build(preset('tiny')))"
    )
    environment = os.environ | {"CXX": str(script)}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = {process.communicate()[0].strip() for process in both}
    assert len(paths) == 1 and Path(paths.pop()).read_text() == "library\n"
    assert (tmp_path / "log").read_text() == "built\n"


def test_cache_that_cannot_be_written_is_a_tool_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(build, "compiler", lambda: [sys.executable])
    with pytest.raises(ToolError, match="XDG_CACHE_HOME"):
        build.build(CONFIG)


@pytest.mark.parametrize("kind", [pytest.param(CompiledBoard, marks=needs_compiler), InterpretedBoard])
def test_threads_take_turns_at_a_board(kind):
    """No cycle is lost or doubled, and whoever comes after close() is told."""
    board, calls, cycles = kind(CONFIG), 40 if kind is CompiledBoard else 4, 500 if kind is CompiledBoard else 20
    problems = []

    def advance():
        try:
            for _ in range(calls):
                board.advance(cycles)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=advance, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == [] and board.cycles == 4 * calls * cycles
    threads = [threading.Thread(target=advance, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    board.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert all(isinstance(problem, LinkError) and "closed" in str(problem) for problem in problems)
    board.close()
