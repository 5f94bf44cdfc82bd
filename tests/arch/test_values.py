"""Values of users and files: integers, truth values, texts, arrays; everything else is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lifline.arch import values
from lifline.arch.config import preset
from lifline.arch.errors import ConfigError, InputError, NetworkError
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.network.spikes import as_batch

NAN = float("nan")


@pytest.mark.parametrize("value", [5, np.int8(5), np.uint64(5), np.array(5), torch.tensor(5)])
def test_integers_of_any_library_are_integers(value: object) -> None:
    assert values.integer(value, "x", InputError, low=0, high=5) == 5 and type(values.integer(value, "x", InputError)) is int


@pytest.mark.parametrize("value", [5.0, 3.7, NAN, "5", None, [], [5], np.float32(5), np.array([5, 6]), torch.tensor(5.0), torch.zeros(3), object(), b"5"])
def test_other_values_are_no_integers(value: object) -> None:
    with pytest.raises(InputError, match="x .*must be an integer"):
        values.integer(value, "x", InputError)


@pytest.mark.parametrize(("value", "limits"), [(-1, "in 0..9"), (10, "in 0..9"), (2**70, "in 0..9")])
def test_integers_beyond_their_limits_name_both(value: int, limits: str) -> None:
    with pytest.raises(InputError, match=f"x {value} must be an integer {limits}"):
        values.integer(value, "x", InputError, low=0, high=9)


@pytest.mark.parametrize("value", ["no", "yes", "", None, NAN, 2, -1, 1.0, [], [True], np.array([True]), object()])
def test_only_truth_values_are_true_or_false(value: object) -> None:
    with pytest.raises(InputError, match="x .*must be True or False"):
        values.flag(value, "x", InputError)
    with pytest.raises(NetworkError, match="strict"):
        Neurons(strict=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "meant"), [(True, True), (False, False), (1, True), (0, False), (np.True_, True), (np.int8(0), False)])
def test_truth_values_stay(value: bool, meant: bool) -> None:
    assert Neurons(strict=value).strict is meant


@pytest.mark.parametrize("value", [None, [], 3, b"net", "", "\ud800"])
def test_names_are_texts(value: object) -> None:
    population = Population("in", (2,)), Population("out", (1,), Neurons())
    projection = Projection(source="in", target="out", weights=[[1, 1]])
    with pytest.raises(NetworkError, match="name of a network"):
        Network(name=value, populations=population, projections=(projection,), output="out")  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match="output"):
        Network(name="net", populations=population, projections=(projection,), output=value)  # type: ignore[arg-type]
    if value != "":  # what a network refuses once it is part of one
        with pytest.raises(NetworkError, match="name of a population"):
            Population(value, (2,))  # type: ignore[arg-type]
        with pytest.raises(NetworkError, match="source of a projection"):
            Projection(source=value, target="out", weights=[[1]])  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [2**64 - 5, [2**63], np.array([2**64 - 5], np.uint64), 2**70, [-(2**90)]])
def test_integers_of_more_than_64_bits_do_not_wrap(value: object) -> None:
    for make in (lambda v: Neurons(threshold=v), lambda v: Neurons(bias=v), lambda v: Projection(source="a", target="b", weights=v)):
        with pytest.raises(NetworkError, match="beyond 9223372036854775807"):
            make(value)


def test_the_least_integer_is_no_small_weight() -> None:
    populations = Population("in", (1,)), Population("out", (1,), Neurons())
    for weight in (-(2**63), 2**63 - 1, -(2**15), 2**15):
        with pytest.raises(NetworkError, match=f"weight {weight} must be"):
            Network(name="n", populations=populations, projections=(Projection(source="in", target="out", weights=[[weight]]),), output="out")


def test_masked_arrays_are_refused_unless_nothing_is_masked() -> None:
    masked = np.ma.masked_array([[1, 0, 1]], [[0, 1, 0]])
    with pytest.raises(NetworkError, match="1 values are masked"):
        Projection(source="a", target="b", weights=masked)
    with pytest.raises(InputError, match="1 values are masked"):
        as_batch(masked, 3)
    whole = np.ma.masked_array([[1, 0, 1]])
    assert Projection(source="a", target="b", weights=whole).weights.tolist() == [[1, 0, 1]] and as_batch(whole, 3)[0].sum() == 2


@pytest.mark.parametrize("shape", [3.7, (3.0,), "3", None, (2, None), [[2, 3]], NAN, (2, NAN)])
def test_shapes_are_whole_numbers(shape: object) -> None:
    with pytest.raises(NetworkError, match="shape"):
        Population("in", shape)  # type: ignore[arg-type]


def test_large_shapes_do_not_wrap() -> None:
    assert Population("in", (2**32, 2**32)).size == 2**64
    with pytest.raises(NetworkError, match="18446744073709551616"):
        Network(
            name="n", populations=(Population("in", (2**32, 2**32)), Population("out", (1,), Neurons())), output="out",
            projections=(Projection(source="in", target="out", weights=np.zeros((1, 0), np.int8)),),
        )  # fmt: skip


@pytest.mark.parametrize("field", ["decay_v", "decay_i", "v_reset", "cap", "v_min"])
@pytest.mark.parametrize("value", [1.5, NAN, "1", [1, 2], None])
def test_parameters_of_neurons_are_integers(field: str, value: object) -> None:
    if (field, value) != ("v_min", None):
        with pytest.raises(NetworkError, match=field):
            Neurons(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{"every": 1.5}, {"margin": NAN}, {"every": None}, {"margin": "2"}])
def test_early_exit_is_made_of_integers(changes: dict) -> None:
    with pytest.raises(NetworkError, match="early exit"):
        EarlyExit(**({"every": 4, "margin": 1} | changes))


@pytest.mark.parametrize(
    "changes",
    [{"populations": None}, {"populations": "in"}, {"projections": [None]}, {"metadata": [1]}, {"metadata": None}, {"early_exit": 4}, {"state_bits": 18.0},
     {"state_bits": "18"}, {"state_bits": 25}, {"populations": (Population("in", (2,)), 3)}],
)  # fmt: skip
def test_networks_are_made_of_their_own_kinds(changes: dict) -> None:
    whole = {
        "name": "n", "output": "out", "populations": (Population("in", (2,)), Population("out", (1,), Neurons())),
        "projections": (Projection(source="in", target="out", weights=[[1, 1]]),),
    }  # fmt: skip
    Network(**whole)
    with pytest.raises(NetworkError):
        Network(**(whole | changes))


def test_tensors_that_require_a_gradient_are_read_like_others() -> None:
    spikes = torch.eye(3, requires_grad=True)
    with pytest.raises(InputError, match="float32; give bool"):
        as_batch(spikes, 3)
    assert as_batch(spikes.bool(), 3)[0].sum() == 3
    with pytest.raises(NetworkError, match="float32; quantise"):
        Projection(source="a", target="b", weights=torch.nn.Parameter(torch.ones(2, 3)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="spikes"):
        as_batch(torch.zeros(2, 3, device="meta", dtype=torch.bool), 3)


@pytest.mark.parametrize("steps", [NAN, "12", 2.0, [], 0, -1])
def test_steps_of_event_lists_are_integers(steps: object) -> None:
    with pytest.raises(InputError, match="steps"):
        as_batch([[0, 1]], 3, steps=steps)  # type: ignore[arg-type]


def test_events_beyond_64_bits_are_named() -> None:
    with pytest.raises(InputError, match="18446744073709551611 is beyond"):
        as_batch(np.array([[0, 2**64 - 5]], np.uint64), 3, steps=4)
    with pytest.raises(InputError, match="neuron 9223372036854775807 must be in"):
        as_batch([[0, 2**63 - 1]], 3, steps=4)
    with pytest.raises(InputError, match="at most"):
        as_batch([[0, 1]], 3, steps=2**60)


@pytest.mark.parametrize(
    "changes",
    [{"window": 4.0}, {"memory_registers": "no"}, {"early_exit": NAN}, {"name": None}, {"name": []}, {"max_delay": 3.5}, {"weight_shifts": (0, 1.0)},
     {"weight_shifts": 4}, {"dense_bits": "11"}, {"event_lanes": None}, {"drain_cycles": NAN}],
)  # fmt: skip
def test_configurations_are_made_of_integers(changes: dict) -> None:
    with pytest.raises(ConfigError):
        preset("tiny").replace(**changes)


@pytest.mark.parametrize("name", [None, [], 3, "huge"])
def test_presets_have_names(name: object) -> None:
    with pytest.raises(ConfigError, match="no configuration"):
        preset(name)  # type: ignore[arg-type]
