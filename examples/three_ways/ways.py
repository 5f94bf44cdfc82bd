"""The three ways into spikes, each ending in the same network description: surrogate gradient, conversion of a ReLU network, STDP."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lifline import train
from lifline.arch.config import Config, preset
from lifline.arch.errors import DatasetError
from lifline.convert.quantisation.quantise import quantise
from lifline.data import digits, mnist
from lifline.network.encode import regular_spikes
from lifline.network.model import Network

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Task:
    """Images (sample, pixel) in 0..1 with labels, and what is built for them.

    ``hidden``: of the trained and of the converted network; ``features``: of the STDP layer; ``calibration``: images that choose scales and thresholds.
    """

    name: str
    training: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    shape: tuple[int, int]
    config: str
    steps: int
    hidden: tuple[int, int]
    features: int
    epochs: dict[str, int]
    calibration: int

    @property
    def board(self) -> Config:
        return preset(self.config)

    def validating(self) -> Task:
        """The last fifth of the training data in place of the test data: how settings are chosen."""
        images, labels = self.training
        cut = len(images) * 4 // 5
        return replace(self, training=(images[:cut], labels[:cut]), test=(images[cut:], labels[cut:]))


def load_digits() -> Task:
    """scikit-learn's 1,797 digits, split as ``lifline.data.digits`` does."""
    (images, labels), (test, test_labels) = digits.load("train"), digits.load("test")
    return Task("digits", (images / digits.LEVELS, labels), (test / digits.LEVELS, test_labels), (8, 8), "medium", 16, (128, 96), 256,
                {"surrogate": 60, "relu": 60, "stdp": 5}, 1000)  # fmt: skip


def load_mnist(path: str) -> Task:
    """MNIST from a folder of idx files, or from an ``.npz`` with ``x_train``, ``y_train``, ``x_test``, ``y_test``."""
    if Path(path).suffix == ".npz":
        try:
            with np.load(path) as data:
                parts = [(data[f"x_{s}"], data[f"y_{s}"].astype(np.int64)) for s in ("train", "test")]
        except (OSError, KeyError) as error:
            raise DatasetError(f"{path} is not MNIST as .npz with x_train, y_train, x_test, y_test ({error})") from error
    else:
        parts = [mnist.load(path, s) for s in ("train", "test")]
    training, test = [(images.reshape(len(images), -1) / 255.0, labels) for images, labels in parts]
    return Task("MNIST", training, test, (28, 28), "large", 8, (256, 128), 256, {"surrogate": 8, "relu": 15, "stdp": 2}, 1000)


def moved(shape: tuple[int, int]) -> Augment:
    """Images shifted by at most one pixel in each direction, at random."""

    def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        square = np.pad(images.reshape(-1, *shape), ((0, 0), (1, 1), (1, 1)))
        rows, columns = rng.choice(3, (2, len(images)), p=[0.15, 0.7, 0.15])
        return np.stack([i[r : r + shape[0], c : c + shape[1]].ravel() for i, r, c in zip(square, rows, columns, strict=True)])

    return augment


def surrogate(task: Task, seed: int, steps: int) -> Network:
    """LIF layers trained by surrogate gradients with the hardware's integers in the forward pass, for runs of ``steps`` steps."""
    torch.manual_seed(seed)
    augment = moved(task.shape)
    net = train.SpikingNetwork("surrogate", int(np.prod(task.shape)), quantisation=train.Quantisation.for_config(task.config, per_neuron=True))
    for k, size in enumerate(task.hidden, 1):
        net.add(train.LIF(f"hidden{k}", size, decay_v=0.1, learn_decay=True, batch_norm=True, dropout=0.1))
    net.add(train.LeakyIntegrator("output", 10))
    for source, target in zip(net.names, net.names[1:], strict=False):
        net.connect(source, target)

    def encode(images: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        return regular_spikes(images if rng is None else augment(images, rng), steps)

    loss = train.cross_entropy(scale=0.15, label_smoothing=0.02)
    trainer = train.Trainer(epochs=task.epochs["surrogate"], batch_size=64, learning_rate=4e-3, seed=seed, encode=encode, loss=loss, progress=False)
    trainer.fit(net, *task.training)
    return net.to_network()


def relu(task: Task, seed: int) -> nn.Sequential:
    """The same layers with ReLU, batch normalisation and dropout, trained as usual."""
    torch.manual_seed(seed)
    rng, augment = np.random.default_rng(seed), moved(task.shape)
    sizes = [int(np.prod(task.shape)), *task.hidden]
    layers: list[tuple[str, nn.Module]] = []
    for k, (inputs, size) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        layers += [
            (f"linear{k}", nn.Linear(inputs, size)), (f"norm{k}", nn.BatchNorm1d(size)), (f"hidden{k}", nn.ReLU()), (f"dropout{k}", nn.Dropout(0.2)),
        ]  # fmt: skip
    net = nn.Sequential(OrderedDict([*layers, ("linear", nn.Linear(sizes[-1], 10))]))
    images, labels = task.training
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, task.epochs["relu"])
    for _ in range(task.epochs["relu"]):
        order = rng.permutation(len(images))
        for chosen in np.array_split(order, -(-len(order) // 64)):
            batch = torch.tensor(augment(images[chosen], rng), dtype=torch.float32)
            loss = nn.functional.cross_entropy(net(batch), torch.tensor(labels[chosen]), label_smoothing=0.02)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return net.eval()


def converted(task: Task, net: nn.Sequential, steps: int) -> Network:
    """The ReLU network as IF neurons with soft reset, thresholds from calibration data, for runs of ``steps`` steps."""
    images = task.training[0][: task.calibration]
    network = train.from_relu(net, images, steps=steps, name="conversion")
    return quantise(network, regular_spikes(images, steps), config=task.board, per_neuron=True)


def stdp(task: Task, seed: int, *, learned: bool, method: str) -> Network:
    """Features by STDP without labels (or, not ``learned``, their random first weights), and a read-out with labels."""
    images, labels = task.training
    spikes = regular_spikes(images, task.steps)
    features = train.StdpFeatures(spikes.shape[2], task.features, seed=seed)
    if learned:
        features.fit(spikes, epochs=task.epochs["stdp"])
    few = spikes[: task.calibration]
    features.settle(few)
    network = train.fit_readout(features.float_network("stdp"), spikes, labels, calibration=few, method=method, config=task.board)
    return quantise(network, few, config=task.board, per_neuron=True)
