"""Trainable populations: the LIF family with everything that :class:`~lifline.network.model.Neurons` has."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.errors import TrainingError
from lifline.network.model import Neurons, ResetRule

from .budgets import FiringBudget
from .clip import clip
from .kernels import Rule
from .quantisation import Quantisation, keep_factor, rounded, spread
from .surrogate import Surrogate
from .update import KINDS, Dynamics

EPSILON = 1e-5
"""Added to the variance, as in other batch normalisations."""


class Decay(nn.Module):
    """Share of a state variable lost per step, 0..1; learned through a logistic function (Fang et al. 2021) or fixed."""

    logit: nn.Parameter
    fixed: torch.Tensor

    def __init__(self, decay: float, learned: bool) -> None:
        super().__init__()
        if not 0 <= decay <= 1:
            raise TrainingError(f"decay {decay} must be in 0..1 (share lost per step)")
        if learned:
            inside = min(max(decay, 1 / DECAY_ONE), 1 - 1 / DECAY_ONE)
            self.logit = nn.Parameter(torch.tensor(math.log(inside / (1 - inside))))
        else:
            self.register_buffer("fixed", torch.tensor(decay, dtype=torch.float64))

    def value(self) -> torch.Tensor:
        return torch.sigmoid(self.logit.double()) if "logit" in self._parameters else self.fixed


class TrainablePopulation(nn.Module):
    """A population in training; the subclasses are the usual models with their usual defaults.

    Real numbers are in units of the membrane; a threshold is 1 unless something else is asked for.

    Parameters
    ----------
    threshold : positive; shared, or one per neuron if ``learn_threshold``.
    per_channel : thresholds, biases and batch normalisation have one value per channel (first axis of the shape) where otherwise one per neuron.
    decay_v, decay_i : shares lost per step, 0..1; ``decay_i`` None or 1: no synaptic current. ``learn_decay`` makes those inside 0..1 parameters.
    reset, v_reset, strict, cap, v_min : as in :class:`~lifline.network.model.Neurons`; ``v_reset`` and ``v_min`` in membrane units.
    bias : whether every neuron has a learned constant input.
    batch_norm : normalise the synaptic input over batch and time with learned gain and shift; export folds both into the neuron's own
        threshold and bias, so the weights stay as they are. The shift enters with the bias, after the synaptic current.
    detach_reset : no gradient through the reset (Zenke and Vogels 2021).
    budget : learned firing-rate targets, see :class:`~lifline.train.budgets.FiringBudget`.
    dropout : share of neurons whose spikes other populations do not get in a training step (all steps of a sample alike; Srivastava et al.
        2014); those of the rest count ``1 / (1 - dropout)``.
    weight_shift : left shift of the synaptic input, 0..15; None: that of the network's quantisation.

    Raises
    ------
    TrainingError   naming the value and the limit.
    """

    log_gain: nn.Parameter
    shift: nn.Parameter
    running_mean: torch.Tensor
    running_variance: torch.Tensor

    def __init__(
        self,
        name: str,
        shape: int | tuple[int, ...],
        *,
        threshold: float = 1.0,
        decay_v: float = 0.0,
        decay_i: float | None = None,
        reset: ResetRule = ResetRule.NOW_SUBTRACT,
        v_reset: float = 0.0,
        strict: bool = True,
        cap: int = 1,
        v_min: float | None = None,
        bias: bool = False,
        batch_norm: bool = False,
        learn_threshold: bool = False,
        learn_decay: bool = False,
        detach_reset: bool = True,
        surrogate: Surrogate | None = None,
        budget: FiringBudget | None = None,
        dropout: float = 0.0,
        per_channel: bool = False,
        weight_shift: int | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.size = math.prod(self.shape)
        self.weight_shift = weight_shift
        self.parameters_each = self.shape[0] if per_channel else self.size

        def require(ok: bool, text: str) -> None:
            if not ok:
                raise TrainingError(f"population `{name}`: {text}")

        require(threshold > 0, f"threshold {threshold} must be positive")
        require(v_min is None or v_min <= 0, f"v_min {v_min} must be at most 0")
        require(v_min is None or v_reset >= v_min, f"v_reset {v_reset} lies below v_min {v_min}")
        require(weight_shift is None or 0 <= weight_shift <= 15, f"weight_shift {weight_shift} must be in 0..15")
        require(0 <= cap <= 255, f"cap {cap} must be in 0..255 spikes per step")
        require(cap > 0 or (not batch_norm and budget is None), "a read-out that never fires has neither batch_norm nor budget")
        require(not batch_norm or (v_reset == 0 and v_min is None), "batch_norm gives every neuron its own unit: v_reset must be 0, v_min None")
        rules = [rule.value for rule in ResetRule]
        require(reset in [*ResetRule, *rules], f"reset {reset!r} must be one of {', '.join(rules)}")
        require(surrogate is None or isinstance(surrogate, Surrogate), f"surrogate {surrogate!r} must be a Surrogate, such as Surrogate(kind='arctan')")
        self.reset, self.strict, self.cap, self.detach_reset = ResetRule(reset), strict, cap, detach_reset
        self.v_reset, self.v_min = float(v_reset), v_min
        self.surrogate = surrogate or Surrogate()
        self.decay_v = Decay(decay_v, learn_decay and 0 < decay_v < 1)
        self.decay_i = None if decay_i is None or decay_i == 1 else Decay(decay_i, learn_decay and decay_i > 0)
        logs = torch.full((self.parameters_each,) if learn_threshold else (1,), math.log(threshold))
        self.log_threshold = nn.Parameter(logs, requires_grad=learn_threshold)
        self.bias = nn.Parameter(torch.zeros(self.parameters_each)) if bias else None
        require(0 <= dropout < 1, f"dropout {dropout} must be at least 0 and below 1")
        self.dropout = dropout
        self.batch_norm = batch_norm
        if batch_norm:
            self.log_gain = nn.Parameter(torch.zeros(self.parameters_each))
            self.shift = nn.Parameter(torch.zeros(self.parameters_each))
            self.register_buffer("running_mean", torch.zeros(self.parameters_each))
            self.register_buffer("running_variance", torch.ones(self.parameters_each))
            self.momentum = 0.1
        self.budget = budget
        if budget is not None:
            budget.build(self.size)

    @property
    def single_scale(self) -> bool:
        """Whether all neurons must share one unit: read-outs, whose membranes are compared, and reset values or clamps, which are shared."""
        return self.cap == 0 or self.v_reset != 0 or self.v_min is not None

    def _normalisation(self, x: torch.Tensor | None, unit: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gain and shift that stand for the batch normalisation of ``x * unit``; statistics of ``x`` in training, else the running ones."""
        if self.training and x is not None:
            # Of every neuron first and written out, which is five times as fast as `torch.var_mean` over the positions of a channel.
            means = x.mean((0, 1))
            within = (x - means).square().mean((0, 1)).view(self.parameters_each, -1).mean(1)
            between, mean = torch.var_mean(means.view(self.parameters_each, -1), dim=1, correction=0)
            variance = within + between
            each = unit if len(unit) == 1 else unit.view(self.parameters_each, -1)[:, 0]  # all neurons of a channel have one unit
            mean, variance = mean * each, variance * each**2
            with torch.no_grad():
                self.running_mean.lerp_(mean.detach(), self.momentum)
                self.running_variance.lerp_(variance.detach(), self.momentum)
        else:
            mean, variance = self.running_mean, self.running_variance
        gain = torch.exp(self.log_gain) / torch.sqrt(variance + EPSILON)
        return gain, self.shift - gain * mean

    def _spread(self, values: torch.Tensor) -> torch.Tensor:
        """One value per neuron, or one for all as it is."""
        return values if len(values) == 1 else spread(values, self.size)

    def dynamics(self, x: torch.Tensor | None, unit: torch.Tensor, quantisation: Quantisation | None) -> Dynamics:
        """Parameters in units of the synaptic input ``x`` (batch, time, neuron), one of which is ``unit`` (neuron or 1,) of the membrane.

        Quantised, all of them are the hardware's integers.
        """
        theta = torch.exp(self.log_threshold)
        bias = torch.zeros(1) if self.bias is None else self.bias
        v_reset, v_min, limit = torch.tensor(self.v_reset), self.v_min, math.inf
        if self.batch_norm:
            gain, shift = self._normalisation(x, unit)
            theta, bias = theta / gain, (bias + shift) / gain
        theta, bias = self._spread(theta) / unit, self._spread(bias) / unit
        if self.single_scale:
            v_reset = v_reset / unit[0].detach()
            v_min = None if v_min is None else float(v_min / unit[0].detach())
        exact = quantisation is not None
        if quantisation is not None:
            limit = quantisation.state_max
            theta = clip(rounded(theta), 1, limit) if self.cap else torch.ones(1)
            bias = clip(rounded(bias), -limit, limit)
            v_min = None if v_min is None else max(round(v_min), -limit)
            v_reset = torch.clamp(torch.round(v_reset), -limit if v_min is None else v_min, limit)
        keep_v = keep_factor(self.decay_v.value(), exact)
        keep_i = torch.zeros((), dtype=torch.float64) if self.decay_i is None else keep_factor(self.decay_i.value(), exact)
        rule = Rule(
            exact=exact,
            limit=float(limit),
            late=self.reset in (ResetRule.LATE_VALUE, ResetRule.LATE_SUBTRACT),
            subtract=self.reset in (ResetRule.NOW_SUBTRACT, ResetRule.LATE_SUBTRACT),
            has_current=bool(keep_i > 0),
            v_reset=float(v_reset),
            strict=self.strict,
            cap=self.cap,
            v_min=-float(limit) if v_min is None else float(v_min),
            has_budget=self.budget is not None and self.budget.enforced,
            detach_reset=self.detach_reset,
            surrogate=KINDS.index(self.surrogate.kind),
            slope=float(self.surrogate.slope),
            height=float(self.surrogate.height),
        )
        return Dynamics(theta, bias, keep_v, keep_i, self.budget.hard if rule.has_budget and self.budget is not None else None, rule)

    def exported(self, unit: torch.Tensor, quantisation: Quantisation) -> Neurons:
        """The integer neuron model, from the very numbers that the forward pass uses in evaluation mode."""
        d = self.dynamics(None, unit, quantisation)

        def shared(values: torch.Tensor) -> int | np.ndarray:
            array = values.detach().expand(self.size).numpy().astype(np.int64)
            return int(array[0]) if (array == array[0]).all() else array

        return Neurons(
            threshold=shared(d.theta),
            bias=shared(d.bias),
            decay_v=DECAY_ONE - round(float(d.keep_v) * DECAY_ONE),
            decay_i=DECAY_ONE - round(float(d.keep_i) * DECAY_ONE),
            reset=self.reset,
            v_reset=int(d.rule.v_reset),
            strict=self.strict,
            cap=self.cap,
            v_min=None if self.v_min is None else int(d.rule.v_min),
            budget=None if d.budget is None else shared(d.budget),
        )


