"""What coverage asks for exists."""

from __future__ import annotations

from lifline.arch.program import PROGRAM_LAYOUTS
from lifline.cli.coverage import BITS, FIELDS


def test_bits_that_are_not_asked_for_belong_to_fields_that_exist() -> None:
    fields = {f"{w.name}.{f.name}": f.width for w in PROGRAM_LAYOUTS for f in w.fields}
    assert all(0 < bits <= fields[name] for name, bits in BITS.items())
    assert set(FIELDS) >= {"pass_0.mode[0]", "micro.latch remaining", "micro.record count", "population_1.shift[3]", "population_2.factor_v[12]"}
