"""Train a convolutional network on N-MNIST, digits seen by an event camera, with the hardware's integers in the forward pass.

    python examples/nmnist/train.py nmnist_small.npz --out nmnist.safetensors

``nmnist_small.npz`` holds for each part ``s`` of ``train`` and ``test`` the events ``s_x``, ``s_y`` (0..33), ``s_p`` (0, 1), ``s_t_us`` of all recordings after one
another, ``s_offsets`` (recordings + 1) and ``s_label``. Needs the extra ``train``. A recording of 300 ms becomes 10 steps of 30 ms in which a pixel
of either polarity fires or not. 34x34x2 - 16c3s2 - 32c3s2 - 32c3s2 - 10 fits the preset ``conv``: the neurons of a layer share one threshold and have no bias, so that
a neuron takes one word of memory. With ``--validate`` every fifth recording of the training part is held out and the test part is not read. ``board.py`` runs the result.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
import torch

from lifline import train
from lifline.network.file import save
from lifline.sim.golden.model import GoldenModel

SIDE, STEPS, STEP_US = 34, 10, 30_000
CHANNELS = (16, 32, 32)
RULE = "v_last"
PHASES = ((40, 1e-2), (12, 5e-3))  # epochs and largest learning rate; both rise and fall


@dataclass(frozen=True)
class Recordings:
    """Events of many recordings after one another; recording ``k`` has those from ``offsets[k]`` to ``offsets[k + 1]``."""

    x: np.ndarray
    y: np.ndarray
    polarity: np.ndarray
    step: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray

    @classmethod
    def read(cls, path: str, part: str) -> Recordings:
        with np.load(path) as data:
            x, y, polarity, times, offsets, labels = (data[f"{part}_{name}"] for name in ("x", "y", "p", "t_us", "offsets", "label"))
        step = np.minimum(times // STEP_US, STEPS - 1)
        return cls(*(a.astype(np.int64) for a in (x, y, polarity, step, offsets, labels)))

    def encode(self, chosen: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Spikes (recording, step, polarity * 34 * 34) of the chosen recordings, distorted at random if there is a generator."""
        counts = self.offsets[chosen + 1] - self.offsets[chosen]
        recording = np.repeat(np.arange(len(chosen)), counts)
        event = np.arange(len(recording)) + np.repeat(self.offsets[chosen] - np.cumsum(counts) + counts, counts)
        x, y = self.x[event], self.y[event]
        kept = np.ones(len(event), bool)
        if rng is not None:
            x, y = moved(x, y, recording, len(chosen), rng)
            lost = rng.uniform(0, 0.3, len(chosen))
            kept = (rng.random(len(event)) >= lost[recording]) & (np.minimum(x, y) >= 0) & (np.maximum(x, y) < SIDE)
        spikes = np.zeros((len(chosen), STEPS, 2, SIDE, SIDE), np.uint8)
        spikes[recording[kept], self.step[event[kept]], self.polarity[event[kept]], y[kept], x[kept]] = 1
        return spikes.reshape(len(chosen), STEPS, -1)


def moved(x: np.ndarray, y: np.ndarray, recording: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Every recording turned, scaled, sheared and shifted at random."""
    angle, shear = rng.uniform(-0.26, 0.26, count), rng.uniform(-0.2, 0.2, count)
    scale, shift = rng.uniform(0.85, 1.15, (2, count)), rng.uniform(-4, 4, (2, count))
    rows = np.array([np.cos(angle), -np.sin(angle) + shear, np.sin(angle), np.cos(angle)]) * np.repeat(scale, 2, 0)
    a, b, c, d = rows[:, recording]
    right, down = x - (SIDE - 1) / 2, y - (SIDE - 1) / 2
    to_x, to_y = a * right + b * down + shift[0, recording], c * right + d * down + shift[1, recording]
    return tuple(np.rint(v + (SIDE - 1) / 2).astype(np.int64) for v in (to_x, to_y))  # type: ignore[return-value]


def test_samples(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and labels of the test part."""
    recordings = Recordings.read(path, "test")
    return recordings.encode(np.arange(len(recordings.labels))), recordings.labels


def build() -> train.SpikingNetwork:
    net = train.SpikingNetwork("nmnist", (2, SIDE, SIDE), quantisation=train.Quantisation.for_config("conv"), input_name="camera")
    side, surrogate = SIDE, train.Surrogate(kind="arctan", slope=2.0)
    for k, channels in enumerate(CHANNELS):
        side = (side + 1) // 2
        net.add(train.LIF(f"conv{k + 1}", (channels, side, side), decay_v=0.2, learn_decay=True, surrogate=surrogate))
        net.connect(net.names[k], net.names[k + 1], connection=train.Convolution(stride=2, padding=1), kernel=3)
    net.add(train.LeakyIntegrator("digit", 10))
    net.connect(net.names[-2], "digit", gain=1.0)
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="nmnist_small.npz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="nmnist.safetensors")
    parser.add_argument("--validate", action="store_true", help="hold out a fifth of the training part; the test part is not read")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    began = time.time()
    recordings = Recordings.read(options.data, "train")
    every = np.arange(len(recordings.labels))
    held_out = (every % 5 == 4) & options.validate
    net = build()
    validation = (every[held_out], recordings.labels[held_out]) if options.validate else None
    loss = train.cross_entropy(RULE, scale=0.5, label_smoothing=0.1)
    for phase, (epochs, learning_rate) in enumerate(PHASES):
        trainer = train.Trainer(
            epochs=epochs, batch_size=32, learning_rate=learning_rate, weight_decay=0.01, warm_up=0.1, seed=options.seed + phase,
            encode=recordings.encode, rule=RULE, loss=loss, gradient_norm=1.0,
        )  # fmt: skip
        history = trainer.fit(net, every[~held_out], recordings.labels[~held_out], validation)
    network = net.to_network(seed=options.seed, phases=PHASES)
    save(network, options.out)
    figures = {tag: round(value, 4) for tag, value in history[-1].items()} | {"seconds": round(time.time() - began), "out": options.out}
    if not options.validate:
        spikes, labels = test_samples(options.data)
        figures["right"] = int((GoldenModel(network).run(spikes).v_last.argmax(1) == labels).sum())
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
