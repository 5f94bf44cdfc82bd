"""Train a feed-forward network with learned axonal delays to read Braille by touch, with the hardware's integers in the forward pass.

    python examples/braille/train.py braille7.npz --weight-bits 8 --out braille8.safetensors

``braille7.npz`` holds seven letters read by a robot's fingertip, ``spikes_packed`` (1158, 32 bytes of 8 steps of 5 ms, 12 taxels), ``label``,
``is_test``. Needs the extra ``train``. Four steps become one of 20 ms with two channels per taxel: one spike or more, three or more. Every
channel has six copies, each with a delay of its own. With ``--validate`` a fifth of the training samples, drawn at random, is held out and the test
samples are not looked at: so the settings were chosen. Without it all training samples are used, and the test samples are looked at once.
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
from lifline.sim.golden.model import GoldenModel

STEPS, STEPS_PER_BIN = 64, 4
LEVELS = (1, 3)
COPIES = 6
CHANNELS = 12 * len(LEVELS) * COPIES


def distorted(spikes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Touches that are faster or slower, earlier or later; some spikes are lost, some are added."""
    count, steps, _ = spikes.shape
    stretch, start = rng.uniform(0.9, 1.1, (count, 1)), rng.uniform(-16, 16, (count, 1))
    source = np.round((np.arange(steps) - start) / stretch).astype(int)
    moved = np.take_along_axis(spikes, np.clip(source, 0, steps - 1)[..., None], 1) * ((source >= 0) & (source < steps))[..., None]
    return moved * (rng.random(moved.shape) < 0.9) | (rng.random(moved.shape) < 0.002)


def encode(spikes: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """(batch, 256, 12) -> (batch, 64, 144)."""
    moved = spikes if rng is None else distorted(spikes, rng)
    counts = moved.reshape(len(spikes), STEPS, STEPS_PER_BIN, -1).sum(2)
    return np.tile(np.concatenate([counts >= level for level in LEVELS], 2), COPIES).astype(np.uint8)


def load(path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spikes (1158, 256, 12), labels, and which are test samples."""
    with np.load(path) as data:
        return np.unpackbits(data["spikes_packed"], axis=1)[:, :256], data["label"].astype(np.int64), data["is_test"].astype(bool)


def test_samples(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Spikes (sample, 64, 144) and labels of the test set."""
    spikes, labels, test = load(path)
    return encode(spikes[test], None), labels[test]


def build(weight_bits: int, delays: str, hidden: int, maximum: int) -> train.SpikingNetwork:
    quantisation = train.Quantisation.for_config("medium", weight_bits=weight_bits, per_neuron=True)
    net = train.SpikingNetwork(f"braille{weight_bits}", CHANNELS, quantisation=quantisation, input_name="taxels")
    options = {"decay_v": 0.1, "batch_norm": True, "dropout": 0.25}
    net.add(train.LIF("hidden1", hidden, **options))
    net.add(train.LIF("hidden2", hidden, **options))
    net.add(train.LeakyIntegrator("letter", 7))
    for source, target in zip(net.names, net.names[1:], strict=False):
        fixed = np.random.default_rng(0).integers(0, maximum + 1, net.size(source))
        net.connect(source, target, {"learned": train.AxonalDelays(maximum), "random": fixed, "none": None}[delays], gain=0.6)
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="braille7.npz")
    parser.add_argument("--weight-bits", type=int, choices=(8, 4, 2), default=8)
    parser.add_argument("--delays", choices=("learned", "random", "none"), default="learned")
    parser.add_argument("--maximum", type=int, default=60, help="longest delay in steps of 20 ms")
    parser.add_argument("--hidden", type=int, default=112)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="braille.safetensors")
    parser.add_argument("--validate", action="store_true", help="stop before the test")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    began = time.time()
    spikes, labels, test = load(options.data)
    held_out = ~test & (np.random.default_rng(options.seed).random(len(test)) < 0.2) & options.validate
    training = ~test & ~held_out
    net = build(options.weight_bits, options.delays, options.hidden, options.maximum)
    trainer = train.Trainer(
        epochs=options.epochs, batch_size=32, learning_rate=options.learning_rate, delay_learning_rate=0.1, freeze_delays=0.6, weight_decay=1e-3, warm_up=0.1, seed=options.seed, encode=encode,
        rule="v_last", loss=train.cross_entropy("v_last", scale=0.1, label_smoothing=0.1),
    )  # fmt: skip
    validation = (spikes[held_out], labels[held_out]) if options.validate else None
    history = trainer.fit(net, spikes[training], labels[training], validation)
    network = net.to_network(seed=options.seed, epochs=options.epochs)
    compile_network(network, preset("medium").replace(weight_bits=options.weight_bits))
    save(network, options.out)
    print({tag: round(value, 4) for tag, value in history[-1].items()}, f"{time.time() - began:.0f} s")
    if options.validate:
        print("validation accuracy of the last epochs:", [round(row["validation"], 4) for row in history[-10:]])
    else:
        spikes, labels = test_samples(options.data)
        v = GoldenModel(network).run(spikes).v_last
        assert v is not None
        print(f"test accuracy {float((v.argmax(1) == labels).mean()):.4f}; saved {options.out}")


if __name__ == "__main__":
    main()
