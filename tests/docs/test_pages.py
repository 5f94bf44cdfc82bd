"""The examples of the pages on semantics, files, devices and data sets run, and print what the pages say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer

from lifline.boards.board import BOARDS
from lifline.cli.main import app
from lifline.driver.coefficients import coefficients_of

DOCS = Path(__file__).parents[2] / "docs"
ORDER = ("Rules", "Example", "API")


def run_example(page: str, capsys: pytest.CaptureFixture[str]) -> str:
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S):
        exec(compile(code, page, "exec"), names)
    return capsys.readouterr().out


def test_semantics(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "semantics.md").read_text()
    lines = [line.strip() for line in run_example("semantics.md", capsys).splitlines()]
    assert len(lines) == 3 and all(f"    {line}\n" in text for line in lines), lines


def test_files(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "{'made': 'by hand'} tiny (8, 512)" in run_example("files.md", capsys)


def test_layers(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "layers.md").read_text()
    lines = run_example("layers.md", capsys).splitlines()
    assert len(lines) == 14 and all(f"`{line}`" in text for line in lines), lines


def test_report(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = run_example("report.md", capsys).strip()
    assert line and f"`{line}`" in (DOCS / "report.md").read_text() and (tmp_path / "report.html").stat().st_size < 3_000_000


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_driver(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_example("driver.md", capsys).startswith("True [[")


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_bench(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_example("bench.md", capsys).startswith("[[")


def test_energy(capsys: pytest.CaptureFixture[str]) -> None:
    *layers, whole = run_example("energy.md", capsys).splitlines()
    found = [[float(number) for number in re.findall(r"[\d.]+(?= uJ|,? to|$)", line)] for line in layers]
    total, low, high = (float(number) for number in re.match(r"([\d.]+) µJ, an estimate \(([\d.]+) to ([\d.]+)\)", whole).groups())  # type: ignore[union-attr]
    assert len(found) == 3 and sum(layer[0] for layer in found) == pytest.approx(total, rel=0.05) and low < total < high
    text = (DOCS / "energy.md").read_text()
    used = {command for command in re.findall(r"^    lifline (\w+)", text, re.M)}
    assert used == {"energy", "calibrate"} and used <= typer.main.get_group(app).commands.keys()


def test_every_source_of_the_energy_page_stands_in_the_coefficients() -> None:
    """Costs in the page are those of the file."""
    text, known = (DOCS / "energy.md").read_text(), coefficients_of(BOARDS["icebreaker"].chip)
    for name, unit in (("static_uw", "µW"), ("loop_uw", "µW"), ("tree_pj", "pJ"), ("flip_flop_fj", "fJ"), ("toggle_fj", "fJ"), ("product_pj", "pJ"), ("carry_fj", "fJ")):
        cost = getattr(known, name)
        assert f"| {cost.value:g} {unit} | {cost.low:g} to {cost.high:,g} |" in text, name
    assert f"{known.block_pj.value:g} pJ; {known.single_port_pj.value:g} pJ" in text


def test_the_page_on_the_bench_names_three_boards_and_only_commands_and_options_that_exist() -> None:
    text = (DOCS / "bench.md").read_text()
    listed = {name for name, board in BOARDS.items() if f"| {board.title} | {board.chip.name} | `{board.config}` | {board.clock_hz / 1e6:g} MHz |" in text}
    assert listed == {"ulx3s-25f", "ulx3s-85f", "icebreaker"}
    commands = typer.main.get_group(app).commands
    used = re.findall(r"lifline (boards|build|program|selftest|serve)((?: +(?:--?[\w-]+|[\w./:<>-]+))*)", text)
    assert {command for command, _ in used} == {"boards", "build", "program", "selftest", "serve"}
    for command, arguments in used:
        options = {option for parameter in commands[command].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z]+", arguments)) <= options, (command, arguments)


def test_the_page_of_boards_has_a_line_for_every_board() -> None:
    text = (DOCS / "boards.md").read_text()
    for name, board in BOARDS.items():
        start = f"| `{name}` | {board.title} | {board.chip.name} | `{board.configuration().name}` | {board.clock_hz / 1e6:g} MHz |"
        line = next(line for line in text.splitlines() if line.startswith(start))
        assert ("lifline program" in line) is bool(board.loader) and ("--flash" in line) is (bool(board.loader) and not board.direct), name


def test_datasets(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two recordings of five bytes per event: x, y, polarity and time in microseconds."""
    rng = np.random.default_rng(0)
    for label in range(2):
        folder = tmp_path / "N-MNIST" / "Train" / str(label)
        folder.mkdir(parents=True)
        times = np.sort(rng.integers(0, 250_000, 40))
        x, y, on = rng.integers(0, 34, 40), rng.integers(0, 34, 40), rng.integers(0, 2, 40)
        events = np.stack([x, y, on << 7 | times >> 16, times >> 8 & 0xFF, times & 0xFF], axis=1).astype(np.uint8)
        (folder / "00001.bin").write_bytes(events.tobytes())
    monkeypatch.chdir(tmp_path)
    assert run_example("datasets.md", capsys).startswith("(2, 300, 2312)")


@pytest.mark.parametrize("page", ["semantics.md", "files.md", "driver.md", "training.md"])
def test_order_of_a_page(page: str) -> None:
    """What it computes comes first, then rules, a runnable example, the API."""
    titles = re.findall(r"^## (.*)", (DOCS / page).read_text(), re.M)
    assert [t for t in titles if t in ORDER] == list(ORDER) and titles[0] not in ORDER
