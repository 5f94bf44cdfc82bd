"""Train the demo network: weights and axonal delays, with the hardware's integers in the forward pass.

    python examples/digits/train.py --out digits.safetensors

Needs the extra ``train`` (torch). Two hidden layers of LIF neurons and a integrator read-out; the loss is the
cross entropy of the read-out's largest membrane. With ``--validate`` the last tenth of the training samples is held out
and printed, which is how the settings below were chosen; without it all training samples are used and the last epoch is
kept. The test samples are only looked at once, at the end.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from lifline import train
from lifline.data import digits
from lifline.network.file import save
from lifline.sim.golden.model import GoldenModel

SIZES = (64, 128, 96, 10)
DECAY = 1 / 8  # of the hidden layers; the read-out integrates
MAX_DELAY = 7


def build(delays: str) -> train.SpikingNetwork:
    net = train.SpikingNetwork("digits", (8, 8), quantisation=train.Quantisation(), input_name="pixels")
    net.add(train.LIF("hidden1", 128, decay_v=DECAY))
    net.add(train.LIF("hidden2", 96, decay_v=DECAY))
    net.add(train.LeakyIntegrator("digit", 10))
    for source, target in zip(net.names, net.names[1:], strict=False):
        fixed = np.random.default_rng(0).integers(0, MAX_DELAY + 1, net.size(source))
        net.connect(source, target, {"learned": train.AxonalDelays(MAX_DELAY), "random": fixed, "none": None}[delays])
    return net


def moved(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images shifted by at most one pixel in each direction, and brightness changed by one level here and there, at random."""
    images = np.where(images > 0, np.clip(images + rng.choice([-1, 0, 1], images.shape), 0, digits.LEVELS), images)
    square = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    rows, columns = rng.choice(3, (2, len(images)), p=[0.15, 0.7, 0.15])
    return np.stack([image[r : r + 8, c : c + 8].reshape(64) for image, r, c in zip(square, rows, columns, strict=True)])


def encode(images: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    return digits.encode(images if rng is None else moved(images, rng))


def loss(activity: train.Activity, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy, and a price on hidden spikes."""
    rate = activity.spikes["hidden1"].mean() + activity.spikes["hidden2"].mean()
    return train.cross_entropy(scale=0.5)(activity, labels) + 0.1 * rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--delays", choices=("learned", "random", "none"), default="learned")
    parser.add_argument("--out", default="digits.safetensors")
    parser.add_argument("--validate", action="store_true", help="hold out the last tenth of the training samples")
    options = parser.parse_args()
    torch.set_num_threads(1)  # small matrices: more threads only wait for each other
    torch.manual_seed(options.seed)
    images, labels = digits.load("train")
    net = build(options.delays)
    trainer = train.Trainer(epochs=options.epochs, batch_size=48, learning_rate=4e-3, seed=options.seed, encode=encode, loss=loss)
    if options.validate:
        first = len(images) * 9 // 10
        history = trainer.fit(net, images[:first], labels[:first], (images[first:], labels[first:]))
        print("validation accuracy of the last epochs:", [round(row["validation"], 3) for row in history[-5:]])
    else:
        trainer.fit(net, images, labels)
    network = net.to_network()
    save(network, options.out)
    if options.validate:
        return
    images, labels = digits.load("test")
    result = GoldenModel(network).run(digits.encode(images), record=["all"])
    rates = ", ".join(f"{name} {r['spikes'].mean():.3f}" for name, r in result.records.items())
    print(f"test accuracy {float((result.prediction == labels).mean()):.4f}; spikes per neuron and step: {rates}; saved {options.out}")


if __name__ == "__main__":
    main()
