"""lava-dl network files (HDF5, ``.net``) -> integer :class:`Network`, exact by construction: the hardware's arithmetic is Loihi's.

Layer by layer, in the file's terms, with 24 state bits: weights are even numbers and are stored halved with a left shift of
``7 + wgtExp`` (odd ones as they are, shifted by ``6 + wgtExp``), ``threshold = vThMant << 6``, ``bias << 6``, ``decay_i = iDecay``, ``decay_v = vDecay``,
reset to zero at once, strict threshold. A layer's ``delay`` is axonal and belongs to its outgoing spikes.

lava-dl and Lava take one step from layer to layer (``delay_shift=True``, the default of lava-dl's blocks): ``step=1`` adds it to every
projection that leaves a layer of the file. lava-dl shifts the spikes of the last layer by one step more; it is not a projection,
so the network's output comes that step earlier.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.errors import ConversionError, LiflineError, NetworkError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection, Shape
from lifline.network.hdf5 import open_hdf5
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule

from ..quantisation.dense import written_out

STATE_BITS = 24
WEIGHT_EXPONENT = 6
"""Loihi aligns weights, thresholds and biases with the membrane by this shift."""
IGNORED_LAYERS = ("flatten",)
LARGEST = 1 << 31
"""Above every number that Loihi holds."""
ALL = FullyConnected()
IntArray = NDArray[np.int64]


class _Layer:
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


def import_lava(path: str | os.PathLike[str], *, step: int = 1, unroll: bool = False, layers: int | None = None, name: str | None = None) -> Network:
    """Import a ``.net`` file.

    Parameters
    ----------
    step : steps from one layer of the file to the next: 1 as lava-dl trains (``delay_shift=True``) and as Lava runs, or 0.
    unroll : write convolutions and the scaling input layer out as fully connected weights, for comparisons and configurations without maps.
    layers : use only so many layers of the file.

    Returns
    -------
    A network with 24 state bits. The input takes 0/1; an input layer with neurons turns ``x`` into the current ``weight * x + bias``.
    As long as no saturation is counted, its spikes are those of lava-dl and of Lava.

    Raises
    ------
    ConversionError   for a file that is not a network, and by name for layers and neurons that have no translation.
    FileNotFoundError   if there is no such file.
    """
    path = os.fspath(path)
    if not isinstance(step, int | np.integer) or isinstance(step, bool) or step < 0:
        raise ConversionError(f"step {step!r} must be an integer of at least 0: steps from one layer to the next")
    if layers is not None and (not isinstance(layers, int | np.integer) or isinstance(layers, bool) or layers < 1):
        raise ConversionError(f"layers {layers!r} must be an integer of at least 1: so many layers of the file, the input layer counted; None for all")
    try:
        with open_hdf5(path, "lava-dl file", ConversionError) as file:
            import h5py

            groups = file.get("layer")
            if not isinstance(groups, h5py.Group) or not len(groups):
                raise ConversionError(f"`{path}` has no group `layer`; it is not a lava-dl network")
            keys = [str(key) for key in groups]
            named = [key for key in keys if not key.isdecimal()]
            if named:
                raise ConversionError(f"`{path}`: layer `{named[0]}` is not a number; lava-dl numbers its layers")
            if layers is not None and layers > len(keys):
                raise ConversionError(f"`{path}` has {len(keys)} layers, layers={layers} are more; leave the argument out for all")
            found = [_Layer(path, key, groups[key]) for key in sorted(keys, key=int)[:layers]]
            network = _Builder(found, step).network(name or os.path.splitext(os.path.basename(path))[0])
            return written_out(network) if unroll else network
    except (LiflineError, FileNotFoundError):
        raise
    except (OSError, KeyError, ValueError) as error:
        raise ConversionError(f"`{path}` is not a readable lava-dl file ({type(error).__name__}: {error})") from error


class _Builder:
    """Adds one layer after another."""

    def __init__(self, layers: list[_Layer], step: int) -> None:
        self.layers, self.step = layers, step
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self.delays: IntArray = np.zeros((), np.int64)
        self.shape: Shape = ()

    def network(self, name: str) -> Network:
        first = self.layers[0]
        if first.kind == "input":
            self._input(first)
        else:
            size = self._dense_weights(first).shape[1] if first.kind == "dense" else None
            if size is None:
                raise ConversionError(f"{first.where} is a {first.kind}; a file without an input layer must start with a dense layer")
            self.populations.append(Population("input", (size,)))
            self.shape = (size,)
        for index, layer in enumerate(self.layers):
            if layer.kind == "dense":
                self._dense(layer, index)
            elif layer.kind == "conv":
                self._convolution(layer, index)
            elif layer.kind not in IGNORED_LAYERS and index:
                raise ConversionError(f"{layer.where} is a {layer.kind}, which has no translation; use only the layers before it: layers={index}")
            elif layer.kind == "flatten":
                self.shape = (int(np.prod(self.shape)),)
        return Network(
            name=name,
            populations=tuple(self.populations),
            projections=tuple(self.projections),
            output=self.populations[-1].name,
            state_bits=STATE_BITS,
            metadata={"source": "lava-dl", "step": self.step},
        )

    def _input(self, layer: _Layer) -> None:
        self.shape = tuple(int(n) for n in layer.integers("shape").reshape(-1))
        self.populations.append(Population("input", self.shape))
        if layer.has("neuron"):
            weight = layer.one("weight") if layer.has("weight") else 1
            self._add("layer0", layer, self.shape, np.array([weight]), Identity())
            neurons = self.populations[-1].neurons
            if neurons is not None and neurons.decay_i != DECAY_ONE and np.any(neurons.bias):
                raise ConversionError(f"{layer.where}: the bias of an input layer enters its synaptic current; only iDecay {DECAY_ONE} has a translation")
        self._leave(layer)

    def _leave(self, layer: _Layer) -> None:
        """Delays of the spikes that leave ``layer``."""
        size = self.populations[-1].size
        delays = layer.delays()
        if delays.size not in (1, size):
            raise ConversionError(f"{layer.where}: {delays.size} delays for {size} neurons")
        self.delays = self.step + (delays if delays.size > 1 else delays[0])

    def _dense_weights(self, layer: _Layer) -> IntArray:
        weights = layer.integers("weight")
        return weights.reshape(len(weights), -1) if weights.ndim > 1 else weights.reshape(int(layer.integers("shape").reshape(-1).prod()), -1)

    def _dense(self, layer: _Layer, index: int) -> None:
        weights, size = self._dense_weights(layer), int(np.prod(self.shape))
        if weights.shape[1] != size:
            raise ConversionError(f"{layer.where}: weights of shape {weights.shape} cannot follow {size} neurons")
        self._add(f"layer{index}", layer, (len(weights),), weights)
        self._leave(layer)

    def _convolution(self, layer: _Layer, index: int) -> None:
        weights = layer.integers("weight")
        if weights.ndim not in (4, 5) or weights.shape[4:] not in ((), (1,)):
            raise ConversionError(f"{layer.where}: weights have shape {weights.shape}; a convolution needs (out, in, height, width) or a 1 behind it")
        weights = weights.reshape(weights.shape[:4])
        stride, padding, dilation = (
            tuple(int(n) for n in np.broadcast_to(layer.integers(field).reshape(-1), (2,))) if layer.has(field) else (default, default)
            for field, default in (("stride", 1), ("padding", 0), ("dilation", 1))
        )
        try:
            connection = Convolution(stride, padding, dilation, layer.one("groups") if layer.has("groups") else 1)
            shape = connection.output_shape(self.shape, weights)
        except NetworkError as error:
            raise ConversionError(f"{layer.where}: {error}") from error
        self._add(f"layer{index}", layer, shape, weights, connection)
        self._leave(layer)

    def _add(self, name: str, layer: _Layer, shape: Shape, weights: IntArray, connection: Connection = ALL) -> None:
        neurons, exponent = layer.neurons(int(np.prod(shape)))
        even = not (weights & 1).any()
        shift = WEIGHT_EXPONENT + exponent + even
        if shift < 0:
            raise ConversionError(f"{layer.where}: wgtExp {exponent} shifts weights to the right, which is not supported; it must be at least -7")
        delays = self.delays if self.delays.any() else None
        values = weights >> 1 if even else weights
        source = self.populations[-1].name
        self.populations.append(Population(name, shape, neurons))
        self.projections.append(Projection(source=source, target=name, weights=values, weight_shift=shift, delays=delays, connection=connection))
        self.shape, self.delays = shape, np.zeros((), np.int64)