class IF(TrainablePopulation):
    """Integrate and fire: a :class:`TrainablePopulation` without decay."""

    def __init__(self, name: str, shape: int | tuple[int, ...], **options: object) -> None:
        super().__init__(name, shape, **{"decay_v": 0.0, **options})  # type: ignore[arg-type]


class LIF(TrainablePopulation):
    """Leaky integrate and fire; ``decay_v`` is 1/8 unless given."""

    def __init__(self, name: str, shape: int | tuple[int, ...], **options: object) -> None:
        super().__init__(name, shape, **{"decay_v": 0.125, **options})  # type: ignore[arg-type]


class CurrentLIF(TrainablePopulation):
    """Current-based leaky integrate and fire: the synaptic input is filtered by ``decay_i``, 1/4 unless given."""

    def __init__(self, name: str, shape: int | tuple[int, ...], **options: object) -> None:
        super().__init__(name, shape, **{"decay_v": 0.125, "decay_i": 0.25, **options})  # type: ignore[arg-type]


class LeakyIntegrator(TrainablePopulation):
    """Read-out that never fires; without ``decay_v`` it integrates."""

    def __init__(self, name: str, shape: int | tuple[int, ...], **options: object) -> None:
        super().__init__(name, shape, **{"decay_v": 0.0, "cap": 0, **options})  # type: ignore[arg-type]
