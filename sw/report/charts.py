"""The charts of a report, as specifications of Vega-Lite: data and marks; the page draws them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import MissingLibraryError
from lifline.convert.quantisation.fidelity_report import FidelityReport

from .measurement import Measured

if TYPE_CHECKING:
    import altair

COLOURS = {"event": "#2f6fb0", "dense": "#b5540a"}
INK, PALE = "#1f2d3a", "#8a949d"
CHOSEN = "datum.chosen == 'chosen'"
BAR = 22
"""Height of a bar, in pixels."""


def require() -> Any:
    """Altair, which makes the specifications.

    Raises
    ------
    MissingLibraryError   if it is not installed.
    """
    try:
        import altair
        import vl_convert  # noqa: F401  # brings what draws them
    except ImportError as error:
        raise MissingLibraryError("a report needs Altair and vl-convert, which are not installed; pip install 'lifline[report]'") from error
    return altair


def specification(chart: altair.TopLevelMixin, description: str) -> dict[str, Any]:
    """What the page embeds; ``description`` is read to those who do not see the chart."""
    found = chart.properties(description=description, autosize={"type": "fit-x", "contains": "padding"}).configure(
        axis={"labelColor": INK, "titleColor": INK, "gridColor": "#e5e9ec", "labelLimit": 220},
        legend={"labelColor": INK, "titleColor": INK, "orient": "bottom", "titleOrient": "left"}, view={"stroke": "#c9ced3"}, font="system-ui, sans-serif",
    )  # fmt: skip
    return found.to_dict()


def _height(rows: Sequence[object]) -> int:
    """Of a chart with a bar for each of ``rows``, in pixels."""
    return len(rows) * BAR + 10


def raster(name: str, fired: Sequence[NDArray[np.uint8]], window: int) -> dict[str, Any]:
    """Spikes of one population: ``fired`` (time, neuron) of every sample that the page holds; the parameter ``sample`` chooses one."""
    alt = require()
    text = io.StringIO("s,t,n\n")
    text.seek(0, io.SEEK_END)
    for k, one in enumerate(fired):
        np.savetxt(text, np.column_stack([np.full(int((one != 0).sum()), k), *np.nonzero(one)]), fmt="%d", delimiter=",")
    steps, neurons = max(len(one) for one in fired), fired[0].shape[1]
    chosen = alt.param(name="sample", value=0)
    data = alt.Data(values=text.getvalue(), format=alt.CsvDataFormat(type="csv"))
    points = (
        alt.Chart(data)
        .mark_point(filled=True, size=14 if neurons < 300 else 5, color=INK, opacity=1)
        .encode(x=_time(alt, steps), y=alt.Y("n:Q", title="neuron", scale=alt.Scale(domain=[0, neurons - 1], reverse=True, padding=4)))
        .transform_filter("datum.s == sample")
        .add_params(chosen)
    )
    height = int(min(170, max(60, neurons * 3)))
    return specification(_windows(alt, steps, window) + points.properties(width="container", height=height), f"Spikes of population {name}, by time step and neuron.")


def membranes(name: str, values: Sequence[NDArray[np.integer]], predictions: Sequence[int], window: int) -> dict[str, Any]:
    """Membranes of a read-out: ``values`` (time, neuron) of every sample that the page holds; the predicted one stands out."""
    alt = require()
    rows = [
        {"s": k, "t": t, "n": n, "v": int(v), "best": bool(n == predictions[k])}
        for k, one in enumerate(values) for t, row in enumerate(one) for n, v in enumerate(row)
    ]  # fmt: skip
    steps = max(len(one) for one in values)
    lines = (
        alt.Chart(alt.Data(values=rows))
        .mark_line()
        .encode(
            x=_time(alt, steps), y=alt.Y("v:Q", title="membrane"), detail="n:N",
            color=alt.condition("datum.best", alt.value("#c0392b"), alt.value("#9aa3ab")), size=alt.condition("datum.best", alt.value(2.5), alt.value(1)),
        )  # fmt: skip
        .transform_filter("datum.s == sample")
        .add_params(alt.param(name="sample", value=0))
    )
    chart = _windows(alt, steps, window) + lines.properties(width="container", height=170)
    return specification(chart, f"Membranes of the read-out {name} over time; that of the prediction is red.")


def _time(alt: Any, steps: int) -> Any:
    return alt.X("t:Q", title="time step", scale=alt.Scale(domain=[-0.5, steps - 0.5], nice=False), axis=alt.Axis(tickMinStep=1, grid=False))


def _windows(alt: Any, steps: int, window: int) -> Any:
    """Every other window of steps, shaded."""
    bands = [{"from": start - 0.5, "to": min(start + window, steps) - 0.5} for start in range(0, steps, 2 * window)]
    return alt.Chart(alt.Data(values=bands)).mark_rect(color="#f0f3f5").encode(x=alt.X("from:Q", title="time step"), x2="to:Q")


def by_mode(measured: Measured, what: str, title: str) -> dict[str, Any]:
    """``what`` (``cycles`` or ``microjoules``) of every pair of populations in both modes; what the program uses is filled."""
    alt = require()
    rows = [
        {"pair": f"{p.source} → {p.target}", "mode": p.mode.name.lower(), "value": getattr(p, what), "chosen": "chosen" if p.chosen else "not chosen"}
        for p in measured.costs.projections
    ]
    rest = measured.costs.rest_cycles if what == "cycles" else measured.costs.rest_microjoules
    rows.append({"pair": "windows, clearing", "mode": "either", "value": rest, "chosen": "chosen"})
    modes = ["event", "dense", "either"]
    colours = alt.Scale(domain=modes, range=[*COLOURS.values(), PALE])
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(strokeWidth=1.5)
        .encode(
            y=alt.Y("pair:N", title=None, sort=None), yOffset=alt.YOffset("mode:N", sort=modes), x=alt.X("value:Q", title=title, axis=alt.Axis(tickCount=6)),
            fill=alt.Fill("mode:N", title="mode", sort=modes, scale=colours), stroke=alt.Stroke("mode:N", title="mode", sort=modes, scale=colours),
            fillOpacity=alt.condition(CHOSEN, alt.value(1), alt.value(0.12)),
            tooltip=["pair:N", "mode:N", "chosen:N", alt.Tooltip("value:Q", format=",.4~g")],
        )  # fmt: skip
        .properties(width="container", height=_height(rows))
    )
    return specification(chart, f"{title}, for each pair of populations in both modes; the modes that the program uses are filled.")


def spikes_by_layer(measured: Measured) -> dict[str, Any]:
    """Spikes per sample of every population."""
    alt = require()
    network, activity = measured.program.network, measured.activity
    names = [network.input.name, *(layer.name for layer in measured.costs.layers)]
    rows = [{"layer": name, "spikes": float(activity.spikes[name].sum()) / len(measured.spikes)} for name in names]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(color=INK)
        .encode(y=alt.Y("layer:N", title=None, sort=None), x=alt.X("spikes:Q", title="spikes per sample", axis=alt.Axis(tickCount=6)), tooltip=["layer:N", alt.Tooltip("spikes:Q", format=",.1f")])
        .properties(width="container", height=_height(rows))
    )
    return specification(chart, "Spikes per sample of every population.")


def roofline(measured: Measured) -> dict[str, Any]:
    """Synaptic operations per cycle over operations per weight word: the memory gives a word per cycle, the lanes have their peaks."""
    alt = require()
    config = measured.program.config
    peaks = {"event": config.event_lanes} | ({"dense": config.dense_lanes * config.window} if config.dense_lanes else {})
    rows = [
        {
            "pair": f"{p.source} → {p.target}", "mode": p.mode.name.lower(), "per word": p.operations / p.weight_reads, "per cycle": p.operations / p.cycles,
            "chosen": "chosen" if p.chosen else "not chosen",
        }
        for p in measured.costs.projections if p.weight_reads and p.cycles and p.operations
    ]  # fmt: skip
    lowest = min([1.0, *(min(row["per word"], row["per cycle"]) for row in rows)]) / 2
    top = 2.0 * max(peaks.values())
    roof = [{"per word": x, "per cycle": x} for x in (lowest, max(peaks.values()))]
    log_x, log_y = (alt.Scale(type="log", domain=[lowest, top], nice=False) for _ in range(2))
    x, y = alt.X("per word:Q", title="synaptic operations per weight word read", scale=log_x), alt.Y("per cycle:Q", title="operations per cycle", scale=log_y)
    colours = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    slope = alt.Chart(alt.Data(values=roof)).mark_line(color=PALE, strokeDash=[5, 3]).encode(x=x, y=y)
    ceilings = alt.Chart(alt.Data(values=[{"mode": mode, "per cycle": peak} for mode, peak in peaks.items()]))
    ceilings = ceilings.mark_rule(strokeDash=[2, 2]).encode(y=y, stroke=alt.Stroke("mode:N", scale=colours, legend=None))
    points = (
        alt.Chart(alt.Data(values=rows))
        .mark_point(size=90, strokeWidth=2)
        .encode(
            x=x, y=y, stroke=alt.Stroke("mode:N", title="mode", scale=colours), fill=alt.Fill("mode:N", title="mode", scale=colours),
            fillOpacity=alt.condition(CHOSEN, alt.value(1), alt.value(0)),
            tooltip=["pair:N", "mode:N", "chosen:N", alt.Tooltip("per word:Q", format=".3~g"), alt.Tooltip("per cycle:Q", format=".3~g")],
        )  # fmt: skip
    )
    chosen = [row for row in rows if row["chosen"] == "chosen"]
    for k, dy in enumerate((-9, 11)):  # in turn above and below
        names = alt.Chart(alt.Data(values=chosen[k::2])).mark_text(align="left", dx=8, dy=dy, color=INK)
        points += names.encode(x=x, y=y, text="pair:N")
    chart = (slope + ceilings + points).properties(width="container", height=280)
    return specification(chart, "Roofline: synaptic operations per cycle over operations per weight word read, of every pair of populations in both modes.")


def memory(measured: Measured) -> dict[str, Any]:
    """Share of every memory that the program takes."""
    alt = require()
    rows = [{"memory": name, "share": used / limit, "text": f"{used:,} of {limit:,}"} for name, (used, limit) in measured.program.memory.items() if limit]
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("memory:N", title=None, sort=None))
    full = base.mark_bar(color="#e5e9ec").encode(x=alt.X("one:Q", title="share used", axis=alt.Axis(format="%", tickCount=5))).transform_calculate(one="1")
    bars = base.mark_bar(color=COLOURS["event"]).encode(x="share:Q", tooltip=["memory:N", "text:N"])
    text = base.mark_text(align="left", dx=4, color=INK).encode(x="share:Q", text="text:N")
    return specification((full + bars + text).properties(width="container", height=_height(rows)), "Share of every memory of the configuration that the program takes.")


def confusion(labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int) -> dict[str, Any]:
    """How many samples of each label got each prediction."""
    alt = require()
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    rows = [{"label": r, "prediction": c, "samples": int(counts[r, c])} for r in range(classes) for c in range(classes)]
    base = alt.Chart(alt.Data(values=rows)).encode(x=alt.X("prediction:O", axis=alt.Axis(labelAngle=0)), y="label:O")
    cells = base.mark_rect().encode(color=alt.Color("samples:Q", scale=alt.Scale(range=["#ffffff", "#08519c"], interpolate="rgb"), legend=None), tooltip=["label:O", "prediction:O", "samples:Q"])
    light = alt.condition(f"datum.samples > {counts.max() / 2}", alt.value("white"), alt.value(INK))
    text = base.mark_text().encode(text="samples:Q", color=light).transform_filter("datum.samples > 0")
    return specification((cells + text).properties(width="container", height=24 * classes), "Confusion matrix: samples by label and prediction.")


def cycles_of_samples(measured: Measured) -> dict[str, Any]:
    """How the cycles of samples are spread."""
    alt = require()
    busy = measured.costs.busy_cycles
    counts, edges = np.histogram(busy, bins=min(24, max(1, len(np.unique(busy)))))
    rows = [{"from": float(a), "to": float(b), "samples": int(n)} for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(color=INK)
        .encode(x=alt.X("from:Q", title="clock cycles of a sample", bin=alt.BinParams(binned=True)), x2="to:Q", y=alt.Y("samples:Q", title="samples", axis=alt.Axis(tickMinStep=1)))
        .properties(width="container", height=150)
    )
    return specification(chart, "How many samples take how many clock cycles.")


def agreement(fidelity: FidelityReport) -> dict[str, Any]:
    """Share of the spikes that floating point and integers have in common, by layer; membrane errors beside it."""
    alt = require()
    rows = [
        {"layer": layer.name, "what": what, "value": value}
        for layer in fidelity.layers
        for what, value in (("spikes that agree", layer.spike_agreement), ("membrane error / threshold", layer.membrane_error)) if value is not None
    ]  # fmt: skip
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            y=alt.Y("layer:N", title=None, sort=None), yOffset="what:N", x=alt.X("value:Q", title="share"),
            color=alt.Color("what:N", title=None, scale=alt.Scale(range=["#b5540a", "#2f6fb0"])), tooltip=["layer:N", "what:N", alt.Tooltip("value:Q", format=".4~g")],
        )  # fmt: skip
        .properties(width="container", height=_height(rows))
    )
    return specification(chart, "Agreement between the floating-point network and the integers, layer by layer.")

