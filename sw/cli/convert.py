"""What ``lifline import``, ``fidelity`` and ``export`` do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape

from lifline.arch.config import preset
from lifline.arch.config_file import configuration
from lifline.arch.errors import ConversionError
from lifline.arch.files import check_target
from lifline.convert.floating.network import FloatNetwork
from lifline.convert.frameworks.lava import import_lava
from lifline.convert.nir.dialects import Dialect
from lifline.convert.nir.export_graph import export_nir, import_network
from lifline.convert.nir.import_graph import import_nir, read_graph
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.fidelity_report import FidelityReport
from lifline.convert.quantisation.quantise import quantise
from lifline.network import file as network_file
from lifline.network.model import Network

NO_CHOICES = ("source", "choice", "name", "check")
"""Arguments of :func:`import_nir` that the command line does not set by name."""


def is_lava(path: Path) -> bool:
    return path.suffix.lower() in (".net", ".h5", ".hdf5")


def parse_choices(texts: list[str]) -> dict[str, Any]:
    """Choices of a dialect from ``name=value``; values are JSON, or text where they are none.

    Raises
    ------
    ConversionError   for a text without ``=``, and for arguments of the import that have no form as text.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConversionError(f"choice `{text}` must have the form name=value, for example v_min=-1")
        if name in NO_CHOICES:
            raise ConversionError(f"`{name}` is not a choice of a dialect; use --dialect and the other options")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def import_file(
    console: Console,
    path: Path,
    out: Path,
    *,
    dialect: str | None,
    changes: dict[str, Any],
    calibration: NDArray[np.uint8] | None,
    config_name: str,
    options: dict[str, Any],
    read_out: bool,
    unroll: bool,
    step: int,
    layers: int | None,
) -> dict[str, Any]:
    """Import ``path``, quantise it with ``options`` if it is not made of integers, save it; returns figures.

    Raises
    ------
    ConversionError   by name, for what has no translation; without calibration data where they are needed.
    """
    check_target(out, sources=[path])
    network: Network
    exact: FloatNetwork | None = None
    report: FidelityReport | None = None
    if is_lava(path):
        network = import_lava(path, step=step, unroll=unroll, layers=layers)
    elif dialect is None and "lifline_network" in read_graph(path, **{k: v for k, v in changes.items() if k in ("unknown", "duplicates")})[0].metadata:
        network = import_network(path)
    else:
        exact = import_nir(path, dialect, **changes)
        exact = exact.with_read_out() if read_out else exact
        console.print(exact.summary())
        for note in exact.notes:
            console.print(f"[yellow]note[/]: {escape(note)}", highlight=False)
        if calibration is None:
            raise ConversionError(
                f"`{path}` holds floating-point weights: give --calibration FILE.npy with typical spikes (batch, time, {exact.input.size}) to quantise it"
            )
        network = quantise(exact, calibration, config=configuration(config_name), unroll=unroll, **options)
        report = fidelity(exact, network, calibration)
        console.print(report.table())
    network_file.save(network, out)
    console.print(network.summary())
    return {
        "network": str(out),
        "name": network.name,
        "dialect": exact.dialect.as_dict() if exact is not None and exact.dialect is not None else None,
        "notes": [] if exact is None else list(exact.notes),
        "quantised": exact is not None,
        "fidelity": None if report is None else report.as_dict(),
    }


def fidelity_of_files(
    console: Console,
    path: Path,
    network: Path,
    samples: NDArray[np.uint8],
    *,
    dialect: str | None,
    changes: dict[str, Any],
    labels: NDArray[np.int64] | None,
    device: str | None,
    picture: Path | None,
) -> dict[str, Any]:
    """Compare the graph ``path`` with the ``network`` that an import made of it, and with a device; returns the report."""
    if picture is not None:
        check_target(picture, sources=(path, network))
    quantised = network_file.load(network)
    exact = floating_of(path, quantised, dialect, changes)
    if device is None:
        report = fidelity(exact, quantised, samples, labels=labels)
    else:
        from lifline.compiler.compile import compile_network
        from lifline.driver import device as devices

        made = quantised.metadata.get("quantised")
        name = made.get("config", "medium") if isinstance(made, dict) else "medium"
        with devices.open(device) as opened:
            opened.load(compile_network(quantised, opened.config or preset(name)))
            report = fidelity(exact, quantised, samples, labels=labels, device=opened)
    console.print(report.table())
    if picture is not None:
        report.figure(picture)
        console.print(f"picture: {picture}")
    return report.as_dict()


def floating_of(path: Path, quantised: Network, dialect: str | None, changes: dict[str, Any]) -> FloatNetwork:
    """The graph ``path`` as ``quantised`` was made of it. Without ``dialect`` the one that the network was imported with counts.

    Raises
    ------
    ConversionError   for what has no translation.
    """
    exact = import_nir(path, dialect or _made_with(quantised), **changes)
    out = quantised.population(quantised.output).neurons
    return exact.with_read_out() if out is not None and out.cap == 0 else exact


def _made_with(network: Network) -> Dialect | None:
    """The dialect that the network was imported with, by its metadata.

    Raises
    ------
    ConversionError   if they name none.
    """
    made = network.metadata.get("dialect")
    try:
        return None if made is None else Dialect(**made)
    except (TypeError, ValueError) as error:
        raise ConversionError(f"the metadata of network `{network.name}` describe no dialect ({error}); give --dialect") from error


def export_file(network: Path, out: Path) -> dict[str, Any]:
    """Write a network file as a NIR graph; returns figures."""
    check_target(out, sources=[network])
    graph = export_nir(network_file.load(network), out)
    return {"graph": str(out), "nodes": len(graph.nodes), "edges": len(graph.edges)}
