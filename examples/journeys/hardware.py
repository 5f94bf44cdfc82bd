"""A hardware researcher: a configuration of one's own, checked on random networks, compared with its origin in cycles, then as Verilog.

    python examples/journeys/hardware.py [--origin tiny] [--programs 40] [--out mine]
"""

import argparse
from pathlib import Path

import numpy as np
from amaranth.back import verilog

import lifline
from lifline.cli.verify import verify_random
from lifline.driver.predict import predict, record_activity
from lifline.rtl.top import Top

parser = argparse.ArgumentParser()
for name, default in (("origin", "tiny"), ("programs", 40), ("out", Path("mine"))):
    parser.add_argument(f"--{name}", type=type(default), default=default)
options = parser.parse_args()

origin = lifline.preset(options.origin)
mine = origin.replace(name="mine", event_lanes=2 * origin.event_lanes, dense_lanes=2 * origin.dense_lanes, multipliers=2 * origin.multipliers)
options.out.mkdir(exist_ok=True)
lifline.save_config(mine, options.out / "mine.toml")  # what `--config mine.toml` takes everywhere

checked = verify_random(str(options.out / "mine.toml"), options.programs, seed=0, inject=None, advance=lambda: None)
print(f"{checked['programs']} random programs: {checked['mismatches']} differ in values, {checked['cycle_mismatches']} in cycles")

rng, fires = np.random.default_rng(0), lifline.Neurons(threshold=60, decay_v=300)
network = lifline.Network(
    name="probe", output="b", state_bits=origin.state_bits,
    populations=[lifline.Population("in", (32,)), lifline.Population("a", (24,), fires), lifline.Population("b", (8,), fires)],
    projections=[lifline.Projection(source=s, target=t, weights=rng.integers(-20, 30, shape)) for s, t, shape in (("in", "a", (24, 32)), ("a", "b", (8, 24)))],
)
activity = record_activity(network, (rng.random((4, 50, 32)) < 0.1).astype(np.uint8))
for config in (origin, mine):
    costs = predict(lifline.compile_network(network, config), config, activity)
    print(f"{config.name}: {np.mean([c.busy_cycles for c in costs]) / 50:.1f} cycles per step")
(options.out / "top.v").write_text(verilog.convert(Top(mine), name="top"))
