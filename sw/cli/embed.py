"""``lifline embed``: a program for a host without Python."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lifline.arch.files import check_target, write_file

from .app import Json, app, console, print_json, typed_errors


@app.command()
def embed(
    program: Annotated[Path, typer.Argument(help="program file, as `lifline compile` writes it")],
    out: Annotated[Path, typer.Option("--out", "-o", help="folder for the driver's C sources and the program")],
    name: Annotated[str, typer.Option(help="of the C array and of its file")] = "network",
    binary: Annotated[bool, typer.Option("--binary", help="write the program as a file of little-endian words, not as C")] = False,
    as_json: Json = False,
) -> None:
    """Write the C driver and a program as a C array, for hosts without Python."""
    from lifline.compiler.program_file import load
    from lifline.embedded.image import binary as binary_of
    from lifline.embedded.image import c_source, driver_sources

    with typed_errors():
        loaded = load(program)
        source = c_source(loaded, name)
        contents = {file: text.encode() for file, text in driver_sources().items()}
        contents |= {f"{name}.bin": binary_of(loaded)} if binary else {f"{name}.c": source.encode()}
        out.mkdir(parents=True, exist_ok=True)
        for file in contents:
            check_target(out / file, sources=[program])
        for file, data in contents.items():
            write_file(out / file, partial(_write, data))
    console.print(f"wrote {len(contents)} files into `{out}`; `lifline_driver.h` says how to use them", highlight=False)
    if as_json:
        print_json({"name": name, "files": sorted(contents)})


def _write(data: bytes, path: Path) -> None:
    path.write_bytes(data)
