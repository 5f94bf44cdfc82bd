"""An embedded engineer: a sensor that never stops, in real time, then the same program for a microcontroller.

    python examples/journeys/engineer.py [--device sim:small] [--seconds 4] [--out firmware]
"""

import argparse
from pathlib import Path

import numpy as np

import lifline
from lifline.embedded.image import c_source, driver_sources

parser = argparse.ArgumentParser()
for name, default in (("device", "sim:small"), ("seconds", 4.0), ("out", Path("firmware"))):
    parser.add_argument(f"--{name}", type=type(default), default=default)
options = parser.parse_args()

def sensor(seed=0):
    """Events, microseconds and one of 16 channels: noise, and every half second a sweep over all of them, which is what we listen for."""
    rng = np.random.default_rng(seed)
    end = options.seconds * 1e6
    noise = np.column_stack([rng.uniform(0, end, int(end / 12_500)), rng.integers(0, 16, int(end / 12_500))])
    events = np.concatenate([noise, [(t + 1000 * k, k) for t in np.arange(250_000, end, 500_000) for k in range(16)]]).astype(np.int64)
    yield from events[np.argsort(events[:, 0], kind="stable")].tolist()


network = lifline.Network(
    name="sweeps", output="found", state_bits=16,
    populations=[lifline.Population("sensor", (16,)), lifline.Population("found", (1,), lifline.Neurons(threshold=110, decay_v=2048))],
    projections=[lifline.Projection(source="sensor", target="found", weights=np.full((1, 16), 10), delays=15 - np.arange(16))],  # together in one step
)
program = lifline.compile_network(network, lifline.preset("small"))
with lifline.open(options.device) as device:
    device.load(program)
    stream = device.stream(sensor(), chunk=10, period=27_000, clock=lifline.EventClock(step_us=1000, neurons=16))  # at 27 MHz
    print(f"{sum(int(part.scores[0]) for part in stream)} sweeps in {stream.steps} ms, {stream.overruns} windows late")
options.out.mkdir(exist_ok=True)
for name, text in {**driver_sources(), "sweeps.c": c_source(program, "sweeps")}.items():
    (options.out / name).write_text(text)
