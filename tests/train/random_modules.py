"""Random trainable networks with every option, for the property tests."""

from __future__ import annotations

import numpy as np
import torch

from lifline import train
from lifline.network.model import ResetRule


def random_module(seed: int, *, recurrent: bool = False, dendritic: bool = False, synaptic: bool = False) -> tuple[train.SpikingNetwork, torch.Tensor]:
    """A network with one to three populations after the input, and spikes (batch, time, neuron) for it."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)

    def chance(p: float = 0.5) -> bool:
        return bool(rng.random() < p)

    def learned(maximum: int, minimum: int = 0) -> train.LearnedDelays:
        return (train.SynapticDelays if synaptic and chance(0.7) else train.AxonalDelays)(maximum, minimum=minimum)

    bits = int(rng.choice([2, 4, 8]))
    q = train.Quantisation(
        weight_bits=bits, state_bits=int(rng.choice([10, 12, 16, 18, 24])), accumulator_bits=16, weight_shift=int(rng.integers(0, 6)),
        per_neuron=chance(), learned_step=chance(),
    )  # fmt: skip
    net = train.SpikingNetwork("random", int(rng.integers(1, 12)), quantisation=q)
    names = ["input"]
    depth = int(rng.integers(1, 4))
    for k in range(depth):
        last = k == depth - 1
        normalised = chance(0.3) and not recurrent and not (dendritic and not last)
        plain = normalised or chance()
        options = {
            "threshold": float(rng.uniform(0.3, 2)),
            "decay_v": float(rng.choice([0.0, 0.03, 0.4, 1.0])),
            "decay_i": float(rng.choice([0.0, 0.2, 0.7])) if chance(0.4) else None,
            "reset": ResetRule(rng.choice([r.value for r in ResetRule])),
            "v_reset": 0.0 if plain else float(rng.choice([-0.3, 0.0, 0.4])),
            "strict": chance(),
            "cap": int(rng.choice([1, 1, 3])),
            "v_min": None if plain or chance() else -0.5,
            "bias": chance(0.4) and not (dendritic and not last),
            "batch_norm": normalised,
            "learn_threshold": chance(),
            "learn_decay": chance(),
            "budget": train.FiringBudget(float(rng.uniform(0.05, 0.4))) if chance(0.4) else None,
        }
        if last and chance():
            options = {key: options[key] for key in ("decay_v", "decay_i", "v_min", "bias")} | {"cap": 0}
        p = net.add(train.TrainablePopulation(f"n.{k}", int(rng.integers(1, 7)), **options))
        with torch.no_grad():
            for parameter in (p.bias, *((p.log_gain, p.shift) if p.batch_norm else ())):
                if parameter is not None:
                    parameter.normal_(0, 0.3)
            if p.batch_norm:
                p.running_mean.normal_(0, 0.5)
                p.running_variance.uniform_(0.3, 2)
            p.log_threshold.add_(0.2 * torch.randn_like(p.log_threshold))
        shared = train.DendriticDelays(5) if dendritic and not last else None
        sources = [names[-1]] + [n for n in names[:-1] if chance(0.3)]
        for source in sources:
            kind = rng.integers(3)
            size = net.size(source)
            delays = [None, int(rng.integers(0, 9)), rng.integers(0, 9, size)][kind]
            net.connect(source, p.name, shared or (learned(9) if chance() else delays), gain=float(rng.uniform(1, 4)))
        names.append(p.name)
    if recurrent:
        for source in names[1:]:
            for target in names[1:]:
                if chance(0.4) and not any((p.source, p.target) == (source, target) for p in net.projections):
                    net.connect(source, target, learned(6, 1) if chance() else int(rng.integers(1, 4)), gain=1.0)
    steps = int(rng.integers(1, 14))
    if chance():
        net.enforce_budgets(steps)
    spikes = (rng.random((3, steps, net.size("input"))) < rng.uniform(0.1, 0.8)).astype(np.float32)
    return net, torch.from_numpy(spikes)
