"""Netlists as yosys writes them (``write_json``), to circuits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifline.arch.errors import NetlistError

from . import ecp5, ecp5_routed, ice40
from .cell import Cell, Model
from .circuit import ONE, UNKNOWN, ZERO, Circuit

MODELS: dict[str, Model] = {**ice40.MODELS, **ecp5.MODELS}
"""By type of cell, of all families: their names differ."""
ROUTED: dict[str, Model] = ecp5_routed.MODELS
"""The same for what nextpnr writes behind routing."""
WITHOUT_FUNCTION = {"$scopeinfo"}
CONSTANTS = {"0": ZERO, "1": ONE, "x": UNKNOWN, "z": UNKNOWN}


def read_netlist(path: Path, top: str = "top", models: Mapping[str, Model] = MODELS) -> Circuit:
    """The circuit of a module in a file of yosys, or with ``models`` of :data:`ROUTED` in one of nextpnr.

    Raises
    ------
    NetlistError   if the file is none, or has cells or parameters that no model describes.
    """
    try:
        modules = json.loads(path.read_text())["modules"]
        module = modules[top]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetlistError(f"`{path}` is no netlist of yosys with a module `{top}` ({error!r}); write one with `write_json`") from error
    return circuit_of(module, models)


def circuit_of(module: Mapping[str, Any], models: Mapping[str, Model] = MODELS) -> Circuit:
    """The circuit of a module, its cells described by ``models``.

    Raises
    ------
    NetlistError   if a cell, or a parameter of one, has no model; if there is more than one clock.
    """
    circuit = Circuit()
    nets: dict[int | str, int] = {**CONSTANTS, **ecp5_routed.constants(module["cells"])}

    def net(bit: int | str) -> int:
        if bit not in nets:
            nets[bit] = circuit.net()
        return nets[bit]

    for name, fields in module["cells"].items():
        kind = fields["type"]
        if kind in WITHOUT_FUNCTION:
            circuit.scopes.add(name)
            continue
        if kind not in models:
            raise NetlistError(f"no model of `{kind}`, which `{name}` is; there are models of {', '.join(sorted(models))}")
        pins = {pin: tuple(net(bit) for bit in bits) for pin, bits in fields["connections"].items()}
        models[kind](Cell(name, kind, fields["parameters"], pins), circuit)
        directions = fields.get("port_directions", {})
        circuit.cells[name] = kind, {pin: nets for pin, nets in pins.items() if directions.get(pin) == "output"}
    driven = {table.output for table in circuit.tables}
    for name, port in module["ports"].items():
        bits = tuple(net(bit) for bit in port["bits"])
        outward = port["direction"] == "output" or (port["direction"] == "inout" and not driven.isdisjoint(bits))
        (circuit.outputs if outward else circuit.inputs)[name] = bits
    circuit.names = {name: tuple(nets[bit] for bit in fields["bits"]) for name, fields in module.get("netnames", {}).items() if nets.keys() >= {*fields["bits"]}}
    if len(circuit.clocks) > 1:
        raise NetlistError(f"{len(circuit.clocks)} clocks; all registers and memories must have one")
    return circuit

