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
from tqdm import trange

from lifline.data import digits
from lifline.network.file import save
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
from lifline.sim.golden import GoldenModel

SIZES = (64, 128, 96, 10)
SHIFT = 4
UNIT = 64  # weight of one threshold, before the shift
THETA = UNIT << SHIFT
DECAY = 512  # of the hidden layers; the read-out integrates
MAX_DELAY = 7


class Spike(torch.autograd.Function):
    """Heaviside step of ``v - theta`` with the derivative of a fast sigmoid (Zenke and Ganguli 2018)."""

    @staticmethod
    def forward(ctx, v):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(v)
        return (v > 0).to(v.dtype)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (v,) = ctx.saved_tensors
        return gradient / (1 + 2 * v.abs()) ** 2


def straight(hard: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
    """Value of ``hard``, gradient of ``soft``."""
    return soft + (hard - soft).detach()


class DelayedNetwork(torch.nn.Module):
    """The network in units of one threshold; the forward pass is exact in the hardware's integers (float32 holds them)."""

    def __init__(self, delays: str) -> None:
        super().__init__()
        self.weights = torch.nn.ParameterList()
        self.delays = torch.nn.ParameterList()
        for fan_in, size in zip(SIZES, SIZES[1:], strict=False):
            self.weights.append(torch.nn.Parameter(torch.randn(size, fan_in, dtype=torch.float32) * (2.0 / fan_in**0.5)))
            start = torch.rand(fan_in, dtype=torch.float32) * MAX_DELAY if delays != "none" else torch.zeros(fan_in, dtype=torch.float32)
            self.delays.append(torch.nn.Parameter(start, requires_grad=delays == "learned"))

    def integer_weights(self, k: int) -> torch.Tensor:
        return torch.clamp(torch.round(self.weights[k] * UNIT), -127, 127)

    def forward(self, spikes: torch.Tensor, hard_delays: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Largest read-out membrane (batch, class) and mean hidden rate, of spikes (batch, time, 64)."""
        rate = spikes.new_zeros(())
        last = len(self.weights) - 1
        for k in range(last + 1):
            weights = straight(self.integer_weights(k) / UNIT, torch.clamp(self.weights[k], -127 / UNIT, 127 / UNIT))
            x = self.arrivals(spikes, self.delays[k], hard_delays) @ weights.T
            v = torch.zeros_like(x[:, 0])
            trace = []
            for t in range(x.shape[1]):
                if k < last:
                    soft = v * (1 - DECAY / 4096)
                    v = straight(torch.trunc(soft * THETA) / THETA, soft) + x[:, t]
                    s = Spike.apply(v - 1)
                    v = v - s.detach()
                    trace.append(s)
                else:
                    v = v + x[:, t]
                    trace.append(v)
            spikes = torch.stack(trace, 1)
            rate = rate + (spikes.mean() if k < last else 0)
        return spikes.amax(1), rate

    @staticmethod
    def arrivals(spikes: torch.Tensor, delays: torch.Tensor, hard: bool) -> torch.Tensor:
        """Spikes shifted by each source's delay; between whole steps a spike is shared by the two nearest."""
        delays = torch.clamp(delays, 0, MAX_DELAY)
        if hard:
            delays = torch.round(delays)
        whole = torch.floor(delays).detach()
        part = delays - whole
        steps = torch.arange(spikes.shape[1])[:, None]

        def shifted(by: torch.Tensor) -> torch.Tensor:
            index = steps - by.long()[None, :]
            moved = spikes.gather(1, index.clamp(min=0).expand(len(spikes), -1, -1))
            return moved * (index >= 0)

        return shifted(whole) * (1 - part) + shifted(whole + 1) * part

    def to_network(self) -> Network:
        names = ("pixels", "hidden1", "hidden2", "digit")
        lif = Neurons(threshold=THETA, decay_v=DECAY, reset=ResetRule.NOW_SUBTRACT)
        models = [None, lif, lif, Neurons(decay_v=0, cap=0)]
        projections = []
        for k in range(len(self.weights)):
            delays = torch.round(torch.clamp(self.delays[k].detach(), 0, MAX_DELAY)).long().numpy()
            weights = self.integer_weights(k).detach().long().numpy()
            projections.append(Projection(source=names[k], target=names[k + 1], weights=weights, weight_shift=SHIFT, delays=delays))
        populations = [Population(n, (8, 8) if m is None else (s,), m) for n, s, m in zip(names, SIZES, models, strict=True)]
        return Network(name="digits", populations=tuple(populations), projections=tuple(projections), output="digit", state_bits=18)


def moved(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images shifted by at most one pixel in each direction, and brightness changed by one level here and there, at random."""
    images = np.where(images > 0, np.clip(images + rng.choice([-1, 0, 1], images.shape), 0, digits.LEVELS), images)
    square = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    rows, columns = rng.choice(3, (2, len(images)), p=[0.15, 0.7, 0.15])
    return np.stack([image[r : r + 8, c : c + 8].reshape(64) for image, r, c in zip(square, rows, columns, strict=True)])


def accuracy(network: Network, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of right predictions of the golden model: integers, what the hardware gives."""
    return float((GoldenModel(network).run(digits.encode(images)).prediction == labels).mean())


def train(seed: int, epochs: int, delays: str, validate: bool) -> Network:
    """Train; delays are free in the first half, rounded and fixed in the second."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    images, labels = digits.load("train")
    held_out = (np.arange(len(images)) >= len(images) * 9 // 10) & validate
    valid, valid_labels = images[held_out], labels[held_out]
    images, labels = images[~held_out], labels[~held_out]
    model = DelayedNetwork(delays)
    groups = [{"params": list(model.weights), "lr": 4e-3}, {"params": [d for d in model.delays if d.requires_grad], "lr": 5e-2}]
    optimiser = torch.optim.Adam([g for g in groups if g["params"]])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    progress = trange(epochs, desc=f"{delays} delays")
    for epoch in progress:
        hard = epoch >= epochs // 2
        if hard:
            for d in model.delays:
                d.requires_grad_(False)
        order = rng.permutation(len(images))
        augmented = moved(images, rng)
        for start in range(0, len(order), 48):
            batch = order[start : start + 48]
            spikes = torch.from_numpy(digits.encode(augmented[batch]).astype(np.float32))
            out, rate = model(spikes, hard)
            loss = torch.nn.functional.cross_entropy(out / 2, torch.from_numpy(labels[batch])) + 0.1 * rate
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
        if validate and hard:
            progress.set_postfix(validation=f"{accuracy(model.to_network(), valid, valid_labels):.3f}")
    return model.to_network()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--delays", choices=("learned", "random", "none"), default="learned")
    parser.add_argument("--out", default="digits.safetensors")
    parser.add_argument("--validate", action="store_true", help="hold out the last tenth of the training samples")
    options = parser.parse_args()
    torch.set_num_threads(1)  # small matrices: more threads only wait for each other
    network = train(options.seed, options.epochs, options.delays, options.validate)
    save(network, options.out)
    images, labels = digits.load("test")
    result = GoldenModel(network).run(digits.encode(images), record=["all"])
    rates = ", ".join(f"{name} {r['spikes'].mean():.3f}" for name, r in result.records.items())
    print(f"test accuracy {float((result.prediction == labels).mean()):.4f}; spikes per neuron and step: {rates}; saved {options.out}")


if __name__ == "__main__":
    main()
