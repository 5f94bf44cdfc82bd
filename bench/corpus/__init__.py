"""Networks of five frameworks, plain and unusual ones, that an import must get right or refuse by name; see ``judge`` for the verdict."""

from __future__ import annotations

from . import layers as layers  # registers its bodies
from . import on_norse, on_rockpool, on_sinabs, on_snntorch, on_spikingjelly
from .bodies import BODIES, Body
from .entry import Entry, Framework
from .judge import Verdict as Verdict
from .judge import judge as judge
from .judge import new as new
from .judge import tally as tally

WITHOUT_TIME = ("batch normalisation", "batch normalisation in training mode")
"""Bodies that do not suit sequences (batch, time, ...), which sinabs and Rockpool have: their layers take time for channels."""
MODULES = (on_snntorch, on_norse, on_spikingjelly, on_sinabs, on_rockpool)


def of_body(framework: Framework, body: Body) -> Entry:
    """A computation that all frameworks share, in one of them."""

    def make() -> object:
        return framework.net(body.layers(framework.neuron), body.compute)

    return Entry(name=body.name, framework=framework, expected=body.expected, make=make)  # type: ignore[arg-type]


def suits(framework: Framework, body: Body) -> bool:
    return framework.name not in ("sinabs", "Rockpool") or body.name not in WITHOUT_TIME


def entries() -> list[Entry]:
    """The whole corpus, framework by framework."""
    return [e for m in MODULES for e in [*(of_body(m.FRAMEWORK, b) for b in BODIES if suits(m.FRAMEWORK, b)), *m.entries()]]
