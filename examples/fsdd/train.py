"""Train spoken digits (Free Spoken Digit Dataset): a feed-forward network with learned axonal delays, in the hardware's integers.

    python examples/fsdd/train.py fsdd_logmel.npz --weight-bits 8 --out fsdd8.safetensors

``fsdd_logmel.npz`` holds ``logmel`` (3000, 100, 40) uint8 (10 ms a frame, dB = value / 2 - 80), ``label``, ``speaker``, ``rec_index`` and
``is_test`` (the official split: recordings 0..4 of every speaker and digit). Needs the extra ``train``. 160-256-256-10 runs on
the preset ``large``. With ``--validate`` recordings 5..9 of the training part are held out, which is how the settings were
chosen; ``--unseen SPEAKER`` trains on the other five speakers and tests on all 500 recordings of this one, ``--unseen all`` does so for every speaker
in turn; ``--budget`` learns firing budgets and makes them hard. Predictions are the largest of the last membranes.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch

from lifline import train
from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.network.file import save
from lifline.sim.golden.model import GoldenModel

BANDS = 40
FRAMES_PER_STEP = 2  # a step is 20 ms
THRESHOLDS = np.array([-42.0, -32.0, -22.0, -12.0])
LONGEST_DELAY = 30  # steps
SIZES = (256, 256)
SPEAKERS = 6


def decibels(logmel: np.ndarray) -> np.ndarray:
    return logmel.astype(np.float32) / 2 - 80


def encode(values: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """Spikes (batch, 50, 120) of log energies in dB (batch, 100, 40): band ``b`` fires at level ``k`` while it is above the threshold."""
    top = values.max(axis=(1, 2), keepdims=True)
    if rng is not None:
        values = distorted(values, rng)
        top = values.max(axis=(1, 2), keepdims=True)
    values = (values - top).reshape(len(values), -1, FRAMES_PER_STEP, BANDS).mean(axis=2)
    if rng is not None:
        values = masked(values, rng)
    return (values[..., None] > THRESHOLDS).reshape(len(values), values.shape[1], -1).astype(np.float32)


def distorted(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Speech faster or slower, earlier or later, higher or lower, through another microphone, and noisier."""
    count = len(values)
    stretch, shift = rng.uniform(0.8, 1.2, count), rng.uniform(-0.12, 0.12, count)
    warp, pitch = rng.uniform(0.95, 1.05, count), rng.uniform(-0.1, 0.1, count)
    zero = np.zeros(count)
    rows = torch.tensor(np.array([[warp, zero, pitch], [zero, stretch, shift + stretch - 1]]), dtype=torch.float32).permute(2, 0, 1)
    grid = torch.nn.functional.affine_grid(rows, (count, 1, *values.shape[1:]), align_corners=False)
    moved = torch.nn.functional.grid_sample(torch.from_numpy(values)[:, None] + 80, grid, align_corners=False)[:, 0].numpy() - 80
    moved += rng.normal(0, 1.5, (count, 1, BANDS)) + rng.normal(0, 1.5, values.shape)
    return moved.astype(np.float32)


