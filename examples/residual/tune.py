"""Train an imported residual network on in integers, so that few weight bits lose little: before and after as one line of JSON.

    python examples/residual/tune.py nmnist_small.npz --framework snntorch --weight-bits 4 --out tuned4.safetensors

The trained objects are imported and quantised; ``train.from_network`` makes the integers trainable. Every fifth recording of the training part is held out, those that ``train.py --validate``
has held out, too, so that neither training has seen what is measured on. The test part is not read.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import torch
from residual import NMNIST, calibration, imported

from lifline import train
from lifline.arch.config import preset
from lifline.convert.quantisation.quantise import quantise
from lifline.network.file import save
from lifline.network.model import Network
from lifline.sim.golden.model import GoldenModel


def parts(path: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """The recordings of the training part; the indices of those to train on, and of those held out."""
    recordings = NMNIST["Recordings"].read(path, "train")
    every = np.arange(len(recordings.labels))
    return recordings, every[every % 5 != 4], every[every % 5 == 4]


def right(network: Network, path: str) -> int:
    """How many of the recordings held out ``network`` reads right, in the golden model."""
    recordings, _, held_out = parts(path)
    return int((GoldenModel(network).run(recordings.encode(held_out)).prediction == recordings.labels[held_out]).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="nmnist_small.npz")
    parser.add_argument("--framework", choices=("snntorch", "spikingjelly"), default="snntorch")
    parser.add_argument("--weight-bits", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="tuned.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began, config = time.time(), preset("conv")
    recordings, training, _ = parts(options.data)
    scales = calibration(options.data)
    network, _ = imported(options.framework, scales[:4])
    fine, coarse = (quantise(network, scales, config=config, per_neuron=True, weight_bits=bits) for bits in (8, options.weight_bits))
    net = train.from_network(coarse, config, weight_bits=options.weight_bits, surrogate=train.Surrogate(kind="arctan"))
    trainer = train.Trainer(
        epochs=options.epochs, batch_size=32, learning_rate=options.learning_rate, warm_up=0.1, seed=options.seed, encode=recordings.encode,
        loss=train.cross_entropy(label_smoothing=0.1), gradient_norm=1.0,
    )  # fmt: skip
    figures: dict[str, object] = {"8 bits": right(fine, options.data), "before": right(coarse, options.data)}
    print(json.dumps(figures), flush=True)
    history = trainer.fit(net, training, recordings.labels[training])
    tuned = net.to_network(tuned_from=options.framework, epochs=options.epochs)
    save(tuned, options.out)
    figures |= {"after": right(tuned, options.data), "losses": [round(row["loss"], 3) for row in history]}
    print(json.dumps(figures | {"seconds": round(time.time() - began)}))


if __name__ == "__main__":
    main()
