"""A report shows what was measured, in one page that fetches nothing and works in a browser."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lifline
from lifline.arch.program import Mode
from lifline.report import Report, charts, report
from lifline.report.drawing import draw_network
from lifline.report.page import SAMPLES_HELD, check_page

from ..cli.test_cli import call

BROWSER = shutil.which("chromium")


def network(name: str = "looks back", read_out: bool = False) -> lifline.Network:
    """Three layers, a shortcut, a projection back, and an output that fires or does not."""
    rng, fires = np.random.default_rng(0), lifline.Neurons(threshold=60, decay_v=300)
    sizes = {"in": 24, "a": 16, "b": 12, "out": 4}
    neurons = {"in": None, "a": fires, "b": fires, "out": lifline.Neurons(threshold=60, cap=0) if read_out else fires}
    pairs = [("in", "a", 0), ("a", "b", 0), ("in", "b", 0), ("b", "a", 5), ("b", "out", 0)]
    return lifline.Network(
        name=name, output="out", state_bits=16,
        populations=[lifline.Population(n, (size,), neurons[n]) for n, size in sizes.items()],
        projections=[lifline.Projection(source=s, target=t, weights=rng.integers(-20, 40, (sizes[t], sizes[s])), delays=d) for s, t, d in pairs],
    )  # fmt: skip


def spikes(samples: int = 6) -> np.ndarray:
    return (np.random.default_rng(1).random((samples, 20, 24)) < 0.2).astype(np.uint8)


def made(name: str = "looks back", read_out: bool = False, samples: int = 6, **options: Any) -> Report:
    program = lifline.compile_network(network(name, read_out), lifline.preset("tiny"))
    return report(program, spikes(samples), labels=np.arange(samples) % 4, device="golden:tiny", **options)


@pytest.fixture(scope="module")
def found() -> Report:
    return made()


def rows(specification: dict[str, Any]) -> list[dict[str, Any]]:
    """The data of all layers of a chart; a layer without data has its chart's."""
    own = specification["data"]["values"] if "data" in specification else []
    return [*own, *(row for layer in specification.get("layer", []) for row in rows(layer))]


def test_figures_are_those_of_the_run(found: Report) -> None:
    figures = json.loads(json.dumps(found.figures))
    assert figures["mismatches"] == 0 and figures["samples"] == 6 and figures["labels"] == [0, 1, 2, 3, 0, 1]
    assert figures["busy_cycles_model"] == found.measured.costs.busy_cycles.tolist()
    assert {(p["source"], p["target"], p["mode"]) for p in figures["projections"] if p["chosen"]} == {
        (p.source, p.target, "event") for p in found.measured.program.passes
    }


def test_charts_hold_the_numbers_that_were_measured(found: Report) -> None:
    measured = found.measured
    shown = {row["layer"]: row["spikes"] for row in rows(charts.spikes_by_layer(measured))}
    assert shown == {name: measured.activity.spikes[name].sum() / 6 for name in ("in", "a", "b", "out")}
    assert measured.labels is not None
    cells = {(row["label"], row["prediction"]): row["samples"] for row in rows(charts.confusion(measured.labels, measured.result.prediction, 4))}
    assert cells == {(a, b): int(((measured.labels == a) & (measured.result.prediction == b)).sum()) for a in range(4) for b in range(4)}
    cycles = {(row["pair"], row["mode"]): row["value"] for row in rows(charts.by_mode(measured, "cycles", "cycles"))}
    assert cycles == {(f"{p.source} → {p.target}", p.mode.name.lower()): p.cycles for p in measured.costs.projections} | {
        ("windows, clearing", "either"): measured.costs.rest_cycles
    }
    assert sum(row["samples"] for row in rows(charts.cycles_of_samples(measured))) == 6


def test_a_raster_holds_every_spike_of_its_samples(found: Report) -> None:
    fired = [found.measured.activity.spikes["a"][k] for k in found.held]
    text = next(layer["data"]["values"] for layer in charts.raster("a", fired, 4)["layer"] if "values" in layer["data"] and isinstance(layer["data"]["values"], str))
    assert {tuple(map(int, line.split(","))) for line in text.split()[1:]} == {(k, t, n) for k, one in enumerate(fired) for t, n in np.argwhere(one)}


def test_points_under_the_roof_are_operations_by_words_and_cycles(found: Report) -> None:
    points = {(row["pair"], row["mode"]): row for row in rows(charts.roofline(found.measured)) if "pair" in row}
    for p in found.measured.costs.projections:
        row = points[f"{p.source} → {p.target}", p.mode.name.lower()]
        assert row["per word"] == pytest.approx(p.operations / p.weight_reads) and row["per cycle"] == pytest.approx(p.operations / p.cycles)
        assert row["per cycle"] <= row["per word"]


def test_the_drawing_has_every_population_and_pair_and_marks_what_goes_back(found: Report) -> None:
    drawing = draw_network(found.measured.program)
    assert [box.name for box in drawing.boxes] == ["in", "a", "b", "out"]
    assert [box.y for box in drawing.boxes] == sorted({box.y for box in drawing.boxes})
    assert [line.goes_back for line in drawing.lines] == [False, False, False, True, False]
    assert drawing.lines[2].text == "fully connected; event"
    assert drawing.lines[3].text == "fully connected; event; delay 5"
    assert all(box.x + 200 <= drawing.width and box.y + 46 <= drawing.height for box in drawing.boxes)


