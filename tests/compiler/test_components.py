"""Components: which populations a window computes step by step, and what comes back late enough not to matter."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import NetworkError
from lifline.arch.program import INSTRUCTION, PASS_0, REPEAT_1, Mode, Opcode
from lifline.compiler.compile import compile_network
from lifline.compiler.components import Execution, components_of
from lifline.network.model import Network, Neurons, Population, Projection

CONFIG = preset("tiny")
W = CONFIG.window
SIZES = {"in": 20, "a": 18, "b": 7, "out": 3}


def network(*back: tuple[str, str, int]) -> Network:
    """in -> a -> b -> out, and projections back with a delay each."""
    edges = [("in", "a", 0), ("a", "b", 0), ("b", "out", 0), *back]
    return Network(
        name="back", output="out", state_bits=CONFIG.state_bits,
        populations=[Population(name, (size,), None if name == "in" else Neurons(threshold=4)) for name, size in SIZES.items()],
        projections=[Projection(source=s, target=t, weights=np.ones((SIZES[t], SIZES[s]), int), delays=d) for s, t, d in edges],
    )  # fmt: skip


def found(*back: tuple[str, str, int], window: int = W) -> list[tuple[list[str], list[tuple[str, str]]]]:
    return [([p.name for p in c.populations], [(p.source, p.target) for p in c.closing]) for c in components_of(network(*back), window)]


def test_what_feeds_forward_is_a_component_of_its_own() -> None:
    assert found() == [(["a"], []), (["b"], []), (["out"], [])]


def test_populations_on_a_cycle_are_one() -> None:
    assert found(("b", "a", 1)) == [(["a", "b"], [("a", "b"), ("b", "a")]), (["out"], [])]
    assert found(("out", "b", W - 1), ("b", "a", 1))[0][0] == ["a", "b", "out"]
    assert found(("a", "a", 1))[0] == (["a"], [("a", "a")])


@pytest.mark.parametrize("back", [("b", "a"), ("a", "a"), ("out", "a")])
def test_a_delay_of_a_window_closes_no_cycle(back: tuple[str, str]) -> None:
    assert found((*back, W)) == found() and found((*back, W - 1)) != found() and found((*back, 1), window=1) == found()


def test_a_cycle_without_delay_is_refused_by_name() -> None:
    with pytest.raises(NetworkError, match="form a cycle without delay"):
        network(("b", "a", 0))


def executions(modes: Mode | dict[tuple[str, str], Mode], *back: tuple[str, str, int], slots: int = CONFIG.slot_words) -> dict[tuple[str, str], Execution]:
    config = CONFIG.replace(slot_words=slots)
    return {(p.source, p.target): p.execution for p in compile_network(network(*back), config, modes).passes}


def test_only_what_must_goes_step_by_step() -> None:
    own = executions(Mode.EVENT, ("a", "a", 1))
    assert own == {("in", "a"): Execution.WINDOW, ("a", "a"): Execution.RECURRENT, ("a", "b"): Execution.WINDOW, ("b", "out"): Execution.WINDOW}
    assert list(own)[:2] == [("in", "a"), ("a", "a")], "its own spikes come last"
    pair = executions(Mode.EVENT, ("b", "a", 1))
    assert [pair[key] for key in (("in", "a"), ("b", "a"), ("a", "b"), ("b", "out"))] == [Execution.LOOP] * 3 + [Execution.WINDOW]
    assert set(executions(Mode.DENSE, ("b", "a", W)).values()) == {Execution.WINDOW}


def test_a_loop_serves_dense_mode_and_too_few_slots() -> None:
    assert executions(Mode.DENSE, ("a", "a", 1))["in", "a"] is Execution.LOOP
    assert executions(Mode.EVENT, ("a", "a", 1), slots=16)["a", "a"] is Execution.LOOP, "five blocks for each of four steps do not fit"


def test_a_loop_leads_back_behind_its_beginning() -> None:
    program = compile_network(network(("b", "a", 1)), CONFIG)
    words = [(address, layout, value) for address, layout, value in program.listing() if layout in (INSTRUCTION, PASS_0, REPEAT_1)]
    opcodes = [layout.unpack(value)["opcode"] for _, layout, value in words if layout is not REPEAT_1]
    assert opcodes == [Opcode.LOOP, Opcode.PASS, Opcode.PASS, Opcode.PASS, Opcode.REPEAT, Opcode.PASS, Opcode.END]
    [first] = [layout.unpack(value)["first"] for _, layout, value in words if layout is REPEAT_1]
    assert first == words[1][0] and not any(layout.unpack(value)["recurrent"] for _, layout, value in words if layout is PASS_0)
    assert "b -> a event step by step" in repr(program) and program.is_recurrent
