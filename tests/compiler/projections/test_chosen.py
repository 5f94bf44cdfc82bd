"""A new kind of projection is compiled by what stands beside its name, and one without a name is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.layouts import Layout
from lifline.compiler.projections import chosen
from lifline.compiler.projections.fully_connected import FullyConnected
from lifline.compiler.projections.kind import Ints, Part
from lifline.network.connections import fully_connected as connections
from lifline.network.connections.kind import Connection
from lifline.network.model import Network, Neurons, Population, Projection

TINY = preset("tiny")


class OneToOne(connections.FullyConnected):
    """A connection of a kind of its own."""


class InSinglePasses(FullyConnected):
    """A pass for every 32 presynaptic neurons."""

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        return super().parts(projection, stored, source, target, Mode.EVENT, config.replace(weight_words=RING_BITS))


def network(connection: Connection) -> Network:
    return Network(
        name="net", state_bits=TINY.state_bits, output="out",
        populations=(Population("in", (64,)), Population("out", (64,), Neurons(threshold=1))),
        projections=(Projection(source="in", target="out", weights=np.eye(64, dtype=int), connection=connection),),
    )  # fmt: skip


def test_a_kind_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "KINDS", {OneToOne: InSinglePasses(), **chosen.KINDS})
    tiny = TINY.replace(weight_words=2048)
    assert [p.fan_in for p in compile_network(network(OneToOne()), tiny).passes] == [32, 32]
    assert [p.fan_in for p in compile_network(network(connections.FullyConnected()), tiny).passes] == [64]


def test_a_kind_without_a_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen, "KINDS", {OneToOne: FullyConnected()})
    with pytest.raises(CompileError, match="in -> out: FullyConnected.* is no connection that this gateware runs, which are `OneToOne`"):
        compile_network(network(connections.FullyConnected()), TINY)
