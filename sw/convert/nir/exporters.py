"""How tau, r, w_in and the time step enter, for every dialect and node type: one table, from which the import computes and the docs are made.

What a node becomes in one step is a formula, kept as text (:func:`formulas`) and evaluated by the import, so that the table in
``docs/import.md`` is what runs. Beside it stands what the framework's exporter writes into the node's fields. Where that tells the time step
(snnTorch writes ``r = tau / dt``), an import compares it with the dialect's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dialects import DIALECTS, Dialect, Gain, Integrator

Array = NDArray[np.float64]
NODES = ("LIF", "CubaLIF", "LI", "CubaLI", "IF", "I")
STEP_TOLERANCE = 0.01
"""Relative difference from which two time steps are not the same; exporters compute in single precision."""
_KEEP = {Integrator.EULER: "1 - dt / {tau}", Integrator.EXPONENTIAL: "exp(-dt / {tau})"}
_PART = {Integrator.EULER: "dt / {tau}", Integrator.EXPONENTIAL: "1 - exp(-dt / {tau})"}


@dataclass(frozen=True)
class Formulas:
    """One step of a node: ``i = keep_i i + gain_i x``, ``v = keep_v v + gain_v i + part_v v_leak``; None without a current."""

    keep_v: str
    gain_v: str
    part_v: str
    keep_i: str | None
    gain_i: str | None


def formulas(rules: Dialect, node: str) -> Formulas:
    """The formulas of a node type in a dialect, in the fields' names, ``dt`` and ``dt_integrate``."""
    if node in ("IF", "I"):
        return Formulas("1", "r" if rules.dt_integrate == 1 else "r * dt" if rules.dt_integrate is None else "r * dt_integrate", "0", None, None)
    current = node in ("CubaLIF", "CubaLI")
    tau = "tau_mem" if current else "tau"
    keep, part = _KEEP[rules.integrator].format(tau=tau), _PART[rules.integrator].format(tau=tau)
    gain = rules.integrator_gain if node == "LI" else rules.membrane_gain
    gain_v = {Gain.STORED: f"r * ({part})", Gain.JUMP: "1", Gain.DECAYED: keep}[gain]
    if not current:
        return Formulas(keep, gain_v, part, None, None)
    keep_i, part_i = _KEEP[rules.integrator].format(tau="tau_syn"), _PART[rules.integrator].format(tau="tau_syn")
    gain_i = {Gain.STORED: f"w_in * ({part_i})", Gain.JUMP: "w_in", Gain.DECAYED: f"w_in * ({keep_i})"}[rules.current_gain]
    return Formulas(keep, gain_v, part, keep_i, gain_i)


def computed(formula: str, rules: Dialect, fields: dict[str, Array]) -> Array:
    """A formula's value; ``fields`` are the node's."""
    step = rules.dt if rules.dt_integrate is None else rules.dt_integrate
    names: dict[str, Any] = {"dt": rules.dt, "dt_integrate": step, "exp": np.exp}
    # The text is one of the constants above, never a user's.
    return np.asarray(eval(formula, {"__builtins__": {}}, {**names, **fields}), np.float64)


@dataclass(frozen=True)
class Written:
    """What an exporter writes into the fields of a node type, and the time step that these fields tell (None: they do not)."""

    fields: str
    step: Callable[[dict[str, Array]], Array] | None = None


def _rockpool_step(tau: Array, r: Array) -> Array:
    """The ``dt`` of ``r = tau exp(-dt / tau) / dt``, by Newton's method on ``x exp(x) = 1 / r``, ``x = dt / tau``."""
    x = np.log1p(1 / r)
    for _ in range(20):
        x = x - (x * np.exp(x) - 1 / r) / (np.exp(x) * (1 + x))
    return x * tau


def _where_scaled(f: dict[str, Array]) -> Array:
    """SpikingJelly's LIFNode: ``r`` is 1 with ``decay_input`` and then tells nothing."""
    return np.where(f["r"] == 1, np.nan, f["tau"] / f["r"])


def _from_membrane(f: dict[str, Array]) -> Array:
    return f["tau_mem"] / f["r"]


