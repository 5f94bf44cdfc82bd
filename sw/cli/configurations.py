"""``lifline config``: configurations of one's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from lifline.arch.config import PRESETS, Config
from lifline.arch.config_file import SUFFIX, changed, check_name, configuration, save_config
from lifline.arch.files import check_target
from lifline.arch.parameters import memories

from .app import Json, app, console, print_json, typed_errors

group = typer.Typer(help="Make and show hardware configurations of your own.", no_args_is_help=True)
app.add_typer(group, name="config")


@group.command("new")
def new(
    name: Annotated[str, typer.Argument(help="of the configuration; the file is NAME.toml")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="[PARAMETER=VALUE]...", help="for example lanes=32 window=16")] = None,
    base: Annotated[str, typer.Option("--from", help="a preset, or a configuration's file")] = "medium",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="file to write in place of NAME.toml")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a file that is there")] = False,
    as_json: Json = False,
) -> None:
    """Write a configuration file for --config, from a preset and changes."""
    with typed_errors():
        start = configuration(base)
        config = changed(start, name.removesuffix(SUFFIX), changes or [])
        check_name(config)
        path = out or Path(f"{config.name}{SUFFIX}")
        check_target(path, sources=[base] if base.endswith(SUFFIX) else [])
        if path.exists() and not force:
            raise FileExistsError(f"{path} is there already; --force replaces it")
        save_config(config, path)
    _print(config, start)
    console.print(f"wrote {path}: give it as --config {path}", highlight=False, markup=False)
    if as_json:
        print_json({"file": str(path)} | described(config))


@group.command("show")
def show(
    config: Annotated[str, typer.Argument(help="a preset, or a configuration's file")],
    against: Annotated[str, typer.Option(help="what to compare it with")] = "medium",
    as_json: Json = False,
) -> None:
    """Show every parameter, and what differs from a preset."""
    with typed_errors():
        shown, other = configuration(config), configuration(against)
    _print(shown, other)
    if as_json:
        print_json(described(shown))


def described(config: Config) -> dict[str, Any]:
    """Parameters, hash and memories as JSON has them."""
    return dataclasses.asdict(config) | {"hash": config.hash, "memory_bits": memories(config)}


def _print(config: Config, other: Config) -> None:
    title = f"{config.name} (hash {config.hash:08x})" + ("" if config.name in PRESETS else ", a configuration of your own")
    table = Table("parameter", config.name, other.name, title=escape(title), title_style="bold")
    for field in dataclasses.fields(Config):
        if field.name != "name":
            mine, theirs = getattr(config, field.name), getattr(other, field.name)
            table.add_row(field.name, _cell(mine), _cell(theirs), style="bold" if mine != theirs else "dim")
    table.add_section()
    for name, bits in memories(config).items():
        table.add_row(f"{name}, KiB", f"{bits / 8192:g}", f"{memories(other)[name] / 8192:g}")
    console.print(table)


def _cell(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
