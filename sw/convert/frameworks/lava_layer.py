"""One layer of a lava-dl file: its fields with errors that name it, and its neurons as those of lifline."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.errors import ConversionError
from lifline.network.model import Neurons, ResetRule

WEIGHT_EXPONENT = 6
"""Loihi aligns weights, thresholds and biases with the membrane by this shift."""
LARGEST = 1 << 31
"""Above every number that Loihi holds."""
IntArray = NDArray[np.int64]


class LavaLayer:
    """One group of the file, read with errors that name it."""

    def __init__(self, path: str, key: str, group: Any) -> None:
        import h5py

        self.where, self.group = f"`{path}`, layer {key}", group
        if not isinstance(group, h5py.Group):
            raise ConversionError(f"{self.where} is an array, not a layer")
        found = self.raw("type")
        text = found.reshape(-1)[0]
        self.kind = text.decode() if isinstance(text, bytes) else str(text)

    def has(self, name: str) -> bool:
        return name in self.group

    def raw(self, name: str) -> NDArray[Any]:
        import h5py

        item = self.group.get(name)
        if not isinstance(item, h5py.Dataset):
            raise ConversionError(f"{self.where} has no {name}" if item is None else f"{self.where}: {name} is a group (complex weights?)")
        return np.asarray(item[()])

    def integers(self, name: str) -> IntArray:
        """A field as integers; floats must hold whole numbers."""
        values = self.raw(name)
        if values.dtype.kind not in "iufb" or not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise ConversionError(f"{self.where}: {name} must hold integers; export the network with quantised weights")
        if values.size and max(abs(float(values.min())), abs(float(values.max()))) >= LARGEST:
            raise ConversionError(f"{self.where}: {name} reaches {values.max()}; Loihi's numbers are below {LARGEST}")
        return values.astype(np.int64)

    def one(self, name: str) -> int:
        values = self.integers(name)
        if values.size != 1:
            raise ConversionError(f"{self.where}: {name} has {values.size} values, one per layer is supported")
        return int(values.reshape(-1)[0])

    def delays(self) -> IntArray:
        """Delays of the spikes that leave, (1,) or (neuron,).

        Raises
        ------
        ConversionError   for a delay between two steps, or a negative one.
        """
        if not self.has("delay"):
            return np.zeros(1, np.int64)
        values = self.raw("delay").reshape(-1)
        wrong = values[(values < 0) | (values != np.rint(values)) | (values >= LARGEST)] if values.dtype.kind in "iuf" else values[:1]
        if wrong.size:
            raise ConversionError(f"{self.where}: delay {wrong[0]} must be a whole number of steps of at least 0; round the delays before the export")
        return values.astype(np.int64)

    def neurons(self, size: int) -> tuple[Neurons, int]:
        """Neuron model for ``size`` neurons, and the layer's weight exponent.

        Raises
        ------
        ConversionError   for another neuron type, refractory periods, graded spikes or an exponent that is out of range.
        """
        text = self.raw("neuron/type").reshape(-1)[0]
        model = text.decode() if isinstance(text, bytes) else str(text)
        if model not in ("LOIHI", "CUBA"):
            raise ConversionError(f"{self.where}: neuron type {model} has no translation; there are LOIHI and CUBA")
        if self.has("neuron/refDelay") and self.one("neuron/refDelay") > 1:
            raise ConversionError(f"{self.where}: refractory periods are not supported (refDelay {self.one('neuron/refDelay')}); train with 1")
        if self.has("neuron/gradedSpike") and self.one("neuron/gradedSpike"):
            raise ConversionError(f"{self.where}: graded spikes are not supported")
        if self.has("neuron/weight_exp") and self.one("neuron/weight_exp"):
            raise ConversionError(f"{self.where}: a normalisation that scales by 2^{self.one('neuron/weight_exp')} is not supported; fold it into the weights")
        decay_i, decay_v = self.one("neuron/iDecay"), self.one("neuron/vDecay")
        if not (0 <= decay_i <= DECAY_ONE and 0 <= decay_v <= DECAY_ONE):
            raise ConversionError(f"{self.where}: decays {decay_i}, {decay_v} must be in 0..{DECAY_ONE}")
        exponent = self.one("neuron/wgtExp") if self.has("neuron/wgtExp") else 0
        bias: int | IntArray = 0
        if self.has("bias"):
            found = self.integers("bias").reshape(-1) << WEIGHT_EXPONENT
            if not found.size or size % found.size:
                raise ConversionError(f"{self.where}: {found.size} biases for {size} neurons")
            bias = int(found[0]) if found.size == 1 else np.repeat(found, size // found.size)  # one per channel
        mantissa = self.one("neuron/vThMant")
        if mantissa < 1:
            raise ConversionError(f"{self.where}: threshold vThMant {mantissa} must be at least 1; a neuron without a positive threshold has no translation")
        threshold = mantissa << WEIGHT_EXPONENT
        return Neurons(threshold=threshold, decay_v=decay_v, decay_i=decay_i, bias=bias, reset=ResetRule.NOW_VALUE, strict=True), exponent
