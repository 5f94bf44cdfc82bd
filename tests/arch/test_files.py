"""One way to write files: whole, at regular places only, with the permissions that the umask leaves, every failure typed."""

from __future__ import annotations

import os
import resource
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import lifline
from lifline.arch.config import preset
from lifline.arch.errors import OutputError, ProgramError
from lifline.arch.files import check_target, write_file
from lifline.cli.main import app
from lifline.convert.nir.export_graph import export_nir
from lifline.network import file as network_file
from lifline.sim.random.network import random_network, random_spikes


def text(part: Path) -> None:
    part.write_text("new")


def network() -> lifline.Network:
    return random_network(np.random.default_rng(3), config=preset("tiny"))


WRITERS = {
    "file": lambda path: write_file(path, text),
    "network": lambda path: network_file.save(network(), path),
    "program": lambda path: lifline.save_program(lifline.compile_network(network(), preset("tiny")), path),
    "graph": lambda path: export_nir(network(), path),
}


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
@pytest.mark.parametrize("writer", WRITERS)
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, writer: str) -> None:
    before = os.umask(mask)
    try:
        WRITERS[writer](tmp_path / "new")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask
    finally:
        os.umask(before)


def test_permissions_of_a_file_that_is_replaced_stay_and_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o640)
    (tmp_path / "link").symlink_to("old")
    write_file(tmp_path / "link", text)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "old").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640 and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("writer", WRITERS)
def test_only_regular_files_are_replaced(tmp_path: Path, writer: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
        for name in ("pipe", "folder", "socket", "link", "/dev/null", "/dev/full"):
            before = os.stat(tmp_path / name).st_mode
            with pytest.raises((OutputError, ProgramError), match="cannot write .*(folder|regular file)"):
                WRITERS[writer](tmp_path / name)
            assert os.stat(tmp_path / name).st_mode == before


@pytest.mark.parametrize("name", ["", "/", "x" * 300, "nowhere/x", "a/", ".", "file/x", "nul\0"])
def test_names_that_are_none_are_typed(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for writer in WRITERS.values():
        with pytest.raises((OutputError, ProgramError), match="cannot write"):
            writer(name)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", [None, 3, [], 2.5])
def test_what_is_no_name_is_typed(name: object) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        check_target(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_typed_and_leaves_the_old_file(tmp_path: Path, writer: str) -> None:
    """A limit on the size of files stands for the disk."""
    (tmp_path / "old").write_text("old")
    code = (
        "import resource, sys, lifline\nfrom tests.arch.test_files import WRITERS\n"
        f"w = WRITERS[{writer!r}]\nresource.setrlimit(resource.RLIMIT_FSIZE, (2, 2))\n"
        "try: w(sys.argv[1])\nexcept lifline.LiflineError as error: print('typed', error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "old")], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert "typed cannot write" in done.stdout, done.stderr
    assert (tmp_path / "old").read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["old"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2


def one_line(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 1 and result.output.count("\n") == 1 and "Error" in result.output, result.output
    return result.output


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    network_file.save(network(), tmp_path / "net")
    lifline.save_program(lifline.compile_network(network(), preset("tiny")), tmp_path / "program")
    np.save(tmp_path / "spikes.npy", random_spikes(np.random.default_rng(0), network(), 8))
    export_nir(network(), tmp_path / "net.nir")
    return tmp_path


@pytest.mark.parametrize("out", ["/dev/full", "folder", "x" * 300, "", "nowhere/x", "pipe", "input"])
def test_every_command_says_in_one_line_why_it_cannot_write(inputs: Path, out: str) -> None:
    (inputs / "folder").mkdir()
    os.mkfifo(inputs / "pipe")
    before = {p: p.read_bytes() for p in inputs.iterdir() if p.is_file()}
    for command, source, option in (
        (["compile", "--config", "tiny"], ["net"], "-o"), (["import"], ["net.nir"], "-o"), (["export"], ["net"], "-o"),
        (["run", "--device", "golden:tiny"], ["program", "spikes.npy"], "-o"),
    ):  # fmt: skip
        place = source[-1] if out == "input" else out
        assert "cannot write" in one_line(*command, *(str(inputs / s) for s in source), option, str(inputs / place) if place else "")
    assert before == {p: p.read_bytes() for p in inputs.iterdir() if p.is_file()}


def test_names_that_look_like_markup_are_shown_as_they_are(tmp_path: Path) -> None:
    name = "[red]a[/nothing]"
    net = lifline.Network(
        name=name, output="[b]", state_bits=16, populations=(lifline.Population("[/]", (2,)), lifline.Population("[b]", (1,), lifline.Neurons())),
        projections=(lifline.Projection(source="[/]", target="[b]", weights=[[1, 1]]),),
    )  # fmt: skip
    network_file.save(net, tmp_path / "net")
    for command in (["show"], ["compile", "--config", "tiny", "-o", str(tmp_path / "program")]):
        result = CliRunner().invoke(app, [command[0], str(tmp_path / "net"), *command[1:]])
        assert result.exit_code == 0 and name in result.output and "[b]" in result.output, result.output
    assert "[b]x" in one_line("show", str(tmp_path / "[b]x"))
    assert "\x1b" not in one_line("show", str(tmp_path / "\x1b[31mred"))


def test_arrays_that_ask_for_more_than_the_file_holds_are_refused(inputs: Path) -> None:
    whole = (inputs / "spikes.npy").read_bytes()
    (inputs / "spikes.npy").write_bytes(whole.replace(b"(8, ", b"(9999999999999, ", 1))
    for damage in (whole.replace(b"(8,", b"(9" + b"9" * 12 + b",", 1), whole[:40], whole.replace(b"'|u1'", b"'|O8'"), whole.replace(b"{", b"(")):
        (inputs / "spikes.npy").write_bytes(damage)
        assert "npy array" in one_line("run", str(inputs / "program"), str(inputs / "spikes.npy"), "--device", "golden:tiny")


@pytest.mark.parametrize("clock", ["0", "-5", "nan", "inf"])
def test_clocks_that_are_none_are_refused(tmp_path: Path, clock: str) -> None:
    result = CliRunner().invoke(app, ["build", "--board", "icebreaker", "--clock", clock, "--folder", str(tmp_path / "b")])
    assert result.exit_code == 1 and "ConfigError" in result.output and "clock of" in result.output
