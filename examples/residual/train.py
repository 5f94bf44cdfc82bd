"""Train a small residual network on N-MNIST in snnTorch or in SpikingJelly, in the framework alone: nothing here knows of integers or of hardware.

    python examples/residual/train.py nmnist_small.npz --framework snntorch --out snntorch.safetensors
    python examples/residual/train.py nmnist_small.npz --framework spikingjelly --out spikingjelly.safetensors

The digit is the output that fires most often. With ``--validate`` every fifth recording of the training part is held out and the test part is not read; without it all are
trained on, and the test part is read once, at the end. ``board.py`` imports what is saved.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from residual import FRAMEWORKS, NMNIST, as_steps
from safetensors.torch import save_file
from torch import nn


def right(name: str, net: nn.Module, spikes: np.ndarray, labels: np.ndarray) -> int:
    """How many recordings ``net`` reads right."""
    net.eval()
    with torch.no_grad():
        counts = FRAMEWORKS[name].run(net, as_steps(spikes)).sum(0)
    return int((counts.argmax(1).numpy() == labels).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="nmnist_small.npz")
    parser.add_argument("--framework", choices=FRAMEWORKS, default="snntorch")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out")
    parser.add_argument("--validate", action="store_true", help="hold out a fifth of the training part; the test part is not read")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng, began = np.random.default_rng(options.seed), time.time()
    recordings = NMNIST["Recordings"].read(options.data, "train")
    every = np.arange(len(recordings.labels))
    held_out = (every % 5 == 4) & options.validate
    training = every[~held_out]
    framework = FRAMEWORKS[options.framework]
    net = framework.build()
    empty = net.state_dict()
    batches = -(-len(training) // options.batch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, total_steps=options.epochs * batches, pct_start=0.2)
    figures: dict[str, float] = {}
    for epoch in range(options.epochs):
        net.train()
        loss_sum = 0.0
        for batch in np.array_split(rng.permutation(training), batches):
            counts = framework.run(net, as_steps(recordings.encode(batch, rng))).sum(0)
            loss = nn.functional.cross_entropy(counts, torch.from_numpy(recordings.labels[batch]), label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            loss_sum += loss.item()
        figures = {"epoch": epoch + 1, "loss": round(loss_sum / batches, 3), "seconds": round(time.time() - began)}
        if options.validate and epoch % 5 == 4:
            figures["validation"] = right(options.framework, net, recordings.encode(every[held_out]), recordings.labels[held_out]) / int(held_out.sum())
        print(json.dumps(figures), flush=True)
    # Neurons add their last state to what can be saved.
    save_file({name: value.contiguous() for name, value in net.state_dict().items() if name in empty}, options.out or f"{options.framework}.safetensors")
    if not options.validate:
        print(json.dumps({"right": right(options.framework, net, *NMNIST["test_samples"](options.data))}))


if __name__ == "__main__":
    main()