EXPORTERS: dict[str, dict[str, Written]] = {
    "snntorch": {
        "LIF": Written("tau = dt / (1 - beta), r = tau / dt", lambda f: f["tau"] / f["r"]),
        "CubaLIF": Written("tau_mem = dt / (1 - beta), r = tau_mem / dt, tau_syn = dt / (1 - alpha), w_in = tau_syn / dt", _from_membrane),
    },
    "norse": {
        "LIF": Written("tau = dt_export / tau_mem_inv, r = 1 (LIFBoxCell)"),
        "CubaLIF": Written("tau_mem = dt_export / tau_mem_inv, tau_syn = dt_export / tau_syn_inv, r = 1, w_in = 1 (LIFCell)"),
        "LI": Written("tau = dt_export / tau_mem_inv, r = 1 (LIBoxCell)"),
        "IF": Written("r = 1 (IAFCell)"),
    },
    "spikingjelly": {
        "LIF": Written("tau = dt * module.tau, r = 1 with decay_input, else module.tau", _where_scaled),
        "CubaLIF": Written("tau_mem = dt / (1 - v_decay), r = tau_mem / dt, tau_syn = dt / (1 - c_decay), w_in = tau_syn / dt", _from_membrane),
        "IF": Written("r = 1 / dt", lambda f: 1 / f["r"]),
    },
    "sinabs": {
        "LIF": Written("tau in steps, r = 1"),
        "LI": Written("tau in steps, r = 1 (ExpLeak)"),
        "IF": Written("r = 1"),
    },
    "rockpool": {
        "LIF": Written("tau, r = tau exp(-dt / tau) / dt (LIFNeuronTorch)", lambda f: _rockpool_step(f["tau"], f["r"])),
        "CubaLIF": Written("tau_mem, tau_syn, r = tau_mem exp(-dt / tau_mem) / dt, w_in = 1", lambda f: _rockpool_step(f["tau_mem"], f["r"])),
        "LI": Written("tau, r = tau exp(-dt / tau) / dt (ExpSynTorch)", lambda f: _rockpool_step(f["tau"], f["r"])),
    },
}
"""By framework and node type. A type that is missing is one that the framework does not export."""


def exporter_of(rules: Dialect) -> dict[str, Written]:
    return EXPORTERS.get(rules.name.split("_")[0], {})


def told_step(rules: Dialect, node: str, fields: dict[str, Array]) -> float | None:
    """The time step that a node's fields tell, if the framework's exporter wrote them, or None.

    None also if neurons tell different ones: then no exporter wrote them.
    """
    written = exporter_of(rules).get(node)
    if written is None or written.step is None or any(not (f > 0).all() for f in (fields["r"],)):
        return None
    steps = written.step(fields)
    if not steps.size or not np.isfinite(steps).all() or np.ptp(steps) > STEP_TOLERANCE * np.abs(steps).max():
        return None
    return float(f"{float(np.median(steps)):.4g}")


def dt_of(rules: Dialect) -> str:
    return f"{rules.dt:g}" if rules.name != "norse" else f"{rules.dt:g} (= dt of the cells * dt_export)"


def table() -> str:
    """The table as Markdown: a row per dialect and node type; dialects that differ in reset and cap only share their rows."""
    seen: set[tuple[object, ...]] = set()
    lines = ["| dialect | node | what the exporter writes | kept per step | gain of the input | leak |", "|---|---|---|---|---|---|"]
    for rules in DIALECTS.values():
        key = (rules.dt, rules.dt_integrate, rules.integrator, rules.current_gain, rules.membrane_gain, rules.integrator_gain, rules.start)
        if key in seen:
            continue
        seen.add(key)
        label = f"`{rules.name}` dt {dt_of(rules)}"
        for node in NODES:
            f = formulas(rules, node)
            written = exporter_of(rules).get(node)
            keep = f.keep_v if f.keep_i is None else f"v: {f.keep_v}; i: {f.keep_i}"
            gain = f.gain_v if f.gain_i is None else f"v: {f.gain_v}; i: {f.gain_i}"
            leak = "" if f.part_v == "0" else f"({f.part_v}) * v_leak"
            lines.append(f"| {label} | {node} | {'' if written is None else written.fields} | {keep} | {gain} | {leak} |")
            label = ""
    return "\n".join(lines)
