"""Networks -> NIR: delays as ``Delay`` nodes, and in the metadata everything that NIR has no field for, so that the way back is exact.

The graph's time unit is the step (``dt`` 1) and the integrator Euler: ``tau = 1 / (1 - keep)``, ``r = gain tau``, ``v_leak = drive tau``. Other frameworks
read the nodes; lifline also reads the metadata: the dialect (``lifline_dialect``), each neuron node's reset rule, strictness, cap,
clamp and start, and values that a time constant gives back rounded (``lifline``), and for an integer network what ``integers.py`` says (``lifline_network``).
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError, LiflineError
from lifline.arch.files import write_file
from lifline.network.model import Network

from ..floating.network import FloatNetwork, FloatProjection
from ..floating.operators import Delay, Operator
from .dialects import Dialect, Gain, Integrator, Reset, Start
from .import_graph import import_nir, nir_package, read_graph
from .integers import fields_of, integer_network, to_float
from .write_nodes import neuron_node, operator_node


def export_nir(network: Network | FloatNetwork, path: str | os.PathLike[str] | None = None) -> Any:
    """Write a NIR file; without a path only return the ``nir.NIRGraph``.

    Raises
    ------
    ConversionError   for a name with a slash, for what NIR cannot express, or without the package ``nir``.
    """
    nir = nir_package()

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
        metadata["lifline_network"] = json.dumps(fields_of(network), allow_nan=False)
    graph = nir.NIRGraph(nodes=nodes, edges=edges, metadata=metadata, type_check=False)
    if path is not None:
        write_file(path, lambda part: nir.write(part, graph))
    return graph


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
        return integer_network(exact, fields)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError) as error:
        if isinstance(error, LiflineError):
            raise
        raise ConversionError(f"the graph's lifline_network is incomplete ({type(error).__name__}: {error})") from error
