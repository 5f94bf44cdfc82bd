"""Delays of a projection: fixed, or learned per presynaptic neuron (axonal) or channel, or per postsynaptic neuron (dendritic);
:mod:`.synaptic`: per synapse.

A delay module turns spikes and weights into synaptic input. Between whole steps a spike is shared linearly by the two nearest
steps; in evaluation mode, and after :meth:`LearnedDelays.freeze`, delays are whole. Another kind of delay is another subclass.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn

from lifline.arch.errors import TrainingError
from lifline.network.connections.kind import Shape
from lifline.network.model import MAX_DELAY

from . import shifts
from .clip import bounded
from .quantisation import spread
from .synapses import Through, delayed, fully_connected


class _Shift(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Any, delays: Any, first: int) -> Any:
        values = values.contiguous()
        whole = torch.floor(delays.detach())
        part = (delays.detach() - whole).float().contiguous()
        whole = whole.long().contiguous()
        out = values.new_empty(values.shape[0], values.shape[1] - first, values.shape[2])
        shifts.shift_forward(values.detach().numpy(), whole.numpy(), part.numpy(), first, out.numpy())
        ctx.save_for_backward(values, whole, part)
        ctx.first = first
        return out

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        values, whole, part = ctx.saved_tensors
        needed = ctx.needs_input_grad[0]
        to_values = torch.zeros_like(values) if needed else values.new_empty(len(values), 0, values.shape[2])
        to_delays = torch.zeros(len(whole), dtype=torch.float64)
        shifts.shift_backward(
            values.detach().numpy(), whole.numpy(), part.numpy(), ctx.first, grad.contiguous().numpy(), to_values.numpy(), to_delays.numpy()
        )
        return to_values if needed else None, to_delays.float(), None


def shift(values: torch.Tensor, delays: torch.Tensor, first: int = 0) -> torch.Tensor:
    """Every neuron's train of ``values`` (batch, time, neuron) later by its delay (neuron,) in steps; steps before ``first`` are left out.

    Differentiable in both. Before step 0 there is nothing.
    """
    return _Shift.apply(values, delays, first)  # type: ignore[no-any-return]


class Delays(nn.Module):
    """Base: how spikes become synaptic input. ``minimum`` and ``maximum`` are in steps; a cycle of projections needs ``minimum >= 1``."""

    def __init__(self, minimum: int, maximum: int) -> None:
        super().__init__()
        if not 0 <= minimum <= maximum <= MAX_DELAY:
            raise TrainingError(f"delays {minimum}..{maximum} must lie in 0..{MAX_DELAY} steps")
        self.minimum, self.maximum = minimum, maximum

    def build(self, source: Shape, target: Shape) -> None:
        """Make the parameters for a projection between populations of these shapes."""

    def synaptic_input(self, spikes: torch.Tensor, weights: torch.Tensor, synapses: Through = fully_connected, *, first: int = 0, lead: int = 0) -> torch.Tensor:
        """Sums (batch, time, target) of ``spikes`` (batch, time, source) that arrive through ``synapses`` with ``weights``.

        Steps before ``first`` are left out. ``lead`` steps have already passed: all delays count that much less.
        """
        raise NotImplementedError

    @property
    def after(self) -> tuple[Delays | None, int] | None:
        """Delays that are the source's alone: those of a module (None: none), whose :meth:`trains` many projections may share, and then as many steps."""
        return None

    def trains(self, spikes: torch.Tensor) -> torch.Tensor:
        """Spikes (batch, time, source) as they arrive, where delays are the source's."""
        raise NotImplementedError

    def exported(self) -> np.ndarray | int | None:
        """Whole delays for the network description: one, (source,), (source channel,) or (target, source)."""
        raise NotImplementedError

    def dendritic(self) -> np.ndarray | None:
        """Whole dendritic delays, one per target, that export has to compile away; None if there are none."""
        return None

    def penalty(self) -> torch.Tensor:
        """What the sparsity option adds to the loss."""
        return torch.zeros(())

    def anneal(self, progress: float) -> None:
        """Tell how much of the training with moving delays is done, 0..1."""

    @property
    def whole(self) -> bool:
        """Whether the forward pass uses whole delays."""
        return True


class FixedDelays(Delays):
    """One delay for all synapses, or one per presynaptic neuron or channel, that training does not change; in steps."""

    delays: torch.Tensor

    def __init__(self, delays: int | np.ndarray = 0) -> None:
        array = np.asarray(delays)
        if array.dtype.kind not in "iu" or array.ndim > 1 or not array.size:
            raise TrainingError(f"fixed delays must be one integer or one per presynaptic neuron or channel, not {array.dtype} of shape {array.shape}")
        super().__init__(int(array.min()), int(array.max()))
        self.register_buffer("delays", torch.from_numpy(array.astype(np.float32)))

    def build(self, source: Shape, target: Shape) -> None:
        if self.delays.ndim and len(self.delays) not in (prod(source), source[0]):
            raise TrainingError(f"{len(self.delays)} fixed delays for {prod(source)} presynaptic neurons in {source[0]} channels; give one value or one for each")

    def synaptic_input(self, spikes: torch.Tensor, weights: torch.Tensor, synapses: Through = fully_connected, *, first: int = 0, lead: int = 0) -> torch.Tensor:
        if self.minimum != self.maximum:
            return synapses(shift(spikes, spread(self.delays - lead, spikes.shape[2]), first), weights)
        return delayed(synapses, spikes, weights, self.minimum - lead, first)

    @property
    def after(self) -> tuple[Delays | None, int] | None:
        return (None, self.minimum) if self.minimum == self.maximum else None

    def exported(self) -> np.ndarray | int | None:
        values = self.delays.numpy().astype(np.int64)
        return (int(values) or None) if values.ndim == 0 else values


