"""The folder of an IP core: it simulates, FuseSoC reads it, and its registers are those of the gateware."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.arch.errors import OutputError
from lifline.arch.registers import REGISTERS, Access, Space, address
from lifline.cli.main import app
from lifline.ip import package
from lifline.ip.address_map import MEANINGS, system_rdl
from lifline.ip.package import export
from lifline.ip.testbench import bench_verilog
from lifline.ip.verilog import Bus, module_name
from lifline.rtl.host.decode import depths

CONFIG = preset("tiny")
needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog (iverilog) is not installed")


def simulated(folder: Path) -> str:
    """Last line that the testbench prints."""
    subprocess.run(["iverilog", "-g2005", "-s", "testbench", "-o", "testbench", *map(str, folder.glob("*.v"))], cwd=folder, check=True)
    return subprocess.run(["vvp", "-n", "testbench"], cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()[-1]


@needs_icarus
@pytest.mark.parametrize("bus", Bus)
def test_the_testbench_finds_the_core_at_its_bus_and_no_other(bus: Bus, tmp_path: Path) -> None:
    assert set(export(CONFIG, bus, tmp_path)) == {file.name for file in tmp_path.iterdir()}
    assert simulated(tmp_path) == "PASS"
    other = bench_verilog(CONFIG.replace(max_delay=3), bus).replace(module_name(CONFIG.replace(max_delay=3), bus), module_name(CONFIG, bus))
    (tmp_path / "testbench.v").write_text(other)
    assert simulated(tmp_path) == "FAIL"


@needs_icarus
def test_fusesoc_sets_the_core_up_and_simulates_it(tmp_path: Path) -> None:
    export(CONFIG, Bus.AXI, tmp_path / "core")
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", "core", "run", "--target", "sim", f"lifline:ip:{module_name(CONFIG, Bus.AXI)}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=None)
    assert done.returncode == 0 and "PASS" in done.stdout.splitlines(), done.stdout + done.stderr


def test_the_component_has_every_register_and_memory_at_its_address(tmp_path: Path) -> None:
    export(CONFIG, Bus.WISHBONE, tmp_path)
    root = ElementTree.parse(tmp_path / f"{module_name(CONFIG, Bus.WISHBONE)}.xml").getroot()
    schema = {"x": root.tag[1:].partition("}")[0]}

    def number(element: ElementTree.Element, name: str) -> int:
        text = element.findtext(f"x:{name}", namespaces=schema)
        assert text is not None
        return int(text.replace("'h", "0x"), 0)

    blocks = {block.findtext("x:name", namespaces=schema): block for block in root.iter(f"{{{schema['x']}}}addressBlock")}
    registers = {r.findtext("x:name", namespaces=schema): r for r in blocks.pop("registers").iter(f"{{{schema['x']}}}register")}
    assert {name: number(r, "addressOffset") for name, r in registers.items()} == {name: 4 * r.offset for name, r in REGISTERS.items()}
    for name, found in registers.items():
        access = found.find("x:field", schema).findtext("x:access", namespaces=schema)  # type: ignore[union-attr]
        assert access == ("read-write" if REGISTERS[name].access is Access.WRITE else "read-only"), name
    memories = {space.name.lower(): (4 * address(space, 0), 4 * depth) for space, depth in depths(CONFIG).items() if space is not Space.REGISTERS}
    assert {name: (number(b, "baseAddress"), number(b, "range")) for name, b in blocks.items()} == memories


def test_every_memory_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Space) - {Space.REGISTERS}
    assert " maps @" in system_rdl(preset("conv"), "conv") and " maps @" not in system_rdl(CONFIG, "tiny")


def test_without_its_tools_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systemrdl.compiler", None)
    with pytest.raises(OutputError, match=r"pip install 'lifline\[ip\]'"):
        package.export(CONFIG, Bus.AXI, tmp_path / "core")
    assert not (tmp_path / "core").exists()


def test_from_the_command_line(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["export", "--ip", str(tmp_path / "core"), "--bus", "stream", "--config", "tiny", "--json"])
    assert said.exit_code == 0, said.output
    figures = json.loads(said.stdout.splitlines()[-1])
    assert figures["module"] == "lifline_tiny_stream" and set(figures["files"]) == {f.name for f in (tmp_path / "core").iterdir()}


@pytest.mark.parametrize(("arguments", "message"), [
    (["--ip", "core", "--bus", "apb"], "there is no bus `apb`; there are stream, axi, wishbone"), ([], "give a network file and --out GRAPH, or --ip FOLDER alone"),
    (["net.lifline", "--ip", "core"], "give a network file"), (["net.lifline"], "give a network file"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["export", *arguments])
    assert said.exit_code == 1 and message in " ".join(said.output.split())
