"""What a network description accepts and refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from lifline.arch.errors import NetworkError
from lifline.network.graph import components
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection, ResetRule


def parts(**changes):
    values = dict(
        name="net",
        populations=(
            Population("input", (2, 2)),
            Population("hidden", (3,), Neurons(threshold=4)),
            Population("out", (2,), Neurons(cap=0)),
        ),
        projections=(
            Projection(source="input", target="hidden", weights=np.ones((3, 4), np.int8)),
            Projection(source="hidden", target="out", weights=np.ones((2, 3), np.int8), delays=[1, 2, 3]),
        ),
        output="out",
    )
    return values | changes


def network(**changes) -> Network:
    return Network(**parts(**changes))


def with_hidden(**neurons) -> Network:
    populations = list(parts()["populations"])
    populations[1] = Population("hidden", (3,), Neurons(**({"threshold": 4} | neurons)))
    return network(populations=tuple(populations))


def with_projections(*extra, drop: int = 0) -> Network:
    return network(projections=parts()["projections"][drop:] + extra)


def test_a_valid_network_and_its_helpers() -> None:
    net = network()
    assert net.order == ["input", "hidden", "out"] and net.is_feed_forward
    assert net.input.size == 4 and net.population("out").size == 2
    assert [p.source for p in net.projections_into("out")] == ["hidden"]
    assert [p.target for p in net.projections_from("input")] == ["hidden"]
    assert net.replace(name="other").name == "other"


def test_arrays_are_copies_and_read_only() -> None:
    weights = np.ones((3, 4), np.int8)
    projection = Projection(source="input", target="hidden", weights=weights)
    weights[:] = 5
    assert (projection.weights == 1).all() and projection.weights.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        projection.weights[0, 0] = 2


@pytest.mark.parametrize(
    ("neurons", "message"),
    [
        ({"threshold": 0}, "threshold 0 must be in 1..131071"),
        ({"threshold": 1 << 17}, "threshold 131072"),
        ({"threshold": [1, 2]}, "shape"),
        ({"bias": -(1 << 17)}, "bias -131072"),
        ({"bias": [0, 1 << 20, 0]}, "bias 1048576"),
        ({"budget": 0}, "budget 0"),
        ({"budget": 1 << 17}, "budget 131072"),
        ({"decay_v": 4097}, "decay_v 4097 must be in 0..4096"),
        ({"decay_i": -1}, "decay_i -1"),
        ({"v_min": 1}, "v_min 1"),
        ({"v_min": -3, "v_reset": -4}, "v_reset -4 lies below v_min -3"),
        ({"v_reset": 1 << 17}, "v_reset 131072"),
        ({"cap": 256}, "cap 256"),
        ({"cap": 0, "budget": 3}, "cannot have a budget"),
    ],
)
def test_neuron_parameters_out_of_range_are_refused(neurons: dict, message: str) -> None:
    with pytest.raises(NetworkError, match=f"population `hidden`.*{message}"):
        with_hidden(**neurons)


@pytest.mark.parametrize("value", [0.5, float("nan"), "3", None, 2**70])
def test_parameters_that_are_not_integers_are_refused(value: object) -> None:
    with pytest.raises(NetworkError, match="threshold"):
        with_hidden(threshold=value)


def test_unsupported_neuron_options_do_not_exist() -> None:
    with pytest.raises(TypeError, match="refractory"):
        Neurons(threshold=1, refractory=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("weights", [np.full((3, 4), np.nan), np.ones((3, 4)), np.full((3, 4), "a")])
def test_weights_that_are_not_integers_are_refused(weights) -> None:
    with pytest.raises(NetworkError, match="weights input -> hidden must be integers"):
        Projection(source="input", target="hidden", weights=weights)


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        (dict(source="input", target="nowhere", weights=np.ones((1, 4), int)), "no population `nowhere`; there are input, hidden, out"),
        (dict(source="hidden", target="input", weights=np.ones((4, 3), int)), "ends at the input"),
        (dict(source="input", target="out", weights=np.ones((4, 2), int)), r"shape \(4, 2\), the populations need \(2, 4\)"),
        (dict(source="input", target="out", weights=np.full((2, 4), 1 << 15)), "weight 32768 must be"),
        (dict(source="input", target="out", weights=np.ones((2, 4), int), weight_shift=16), "weight_shift 16"),
        (dict(source="input", target="out", weights=np.ones((2, 4), int), delays=64), "delay 64 must be in 0..63"),
        (dict(source="input", target="out", weights=np.ones((2, 4), int), delays=[0, 1, 2, -1]), "delay -1"),
        (dict(source="input", target="out", weights=np.ones((2, 4), int), delays=[0, 1]), r"give one value, 4 \(axonal\) or \(2, 4\) \(synaptic\)"),
        (dict(source="input", target="out", weights=np.ones((2, 4), int), delays=np.ones((4, 2), int)), r"delays have shape \(4, 2\)"),
        (dict(source="input", target="out", weights=np.ones((2, 4), int), delays=[[0, 1, 2, 3], [0, 1, 64, 0]]), "delay 64"),
    ],
)
def test_bad_projections_are_refused(projection: dict, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        with_projections(Projection(**projection))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(output="input"), "is the input"),
        (dict(output="nothing"), "no population `nothing`"),
        (dict(state_bits=7), "state_bits 7"),
        (dict(state_bits=25), "state_bits 25"),
        (dict(early_exit=EarlyExit(4, 1)), "never fires"),
        (dict(early_exit=EarlyExit(0, 1), output="hidden"), "every >= 1"),
        (dict(early_exit=EarlyExit(4, -1), output="hidden"), "margin >= 0"),
        (dict(populations=parts()["populations"] + (Population("out", (1,), Neurons()),)), "two populations are called `out`"),
        (dict(populations=parts()["populations"] + (Population("", (1,), Neurons()),)), "cannot be called ``"),
        (dict(populations=parts()["populations"] + (Population("all", (1,), Neurons()),)), "cannot be called `all`"),
        (dict(populations=parts()["populations"] + (Population("in2", (1,)),)), "exactly one input population, not 2"),
        (dict(populations=parts()["populations"][1:]), "exactly one input population, not 0"),
        (dict(populations=parts()["populations"] + (Population("lost", (1,), Neurons()),)), "to population `lost`"),
        (dict(populations=parts()["populations"] + (Population("void", (-1, -1), Neurons()),)), "no neurons"),
    ],
)
def test_bad_networks_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network(**changes)


def test_an_island_that_only_feeds_itself_is_not_reached() -> None:
    populations = parts()["populations"] + (Population("island", (1,), Neurons()),)
    island = Projection(source="island", target="island", weights=[[1]], delays=1)
    with pytest.raises(NetworkError, match="no path.*`island`"):
        network(populations=populations, projections=parts()["projections"] + (island,))


def test_a_cycle_needs_a_delay() -> None:
    back = dict(source="out", target="hidden", weights=np.ones((3, 2), int))
    net = with_projections(Projection(**back, delays=[1, 2]))
    assert not net.is_feed_forward and net.components == [["input"], ["hidden", "out"]]
    with_projections(Projection(**back))  # hidden -> out is delayed already
    undelayed = Projection(source="hidden", target="out", weights=np.ones((2, 3), int), delays=[1, 0, 1])
    with pytest.raises(NetworkError, match="cycle without delay"):
        network(projections=(parts()["projections"][0], undelayed, Projection(**back, delays=0)))
    with pytest.raises(NetworkError, match="cycle without delay"):
        with_projections(Projection(source="hidden", target="hidden", weights=np.ones((3, 3), int)))


def test_order_inside_a_cycle_follows_zero_delays() -> None:
    names, edges = ["a", "b", "c", "d"], {("a", "c"), ("c", "b"), ("b", "c"), ("b", "d")}
    assert components(names, edges, {("a", "c"), ("c", "b"), ("b", "d")}) == [["a"], ["c", "b"], ["d"]]


def test_summary_shows_every_population() -> None:
    recorder = Console(width=200, record=True, file=io.StringIO())
    recorder.print(with_hidden(budget=3, decay_i=7, decay_v=9, bias=[1, 2, 3], v_min=-2, cap=2, reset=ResetRule.LATE_VALUE).summary())
    text = recorder.export_text()
    for part in ("2 x 2", "LIF + current", "hidden (1..3)", "out (output)", "bias 1..3", "v >= -2", "late value to 0", "18 state bits"):
        assert part in text


def test_synaptic_delays() -> None:
    delays = np.array([[1, 2, 3], [1, 2, 4]])
    weights = np.ones((2, 3), int)
    axonal, synaptic = (Projection(source="hidden", target="out", weights=weights, delays=d) for d in (delays[[0, 0]], delays))
    assert not axonal.synaptic and axonal.delay_vector().tolist() == [1, 2, 3]
    assert synaptic.synaptic and synaptic.delay_matrix().tolist() == delays.tolist()
    with pytest.raises(NetworkError, match="hidden -> out has synaptic delays"):
        synaptic.delay_vector()
    net = network(projections=(parts()["projections"][0], synaptic))
    text = io.StringIO()
    Console(file=text, width=200).print(net.summary())
    assert "hidden (1..4, synaptic)" in text.getvalue()


def test_a_cycle_with_one_synapse_without_delay_is_refused() -> None:
    delays = np.ones((3, 3), int)
    loop = {"source": "hidden", "target": "hidden", "weights": np.ones((3, 3), int)}
    assert not with_projections(Projection(**loop, delays=delays)).is_feed_forward
    delays[1, 2] = 0
    with pytest.raises(NetworkError, match="cycle without delay"):
        with_projections(Projection(**loop, delays=delays))