class LearnedDelays(Delays):
    """Delays that training changes, in ``minimum..maximum`` steps.

    Parameters
    ----------
    initial : ``"uniform"``, at random over the range, or ``"minimum"``.
    sparsity : weight in the loss of the mean delay above the minimum; drives most delays there (they are whole after rounding).

    Raises
    ------
    TrainingError   for a range outside 0..63 or another ``initial``.
    """

    raw: nn.Parameter
    frozen: torch.Tensor

    def __init__(self, maximum: int, *, minimum: int = 0, initial: str = "uniform", sparsity: float = 0.0) -> None:
        super().__init__(minimum, maximum)
        if initial not in ("uniform", "minimum"):
            raise TrainingError(f"initial delays `{initial}` must be `uniform` or `minimum`")
        self.initial, self.sparsity = initial, sparsity
        self.register_buffer("frozen", torch.zeros((), dtype=torch.bool))

    def _build(self, *shape: int) -> None:
        if "raw" in self._parameters:
            if self.raw.shape != shape:
                raise TrainingError(f"delays of shape {tuple(self.raw.shape)} are shared with a projection that needs {shape}")
            return
        start = torch.rand(shape) * (self.maximum - self.minimum) if self.initial == "uniform" else torch.zeros(shape)
        self.raw = nn.Parameter(start + self.minimum)

    @property
    def whole(self) -> bool:
        return bool(self.frozen) or not self.training

    def values(self) -> torch.Tensor:
        """Delays that the forward pass uses now, in steps."""
        clamped = bounded(self.raw, self.minimum, self.maximum)
        return torch.round(clamped) if self.whole else clamped

    def freeze(self) -> None:
        """Round all delays to whole steps and stop learning them."""
        with torch.no_grad():
            self.raw.copy_(torch.round(torch.clamp(self.raw, self.minimum, self.maximum)))
        self.frozen.fill_(True)
        self.raw.requires_grad_(False)

    def penalty(self) -> torch.Tensor:
        if not self.sparsity or self.frozen:
            return torch.zeros(())
        return self.sparsity * (bounded(self.raw, self.minimum, self.maximum) - self.minimum).mean()

    def rounded(self) -> np.ndarray:
        """Whole delays in steps."""
        return torch.round(torch.clamp(self.raw.detach(), self.minimum, self.maximum)).numpy().astype(np.int64)

    def _load_from_state_dict(self, state: Any, prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state, prefix, *rest)
        self.raw.requires_grad_(not bool(self.frozen))


class AxonalDelays(LearnedDelays):
    """One learned delay per presynaptic neuron: what the hardware's delay rings do."""

    def build(self, source: Shape, target: Shape) -> None:
        self._build(prod(source))

    def synaptic_input(self, spikes: torch.Tensor, weights: torch.Tensor, synapses: Through = fully_connected, *, first: int = 0, lead: int = 0) -> torch.Tensor:
        return synapses(shift(spikes, spread(self.values() - lead, spikes.shape[2]), first), weights)

    @property
    def after(self) -> tuple[Delays | None, int] | None:
        return self, 0

    def trains(self, spikes: torch.Tensor) -> torch.Tensor:
        return shift(spikes, spread(self.values(), spikes.shape[2]))

    def exported(self) -> np.ndarray | int | None:
        return self.rounded()


class ChannelDelays(AxonalDelays):
    """One learned delay per presynaptic channel, the first axis of the source's shape: as few numbers as a convolution has kernels."""

    def build(self, source: Shape, target: Shape) -> None:
        self._build(source[0])


class Later(Delays):
    """The delays of another module and ``steps`` more: a tap of a kernel over time behind learned delays, all in one ring.

    Raises
    ------
    TrainingError   for delays of no source, or of more than 63 steps together.
    """

    def __init__(self, delays: AxonalDelays, steps: int) -> None:
        if not isinstance(delays, AxonalDelays):
            raise TrainingError(f"only AxonalDelays and ChannelDelays can be later by some steps, not {type(delays).__name__}; FixedDelays are given the sum")
        super().__init__(delays.minimum + steps, delays.maximum + steps)
        self.delays, self.steps = delays, steps

    def build(self, source: Shape, target: Shape) -> None:
        self.delays.build(source, target)

    def synaptic_input(self, spikes: torch.Tensor, weights: torch.Tensor, synapses: Through = fully_connected, *, first: int = 0, lead: int = 0) -> torch.Tensor:
        return self.delays.synaptic_input(spikes, weights, synapses, first=first, lead=lead - self.steps)

    @property
    def after(self) -> tuple[Delays | None, int] | None:
        return self.delays, self.steps

    def exported(self) -> np.ndarray | int | None:
        return self.delays.rounded() + self.steps

    @property
    def whole(self) -> bool:
        return self.delays.whole


class DendriticDelays(LearnedDelays):
    """One learned delay per postsynaptic neuron. Export moves it to the neuron's outgoing axons, where that is exact."""

    def build(self, source: Shape, target: Shape) -> None:
        self._build(prod(target))

    def synaptic_input(self, spikes: torch.Tensor, weights: torch.Tensor, synapses: Through = fully_connected, *, first: int = 0, lead: int = 0) -> torch.Tensor:
        return shift(synapses(spikes, weights), self.values() - lead, first)

    def exported(self) -> np.ndarray | int | None:
        return None

    def dendritic(self) -> np.ndarray | None:
        return self.rounded()
