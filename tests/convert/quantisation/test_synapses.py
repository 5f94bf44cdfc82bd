"""Convolutions, pooling, shortcuts and concatenations keep their structure in integers, and are bit for bit what they are written out."""

from __future__ import annotations

import dataclasses
from math import prod
from typing import Any

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import ConversionError
from lifline.convert.floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Convolution, Dense, Operator, Pool, Reshape, Scale, Select, Shape
from lifline.convert.nir.dialects import Reset
from lifline.convert.quantisation import dense
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise
from lifline.network.model import Network
from lifline.sim.golden.model import GoldenModel

from ..structure.test_chains import embed
from .test_quantise import NONE, ONE, fine, neurons

Layer = tuple[str, Shape]
Way = tuple[str, str, tuple[Operator, ...]]
FLIP = np.arange(128).reshape(2, 8, 8)[:, :, ::-1].reshape(-1)


def kernel(seed: int, inputs: int, outputs: int, size: int = 3, *, bias: float = 0.05, stride: int = 1, gain: float = 1.0) -> Convolution:
    rng = np.random.default_rng(seed)
    weight = rng.normal(0.15, 0.5, (outputs, inputs, size, size)) * gain
    return Convolution(weight, rng.normal(0, bias, outputs), (stride, stride), ((size // 2, size // 2),) * 2, (1, 1))


def flat(seed: int, inputs: int, outputs: int) -> Dense:
    return Dense(np.random.default_rng(seed).normal(0.02, 0.4, (outputs, inputs)), np.full(outputs, 0.05))


def network(layers: list[Layer], ways: list[Way], models: dict[str, FloatNeurons] | None = None, **delays: Any) -> FloatNetwork:
    """Layers without a model of their own subtract their threshold of 1; ``delays`` by source and target, ``a_b=2``."""
    (entry, shape), *rest = layers
    populations = [FloatPopulation(entry, shape), *(FloatPopulation(name, s, (models or {}).get(name, neurons(strict=False))) for name, s in rest)]
    projections = [FloatProjection(source=s, target=t, operators=o, delays=np.asarray(delays.get(f"{s}_{t}", 0))) for s, t, o in ways]
    return FloatNetwork(name="layers", populations=tuple(populations), projections=tuple(projections), output=rest[-1][0], precision="float64")


def residual(models: dict[str, FloatNeurons] | None = None, **delays: Any) -> FloatNetwork:
    """Two blocks whose second adds its input's spikes (SEW-ADD), pooling, and a dense head."""
    second, head = kernel(2, 4, 4), (Pool((4, 4), (4, 4), (0, 0), True), Reshape((16,)), flat(4, 16, 5))
    return network(
        [("in", (2, 8, 8)), ("a", (4, 8, 8)), ("b", (4, 8, 8)), ("c", (4, 8, 8)), ("out", (5,))],
        [
            ("in", "a", (kernel(1, 2, 4),)),
            ("a", "b", (second,)),
            ("b", "c", (kernel(3, 4, 4),)),
            ("a", "c", (kernel(3, 4, 4).without_bias(),)),
            ("c", "out", head),
            ("b", "out", tuple(o.without_bias() for o in head)),
            ("a", "out", tuple(o.without_bias() for o in head)),
        ],
        models,
        **delays,
    )


def joined() -> FloatNetwork:
    """Two branches of other sizes of kernel, one of pooling, concatenated; a shortcut of everything into the next layer."""
    return network(
        [("in", (3, 8, 8)), ("a", (4, 8, 8)), ("b", (2, 8, 8)), ("c", (3, 8, 8)), ("d", (6, 4, 4)), ("e", (9, 8, 8)), ("out", (4,))],
        [
            ("in", "a", (kernel(1, 3, 4),)),
            ("in", "b", (kernel(2, 3, 2, 1, gain=2),)),
            ("in", "c", (Scale(np.array([0.5, 1.5, 1.1]).reshape(-1, 1, 1) * np.ones((3, 8, 8))),)),
            *((n, "d", (embed(at, 9, (size, 8, 8)), kernel(3, 9, 6, stride=2))) for n, at, size in (("a", 0, 4), ("b", 4, 2), ("c", 6, 3))),
            *((n, "e", (embed(at, 9, (size, 8, 8)),)) for n, at, size in (("a", 0, 4), ("b", 4, 2), ("c", 6, 3))),
            ("d", "out", (Reshape((96,)), flat(5, 96, 4))),
            ("e", "out", (Pool((2, 2), (2, 2), (0, 0), False), Reshape((144,)), flat(6, 144, 4))),
        ],
    )


def data(net: FloatNetwork, seed: int = 1, rate: float = 0.25) -> np.ndarray:
    return (np.random.default_rng(seed).random((6, 24, *net.input.shape)) < rate).astype(np.uint8)


def kinds(q: Network) -> list[str]:
    return [f"{p.source}-{p.target} {p.kind}".strip() for p in q.projections]


def equal_bits(q: Network, other: Network, x: np.ndarray) -> None:
    ours, theirs = (GoldenModel(n).run(x.reshape(*x.shape[:2], -1), record="all") for n in (q, other))
    for name, records in ours.records.items():
        for what, values in records.items():
            np.testing.assert_array_equal(values.reshape(theirs.records[name][what].shape), theirs.records[name][what], err_msg=f"{name}.{what}")


CURRENT = neurons(keep_i=0.75 * ONE, gain_i=0.5 * ONE, strict=False)
STARTED = neurons(reset=Reset.NOW_VALUE, v_start=-0.5 * ONE, v_reset=NONE, v_min=-0.75)
NETWORKS = {
    "residual": residual(),
    "concatenation": joined(),
    "currents": residual({n: CURRENT for n in "abc"}),
    "membranes that start elsewhere": residual({"b": STARTED}),
    "gains per channel": residual({"b": neurons(gain_v=np.array([0.5, 1, 2, 1.5]).reshape(-1, 1, 1), threshold=np.array([1, 1.2, 0.9, 1]).reshape(-1, 1, 1))}),
    "delays": residual(a_b=2, a_c=np.repeat(np.arange(4), 64).reshape(4, 8, 8), b_c=np.arange(256).reshape(4, 8, 8) % 5),
}


@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_written_out_every_bit_is_the_same(name: str, per_neuron: bool) -> None:
    net = NETWORKS[name]
    x = data(net)
    q, out = (quantise(net, x, per_neuron=per_neuron, unroll=unroll) for unroll in (False, True))
    assert {p.kind for p in out.projections} == {""} and sum(p.weights.size for p in q.projections) < sum(p.weights.size for p in out.projections) / 8
    assert all(GoldenModel(q).run(data(net, 2).reshape(6, 24, -1)).counters[p].spikes.any() for p in q.order if p != "in")
    equal_bits(q, out, data(net, 2))


def test_a_residual_network_keeps_its_structure() -> None:
    q = quantise(residual(), data(residual()))
    assert kinds(q) == [
        "in-a 3x3 convolution", "a-b 3x3 convolution", "b-c 3x3 convolution", "a-c 3x3 convolution",
        "c-out 2x2 convolution, pool 4", "b-out 2x2 convolution, pool 4", "a-out 2x2 convolution, pool 4",
    ]  # fmt: skip
    for both in (("b", "c"), ("a", "c")), (("c", "out"), ("a", "out")):
        first, second = ([p.weights for p in q.projections if (p.source, p.target) == pair] for pair in both)
        np.testing.assert_array_equal(first[0], second[0], err_msg="the sum's convolution has the same weights for each of its parts")


def test_a_concatenation_is_a_convolution_from_each_part_with_its_slice() -> None:
    net = joined()
    q = quantise(net, data(net))
    chain = net.projections[3].operators[1]
    assert isinstance(chain, Convolution)
    scale = q.metadata["quantised"]["scales"]["d"]
    for name, part in (("a", slice(0, 4)), ("b", slice(4, 6)), ("c", slice(6, 9))):
        (p,) = [p for p in q.projections if (p.source, p.target) == (name, "d")]
        np.testing.assert_array_equal(p.weights, np.rint(chain.weight[:, part] * scale / 2**p.weight_shift))
    assert "in-c identity" in kinds(q) and not q.metadata["quantised"]["notes"]


@pytest.mark.parametrize("name", ["residual", "concatenation", "gains per channel", "delays"])
def test_fine_weights_leave_no_error(name: str) -> None:
    net = NETWORKS[name]
    q = quantise(net, data(net), config=fine())
    for layer in fidelity(net, q, data(net, 2)).layers:
        assert layer.rate > 0.01 and layer.spike_agreement is not None and layer.spike_agreement > 0.985, layer


def test_scales_per_neuron_are_shared_by_the_positions_of_a_channel() -> None:
    """Channels as strong as 1 and 8: each fills its weight bits; one scale for all leaves the weak ones three bits fewer."""
    strong = kernel(1, 2, 4)
    strong = dataclasses.replace(strong, weight=strong.weight * np.array([1, 1 / 2, 1 / 4, 1 / 8]).reshape(-1, 1, 1, 1))
    net = network([("in", (2, 8, 8)), ("a", (4, 8, 8)), ("out", (3,))], [("in", "a", (strong,)), ("a", "out", (Reshape((256,)), flat(2, 256, 3)))])
    q = quantise(net, data(net), per_neuron=True)
    scales = np.reshape(q.metadata["quantised"]["scales"]["a"], (4, 64))
    assert (scales == scales[:, :1]).all() and len(np.unique(scales)) == 4
    (first, _) = q.projections
    assert (np.abs(first.weights).reshape(4, -1).max(axis=1) == 127).all()
    thresholds = q.population("a").neurons.threshold  # type: ignore[union-attr]
    np.testing.assert_array_equal(thresholds, np.rint(scales.reshape(-1)))


@pytest.mark.parametrize("operator", [Pool((2, 2), (2, 2), (0, 0), True), Pool((3, 3), (2, 2), (1, 1), False)])
def test_pooling_has_a_weight_per_channel_where_scales_are(operator: Pool) -> None:
    """A second way into the same neurons makes the channels' scales differ."""
    thresholds = np.array([0.4, 0.9, 0.7]).reshape(-1, 1, 1)
    shape = operator.output_shape((3, 8, 8))
    net = network(
        [("in", (3, 8, 8)), ("a", shape), ("out", (2,))],
        [
            ("in", "a", (operator,)),
            ("in", "a", (dataclasses.replace(kernel(2, 3, 3, stride=2), weight=kernel(2, 3, 3).weight * np.array([1, 3, 9]).reshape(-1, 1, 1, 1) / 9),)),
            ("a", "out", (Reshape((prod(shape),)), flat(2, prod(shape), 2))),
        ],
        {"a": neurons(threshold=thresholds)},
    )
    plain, own = (quantise(net, data(net), per_neuron=p) for p in (False, True))
    assert "pooling" in kinds(plain)[0] and plain.projections[0].weights.size == 1
    assert "groups 3" in kinds(own)[0] and len(np.unique(own.projections[0].weights)) > 1
    equal_bits(own, quantise(net, data(net), per_neuron=True, unroll=True), data(net, 2))


def test_ways_from_one_source_with_other_delays_are_projections_of_their_own() -> None:
    """Temporal kernels: the same source one, three and no steps ago; those with equal delays and equal connection are added."""
    net = network(
        [("in", (2, 8, 8)), ("a", (4, 8, 8)), ("out", (3,))],
        [("in", "a", (kernel(k, 2, 4),)) for k in range(4)] + [("a", "out", (Reshape((256,)), flat(2, 256, 3)))],
    )
    delayed = [dataclasses.replace(p, delays=np.asarray(d)) for p, d in zip(net.projections, (0, 3, 1, 3, 0), strict=True)]
    net = net.replace(projections=tuple(delayed))
    q = quantise(net, data(net))
    assert [(p.target, p.delays) for p in q.projections] == [("a", None), ("a", 3), ("a", 1), ("out", None)]
    report = fidelity(net, quantise(net, data(net), config=fine()), data(net, 2))
    assert all(layer.spike_agreement is not None and layer.spike_agreement > 0.985 for layer in report.layers)


def test_delays_per_channel_stay_so() -> None:
    q = quantise(NETWORKS["delays"], data(NETWORKS["delays"]))
    delays = {(p.source, p.target): p.delays for p in q.projections}
    assert delays["a", "b"] == 2 and np.shape(delays["b", "c"]) == (256,)
    np.testing.assert_array_equal(delays["a", "c"], np.arange(4))


def test_flat_populations_get_the_shape_that_a_convolution_sees() -> None:
    net = network(
        [("in", (128,)), ("a", (256,)), ("out", (3,))],
        [("in", "a", (Reshape((2, 8, 8)), kernel(1, 2, 4), Reshape((256,)))), ("a", "out", (Reshape((4, 8, 8)), Pool((4, 4), (4, 4), (0, 0), True), Reshape((16,)), flat(2, 16, 3)))],
    )
    q = quantise(net, data(net))
    assert [p.shape for p in q.populations] == [(2, 8, 8), (4, 8, 8), (3, 1, 1)]
    assert fidelity(net, q, data(net, 2)).prediction_agreement > 0.8
    equal_bits(q, quantise(net, data(net), unroll=True), data(net, 2))


def test_what_no_connection_expresses_is_written_out_and_noted() -> None:
    net = network(
        [("in", (2, 8, 8)), ("a", (4, 8, 8)), ("out", (3,))],
        [("in", "a", (Select(FLIP, (2, 8, 8)), kernel(1, 2, 4))), ("a", "out", (Reshape((256,)), flat(2, 256, 3)))],
    )
    q = quantise(net, data(net))
    assert kinds(q) == ["in-a", "a-out"]
    assert q.metadata["quantised"]["notes"][0].startswith("projection in -> a is written out as 32,768 weights: it puts values in an order")
    report = fidelity(net, quantise(net, data(net), config=fine()), data(net, 2))
    assert all(layer.spike_agreement is not None and layer.spike_agreement > 0.985 for layer in report.layers)


def test_what_would_have_too_many_weights_written_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "MAX_UNROLLED", 10_000)
    monkeypatch.setattr("lifline.convert.quantisation.synapses.MAX_UNROLLED", 10_000)
    net = network([("in", (2, 8, 8)), ("a", (4, 8, 8))], [("in", "a", (Select(FLIP, (2, 8, 8)), kernel(1, 2, 4)))])
    with pytest.raises(ConversionError, match="in -> a puts values in an order.*32,768, more than 10,000"):
        quantise(net, data(net))
    with pytest.raises(ConversionError, match="in -> a: written out it has 32,768 weights, more than 10,000"):
        quantise(residual(), data(residual()), unroll=True)


def test_helpers_of_a_convolutional_network_take_few_weights() -> None:
    """The constant neuron behind a synaptic current is reached from the input with one weight per channel, not one per pixel."""
    net = NETWORKS["currents"]
    q = quantise(net, data(net))
    (reach,) = [p for p in q.projections if p.target == "constant"]
    assert reach.weights.size == 2 and not reach.weights.any()
    assert GoldenModel(q).run(data(net).reshape(6, 24, -1), record=["constant"]).records["constant"]["spikes"].all()


def test_accumulators_cannot_overflow_through_a_convolution() -> None:
    """Kernels of one sign over large windows and folded pooling: the largest sum fills the accumulator of ``small`` and no more."""
    config = preset("small")
    wide = Convolution(np.random.default_rng(0).uniform(0.9, 1, (2, 8, 7, 7)), None, (1, 1), ((3, 3), (3, 3)), (1, 1))
    net = network(
        [("in", (8, 16, 16)), ("a", (2, 8, 8)), ("out", (2, 16, 16))],
        [("in", "a", (Pool((2, 2), (2, 2), (0, 0), False), wide)), ("in", "out", (wide,)), ("a", "out", (embed(0, 2, (2, 8, 8)), Select(np.arange(512) % 128, (2, 16, 16))))],
        {n: neurons(threshold=2 * ONE, keep_v=NONE) for n in ("a", "out")},
    )
    for p in quantise(net, data(net), config=config).projections[:1]:
        total = int(np.maximum(p.weight_matrix(), 0).sum(axis=1).max())
        assert 0.9 * config.accumulator_max < total <= config.accumulator_max
