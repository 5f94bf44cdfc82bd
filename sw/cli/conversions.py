"""``lifline import``, ``fidelity`` and ``export``: networks of other frameworks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lifline.arch.errors import InputError
from lifline.convert.quantisation.options import MAX_DECAY_ERROR

from .app import ConfigName, Json, app, console, print_json, read_array, typed_errors

DialectName = Annotated[str | None, typer.Option(help="how the framework runs its graphs; without it the error lists the presets")]
TimeStep = Annotated[float | None, typer.Option(help="time step, if it is not the dialect's")]
Choices = Annotated[list[str] | None, typer.Option("--set", metavar="CHOICE=VALUE", help="a choice that is not the dialect's, e.g. v_min=-1; repeatable")]


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="NIR graph (.nir) or lava-dl network (.net)")],
    out: Annotated[Path, typer.Option("--out", "-o", help="network file to write")],
    dialect: DialectName = None,
    dt: TimeStep = None,
    choices: Choices = None,
    calibration: Annotated[Path | None, typer.Option(help=".npy with typical spikes (batch, time, neuron), to quantise")] = None,
    config: ConfigName = "medium",
    per_neuron: Annotated[bool, typer.Option(help="one scale per neuron")] = False,
    weight_bits: Annotated[int | None, typer.Option(help="fewer weight bits than the configuration has")] = None,
    headroom: Annotated[float, typer.Option(help="share of the states' range that the calibration's peaks may take")] = 0.5,
    cap: Annotated[int | None, typer.Option(help="most spikes per step; default: twice what the calibration shows")] = None,
    max_decay_error: Annotated[float, typer.Option(help="share by which rounding may change a decay")] = MAX_DECAY_ERROR,
    unroll: Annotated[bool, typer.Option(help="write convolutions out as fully connected weights")] = False,
    read_out: Annotated[bool, typer.Option("--read-out", help="the output's membrane is the result; it never fires")] = False,
    step: Annotated[int, typer.Option(help="lava-dl: steps from layer to layer")] = 1,
    layers: Annotated[int | None, typer.Option(help="lava-dl: only the first so many layers of the file")] = None,
    as_json: Json = False,
) -> None:
    """Import a network of another framework, quantised with calibration data."""
    from .convert import import_file, parse_choices

    with typed_errors():
        figures = import_file(
            console, source, out, dialect=dialect, changes=parse_choices(choices or []) | ({} if dt is None else {"dt": dt}),
            calibration=None if calibration is None else read_array(calibration), config_name=config, read_out=read_out, unroll=unroll, step=step, layers=layers,
            options={"per_neuron": per_neuron, "weight_bits": weight_bits, "headroom": headroom, "cap": cap, "max_decay_error": max_decay_error},
        )  # fmt: skip
    if as_json:
        print_json(figures)


@app.command("fidelity")
def fidelity_command(
    source: Annotated[Path, typer.Argument(help="NIR graph (.nir)")],
    network: Annotated[Path, typer.Argument(help="network file that `lifline import` made of it")],
    samples: Annotated[Path, typer.Option(help=".npy with spikes (batch, time, neuron)")],
    dialect: Annotated[str | None, typer.Option(help="default: the one that the network was imported with")] = None,
    dt: TimeStep = None,
    choices: Choices = None,
    labels: Annotated[Path | None, typer.Option(help=".npy with labels (batch)")] = None,
    device: Annotated[str | None, typer.Option(help="also compare a device, for example sim:medium")] = None,
    picture: Annotated[Path | None, typer.Option(help="figure to write (.png, .svg, .pdf)")] = None,
    as_json: Json = False,
) -> None:
    """Compare floating point, quantised network and device, layer by layer."""
    from .convert import fidelity_of_files, parse_choices

    with typed_errors():
        figures = fidelity_of_files(
            console, source, network, read_array(samples), dialect=dialect, changes=parse_choices(choices or []) | ({} if dt is None else {"dt": dt}),
            labels=None if labels is None else read_array(labels), device=device, picture=picture,
        )  # fmt: skip
    if as_json:
        print_json(figures)
    if figures["board_mismatches"]:
        console.print("[red]the device does not agree with the golden model[/]")
        raise typer.Exit(1)


@app.command("export")
def export_command(
    network: Annotated[Path | None, typer.Argument(help="network file, to export as a NIR graph")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="NIR graph to write")] = None,
    ip: Annotated[Path | None, typer.Option("--ip", metavar="FOLDER", help="write the core as an IP core instead")] = None,
    bus: Annotated[str, typer.Option(help="of the IP core: axi, wishbone, or stream (bytes in frames)")] = "axi",
    config: ConfigName = "medium",
    as_json: Json = False,
) -> None:
    """Write a network file as a NIR graph, delays and neuron model included; or, with --ip, the core for a system on a chip."""
    with typed_errors():
        if ip is not None and network is None and out is None:
            from .ip_core import export_ip

            figures = export_ip(ip, bus, config)
        elif ip is None and network is not None and out is not None:
            from .convert import export_file

            figures = export_file(network, out)
        else:
            raise InputError("give a network file and --out GRAPH, or --ip FOLDER alone")
    console.print(figures)
    if as_json:
        print_json(figures)
