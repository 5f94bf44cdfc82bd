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

import numpy as np

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.errors import ConversionError, LiflineError, NetworkError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection, Shape
from lifline.network.connections.pooling import Pooling
from lifline.network.hdf5 import open_hdf5
from lifline.network.model import Network, Population, Projection

from ..quantisation.dense import written_out
from .lava_layer import WEIGHT_EXPONENT, IntArray, LavaLayer

STATE_BITS = 24
IGNORED_LAYERS = ("flatten",)
ALL = FullyConnected()


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
            found = [LavaLayer(path, key, groups[key]) for key in sorted(keys, key=int)[:layers]]
            network = _Builder(found, step).network(name or os.path.splitext(os.path.basename(path))[0])
            return written_out(network) if unroll else network
    except (LiflineError, FileNotFoundError):
        raise
    except (OSError, KeyError, ValueError) as error:
        raise ConversionError(f"`{path}` is not a readable lava-dl file ({type(error).__name__}: {error})") from error


class _Builder:
    """Adds one layer after another."""

    def __init__(self, layers: list[LavaLayer], step: int) -> None:
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
            elif layer.kind == "pool":
                self._pooling(layer, index)
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

    def _input(self, layer: LavaLayer) -> None:
        self.shape = tuple(int(n) for n in layer.integers("shape").reshape(-1))
        self.populations.append(Population("input", self.shape))
        if layer.has("neuron"):
            weight = layer.one("weight") if layer.has("weight") else 1
            self._add("layer0", layer, self.shape, np.array([weight]), Identity())
            neurons = self.populations[-1].neurons
            if neurons is not None and neurons.decay_i != DECAY_ONE and np.any(neurons.bias):
                raise ConversionError(f"{layer.where}: the bias of an input layer enters its synaptic current; only iDecay {DECAY_ONE} has a translation")
        self._leave(layer)

    def _leave(self, layer: LavaLayer) -> None:
        """Delays of the spikes that leave ``layer``."""
        size = self.populations[-1].size
        delays = layer.delays()
        if delays.size not in (1, size):
            raise ConversionError(f"{layer.where}: {delays.size} delays for {size} neurons")
        self.delays = self.step + (delays if delays.size > 1 else delays[0])

    def _dense_weights(self, layer: LavaLayer) -> IntArray:
        weights = layer.integers("weight")
        return weights.reshape(len(weights), -1) if weights.ndim > 1 else weights.reshape(int(layer.integers("shape").reshape(-1).prod()), -1)

    def _dense(self, layer: LavaLayer, index: int) -> None:
        weights, size = self._dense_weights(layer), int(np.prod(self.shape))
        if weights.shape[1] != size:
            raise ConversionError(f"{layer.where}: weights of shape {weights.shape} cannot follow {size} neurons")
        self._add(f"layer{index}", layer, (len(weights),), weights)
        self._leave(layer)

    def _convolution(self, layer: LavaLayer, index: int) -> None:
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

    def _pooling(self, layer: LavaLayer, index: int) -> None:
        """Windows that follow one another, in each channel: lava-dl puts channels and rows into one axis, so that any others reach into the next channel.

        It appends as many zeros to an axis as its length leaves by the window's.
        """
        size, stride, padding, dilation = (
            np.broadcast_to(layer.integers(field).reshape(-1), (2,)) if field == "kernelSize" or layer.has(field) else np.full(2, default)
            for field, default in (("kernelSize", 0), ("stride", 1), ("padding", 0), ("dilation", 1))
        )
        if (stride != size).any() or padding.any() or (dilation != 1).any() or size.min() < 1 or len(self.shape) != 3:
            raise ConversionError(
                f"{layer.where}: a pooling of {size.tolist()} with stride {stride.tolist()}, padding {padding.tolist()} and dilation {dilation.tolist()} of a source "
                f"{self.shape} has no translation; there is one where the stride is the window's size, without padding and dilation, of (channels, height, width)"
            )
        lengths = np.array(self.shape[1:])
        after = lengths % size
        if (lengths[0] + after[0]) % size[0]:
            raise ConversionError(
                f"{layer.where}: {lengths[0]} rows with the {after[0]} that lava-dl appends are no multiple of a window's {size[0]}, so that windows reach into the next "
                "channel; use a window that divides the rows"
            )
        weights = layer.integers("weight").reshape(-1)
        if weights.size not in (1, size.prod()):
            raise ConversionError(f"{layer.where}: {weights.size} weights for a window of {size.tolist()}; a pooling has one for each place of its window")
        pads = tuple((0, int(n)) for n in after)
        window = tuple(size.tolist())
        if (weights == weights[0]).all():
            weights, connection = weights[:1], Pooling(window, window, pads)
        else:
            weights = np.broadcast_to(weights.reshape(window), (self.shape[0], 1, *window)).copy()
            connection = Convolution(window, pads, 1, self.shape[0])
        self._add(f"layer{index}", layer, connection.output_shape(self.shape, weights), weights, connection)
        self._leave(layer)

    def _add(self, name: str, layer: LavaLayer, shape: Shape, weights: IntArray, connection: Connection = ALL) -> None:
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
