"""Integer networks as float networks in their own units, what these do not hold, and back: every field as it was.

What is kept beside the graph: state bits, early exit, budgets, shapes, what read-outs do not use, and of every projection its shift, how it connects, and the form of
its delays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.errors import ConversionError
from lifline.network.connections import convolution, fully_connected, identity, pooling, sparse
from lifline.network.connections.named import connection_of, described
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection, ResetRule

from ..floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from ..floating.operators import Convolution, Dense, Floats, Operator, Pool, Reshape, Scale, Shape
from ..quantisation.dense import matrix_of
from ..structure.kernels import sums
from .dialects import Reset

IntArray = NDArray[np.int64]
PROBES = 3
"""Random inputs on which a graph is compared with its export."""


def chain_of(projection: Projection) -> tuple[Operator, ...]:
    """The operators of an integer projection that belongs to a network, its weights shifted."""
    source, target = projection.shapes
    weights = (projection.weights << projection.weight_shift).astype(np.float64)
    axes = len(source) - 1
    match projection.connection:
        case convolution.Convolution() as c:
            pool = np.broadcast_to(c.pool, (axes,)).tolist()
            before = () if max(pool) == 1 else (Pool(tuple(pool), tuple(pool), (0,) * axes, False),)
            return *before, Convolution(weights, None, c.stride, c.padding, c.dilation, c.groups)  # type: ignore[arg-type]
        case pooling.Pooling() as p:
            padding = np.asarray(p.padding)
            scale = Scale(np.full((1,) * len(source), weights[0]))
            if (padding[:, 0] != padding[:, 1]).any():
                window = sums(source[0], p.size, p.stride, (0,) * axes)  # type: ignore[arg-type]
                return Convolution(window.weight, None, window.stride, p.padding, window.dilation, window.groups), scale  # type: ignore[arg-type]
            return Pool(p.size, p.stride, tuple(padding[:, 0].tolist()), False), scale  # type: ignore[arg-type]
        case identity.Identity():
            return (Scale(weights.reshape(-1, *(1,) * axes)),)
    return (
        *((Reshape((projection.source_size,)),) if len(source) > 1 else ()),
        Dense((projection.weight_matrix() << projection.weight_shift).astype(np.float64)),
        *((Reshape(target),) if len(target) > 1 else ()),
    )


def _weights_of(exact: FloatNetwork, q: FloatProjection, said: Mapping[str, Any], shift: int) -> IntArray:
    """Weights out of the operators that :func:`chain_of` made of a projection."""
    found = {type(o): o for o in q.operators}
    match connection_of(said["connection"]):
        case fully_connected.FullyConnected():
            values = matrix_of(exact, q)
        case sparse.Sparse() as s:
            values = matrix_of(exact, q)[s.targets, s.sources]
        case convolution.Convolution():
            values = found[Convolution].weight  # type: ignore[attr-defined]
        case _:
            scale = found[Scale].scale if Scale in found else np.ones(1)  # type: ignore[attr-defined]
            values = scale.reshape(len(scale), -1)[:, 0] if said["weights"] > 1 else scale.reshape(-1)[:1]
    return _whole(f"projection {q.source} -> {q.target}", values / (1 << shift))


def to_float(network: Network) -> FloatNetwork:
    """The same network in floating point, in its integer units and without rounding of decays, saturation and budgets."""
    populations = []
    for p in network.populations:
        n = p.neurons
        if n is None:
            populations.append(FloatPopulation(p.name, p.shape))
            continue

        def full(values: object, shape: Shape = p.shape) -> Floats:
            array = np.asarray(values, np.float64)
            return array.reshape(shape) if array.ndim else array

        neurons = FloatNeurons(
            keep_v=full(1 - n.decay_v / DECAY_ONE),
            gain_v=full(1),
            keep_i=None if n.decay_i == DECAY_ONE else full(1 - n.decay_i / DECAY_ONE),
            gain_i=full(1),
            drive=full(n.bias),
            threshold=full(n.threshold) if n.cap else None,
            reset=Reset(n.reset.value) if n.cap else Reset.NONE,
            v_reset=full(n.v_reset),
            strict=n.strict,
            cap=max(n.cap, 1),
            v_min=None if n.v_min is None else float(n.v_min),
        )
        populations.append(FloatPopulation(p.name, p.shape, neurons))
    projections = []
    for q in network.projections:
        source = network.population(q.source)
        if q.synaptic:
            raise ConversionError(
                f"projection {q.source} -> {q.target} has synaptic delays; NIR's Delay node holds one delay per neuron, so keep the network "
                "file, or use axonal delays"
            )
        delays = np.asarray(0 if q.delays is None else q.delays if np.ndim(q.delays) == 0 else q.delay_vector(), np.int64)
        delays = delays.reshape(source.shape) if delays.ndim else delays
        projections.append(FloatProjection(source=q.source, target=q.target, operators=chain_of(q), delays=delays))
    return FloatNetwork(
        name=network.name, populations=tuple(populations), projections=tuple(projections), output=network.output, precision="float64"
    )


def fields_of(network: Network) -> dict[str, Any]:
    """What neither NIR nor the dialect holds."""

    def plain(value: Any) -> Any:
        return value.tolist() if isinstance(value, np.ndarray) else value

    exit_ = network.early_exit
    return {
        "state_bits": network.state_bits,
        "early_exit": None if exit_ is None else {"every": exit_.every, "margin": exit_.margin},
        "metadata": dict(network.metadata),
        "budgets": {p.name: plain(p.neurons.budget) for p in network.populations if p.neurons is not None and p.neurons.budget is not None},
        "shapes": {p.name: list(p.shape) for p in network.populations},
        "readouts": {
            p.name: {"threshold": plain(p.neurons.threshold), "reset": p.neurons.reset.value, "v_reset": p.neurons.v_reset}
            for p in network.populations
            if p.neurons is not None and p.neurons.cap == 0
        },
        "projections": [
            {
                "source": p.source, "target": p.target, "shift": p.weight_shift, "weights": len(p.weights),
                "connection": {name: plain(value) for name, value in described(p.connection).items()},
                "delays": None if p.delays is None or np.ndim(p.delays) == 0 else "neuron" if np.ndim(p.delays) == 2 or np.size(p.delays) == p.source_size else "channel",
            }
            for p in network.projections
        ],  # fmt: skip
    }


def _whole(what: str, values: Floats) -> NDArray[np.int64]:
    rounded = np.rint(values)
    # Time constants and their inverses round in the last bits.
    if not np.allclose(rounded, values, rtol=1e-9, atol=1e-6):
        raise ConversionError(f"{what} holds values that are not integers; the graph was changed since its export")
    return np.asarray(rounded, np.int64)


def integer_network(exact: FloatNetwork, fields: dict[str, Any]) -> Network:
    populations = []
    for p in exact.populations:
        shape = tuple(fields["shapes"][p.name])
        if p.neurons is None:
            populations.append(Population(p.name, shape))
            continue
        n, where = p.neurons, f"population `{p.name}`"

        def vector(name: str, values: Floats, where: str = where, size: int = p.size) -> int | NDArray[np.int64]:
            whole = np.broadcast_to(_whole(f"{where}: {name}", values).reshape(-1), (size,))
            return int(whole[0]) if (whole == whole[0]).all() else whole.copy()

        def decay(name: str, keep: Floats, where: str = where) -> int:
            values = _whole(f"{where}: {name}", DECAY_ONE * (1 - keep))
            if values.min() != values.max():
                raise ConversionError(f"{where}: {name} differs between neurons")
            return int(values.flat[0])

        budget = fields["budgets"].get(p.name)
        common = {
            "decay_v": decay("decay", n.keep_v),
            "decay_i": DECAY_ONE if n.keep_i is None else decay("current decay", n.keep_i),
            "bias": vector("bias", n.drive),
            "strict": n.strict,
            "v_min": None if n.v_min is None else int(n.v_min),
        }
        if n.threshold is None:
            unused: dict[str, Any] = {k: np.asarray(v) if isinstance(v, list) else v for k, v in fields["readouts"][p.name].items()}
            populations.append(Population(p.name, shape, Neurons(**common, **unused, cap=0)))
            continue
        firing = {
            "threshold": vector("threshold", n.threshold),
            "reset": ResetRule(n.reset.value),
            "v_reset": vector("v_reset", n.v_reset),
            "cap": n.cap,
            "budget": np.asarray(budget) if isinstance(budget, list) else budget,
        }
        populations.append(Population(p.name, shape, Neurons(**common, **firing)))  # type: ignore[arg-type]
    populations.sort(key=lambda p: list(fields["shapes"]).index(p.name))
    projections = _projections(exact, fields["projections"] if "projections" in fields else [_fully(*shift) for shift in fields["shifts"]])
    exit_ = fields["early_exit"]
    network = Network(
        name=exact.name, populations=tuple(populations), projections=tuple(projections), output=exact.output,
        state_bits=fields["state_bits"], early_exit=None if exit_ is None else EarlyExit(**exit_), metadata=fields["metadata"],
    )  # fmt: skip
    _check_same(exact, network)
    return network


def _fully(source: str, target: str, shift: int) -> dict[str, Any]:
    """A projection in graphs of earlier versions, which knew one kind."""
    return {"source": source, "target": target, "shift": shift, "connection": {"kind": "fully_connected"}, "weights": 0, "delays": None}


def _projections(exact: FloatNetwork, said: list[dict[str, Any]]) -> list[Projection]:
    """Several projections between two populations are in the graph in the order in which they were written."""
    waiting = list(exact.projections)
    found = []
    for entry in said:
        q = next((q for q in waiting if (q.source, q.target) == (entry["source"], entry["target"])), None)
        if q is None:
            raise ConversionError(f"the graph has no projection {entry['source']} -> {entry['target']}; it was changed since its export")
        waiting.remove(q)
        shape = exact.population(q.source).shape
        spread = np.broadcast_to(q.delays, shape)  # a graph may hold equal delays as one
        delays: Any = int(q.delays.flat[0]) or None
        by_channel = spread.reshape(shape[0], -1)
        if entry["delays"] == "channel" and (by_channel == by_channel[:, :1]).all():  # unless the graph was changed since
            delays = by_channel[:, 0]
        elif entry["delays"] or q.delays.ndim:
            delays = spread.reshape(-1)
        found.append(
            Projection(
                source=q.source, target=q.target, weights=_weights_of(exact, q, entry, entry["shift"]), weight_shift=entry["shift"], delays=delays,
                connection=connection_of(entry["connection"]),
            )  # fmt: skip
        )
    if waiting:
        raise ConversionError(f"the graph has a projection {waiting[0].source} -> {waiting[0].target} that its export did not write; it was changed since")
    return found


def _check_same(exact: FloatNetwork, network: Network) -> None:
    """Compare every projection with the graph's operators on numbers; what was changed in a graph since its export must not be lost.

    Raises
    ------
    ConversionError   naming the projection.
    """
    again = to_float(network)
    rng = np.random.default_rng(0)
    waiting = list(exact.projections)
    for q in again.projections:
        x = rng.integers(-4, 5, (PROBES, *again.population(q.source).shape)).astype(np.float64)
        other = next(o for o in waiting if (o.source, o.target) == (q.source, q.target))
        waiting.remove(other)
        if not np.array_equal(_through(q, x), _through(other, x)):
            raise ConversionError(f"projection {q.source} -> {q.target} computes something else than its export; the graph was changed since")


def _through(q: FloatProjection, x: Floats) -> Floats:
    for operator in q.operators:
        x = operator.astype("float64").apply(x)
    return x.reshape(len(x), -1)
