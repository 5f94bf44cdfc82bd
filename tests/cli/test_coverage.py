"""What coverage asks for exists."""

from __future__ import annotations

from lifline.arch.config import PRESETS
from lifline.arch.maps import MAP
from lifline.arch.program import PROGRAM_LAYOUTS
from lifline.cli.coverage import BITS, FIELDS, GATHERS, MAPPED, VECTORS, asked_for
from lifline.sim.random.geometry import GEOMETRIES


def test_bits_that_are_not_asked_for_belong_to_fields_that_exist() -> None:
    fields = {f"{w.name}.{f.name}": f.width for w in (*PROGRAM_LAYOUTS, MAP) for f in w.fields}
    assert all(0 < bits <= fields[name] for name, bits in BITS.items())
    assert set(FIELDS) >= {"pass_0.mode[0]", "micro.latch remaining", "micro.record count", "population_1.shift[3]", "population_2.factor_v[12]"}


def test_maps_are_asked_for_where_a_configuration_has_some() -> None:
    without, with_maps = set(asked_for([PRESETS["tiny"], PRESETS["large"]])), set(asked_for([PRESETS["tiny"], PRESETS["conv"]]))
    assert with_maps - without == {*GEOMETRIES, "sparse", *VECTORS, *MAPPED, *GATHERS} and set(FIELDS) <= without
    assert {"pass_3.reciprocal_0[17]", "pass_8.weight_step[15]", "map.exists[0]", "ring_0.tap[0]"} <= set(MAPPED)
