"""Networks -> NIR: delays as ``Delay`` nodes, and in the metadata everything that NIR has no field for, so that the way back is exact.

The graph's time unit is the step (``dt`` 1) and the integrator Euler: ``tau = 1 / (1 - keep)``, ``r = gain tau``, ``v_leak = drive tau``. Other frameworks
read the nodes; lifline also reads the metadata: the dialect (``lifline_dialect``), each neuron node's reset rule, strictness, cap,
clamp and start, and values that a time constant gives back rounded (``lifline``), and for an integer network its state bits, shifts, budgets and early exit (``lifline_network``).
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.errors import ConversionError, LiflineError
from lifline.arch.files import write_file
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection, ResetRule

from ..floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from ..floating.operators import Delay, Dense, Floats, Operator, Reshape, Shape
from ..quantisation.dense import matrix_of
from .dialects import Dialect, Gain, Integrator, Reset, Start
from .import_graph import import_nir, nir_package, read_graph
from .write_nodes import neuron_node, operator_node


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
        source, target = network.population(q.source), network.population(q.target)
        chain: list[Operator] = [Dense((q.weight_matrix() << q.weight_shift).astype(np.float64))]
        if len(source.shape) > 1:
            chain.insert(0, Reshape((source.size,)))
        if len(target.shape) > 1:
            chain.append(Reshape(target.shape))
        if q.synaptic:
            raise ConversionError(
                f"projection {q.source} -> {q.target} has synaptic delays; NIR's Delay node holds one delay per neuron, so keep the network "
                "file, or use axonal delays"
            )
        delays = np.asarray(0 if q.delays is None else q.delays if np.ndim(q.delays) == 0 else q.delay_vector(), np.int64)
        delays = delays.reshape(source.shape) if delays.ndim else delays
        projections.append(FloatProjection(source=q.source, target=q.target, operators=tuple(chain), delays=delays))
    return FloatNetwork(
        name=network.name, populations=tuple(populations), projections=tuple(projections), output=network.output, precision="float64"
    )


def export_nir(network: Network | FloatNetwork, path: str | os.PathLike[str] | None = None) -> Any:
    """Write a NIR file; without a path only return the ``nir.NIRGraph``.

    Raises
    ------
    ConversionError   for a name with a slash, padding that differs between the sides, or without the package ``nir``.
    """
    nir = nir_package()

    if isinstance(network, Network):
        _check_projections(network)
    exact = network if isinstance(network, FloatNetwork) else to_float(network)
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    for p in exact.populations:
        if "/" in p.name or "\0" in p.name or p.name in ("", "."):
            raise ConversionError(f"population `{p.name}`: names of NIR nodes must not be empty or a dot, nor contain a slash; rename it")
        shape = np.array(p.shape)
        nodes[p.name] = nir.Input(input_type={"input": shape}) if p.neurons is None else neuron_node(p, _dialect(exact))
    for k, q in enumerate(exact.projections):
        _write_chain(exact, q, f"projection{k}", nodes, edges)
    end = _free("output", nodes)
    nodes[end] = nir.Output(output_type={"output": np.array(exact.population(exact.output).shape)})
    edges.append((exact.output, end))
    metadata = {"lifline_name": exact.name, "lifline_dialect": json.dumps(_dialect(exact).as_dict())}
    if isinstance(network, Network):
        metadata["lifline_network"] = json.dumps(_integer_fields(network), allow_nan=False)
    graph = nir.NIRGraph(nodes=nodes, edges=edges, metadata=metadata, type_check=False)
    if path is not None:
        write_file(path, lambda part: nir.write(part, graph))
    return graph


def _check_projections(network: Network) -> None:
    """Refuse what would not read back as it was."""
    for p in network.projections:
        if p.kind:
            raise ConversionError(f"{p.where} is not fully connected ({p.kind}); integer networks are exported fully connected only, keep the network file")
        if sum((q.source, q.target) == (p.source, p.target) for q in network.projections) > 1:
            raise ConversionError(f"{p.where} exists several times; integer networks are exported with one, keep the network file")


def _dialect(network: FloatNetwork) -> Dialect:
    return Dialect(
        name="lifline", summary="exported by lifline", dt=1.0, dt_integrate=1.0, integrator=Integrator.EULER, current_gain=Gain.STORED,
        membrane_gain=Gain.STORED, integrator_gain=Gain.STORED, start=Start.ZERO, strict=True, reset=Reset.NOW_VALUE, cap=1, v_min=None, feedback=0, precision=network.precision,
    )  # fmt: skip


def _free(name: str, nodes: dict[str, Any]) -> str:
    while name in nodes:
        name += "_"
    return name


def _write_chain(network: FloatNetwork, q: FloatProjection, name: str, nodes: dict[str, Any], edges: list[tuple[str, str]]) -> None:
    shape, last = network.population(q.source).shape, q.source
    operators: list[Operator] = [*([Delay(q.delays)] if q.delays.any() else []), *q.operators]
    written = 0
    for operator in operators:
        node = operator_node(operator, shape)
        shape = operator.output_shape(shape)
        if node is None:
            continue
        key = _free(f"{name}_{written}", nodes)
        nodes[key] = node
        edges.append((last, key))
        last, written = key, written + 1
    if not written:  # a bare edge would merge with another one between the same nodes
        import nir

        key = _free(name, nodes)
        nodes[key] = nir.Scale(scale=np.ones(shape))
        edges.append((last, key))
        last = key
    edges.append((last, q.target))


def _integer_fields(network: Network) -> dict[str, Any]:
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
        "shifts": [[p.source, p.target, p.weight_shift] for p in network.projections],
    }


def import_network(source: str | os.PathLike[str] | Any) -> Network:
    """Read back an integer network that :func:`export_nir` wrote; every field is as it was.

    Raises
    ------
    ConversionError   for a graph that lifline did not export from an integer network, or that was changed since.
    """
    fields = read_graph(source)[0].metadata.get("lifline_network")
    if not isinstance(fields, dict):
        raise ConversionError("the graph holds no integer network that lifline exported; import it with a dialect and quantise it")
    exact = import_nir(source)
    try:
        return _integer(exact, fields)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError) as error:
        if isinstance(error, LiflineError):
            raise
        raise ConversionError(f"the graph's lifline_network is incomplete ({type(error).__name__}: {error})") from error


def _whole(what: str, values: Floats) -> NDArray[np.int64]:
    rounded = np.rint(values)
    # Time constants and their inverses round in the last bits.
    if not np.allclose(rounded, values, rtol=1e-9, atol=1e-6):
        raise ConversionError(f"{what} holds values that are not integers; the graph was changed since its export")
    return np.asarray(rounded, np.int64)


def _integer(exact: FloatNetwork, fields: dict[str, Any]) -> Network:
    populations, projections = [], []
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
    shifts = {(source, target): shift for source, target, shift in fields["shifts"]}
    for q in exact.projections:
        weights, _ = matrix_of(exact, q)
        shift = shifts[q.source, q.target]
        values = _whole(f"projection {q.source} -> {q.target}", weights / (1 << shift))
        delays = q.delays.reshape(-1) if q.delays.ndim else (int(q.delays) or None)
        projections.append(Projection(source=q.source, target=q.target, weights=values, weight_shift=shift, delays=delays))
    exit_ = fields["early_exit"]
    places, links = list(fields["shapes"]), list(shifts)
    populations.sort(key=lambda p: places.index(p.name))
    projections.sort(key=lambda q: links.index((q.source, q.target)))
    return Network(
        name=exact.name, populations=tuple(populations), projections=tuple(projections), output=exact.output,
        state_bits=fields["state_bits"], early_exit=None if exit_ is None else EarlyExit(**exit_), metadata=fields["metadata"],
    )  # fmt: skip
