"""Convolution over one or two axes of positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from lifline.arch.errors import NetworkError
from lifline.arch.values import integer

from .axes import LARGEST, Axis, Padding, PerAxis, paddings, per_axis, spread, spread_padding
from .kind import IntArray, Shape
from .windows import Window, Windowed


@dataclass(frozen=True)
class Convolution(Windowed):
    """Weights are (output channel, channel of its group, *kernel), with one or two axes of positions, as frameworks store them.

    Attributes
    ----------
    stride, dilation : one value, or one per axis.   padding : zeros around the source: one value, one per axis, or a pair (before, after) per axis.
    groups : channels are connected within as many groups; as many as channels make a depthwise convolution.
    pool : the source is summed up in windows of this size first, what is left at its edge dropped; one value, or one per axis. Spikes are
        counted, so that average pooling before a convolution is this and a weight ``pool`` times smaller.

    Raises
    ------
    NetworkError   for values out of range.
    """

    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: int = 1
    pool: PerAxis = 1

    name: ClassVar[str] = "convolution"

    def __post_init__(self) -> None:
        for field in ("stride", "dilation", "pool"):
            object.__setattr__(self, field, per_axis(getattr(self, field), f"{field} of a convolution:", 1))
        object.__setattr__(self, "padding", paddings(self.padding, "padding of a convolution:"))
        object.__setattr__(self, "groups", integer(self.groups, "groups of a convolution:", NetworkError, low=1, high=LARGEST))

    def normalised(self, source: Shape) -> Convolution:
        axes = len(source) - 1
        changes = {name: spread(getattr(self, name), name, axes) for name in ("stride", "dilation", "pool")}
        return replace(self, padding=spread_padding(self.padding, axes), **changes)

    def window(self, weights: IntArray, source: Shape) -> Window:
        if weights.ndim not in (3, 4) or 0 in weights.shape:
            raise NetworkError(
                f"weights have shape {weights.shape}; a convolution needs (output channels, channels per group, kernel), or with a kernel of two axes"
            )
        if len(source) != weights.ndim - 1:
            raise NetworkError(
                f"weights of shape {weights.shape} need a source (channels, {'length' if weights.ndim == 3 else 'height, width'}), not {source}; "
                "give the source population this shape"
            )
        outputs, inputs, *kernel = weights.shape
        for channels, whose in ((source[0], "the source's"), (outputs, "the target's")):
            if channels % self.groups:
                raise NetworkError(f"{self.groups} groups do not divide {whose} {channels} channels; use a divisor")
        if inputs != source[0] // self.groups:
            raise NetworkError(
                f"weights have shape {weights.shape}: {inputs} channels per group, the source's {source[0]} in {self.groups} groups are "
                f"{source[0] // self.groups}"
            )
        full = self.normalised(source)
        axes = zip(source[1:], kernel, full.stride, full.dilation, full.padding, full.pool, strict=True)  # type: ignore[arg-type]
        return Window(tuple(Axis(n, k, s, d, before, after, p) for n, k, s, d, (before, after), p in axes), source[0], outputs, self.groups)

    def kernel(self, weights: IntArray, source: Shape) -> IntArray:
        return weights

    def describe(self, weights: IntArray) -> str:
        words = [f"{'x'.join(map(str, weights.shape[2:]))} convolution"]
        for name, usual in (("stride", 1), ("dilation", 1), ("groups", 1), ("pool", 1)):
            values = getattr(self, name)
            values = {values} if isinstance(values, int) else set(values) if len(set(values)) == 1 else {"x".join(map(str, values))}
            words += [f"{name} {value}" for value in values if value != usual]
        return ", ".join(words)
