"""A folder with all that a system needs of the core: sources, testbench, description of registers, C header, FuseSoC core file."""

from __future__ import annotations

import tempfile
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from lifline.arch.config import Config
from lifline.arch.errors import OutputError
from lifline.arch.files import check_target, write_file

from .address_map import system_rdl
from .testbench import bench_verilog
from .verilog import Bus, module_name, verilog_of

VENDOR = "lifline"


def contents(config: Config, bus: Bus) -> dict[str, str]:
    """Text of every file, by name.

    Raises
    ------
    OutputError   if the tools that make IP-XACT are not installed.
    """
    name = module_name(config, bus)
    rdl = system_rdl(config, name)
    component = ip_xact(rdl, name)  # first: what it needs may be missing
    return {
        f"{name}.v": verilog_of(config, bus),
        "testbench.v": bench_verilog(config, bus),
        f"{name}.rdl": rdl,
        f"{name}.xml": component,
        f"{name}.core": core_file(config, bus),
        "lifline.h": (files("lifline.data") / "lifline.h").read_text(),
    }


def ip_xact(rdl: str, name: str) -> str:
    """The address map as an IP-XACT component (IEEE 1685-2014).

    Raises
    ------
    OutputError   if the tools that make it are not installed.
    """
    try:
        from peakrdl_ipxact.exporter import IPXACTExporter
        from systemrdl.compiler import RDLCompiler
    except ImportError as error:
        raise OutputError(f"IP-XACT is made by PeakRDL ({error}); pip install 'lifline[ip]'") from error
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / f"{name}.rdl", Path(folder) / f"{name}.xml"
        source.write_text(rdl)
        compiler = RDLCompiler()
        compiler.compile_file(str(source))
        exporter = IPXACTExporter(vendor=VENDOR, library="ip", version=version("lifline"))
        exporter.export(compiler.elaborate().top, str(target), component_name=name)
        return target.read_text()


def core_file(config: Config, bus: Bus) -> str:
    """What FuseSoC reads: ``fusesoc --cores-root FOLDER run --target sim lifline:ip:NAME`` simulates the testbench."""
    import yaml  # of the extra `ip`, as what is above

    name = module_name(config, bus)
    described = {
        "name": f"{VENDOR}:ip:{name}:{version('lifline')}",
        "description": f"Spiking neural network accelerator, configuration {config.name}, behind {bus}",
        "filesets": {
            "rtl": {"files": [f"{name}.v"], "file_type": "verilogSource-2005"},
            "testbench": {"files": ["testbench.v"], "file_type": "verilogSource-2005"},
            "registers": {"files": [{f"{name}.rdl": {"file_type": "systemRDL"}}, {f"{name}.xml": {"file_type": "IPXACT"}}]},
        },
        "targets": {
            "default": {"filesets": ["rtl"], "toplevel": name},
            "sim": {
                "description": "the testbench, in Icarus Verilog",
                "flow": "sim",
                "flow_options": {"tool": "icarus", "iverilog_options": ["-g2005"]},
                "filesets": ["rtl", "testbench"],
                "toplevel": "testbench",
            },
        },
    }
    return "CAPI=2:\n" + yaml.safe_dump(described, sort_keys=False)


def export(config: Config, bus: Bus, out: Path) -> list[str]:
    """Write the folder; returns the names of its files.

    Raises
    ------
    OutputError   if a file cannot be written, or a tool is missing.
    """
    written = contents(config, bus)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be a folder ({error.strerror}); choose another one") from error
    for name in written:
        check_target(out / name)
    for name, text in written.items():
        write_file(out / name, partial(_write, text))
    return list(written)


def _write(text: str, path: Path) -> None:
    path.write_text(text)
