"""``lifline demo``, ``info`` and ``serve``: devices, most of them simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lifline.arch.config import PRESETS
from lifline.arch.config_file import configuration

from .app import ConfigName, Json, app, console, print_figures, print_json, typed_errors


@app.command()
def demo(
    config: ConfigName = "medium",
    picture: Annotated[Path, typer.Option(help="where to write the picture (.png or .svg)")] = Path("lifline-demo.png"),
    limit: Annotated[int | None, typer.Option(min=1, help="run only so many test images")] = None,
    as_json: Json = False,
) -> None:
    """Run a trained network on the simulated board and check every spike."""
    from .demo import run_demo

    with typed_errors():
        figures = run_demo(console, config_name=config, picture=picture, limit=limit)
    if as_json:
        print_json(figures)
    if figures["mismatches"]:
        console.print("[red]the simulated board does not agree with the golden model[/]")
        raise typer.Exit(1)


@app.command()
def info(
    device: Annotated[str | None, typer.Option(help="golden:, sim:, sim:small, pysim:tiny, serial:/dev/ttyUSB0")] = None,
    as_json: Json = False,
) -> None:
    """Show the configurations, or what a device reports about itself; with --json also versions and tools, as reports of errors need them."""
    from lifline.driver import device as devices

    with typed_errors():
        if device is not None:
            with devices.open(device) as opened:
                values = opened.info()
            print_figures({k: f"{v:#010x}" if k in ("magic", "config_hash") else v for k, v in values.items()})
            if as_json:
                print_json(values)
            return
    table = Table("config", "lanes", "dense", "weights", "neurons", "acc / state bits", "max delay", "hash")
    for c in PRESETS.values():
        table.add_row(
            c.name, str(c.event_lanes), f"{c.dense_lanes} x {c.window}" if c.dense_lanes else "-", f"{c.weight_bytes // 1024} KiB", str(c.max_neurons),
            f"{c.accumulator_bits} / {c.state_bits}", str(c.max_delay), f"{c.hash:08x}",
        )  # fmt: skip
    console.print(table)
    if as_json:
        from .environment import environment

        with typed_errors():
            print_json(environment())


@app.command()
def serve(
    config: ConfigName = "medium",
    interpreted: Annotated[bool, typer.Option("--interpreted", help="use Amaranth's simulator: needs no C++ compiler, much slower")] = False,
    as_json: Json = False,
) -> None:
    """Serve a simulated board on a pseudo-terminal, for drivers in other processes, until Ctrl-C."""
    from lifline.sim.board.serve import PseudoTerminal
    from lifline.sim.board.simulated import CompiledBoard, InterpretedBoard, compiler

    with typed_errors():
        target = configuration(config)
        if not interpreted and compiler() is None:
            console.print("[yellow]no C++ compiler found: serving Amaranth's simulator, which is much slower; install g++[/]")
            interpreted = True
        with console.status(f"preparing the simulated board `{target.name}`"):
            board = InterpretedBoard(target) if interpreted else CompiledBoard(target)
        terminal = PseudoTerminal(board)
    url = f"serial:{terminal.path}" + ("?timeout=30" if interpreted else "")
    console.print(f"simulated board `{target.name}` on {terminal.path}: open it as [bold]{url}[/]; Ctrl-C ends it", highlight=False, soft_wrap=True)
    if as_json:
        print_json({"path": terminal.path, "url": url, "config": target.name, "interpreted": interpreted})
    try:
        terminal.serve()
    except KeyboardInterrupt:
        console.print("ended")
    finally:
        terminal.close()
        board.close()
