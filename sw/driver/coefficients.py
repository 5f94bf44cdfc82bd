"""What the parts of a chip cost in energy: numbers with ranges, per chip, from the file that comes with lifline and from one's own."""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lifline.arch.errors import InputError
from lifline.arch.files import write_file
from lifline.arch.toml_file import UNREADABLE, read_toml
from lifline.boards.chip import Chip

LARGEST = 1e9
OTHER = "other"
"""Section of chips of which nothing is known."""


@dataclass(frozen=True)
class Range:
    """An estimate, and the range in which it is thought to be."""

    value: float
    low: float
    high: float

    def scaled(self, factor: float) -> Range:
        """All of it times ``factor``, which is not negative."""
        return Range(self.value * factor, self.low * factor, self.high * factor)

    def __add__(self, other: Range) -> Range:
        return Range(self.value + other.value, self.low + other.low, self.high + other.high)


NOTHING = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Coefficients:
    """Of one chip; what each is and its unit stand at the top of ``sw/data/energy.toml``.

    Attributes
    ----------
    device : the chip.   source : what they are, in words.
    """

    device: str
    source: str
    static_uw: Range
    loop_uw: Range
    tree_pj: Range
    flip_flop_fj: Range
    toggle_fj: Range
    carry_fj: Range
    block_pj: Range
    single_port_pj: Range = NOTHING
    distributed_pj: Range = NOTHING
    product_pj: Range = NOTHING


NAMES = tuple(f.name for f in dataclasses.fields(Coefficients) if f.name not in ("device", "source"))
CLOCK = "loop_uw", "tree_pj", "flip_flop_fj"
SWITCHING = tuple(name for name in NAMES if name not in ("static_uw", *CLOCK))
"""What runs with the clock, and what is used when something happens."""


@dataclass(frozen=True)
class Switching:
    """What a configuration switches, fitted to netlists of a family; see ``bench/energy.py``.

    Attributes
    ----------
    per_cycle, per_lane_bit_cycle, per_weight_bit, per_operation : changes of wires per clock cycle, per state bit of the update lanes and cycle, per weight bit read,
    per synaptic operation.   carries_per_toggle : changes of carries for each of them.
    block_accesses, single_port_accesses : per memory and clock cycle.   distributed_writes : per cycle.   products : per update lane and cycle.
    flip_flops : per lookup table, as :mod:`lifline.boards.estimate` counts them.
    error_median, error_90_percent : relative, of the changes of wires in whole runs.   runs : how many those were.
    """

    per_cycle: float
    per_lane_bit_cycle: float
    per_weight_bit: float
    per_operation: float
    carries_per_toggle: float
    block_accesses: float
    single_port_accesses: float
    distributed_writes: float
    products: float
    flip_flops: float
    error_median: float
    error_90_percent: float
    runs: int


@cache
def _built_in() -> dict[str, Any]:
    return tomllib.loads(files("lifline.data").joinpath("energy.toml").read_text())


def switching_of(family: str) -> Switching:
    """What the netlists of a family switch; of families without netlists those of the ECP5."""
    known = _built_in()["activity"]
    return Switching(**known.get(family, known["ecp5"]))


def coefficients_of(chip: Chip, path: str | os.PathLike[str] | None = None, *, must: bool = True) -> Coefficients:
    """Of a chip; what the file at ``path`` has for it, or for its family, is taken from there, and it ``must`` have something.

    Raises
    ------
    InputError   if the file cannot be read, or holds something that is no coefficient.
    """
    own = {} if path is None else _read(path)
    sections = OTHER, chip.family, chip.name
    found: dict[str, Range] = {}
    for devices in (_ranges(_built_in()["devices"], "energy.toml"), own):
        for section in sections:
            found |= devices.get(section, {})
    used = [section for section in sections if own.get(section)]
    if path is not None and not used and must:
        raise InputError(f"{os.fsdecode(path)} has nothing for the {chip.name}; it has {', '.join(own) or 'no devices'}. Give it a section [devices.{chip.name}]")
    known = chip.name in _built_in()["devices"] or chip.family in _built_in()["devices"]
    source = f"coefficients of {os.path.basename(os.fsdecode(path))}" if path and used else "not measured on a board" if known else f"not measured, and nothing is known of the {chip.name}"
    return Coefficients(device=chip.name, source=source, **{name: found[name] for name in NAMES})


def _read(path: str | os.PathLike[str]) -> dict[str, dict[str, Range]]:
    name = os.fsdecode(path)
    try:
        values = read_toml(path)
    except UNREADABLE as error:
        raise InputError(f"{name} cannot be read as coefficients ({error}); see docs/energy.md for a file with some") from error
    if wrong := sorted(values.keys() - {"devices"}):
        raise InputError(f"{name}: `{wrong[0]}` is no section of coefficients; they stand under [devices.NAME], NAME that of a chip or a family")
    return _ranges(values.get("devices", {}), name)


def _ranges(devices: object, path: str) -> dict[str, dict[str, Range]]:
    if not isinstance(devices, Mapping) or not all(isinstance(values, Mapping) for values in devices.values()):
        raise InputError(f"{path}: `devices` must hold sections, like [devices.iCE40UP5K]")
    return {str(device): {name: _range(f"{path}: `{name}` of {device}", name, value) for name, value in values.items()} for device, values in devices.items()}


def _range(where: str, name: str, value: object) -> Range:
    if name not in NAMES:
        raise InputError(f"{where} is no coefficient; there are {', '.join(NAMES)}")
    given: list[Any] = value if isinstance(value, list) else [value] * 3
    if len(given) != 3 or not all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in given):
        raise InputError(f"{where} is {value!r}; give a number, or three: [estimate, low, high]")
    estimate, low, high = (float(v) for v in given)
    if not 0 <= low <= estimate <= high <= LARGEST:
        raise InputError(f"{where} is {value!r}; it must be 0 <= low <= estimate <= high <= {LARGEST:g}, in the order [estimate, low, high]")
    return Range(estimate, low, high)


def save_coefficients(path: str | os.PathLike[str], device: str, numbers: Mapping[str, Range], remarks: str) -> None:
    """Write a file that :func:`coefficients_of` reads; every line of ``remarks`` becomes a comment.

    Raises
    ------
    OutputError   if it cannot be written.
    """
    lines = [*(f"# {line}" for line in remarks.splitlines()), f"[devices.{device}]"]
    lines += [f"{name} = [{r.value:.6g}, {r.low:.6g}, {r.high:.6g}]" for name, r in numbers.items()]
    write_file(path, lambda part: part.write_text("\n".join(lines) + "\n"))
