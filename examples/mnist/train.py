"""Train a fully connected network on MNIST with the hardware's integers in the forward pass.

    python examples/mnist/train.py mnist.npz --weight-bits 8 --out mnist8.safetensors

``mnist.npz`` holds ``x_train`` (60000, 28, 28) uint8, ``y_train``, ``x_test``, ``y_test``. Needs the extra ``train``. A pixel fires in every step
whose threshold it exceeds. 784-256-192-10: 256 KiB of 8-bit weights, as much as the preset ``large`` has. The last 5,000 training images are held
out: settings and epoch were chosen by them. The test images are looked at once, at the end, and with ``--validate`` not at all.
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

STEPS = 4
HELD_OUT = 5000
LEVELS = 255 * (np.arange(STEPS) + 0.5) / STEPS


def spikes_of(images: np.ndarray) -> np.ndarray:
    """Spikes (batch, step, 784) of images (batch, 28, 28) 0..255: one in every step whose threshold a pixel exceeds."""
    return (images.reshape(len(images), 1, -1) > LEVELS[None, ::-1, None]).astype(np.float32)


def distorted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images turned, scaled, sheared and shifted a little, and bent by a smooth random field."""
    count = len(images)
    angle, shear = rng.uniform(-0.2, 0.2, count), rng.uniform(-0.2, 0.2, count)
    scale, shift = rng.uniform(0.88, 1.12, (2, count)), rng.uniform(-0.12, 0.12, (2, count))
    cos, sin = np.cos(angle), np.sin(angle)
    rows = [[scale[0] * cos, scale[0] * (shear * cos - sin), shift[0]], [scale[1] * sin, scale[1] * (shear * sin + cos), shift[1]]]
    grid = torch.nn.functional.affine_grid(torch.tensor(np.array(rows), dtype=torch.float32).permute(2, 0, 1), (count, 1, 28, 28), align_corners=False)
    field = torch.from_numpy(rng.standard_normal((count, 2, 6, 6), dtype=np.float32) * 0.06)
    grid = grid + torch.nn.functional.interpolate(field, (28, 28), mode="bilinear").permute(0, 2, 3, 1)
    moved = torch.nn.functional.grid_sample(torch.from_numpy(images.astype(np.float32))[:, None], grid, align_corners=False)
    return moved[:, 0].numpy()


def encode(images: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    return spikes_of(images if rng is None else distorted(images, rng))


def test_samples(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and labels of the official test set."""
    with np.load(path) as data:
        return spikes_of(data["x_test"]).astype(np.uint8), data["y_test"]


def build(weight_bits: int) -> train.SpikingNetwork:
    quantisation = train.Quantisation.for_config("large", weight_bits=weight_bits, per_neuron=True)
    net = train.SpikingNetwork(f"mnist{weight_bits}", (28, 28), quantisation=quantisation, input_name="pixels")
    options = {"decay_v": 0.1, "learn_decay": True, "batch_norm": True}
    net.add(train.LIF("hidden1", 256, **options))
    net.add(train.LIF("hidden2", 192, **options))
    net.add(train.LeakyIntegrator("digit", 10))
    for source, target in zip(net.names, net.names[1:], strict=False):
        net.connect(source, target)
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="mnist.npz")
    parser.add_argument("--weight-bits", type=int, choices=(8, 4, 2), default=8)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="mnist.safetensors")
    parser.add_argument("--checkpoint", help="file to resume from")
    parser.add_argument("--validate", action="store_true", help="stop before the test")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    began = time.time()
    with np.load(options.data) as data:
        images, labels = data["x_train"], data["y_train"].astype(np.int64)
    net = build(options.weight_bits)
    trainer = train.Trainer(
        epochs=options.epochs, batch_size=256, learning_rate=options.learning_rate, warm_up=0.02, seed=options.seed, encode=encode,
        loss=train.cross_entropy(scale=0.5, label_smoothing=0.02), checkpoint=options.checkpoint,
    )  # fmt: skip
    history = trainer.fit(net, images[:-HELD_OUT], labels[:-HELD_OUT], (images[-HELD_OUT:], labels[-HELD_OUT:]))
    network = net.to_network(seed=options.seed, epochs=options.epochs)
    compile_network(network, preset("large"))
    save(network, options.out)
    best = max(row["validation"] for row in history)
    print(f"validation accuracy {best:.4f}, last epoch {({k: round(v, 4) for k, v in history[-1].items()})}, {time.time() - began:.0f} s")
    if not options.validate:
        spikes, labels = test_samples(options.data)
        result = GoldenModel(network).run(spikes)
        print(f"test accuracy {float((result.prediction == labels).mean()):.4f}; saved {options.out}")


if __name__ == "__main__":
    main()
