"""Train a recurrent network to read Braille by touch, or one of as many parameters with learned axonal delays in place of recurrence.

    python examples/braille/recurrent.py braille7.npz --kind recurrent --out recurrent8.safetensors
    python examples/braille/recurrent.py braille7.npz --kind delays --out delays8.safetensors

The data, its distortions and the two ways to use it (``--validate``: a fifth of the training samples is held out, and the test samples are not looked at) are those of
``train.py``, but a step has one channel per taxel: any spike at all. ``recurrent``: 12-38-7, the hidden layer to itself with a delay of one step of 10 ms. ``delays``:
48-38-7 and steps of 20 ms, four copies of every taxel, each with a delay of its own, and one delay per hidden neuron. Both have 8-bit weights, and the hardware's integers in the
forward pass.
"""

from __future__ import annotations

import argparse
import runpy
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lifline import train
from lifline.network.file import save
from lifline.sim.golden.model import GoldenModel

LONG: dict[str, Any] = runpy.run_path(str(Path(__file__).with_name("train.py")))
TAXELS, HIDDEN, LETTERS, MAXIMUM = 12, 38, 7, 20


@dataclass(frozen=True)
class Kind:
    """How samples become spikes: ``steps`` of the 1.28 s, ``copies`` of every taxel; and how many make a batch of training."""

    steps: int
    copies: int
    batch: int

    def encode(self, spikes: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """(batch, 256, 12) -> (batch, steps, 12 * copies)."""
        moved = spikes if rng is None else LONG["distorted"](spikes, rng)
        return np.tile(moved.reshape(len(spikes), self.steps, -1, TAXELS).any(2), self.copies).astype(np.uint8)


KINDS = {"recurrent": Kind(128, 1, batch=32), "delays": Kind(64, 4, batch=64)}


def test_samples(path: str, kind: str = "recurrent") -> tuple[np.ndarray, np.ndarray]:
    """Spikes (sample, step, taxel) and labels of the test set."""
    spikes, labels, test = LONG["load"](path)
    return KINDS[kind].encode(spikes[test], None), labels[test]


def build(kind: str) -> train.SpikingNetwork:
    quantisation = train.Quantisation.for_config("medium", per_neuron=True)
    net = train.SpikingNetwork(kind, TAXELS * KINDS[kind].copies, quantisation=quantisation, input_name="taxels")
    recurrent = kind == "recurrent"
    # A normalisation would need the whole input of a step, which recurrence makes from the step before.
    net.add(train.LIF("hidden", HIDDEN, decay_v=0.1, learn_decay=True, bias=recurrent, batch_norm=not recurrent, surrogate=train.Surrogate(height=0.4)))
    net.add(train.LeakyIntegrator("letter", LETTERS))
    net.connect("taxels", "hidden", None if recurrent else train.AxonalDelays(MAXIMUM))
    if recurrent:
        net.connect("hidden", "hidden", 1, gain=0.5)
    net.connect("hidden", "letter", None if recurrent else train.AxonalDelays(MAXIMUM), gain=1.0)
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="braille7.npz")
    parser.add_argument("--kind", choices=KINDS, default="recurrent")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out")
    parser.add_argument("--validate", action="store_true", help="stop before the test")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    kind, began = KINDS[options.kind], time.time()
    spikes, labels, test = LONG["load"](options.data)
    held_out = ~test & (np.cumsum(~test) % 5 == 0) & options.validate
    training = ~test & ~held_out
    net = build(options.kind)
    trainer = train.Trainer(
        epochs=options.epochs, batch_size=kind.batch, learning_rate=0.01, delay_learning_rate=0.1, freeze_delays=0.6, weight_decay=1e-3, warm_up=0.1,
        seed=options.seed, encode=kind.encode, gradient_norm=1.0,
        rule="v_last", loss=train.cross_entropy("v_last", scale=0.1, label_smoothing=0.1),
    )  # fmt: skip
    history = trainer.fit(net, spikes[training], labels[training], (spikes[held_out], labels[held_out]) if options.validate else None)
    network = net.to_network(seed=options.seed, epochs=trainer.epochs)
    save(network, options.out or f"{options.kind}8.safetensors")
    print({tag: round(value, 4) for tag, value in history[-1].items()}, f"{time.time() - began:.0f} s")
    if options.validate:
        print("validation accuracy of the last epochs:", [round(row["validation"], 4) for row in history[-10:]])
    else:
        spikes, labels = test_samples(options.data, options.kind)
        v = GoldenModel(network).run(spikes).v_last
        assert v is not None
        print(f"test accuracy {float((v.argmax(1) == labels).mean()):.4f}")


if __name__ == "__main__":
    main()
