"""The verdicts of the corpus of imports: right on networks of every framework, and able to condemn."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

import lifline
from lifline.arch.errors import ConversionError

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
for framework in ("snntorch", "norse", "spikingjelly", "sinabs", "rockpool"):
    pytest.importorskip(framework)
corpus = pytest.importorskip("corpus")

ENTRIES = corpus.entries()
FRAMEWORKS = ("snnTorch", "Norse", "SpikingJelly", "sinabs", "Rockpool")
pytestmark = pytest.mark.filterwarnings("ignore")


def entry(label: str) -> Any:
    return next(e for e in ENTRIES if e.label == label)


def quick() -> list[Any]:
    """Every network of a framework's own, and of the computations that all share one each, in turn."""
    shared = list(dict.fromkeys(b.name for b in corpus.BODIES))
    turns = {name: FRAMEWORKS[k % len(FRAMEWORKS)] for k, name in enumerate(shared)}
    return [e for e in ENTRIES if turns.get(e.name, e.framework.name) == e.framework.name]


def test_the_corpus_is_large_and_its_labels_are_unique() -> None:
    assert len(ENTRIES) >= 80 and len({e.label for e in ENTRIES}) == len(ENTRIES)
    assert {e.framework.name for e in ENTRIES} == set(FRAMEWORKS)
    assert all(any(e.framework.name == f and e.expected == expected for e in ENTRIES) for f in FRAMEWORKS for expected in ("equal", "refused", "either"))


@pytest.mark.parametrize("e", quick(), ids=lambda e: e.label)
def test_every_import_is_right_or_refused_by_name(e: Any) -> None:
    verdict = corpus.judge(e)
    assert verdict.good, f"{e.label}: {verdict.outcome}, expected {e.expected}: {verdict.detail}"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_verdicts_see_hidden_layers(framework: str) -> None:
    verdict = corpus.judge(entry(f"{framework}: plain"))
    assert verdict.outcome == "equal" and verdict.layers >= 2


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_wrong_importer_is_silent(framework: str) -> None:
    plain = entry(f"{framework}: plain")
    usual = getattr(lifline, plain.framework.importer)

    def wrong(net: Any, **options: Any) -> Any:
        parameters = [p for name, p in net.named_parameters() if name.startswith("a.")]
        for p in parameters:
            p.data *= 1.5
        return usual(net, **options)

    verdict = corpus.judge(plain, importer=wrong)
    assert verdict.outcome == "silent" and not verdict.good and corpus.tally([verdict])["silent"] == 1


def test_a_hidden_layer_that_differs_alone_is_silent() -> None:
    """The framework's output is that of the network as it was imported, what its hidden layer does is not."""
    plain = entry("snnTorch: plain")

    def run(net: Any, x: Any) -> Any:
        y = plain.framework.run(corpus.new(plain), x)
        net.a.weight.data *= 1.5
        plain.framework.run(net, x)
        return y

    verdict = corpus.judge(dataclasses.replace(plain, run=run))
    assert verdict.outcome == "silent" and "layer `n1`" in verdict.detail


def test_other_exceptions_are_untyped_and_refusals_of_plain_networks_are_wrong() -> None:
    def broken(net: Any, **options: Any) -> Any:
        raise KeyError("lost")

    def refusing(net: Any, **options: Any) -> Any:
        raise ConversionError("no")

    verdicts = [corpus.judge(entry("Norse: plain"), importer=importer) for importer in (broken, refusing)]
    assert [v.outcome for v in verdicts] == ["untyped", "refused"] and not any(v.good for v in verdicts)
    counts = corpus.tally(verdicts)
    assert counts["untyped"] == 1 and counts["refused_wrongly"] == 1 and counts["corpus"] == 2


def test_a_silent_framework_shows_nothing() -> None:
    """Equality of constant outputs is no evidence."""
    silent = dataclasses.replace(entry("snnTorch: plain"), run=lambda net, x: torch.zeros(*x.shape[:2], 6))
    assert corpus.judge(silent).outcome == "vacuous"
