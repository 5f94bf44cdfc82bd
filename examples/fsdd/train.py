"""Train a feed-forward network with learned axonal delays on spoken digits, with the hardware's integers in the forward pass.

    python examples/fsdd/train.py fsdd_logmel.npz --weight-bits 8 --out fsdd8.safetensors

``fsdd_logmel.npz`` holds the Free Spoken Digit Dataset as ``logmel`` (3000, 100, 40) uint8, half decibels in frames of 10 ms, ``n_frames``, ``label``,
``speaker``, ``rec_index``, ``is_test`` (official split: recordings 0..4 of every speaker and digit). Needs the extra ``train``. A channel fires when
its band's level rises above, another when it falls below, one of three levels relative to the recording's loudness. With ``--validate``
recordings 5..9 are held out, which is how the settings were chosen; without it all training recordings are used, and the test recordings are
looked at once. ``--speaker`` tests on one speaker and trains on the others; ``--budget`` learns firing budgets and makes them hard.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from lifline import train
from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.network.file import save
from lifline.sim.golden import GoldenModel

STEPS = 80
BANDS = 40
LEVELS = np.array([1.0, 1.8, 2.5], np.float32)
DECIBELS = 20.0
"""What a level of 1 is; 3 is the loudness of the recording."""


def load(path: str) -> dict[str, np.ndarray]:
    """Arrays of the file, ``levels`` (3000, 100, 40) among them: 0 is silence."""
    with np.load(path) as data:
        found = {name: data[name] for name in ("label", "speaker", "rec_index", "is_test")}
        sound = np.arange(100)[None] < data["n_frames"][:, None]
        half_decibels = np.where(sound[..., None], data["logmel"].astype(np.float32), np.nan)
    loudness = np.nanpercentile(half_decibels, 95, axis=(1, 2), keepdims=True)
    found["levels"] = np.nan_to_num(np.clip(3 + (half_decibels - loudness) / (2 * DECIBELS), 0, 4)).astype(np.float32)
    return found


def distorted(levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Recordings stretched and shifted in time, shifted over the bands, louder or softer, noisy, with gaps in time and in frequency."""
    count = len(levels)
    stretch, start, tilt = rng.uniform(0.85, 1.2, count), rng.uniform(-5, 12, count), rng.uniform(-1.2, 1.2, count)
    time_ = (np.arange(100)[None] - start[:, None]) / stretch[:, None]
    band = np.arange(BANDS)[None] + tilt[:, None]
    grid = np.stack(np.broadcast_arrays((2 * band[:, None] + 1) / BANDS - 1, (2 * time_[:, :, None] + 1) / 100 - 1), -1).astype(np.float32)
    moved = torch.nn.functional.grid_sample(torch.from_numpy(levels)[:, None], torch.from_numpy(grid), align_corners=False)[:, 0].numpy()
    moved = moved + rng.normal(0, 0.15, (count, 1, 1)) + rng.normal(0, 0.08, moved.shape)
    for axis, size, width in ((1, 100, 8), (2, BANDS, 5)):
        first, length = rng.integers(0, size, count), rng.integers(0, width, count)
        gap = (np.arange(size)[None] >= first[:, None]) & (np.arange(size)[None] < (first + length)[:, None])
        moved = np.where(np.expand_dims(gap, 3 - axis), 0, moved)
    return moved


def spikes_of(levels: np.ndarray) -> np.ndarray:
    """Spikes (batch, step, 240): channel ``2*k*40 + band`` fires when the band rises above level ``k``, the one 40 further when it falls below."""
    above = levels[:, : STEPS + 1, :, None].transpose(0, 1, 3, 2) > LEVELS[None, None, :, None]
    before = np.concatenate([np.zeros_like(above[:, :1]), above[:, :-1]], 1)
    crossings = np.concatenate([above & ~before, before & ~above], 3)[:, :STEPS]
    return crossings.reshape(len(levels), STEPS, -1).astype(np.float32)


