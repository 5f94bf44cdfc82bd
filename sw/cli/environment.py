"""What a report of an error needs to know about the machine: versions of everything, tools, platform, configurations."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from typing import Any

import lifline
from lifline.arch.config import INTERFACE_VERSION, PRESETS
from lifline.sim.board.build import compiler

TOOL_TIMEOUT_S = 10


def configurations() -> dict[str, dict[str, Any]]:
    """Name -> parameters and hash of every configuration of the gateware."""
    return {c.name: json.loads(c.canonical()) | {"hash": c.hash} for c in PRESETS.values()}


def libraries() -> dict[str, str | None]:
    """Name -> version of every library that lifline or one of its extras asks for; None for one that is not installed."""
    try:
        asked = metadata.requires("lifline") or []
    except metadata.PackageNotFoundError:  # run from its folders, not installed
        asked = []
    found: dict[str, str | None] = {}
    for name in sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in asked} - {"lifline"}):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def first_line(command: list[str] | None) -> str | None:
    """What a tool says first about its version; None if it is not there or says nothing."""
    if not command or shutil.which(command[0]) is None:
        return None
    try:
        said = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TOOL_TIMEOUT_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.partition("\n")[0].strip() or None


def environment() -> dict[str, Any]:
    """Everything that ``lifline info --json`` prints: values are texts, numbers, None for what is missing, and objects of these."""
    cxx = compiler()
    return {
        "lifline": lifline.__version__,
        "interface_version": INTERFACE_VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "libraries": libraries(),
        "tools": {"c++": first_line(cxx and [*cxx, "--version"]), "iverilog": first_line(["iverilog", "-V"])},
        "configurations": configurations(),
    }
