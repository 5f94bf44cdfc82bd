"""``lifline``: the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lifline.arch.config import PRESETS, preset
from lifline.arch.errors import InputError, LiflineError
from lifline.arch.program import Mode

app = typer.Typer(help="Spiking neural networks on FPGAs, every bit checked.", no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True)
Json = Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")]
ConfigName = Annotated[str, typer.Option("--config", help=f"gateware configuration: {', '.join(PRESETS)}")]


@contextmanager
def _errors() -> Iterator[None]:
    """Typed errors and missing files become one line and exit status 1."""
    try:
        yield
    except (LiflineError, FileNotFoundError) as error:
        console.print(f"[red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
        raise typer.Exit(1) from error


@app.command()
def demo(
    config: ConfigName = "medium",
    picture: Annotated[Path, typer.Option(help="where to write the picture (.png or .svg)")] = Path("lifline-demo.png"),
    limit: Annotated[int | None, typer.Option(help="run only so many test images")] = None,
    as_json: Json = False,
) -> None:
    """Run a trained network on the simulated board and check every spike."""
    from .demo import run_demo

    with _errors():
        figures = run_demo(console, config_name=config, picture=picture, limit=limit)
    if as_json:
        print(json.dumps(figures))
    if figures["mismatches"]:
        console.print("[red]the simulated board does not agree with the golden model[/]")
        raise typer.Exit(1)


@app.command()
def info(
    device: Annotated[str | None, typer.Option(help="golden:, sim:, sim:small, pysim:tiny, serial:/dev/ttyUSB0")] = None,
    as_json: Json = False,
) -> None:
    """Show the configurations, or what a device reports about itself."""
    from lifline.driver import device as devices

    with _errors():
        if device is not None:
            with devices.open(device) as opened:
                values = opened.info()
            for name, value in values.items():
                console.print(f"{name:22} {value}")
            if as_json:
                print(json.dumps(values))
            return
    table = Table("config", "lanes", "dense", "weights", "neurons", "acc / state bits", "max delay", "hash")
    for c in PRESETS.values():
        table.add_row(
            c.name, str(c.event_lanes), f"{c.dense_lanes} x {c.window}", f"{c.weight_bytes // 1024} KiB", str(c.max_neurons),
            f"{c.accumulator_bits} / {c.state_bits}", str(c.max_delay), f"{c.hash:08x}",
        )  # fmt: skip
    console.print(table)
    if as_json:
        print(json.dumps({c.name: json.loads(c.canonical()) | {"hash": c.hash} for c in PRESETS.values()}))


@app.command()
def show(network: Path) -> None:
    """Show a network file."""
    from lifline.network.file import load

    with _errors():
        console.print(load(network).summary())


@app.command("compile")
def compile_command(
    network: Path,
    out: Annotated[Path, typer.Option("--out", "-o", help="program file to write")],
    config: ConfigName = "medium",
    mode: Annotated[str, typer.Option(help="event, dense, or auto (chosen on --samples)")] = "event",
    samples: Annotated[Path | None, typer.Option(help=".npy with spikes (batch, time, neuron) for auto")] = None,
    objective: Annotated[str, typer.Option(help="of auto: throughput, latency or energy")] = "throughput",
    as_json: Json = False,
) -> None:
    """Compile a network file for a configuration."""
    from lifline.compiler.compile import compile_network
    from lifline.compiler.program_file import save
    from lifline.driver.choose import compile_auto
    from lifline.network.file import load

    with _errors():
        described, target = load(network), preset(config)
        if mode == "auto":
            if samples is None:
                raise InputError("mode auto looks at your data: give --samples FILE.npy, or choose event or dense")
            program, _ = compile_auto(described, target, _spikes(samples), objective=objective)
        elif mode.upper() in Mode.__members__:
            program = compile_network(described, target, Mode[mode.upper()])
        else:
            raise InputError(f"mode {mode!r} must be event, dense or auto")
        save(program, out)
    table = Table("memory", "used", "of", title=f"{described.name} on {config}")
    for name, (used, limit) in program.memory.items():
        table.add_row(name, f"{used:,}", f"{limit:,}")
    console.print(table)
    if as_json:
        modes = {f"{p.source}->{p.target}": p.mode.name.lower() for p in program.passes}
        print(json.dumps({"program": str(out), "config": config, "modes": modes, "memory": program.memory}))


def _spikes(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a .npy array ({error})") from error


@app.command()
def run(
    program: Path,
    spikes: Annotated[Path, typer.Argument(help=".npy, (time, neuron) or (batch, time, neuron) of 0/1")],
    device: Annotated[str | None, typer.Option(help="default: the simulated board the program was compiled for")] = None,
    check: Annotated[bool, typer.Option(help="compare every output spike with the golden model")] = True,
    as_json: Json = False,
) -> None:
    """Run a program on a device."""
    from lifline.compiler.program_file import load
    from lifline.driver import device as devices
    from lifline.sim.golden import GoldenModel

    with _errors():
        compiled, data = load(program), _spikes(spikes)
        with devices.open(device or f"sim:{compiled.config_name}") as opened:
            opened.load(compiled)
            result = opened.run(data)
        mismatches = int((GoldenModel(compiled.network).run(data).output_spikes != result.output_spikes).sum()) if check else None
    figures = {
        "prediction": result.prediction.tolist(),
        "spike_counts": result.spike_counts.tolist(),
        "steps": result.steps.tolist(),
        "busy_cycles": None if result.cycles is None else result.cycles.busy.tolist(),
        "mismatches": mismatches,
    }
    console.print(figures)
    if as_json:
        print(json.dumps(figures))
    if mismatches:
        raise typer.Exit(1)


@app.command()
def verify(
    random: Annotated[int, typer.Option(help="number of random programs")] = 100,
    config: Annotated[str, typer.Option(help="a preset, a small variant of one, or all: every variant in turn")] = "all",
    seed: Annotated[int, typer.Option(help="first seed; each program's seed is one higher")] = 0,
    inject: Annotated[str | None, typer.Option(help="flip a bit in: weight, state, delay, descriptor")] = None,
    as_json: Json = False,
) -> None:
    """Run random networks on the simulated board against the golden model."""
    from .verify import verify_random

    with _errors(), Progress(console=console, transient=True) as progress:
        task = progress.add_task("random programs", total=random)
        report = verify_random(config, random, seed, inject, lambda: progress.advance(task))
    console.print({key: value for key, value in report.items() if key != "coverage"})
    if as_json:
        print(json.dumps(report))
    found = report["mismatches"] > 0
    if found != (inject is not None):
        console.print("[red]an injected fault was not found[/]" if inject else f"[red]mismatch: reproduce with --random 1 --seed {report['seed']} --config {report['config']}[/]")
        raise typer.Exit(1)


DialectName = Annotated[str | None, typer.Option(help="how the framework runs its graphs; without it the error lists the presets")]
TimeStep = Annotated[float | None, typer.Option(help="time step, if it is not the dialect's")]


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="NIR graph (.nir) or lava-dl network (.net)")],
    out: Annotated[Path, typer.Option("--out", "-o", help="network file to write")],
    dialect: DialectName = None,
    dt: TimeStep = None,
    calibration: Annotated[Path | None, typer.Option(help=".npy with typical spikes (batch, time, neuron), to quantise")] = None,
    config: ConfigName = "medium",
    per_neuron: Annotated[bool, typer.Option(help="one scale per neuron")] = False,
    unroll: Annotated[bool, typer.Option(help="write convolutions out as fully connected weights")] = False,
    step: Annotated[int, typer.Option(help="lava-dl: steps from layer to layer")] = 1,
    as_json: Json = False,
) -> None:
    """Import a network of another framework, quantised with calibration data."""
    from .convert import import_file

    with _errors():
        figures = import_file(
            console, source, out, dialect=dialect, changes={} if dt is None else {"dt": dt},
            calibration=None if calibration is None else _spikes(calibration), config_name=config, per_neuron=per_neuron, unroll=unroll, step=step,
        )  # fmt: skip
    if as_json:
        print(json.dumps(figures))


@app.command("fidelity")
def fidelity_command(
    source: Annotated[Path, typer.Argument(help="NIR graph (.nir)")],
    network: Annotated[Path, typer.Argument(help="network file that `lifline import` made of it")],
    samples: Annotated[Path, typer.Option(help=".npy with spikes (batch, time, neuron)")],
    dialect: Annotated[str | None, typer.Option(help="default: the one that the network was imported with")] = None,
    dt: TimeStep = None,
    labels: Annotated[Path | None, typer.Option(help=".npy with labels (batch)")] = None,
    device: Annotated[str | None, typer.Option(help="also compare a device, for example sim:medium")] = None,
    picture: Annotated[Path | None, typer.Option(help="figure to write (.png, .svg, .pdf)")] = None,
    as_json: Json = False,
) -> None:
    """Compare floating point, quantised network and device, layer by layer."""
    from .convert import fidelity_of_files

    with _errors():
        figures = fidelity_of_files(
            console, source, network, _spikes(samples), dialect=dialect, changes={} if dt is None else {"dt": dt},
            labels=None if labels is None else _spikes(labels), device=device, picture=picture,
        )  # fmt: skip
    if as_json:
        print(json.dumps(figures))
    if figures["board_mismatches"]:
        console.print("[red]the device does not agree with the golden model[/]")
        raise typer.Exit(1)


@app.command("export")
def export_command(
    network: Path, out: Annotated[Path, typer.Option("--out", "-o", help="NIR graph to write")], as_json: Json = False
) -> None:
    """Write a network file as a NIR graph, delays and neuron model included."""
    from .convert import export_file

    with _errors():
        figures = export_file(network, out)
    console.print(figures)
    if as_json:
        print(json.dumps(figures))


@app.command()
def serve(
    config: ConfigName = "medium",
    interpreted: Annotated[bool, typer.Option("--interpreted", help="use Amaranth's simulator: needs no C++ compiler, much slower")] = False,
    as_json: Json = False,
) -> None:
    """Serve a simulated board on a pseudo-terminal, for drivers in other processes, until Ctrl-C."""
    from lifline.sim.board import CompiledBoard, InterpretedBoard, compiler
    from lifline.sim.serve import PseudoTerminal

    with _errors():
        target = preset(config)
        if not interpreted and compiler() is None:
            console.print("[yellow]no C++ compiler found: serving Amaranth's simulator, which is much slower; install g++[/]")
            interpreted = True
        with console.status(f"preparing the simulated board `{config}`"):
            board = InterpretedBoard(target) if interpreted else CompiledBoard(target)
        terminal = PseudoTerminal(board)
    url = f"serial:{terminal.path}" + ("?timeout=30" if interpreted else "")
    console.print(f"simulated board `{config}` on {terminal.path}: open it as [bold]{url}[/]; Ctrl-C ends it", highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps({"path": terminal.path, "url": url, "config": config, "interpreted": interpreted}), flush=True)
    try:
        terminal.serve()
    except KeyboardInterrupt:
        console.print("ended")
    finally:
        terminal.close()
        board.close()


@app.command()
def build(
    board: Annotated[str, typer.Option(help="ulx3s-25f, ulx3s-85f or icebreaker")],
    config: Annotated[str | None, typer.Option(help="gateware configuration; default: the one that suits the board")] = None,
    folder: Annotated[Path, typer.Option(help="where to build")] = Path("build-board"),
    clock: Annotated[float | None, typer.Option(help="clock of the core in MHz; default: the board's")] = None,
    seed: Annotated[int, typer.Option(help="of the placer")] = 1,
    as_json: Json = False,
) -> None:
    """Build a bitstream (extra ``boards``); takes a few minutes."""
    from lifline.boards import build as boards

    with _errors(), console.status(f"synthesis, placement and routing for {board}"):
        figures = boards.build(board, preset(config or boards.board(board).config), folder, clock_hz=clock and clock * 1e6, seed=seed)
    for name, value in figures.items():
        console.print(f"{name:15} {value}")
    if as_json:
        print(json.dumps(figures))


if __name__ == "__main__":
    app()
