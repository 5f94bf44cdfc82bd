"""``lifline export --ip``: the core as a component of a system on a chip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifline.arch.config_file import configuration
from lifline.arch.errors import InputError
from lifline.ip.package import export
from lifline.ip.verilog import Bus, module_name


def export_ip(out: Path, bus: str, config: str) -> dict[str, Any]:
    """Write the folder; returns what was written.

    Raises
    ------
    InputError   for a bus that there is not.
    """
    if bus not in list(Bus):
        raise InputError(f"there is no bus `{bus}`; there are {', '.join(Bus)}")
    chosen = configuration(config)
    return {"folder": str(out), "module": module_name(chosen, Bus(bus)), "files": sorted(export(chosen, Bus(bus), out))}