def test_a_page_holds_so_many_samples_and_always_the_one_that_was_asked_for() -> None:
    many = made(samples=SAMPLES_HELD + 5, sample=23)
    assert many.held == (23, *range(SAMPLES_HELD - 1))


def test_names_cannot_leave_their_place() -> None:
    html = made("</script><script>alert(1)</script>").html()
    assert "<script>alert" not in html and "&lt;/script&gt;" in html
    numbers = re.search(r'<script type="application/json" id="numbers">(.*?)</script>', html, re.S)
    assert numbers is not None and json.loads(numbers[1])["network"] == "</script><script>alert(1)</script>"


def test_floating_point_stands_beside_the_integers(tmp_path: Path) -> None:
    nir = pytest.importorskip("nir")
    rng = np.random.default_rng(5)
    graph, layers = tmp_path / "model.nir", {"input": nir.Input(np.array([24])), "output": nir.Output(np.array([6]))}
    layers["fc"] = nir.Linear(rng.normal(0, 0.5, (6, 24)).astype(np.float32))
    layers["lif"] = nir.IF(r=np.full(6, 1e4, np.float32), v_threshold=np.ones(6, np.float32), v_reset=np.zeros(6, np.float32))
    nir.write(graph, nir.NIRGraph(layers, [("input", "fc"), ("fc", "lif"), ("lif", "output")]))
    np.save(tmp_path / "spikes.npy", spikes())
    call("import", str(graph), "--dialect", "snntorch", "--calibration", str(tmp_path / "spikes.npy"), "--out", str(tmp_path / "net"))
    page = tmp_path / "page.html"
    figures = call("report", str(tmp_path / "net"), str(tmp_path / "spikes.npy"), "--graph", str(graph), "--device", "golden:medium", "--out", str(page), "--json")
    (layer,) = figures["fidelity"]["layers"]
    assert layer["board_mismatches"] == 0 and 0.5 < layer["spike_agreement"] <= 1
    assert all(0 <= value < 1 for _, value in layer["worst"]) and len(layer["worst"]) <= 5
    assert "neurons that differ most" in page.read_text()


@pytest.mark.parametrize("name", ["page.txt", "page"])
def test_a_page_has_the_name_of_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(lifline.InputError, match="must end in .html"):
        check_page(tmp_path / name)


def test_time_on_a_board_is_that_of_the_estimate() -> None:
    assert made().on_board is None
    found = made(board="icebreaker", link=3_000_000)
    program, measured = found.measured.program, found.measured
    expected = lifline.estimate(program, measured.spikes, board="icebreaker", link=3_000_000, record=None)
    assert found.figures["board_estimate"]["samples_per_second"] == expected.samples_per_second
    assert f"{expected.samples_per_second:,.1f}, limited by" in found.html()


def test_a_sample_that_is_not_there_is_named() -> None:
    with pytest.raises(lifline.InputError, match=r"sample 6 must be in 0\.\.5"):
        made(sample=6)


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("read_out", [False, True])
def test_a_browser_shows_it_says_nothing_and_fetches_nothing(width: int, read_out: bool, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    made(read_out=read_out).save(tmp_path / "page.html")
    said: list[str] = []
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 800}, accept_downloads=True)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None)
        page.goto(f"file://{tmp_path / 'page.html'}")
        page.wait_for_selector("body[data-ready]")
        charts_shown = page.eval_on_selector_all("[data-chart] svg.marks", "all => all.filter(one => one.getBoundingClientRect().height > 40).length")
        assert charts_shown == page.locator("[data-chart]").count() == 4 + 7
        assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing reaches beyond the page"
        cut = "all => all.filter(one => one.scrollWidth > one.clientWidth && one.querySelectorAll('tr:last-child > *').length < 7).length"
        assert page.eval_on_selector_all(".scroll", cut) == 0, "tables of a few columns can be read without moving them"
        heading = page.get_by_role("heading", name="Spikes, cycles and energy")
        assert heading.is_visible() and page.get_by_role("table").count() >= 5
        before = page.locator('[data-chart="layer-a"] svg.marks').inner_html()
        page.select_option("#sample", "3")
        page.wait_for_function("() => document.getElementById('shown').textContent.startsWith('Sample 3')")
        page.wait_for_function("before => document.querySelector('[data-chart=\"layer-a\"] svg.marks').innerHTML !== before", arg=before)
        with page.expect_download() as download:
            page.get_by_role("button", name="numbers as JSON").click()
        assert json.loads(Path(download.value.path()).read_text())["samples"] == 6
        browser.close()
    assert not said


def test_modes_that_do_not_exist_are_not_drawn() -> None:
    program = lifline.compile_network(network(), lifline.preset("small"))
    found = report(program, spikes(), device="golden:small")
    assert {row["mode"] for row in rows(charts.by_mode(found.measured, "cycles", "cycles"))} == {"event", "either"}
    assert {p.mode for p in found.measured.costs.projections} == {Mode.EVENT}
