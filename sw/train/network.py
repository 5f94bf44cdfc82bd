"""A trainable spiking network: a forward pass that is the golden model's, and what training adds to it."""

from __future__ import annotations

from typing import Any

import torch

from lifline.arch.errors import TrainingError
from lifline.network.model import Network

from .activity import Activity
from .arrival import arriving
from .delays import Delays, LearnedDelays
from .export import to_network
from .projection import TrainableProjection
from .topology import Topology
from .update import NeuronState, Trace, update


class SpikingNetwork(Topology):
    """Trainable counterpart of :class:`~lifline.network.model.Network`.

    Populations are added and connected by name; the last one added is the output unless ``output`` is set. With a
    ``quantisation`` the forward pass computes the hardware's integers; without, real numbers.

    In evaluation mode the forward pass is exactly the golden model of :meth:`to_network`. In training mode it is, too, except that batch
    normalisation uses the batch's statistics and delays that still move are shared between steps.
    """

    def forward(self, spikes: torch.Tensor, *, keep_stored: bool = False) -> Activity:
        """Run all steps of ``spikes`` (batch, time, neuron), 0 or 1, from reset; without a quantisation they may be graded, any finite numbers.

        Raises
        ------
        TrainingError   for spikes of another shape or other values.
        """
        if spikes.ndim != 3 or spikes.shape[2] != self.size(self.input_name) or not spikes.shape[1]:
            raise TrainingError(f"spikes have shape {tuple(spikes.shape)}; `{self.name}` needs (batch, time, {self.size(self.input_name)})")
        if self.quantisation is None:
            if not torch.isfinite(spikes).all():
                raise TrainingError("graded spikes must be finite numbers; some are not")
        elif not ((spikes == 0) | (spikes == 1)).all():
            raise TrainingError(f"spikes must be 0 or 1; these have values {float(spikes.min()):g}..{float(spikes.max()):g} (encode samples as spikes first)")
        order = self.order()
        assert self.output is not None
        own = {self.input_name: spikes.float()}
        activity = Activity(own, {}, {}, {}, dict(own), self.output, self.population(self.output).cap == 0)
        for component in order:
            if component == [self.input_name]:
                continue
            cyclic = any(p.source in component for name in component for p in self.projections_into(name))
            self._run(component, activity, cyclic, keep_stored)
        return activity

    def _run(self, names: list[str], activity: Activity, cyclic: bool, keep_stored: bool) -> None:
        scale = {name: float(1 << self.weight_shift(name)) for name in names}
        batch, steps, _ = activity.spikes[self.input_name].shape
        weights, outside, dynamics = {}, {}, {}
        for name in names:
            population = self.population(name)
            activity.units[name], integers = self.scaled_weights(name)
            weights[name] = list(zip(self.projections_into(name), integers, strict=True))
            parts = arriving([(p, w) for p, w in weights[name] if p.source not in names or not cyclic], activity.sent)
            outside[name] = sum(parts[1:], parts[0]) * scale[name] if parts else torch.zeros(batch, steps, population.size)
            if cyclic and population.dropout:
                raise TrainingError(f"population `{name}` is recurrent: dropout would change its own state; use dropout=0")
            if cyclic and population.batch_norm:
                raise TrainingError(f"population `{name}` is recurrent: its synaptic input is not known before it fires, so batch_norm is not possible")
            dynamics[name] = population.dynamics(outside[name], activity.units[name], self.quantisation)
        state = {name: NeuronState.zeros(batch, self.size(name)) for name in names}
        if not cyclic:
            traces = {name: [update(outside[name], state[name], dynamics[name], keep_stored=keep_stored)] for name in names}
        else:
            traces = {name: [] for name in names}
            # Split once: a slice per step would make its gradient as long as the run, every time.
            split = {name: x.split(1, 1) for name, x in outside.items()}
            for t in range(steps):
                for name in names:
                    x = split[name][t] + scale[name] * self._inside(weights[name], traces, t)
                    trace = update(x, state[name], dynamics[name], keep_stored=keep_stored)
                    state[name] = trace.state
                    traces[name].append(trace)
        for name, parts in traces.items():
            for found, what in ((activity.spikes, "spikes"), (activity.membranes, "membranes"), (activity.stored, "stored")):
                found[name] = torch.cat([getattr(trace, what) for trace in parts], 1) if cyclic else getattr(parts[0], what)
            activity.sent[name] = activity.spikes[name]
            dropout = self.population(name).dropout
            if self.training and dropout:
                kept = torch.rand(batch, 1, self.size(name)) >= dropout
                activity.sent[name] = activity.spikes[name] * kept / (1 - dropout)

    def _inside(self, weights: list[tuple[TrainableProjection, torch.Tensor]], traces: dict[str, list[Trace]], t: int) -> torch.Tensor:
        """Synaptic input of step ``t``, (batch, 1, neuron), from populations on the same cycle."""
        total: Any = 0.0
        for p, w in weights:
            if p.source not in traces:
                continue
            past = traces[p.source]
            lead = t + 1 - len(past)  # a source that comes later in the step has not fired yet; its delay is at least 1
            # Between whole steps one more is needed; what lies before the longest delay is not.
            window = past[max(0, len(past) - (p.delays.maximum - lead + 2)) :]
            if window:
                history = torch.cat([trace.spikes for trace in window], 1)
                total = total + p.synaptic_input(history, w, first=history.shape[1] - 1, lead=lead)
        return total if isinstance(total, torch.Tensor) else torch.zeros(1)

    # Training

    @property
    def delays(self) -> list[Delays]:
        """Delay modules of all projections, and those that they build on, each once."""
        return list(dict.fromkeys(d for p in self.projections for d in p.delays.modules() if isinstance(d, Delays)))

    @property
    def exact(self) -> bool:
        """Whether the forward pass in the present mode is the golden model of :meth:`to_network`, bit for bit."""
        normalised = self.training and any(p.batch_norm or p.dropout for p in self.populations)
        return self.quantisation is not None and not normalised and all(d.whole for d in self.delays)

    def freeze_delays(self) -> None:
        """Round all learned delays to whole steps and stop learning them."""
        for d in self.delays:
            if isinstance(d, LearnedDelays):
                d.freeze()

    def anneal_delays(self, progress: float) -> None:
        """Narrow the kernels of synaptic delays: ``progress`` 0 is their widest, 1 the moment before delays are rounded."""
        for d in self.delays:
            d.anneal(progress)

    @torch.no_grad()
    def clamp(self) -> None:
        """Bring delays and budgets that an optimiser has moved out of their range back to its edge, where they still have a gradient."""
        for d in self.delays:
            if isinstance(d, LearnedDelays):
                d.raw.clamp_(d.minimum, d.maximum)
        for p in self.populations:
            if p.budget is not None:
                p.budget.rate.clamp_(0, p.cap)

    def set_slope(self, slope: float) -> None:
        """Slope of every population's surrogate from now on."""
        for p in self.populations:
            p.surrogate = p.surrogate.replace(slope=slope)

    def penalty(self, activity: Activity) -> torch.Tensor:
        """Sum of what delays and firing budgets add to the loss."""
        budgets = [p.budget.loss(activity.spikes[p.name]) for p in self.populations if p.budget is not None]
        return sum([d.penalty() for d in self.delays] + budgets, torch.zeros(()))

    def enforce_budgets(self, steps: int, slack: float = 1.0) -> None:
        """Turn learned targets into hard budgets for runs of ``steps`` steps, see :meth:`lifline.train.budgets.FiringBudget.enforce`."""
        for p in self.populations:
            if p.budget is not None:
                p.budget.enforce(steps, slack)

    def release_budgets(self) -> None:
        """Let targets be learned on without hard budgets, see :meth:`lifline.train.budgets.FiringBudget.release`."""
        for p in self.populations:
            if p.budget is not None:
                p.budget.release()

    def parameter_groups(self, learning_rate: float, delay_learning_rate: float = 0.05, weight_decay: float = 0.0) -> list[dict[str, Any]]:
        """Groups for an optimiser: weights (with the weight decay), delays in steps, all others."""
        delays = {id(p) for d in self.delays for p in d.parameters()}
        weights = {id(p.weight) for p in self.projections}
        rest = [p for p in self.parameters() if id(p) not in delays | weights and p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self.parameters() if id(p) in weights and p.requires_grad], "lr": learning_rate, "weight_decay": weight_decay},
            {"params": [p for p in self.parameters() if id(p) in delays], "lr": delay_learning_rate},
            {"params": rest, "lr": learning_rate},
        ]
        return [g for g in groups if g["params"]]

    def to_network(self, **metadata: Any) -> Network:
        """The integer network, see :func:`lifline.train.export.to_network`."""
        return to_network(self, metadata)
