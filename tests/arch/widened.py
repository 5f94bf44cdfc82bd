"""``python -m tests.arch.widened WORD FIELD``: the whole system with one field of one layout a bit wider than it is.

The layouts are written once, in ``arch``. With a field widened there, and another field of its word narrowed if the word is full, random
networks are compiled, loaded and run on the interpreted gateware: everything has to follow. Prints ``follows`` if spikes and states equal
the golden model's, ``refuses: reason`` for a typed refusal, and fails for anything else.
"""

from __future__ import annotations

import sys

from lifline.arch import layout
from lifline.arch.layout import WORD_BITS, Field


def widened(fields: tuple[Field, ...], name: str) -> tuple[Field, ...]:
    """The fields with the named one a bit wider; in a full word the widest other one gives the bit, a reserved one first."""
    chosen = next(f for f in fields if f.name == name)
    spare = WORD_BITS - sum(f.width for f in fields)
    givers = sorted((f for f in fields if f is not chosen and f.width > 1), key=lambda f: (f.name == "reserved", f.width))
    if not spare and not givers:
        raise ValueError(f"`{name}` has the whole word")

    def width(f: Field) -> int:
        return f.width + (f is chosen) - (not spare and f is givers[-1])

    return tuple(Field(f.name, width(f), f.doc, f.signed) for f in fields)


def patch(word: str, field: str) -> None:
    """Widen the field in every layout of that name that is made from now on."""
    original = layout.Word.__init__

    def init(self: layout.Word, name: str, doc: str, *fields: Field) -> None:
        original(self, name, doc, *(widened(fields, field) if name == word else fields))

    layout.Word.__init__ = init  # type: ignore[method-assign]


def main(word: str, field: str) -> None:
    assert not {"lifline.arch.program", "lifline.arch.records"} & set(sys.modules), "the layouts exist already"
    patch(word, field)
    from lifline.arch.errors import LiflineError

    try:
        run(word, field)
    except (LiflineError, ValueError) as error:
        print(f"refuses: {error}")
    else:
        print("follows")


def run(word: str, field: str) -> None:
    """Random networks on a system that is made now."""
    import numpy as np

    from lifline.arch.config import preset
    from lifline.arch.program import PROGRAM_LAYOUTS
    from lifline.arch.records import RECORD
    from lifline.compiler.compile import compile_network
    from lifline.driver import device
    from lifline.sim.golden.model import GoldenModel

    from ..rtl.test_programs import all_records, case, mismatches

    made = next(layout for layout in (*PROGRAM_LAYOUTS, RECORD) if layout.name == word)
    assert made[field].width > 1
    config = preset("tiny")
    with device.open("pysim:tiny") as board:
        for seed in (3, 8):
            network, modes, spikes = case(seed, max_steps=12)
            assert isinstance(spikes, np.ndarray)
            board.load(compile_network(network, config, modes))
            record = all_records(network)
            wrong = mismatches(GoldenModel(network).run(spikes, record=record), board.run(spikes, record=record))
            assert not wrong, f"seed {seed}: {wrong}"


if __name__ == "__main__":
    main(*sys.argv[1:])