def masked(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two bands of frequencies and one span of time silent at random (SpecAugment, Park et al. 2019)."""
    values = values.copy()
    count, steps = len(values), values.shape[1]
    for axis, length, longest in ((2, BANDS, 5), (2, BANDS, 5), (1, steps, 8)):
        first = rng.integers(0, length, count)[:, None]
        inside = (np.arange(length) >= first) & (np.arange(length) < first + rng.integers(0, longest, count)[:, None])
        values[np.broadcast_to(inside[:, None, :] if axis == 2 else inside[:, :, None], values.shape)] = -100
    return values


def load(path: str) -> dict[str, np.ndarray]:
    """Arrays of the file, ``values`` (3000, 100, 40) in dB among them."""
    with np.load(path) as data:
        found = {name: data[name] for name in ("label", "speaker", "rec_index", "is_test")}
        return found | {"values": decibels(data["logmel"]), "label": found["label"].astype(np.int64)}


def test_samples(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and labels of the official test set."""
    data = load(path)
    test = data["is_test"].astype(bool)
    return encode(data["values"][test], None).astype(np.uint8), data["label"][test]


def build(weight_bits: int, *, delays: str, dropout: float, pressure: float | None, hidden: int = SIZES[0]) -> train.SpikingNetwork:
    quantisation = train.Quantisation.for_config("large", weight_bits=weight_bits, per_neuron=True)
    net = train.SpikingNetwork(f"fsdd{weight_bits}", BANDS * len(THRESHOLDS), quantisation=quantisation, input_name="bands")
    for k in range(len(SIZES)):
        budget = None if pressure is None else train.FiringBudget(0.2, overshoot=pressure, pressure=pressure)
        net.add(train.LIF(f"hidden{k + 1}", hidden, decay_v=0.1, batch_norm=True, dropout=dropout, budget=budget))
    net.add(train.LeakyIntegrator("digit", 10))
    for source, target in zip(net.names, net.names[1:], strict=False):
        fixed = np.random.default_rng(0).integers(0, LONGEST_DELAY + 1, net.size(source))
        net.connect(source, target, {"learned": train.AxonalDelays(LONGEST_DELAY), "random": fixed, "none": None}[delays], gain=0.6)
    return net


def train_and_test(data: dict[str, np.ndarray], options: argparse.Namespace, unseen: int | None) -> dict[str, float]:
    """Train one network, write it to ``--out`` (unless there are six), and measure it with the golden model."""
    torch.manual_seed(options.seed)
    began = time.time()
    values, labels, index = data["values"], data["label"], data["rec_index"]
    test = data["is_test"].astype(bool) if unseen is None else np.unique(data["speaker"], return_inverse=True)[1] == unseen
    valid = ~test & (index >= 5) & (index < 10) & options.validate
    used = ~test & ~valid
    net = build(options.weight_bits, delays=options.delays, dropout=options.dropout, pressure=options.budget, hidden=options.hidden)
    trainer = train.Trainer(
        epochs=options.epochs, batch_size=64, learning_rate=options.learning_rate, delay_learning_rate=0.1, freeze_delays=0.6,
        weight_decay=1e-3, warm_up=0.1, seed=options.seed, encode=encode, rule="v_last",
        hard_budgets=None if options.budget is None else 0.8, loss=train.cross_entropy("v_last", scale=0.1, label_smoothing=0.1),
        checkpoint=options.checkpoint,
    )  # fmt: skip
    history = trainer.fit(net, values[used], labels[used], (values[valid], labels[valid]) if options.validate else None)
    network = net.to_network(seed=options.seed, epochs=options.epochs)
    compile_network(network, preset("large"))
    if options.unseen != "all":
        save(network, options.out)
    figures = {tag: round(value, 4) for tag, value in history[-1].items()} | {"seconds": round(time.time() - began)}
    which, name = (valid, "validation") if options.validate else (test, "test")
    spikes = encode(values[which], None).astype(np.uint8)
    result = GoldenModel(network).run(spikes)
    assert result.v_last is not None
    hidden = [c for population, c in result.counters.items() if population != network.output]
    return figures | {
        f"{name}_accuracy": round(float((result.v_last.argmax(1) == labels[which]).mean()), 4),
        "input_spikes": round(float(spikes.sum() / len(spikes)), 1),
        "hidden_spikes": round(sum(float(c.spikes.mean()) for c in hidden), 1),
        "budget_hits": round(sum(float(c.budget_hits.mean()) for c in hidden), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="fsdd_logmel.npz")
    parser.add_argument("--weight-bits", type=int, choices=(8, 4, 2), default=8)
    parser.add_argument("--hidden", type=int, default=SIZES[0], help="neurons of each of the two hidden layers")
    parser.add_argument("--epochs", type=int, default=140)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--dropout", type=float, default=0.25)
    parser.add_argument("--delays", choices=("learned", "random", "none"), default="learned")
    parser.add_argument("--budget", type=float, help="weight of the firing budgets in the loss")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="fsdd.safetensors")
    parser.add_argument("--checkpoint", help="file to resume from")
    parser.add_argument("--validate", action="store_true", help="hold out recordings 5..9; the test part is not read")
    parser.add_argument("--unseen", choices=[*map(str, range(SPEAKERS)), "all"], help="speaker to test on, or each of them in turn")
    options = parser.parse_args()
    if options.unseen == "all" and options.checkpoint:
        parser.error("--checkpoint is for one network; give --unseen a speaker")
    torch.set_num_threads(options.threads)
    data = load(options.data)
    if options.unseen == "all":
        accuracies = []
        for speaker, name in enumerate(np.unique(data["speaker"])):
            figures = train_and_test(data, options, speaker)
            accuracies.append(figures["validation_accuracy" if options.validate else "test_accuracy"])
            print(json.dumps({"unseen": str(name)} | figures), flush=True)
        print(json.dumps({"mean_accuracy": round(float(np.mean(accuracies)), 4), "lowest": min(accuracies), "highest": max(accuracies)}))
        return
    print(json.dumps(train_and_test(data, options, None if options.unseen is None else int(options.unseen)) | {"out": options.out}))


if __name__ == "__main__":
    main()