def encode(levels: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    return spikes_of(levels if rng is None else distorted(levels, rng))


def test_samples(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and labels of the official test set."""
    data = load(path)
    test = data["is_test"].astype(bool)
    return spikes_of(data["levels"][test]).astype(np.uint8), data["label"][test]


def build(weight_bits: int, delays: str, hidden: int, maximum: int, pressure: float | None) -> train.SpikingNetwork:
    quantisation = train.Quantisation.for_config("large", weight_bits=weight_bits, per_neuron=True)
    net = train.SpikingNetwork(f"fsdd{weight_bits}", 2 * BANDS * len(LEVELS), quantisation=quantisation, input_name="crossings")
    options = {"decay_v": 0.05, "learn_decay": True, "batch_norm": True}
    for name in ("hidden1", "hidden2"):
        net.add(train.LIF(name, hidden, budget=None if pressure is None else train.FiringBudget(0.2, overshoot=pressure, pressure=pressure), **options))
    net.add(train.LeakyIntegrator("digit", 10))
    for source, target in zip(net.names, net.names[1:], strict=False):
        fixed = np.random.default_rng(0).integers(0, maximum + 1, net.size(source))
        net.connect(source, target, {"learned": train.AxonalDelays(maximum), "random": fixed, "none": None}[delays])
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="fsdd_logmel.npz")
    parser.add_argument("--weight-bits", type=int, choices=(8, 4, 2), default=8)
    parser.add_argument("--delays", choices=("learned", "random", "none"), default="learned")
    parser.add_argument("--maximum", type=int, default=30, help="longest delay in steps")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speaker", type=int, help="test on this speaker, train on the others")
    parser.add_argument("--budget", type=float, help="weight of the firing budgets in the loss")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="fsdd.safetensors")
    parser.add_argument("--validate", action="store_true", help="hold out recordings 5..9; the test recordings are not looked at")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    began = time.time()
    data = load(options.data)
    levels, labels = data["levels"], data["label"].astype(np.int64)
    test = data["is_test"].astype(bool) if options.speaker is None else data["speaker"] == options.speaker
    held_out = ~test & (data["rec_index"] < 10) & options.validate
    training = ~test & ~held_out
    net = build(options.weight_bits, options.delays, options.hidden, options.maximum, options.budget)
    trainer = train.Trainer(
        epochs=options.epochs, batch_size=64, learning_rate=options.learning_rate, warm_up=0.03, seed=options.seed, encode=encode,
        hard_budgets=None if options.budget is None else 0.8, loss=train.cross_entropy(scale=0.3, label_smoothing=0.05),
    )  # fmt: skip
    if options.validate:
        history = trainer.fit(net, levels[training], labels[training], (levels[held_out], labels[held_out]))
        print("validation accuracy of the last epochs:", [round(row["validation"], 4) for row in history[-8:]])
    else:
        history = trainer.fit(net, levels[training], labels[training])
    network = net.to_network(seed=options.seed, epochs=options.epochs)
    compile_network(network, preset("large"))
    save(network, options.out)
    print({tag: round(value, 4) for tag, value in history[-1].items()}, f"{time.time() - began:.0f} s")
    which = held_out if options.validate else test
    spikes = spikes_of(levels[which]).astype(np.uint8)
    result = GoldenModel(network).run(spikes)
    counters = {name: c for name, c in result.counters.items() if name != network.output}
    hidden, hits = (sum(float(getattr(c, what).mean()) for c in counters.values()) for what in ("spikes", "budget_hits"))
    print(
        f"{'validation' if options.validate else 'test'} accuracy {float((result.prediction == labels[which]).mean()):.4f}; per recording: "
        f"{spikes.sum((1, 2)).mean():.0f} input spikes, {hidden:.0f} hidden spikes, {hits:.1f} suppressed by budgets; saved {options.out}"
    )


if __name__ == "__main__":
    main()
