"""Synapses that are named by their ends."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.errors import NetworkError
from lifline.network.connections.sparse import Sparse


@pytest.mark.parametrize("seed", range(10))
def test_the_matrix_has_each_synapse_in_its_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = (2, 3, 4), (int(rng.integers(1, 9)), 2)
    pairs = rng.permutation(24 * target[0] * 2)[: rng.integers(1, 30)]
    connection, weights = Sparse(pairs % 24, pairs // 24), rng.integers(-5, 6, len(pairs))
    expected = np.zeros((target[0] * 2, 24), int)
    for k, pair in enumerate(pairs):
        expected[pair // 24, pair % 24] = weights[k]
    connection.validate(weights, source, target)
    assert (connection.matrix(weights, source, target) == expected).all()
    assert connection.fan_out(weights, source, target).tolist() == [int((pairs % 24 == n).sum()) for n in range(24)]
    assert connection.synapses(weights, source, target) == len(pairs)
    assert connection.output_shape(source, weights) == (pairs.max() // 24 + 1,)


def test_a_matrix_becomes_its_synapses() -> None:
    matrix = np.array([[0, 5, 0], [-1, 0, 0], [0, 0, 0], [2, 7, 0]])
    connection, weights = Sparse.of(matrix)
    assert len(weights) == 4 and (connection.matrix(weights, (3,), (4,)) == matrix).all()
    assert connection == Sparse([0, 0, 1, 1], [1, 3, 0, 3]) and hash(connection) == hash(Sparse([0, 0, 1, 1], [1, 3, 0, 3]))
    assert connection != Sparse([0, 0, 1, 1], [1, 3, 0, 2]) and connection != Sparse([0, 0, 1], [1, 3, 0])


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        (np.zeros(0, int), [], r"sources of a sparse projection have shape \(0,\)"),
        ([[0]], [0], r"sources of a sparse projection have shape \(1, 1\); give the number of a neuron for every synapse"),
        ([0], 3, r"targets of a sparse projection have shape \(\)"),
        ([0, 1], [0], "2 sources and 1 targets; give one of each"),
        ([0, 2, -1], [0, 1, 2], "sources of a sparse projection: synapse 2 has the neuron -1; neurons count from 0"),
        ([0, 1, 0], [4, 4, 4], "two synapses from neuron 0 to neuron 4; add up their weights"),
        ([0.5], [0], "sources of a sparse projection must be integers"),
    ],
)
def test_what_is_no_list_of_synapses_is_refused(sources: object, targets: object, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Sparse(sources, targets)  # type: ignore[arg-type]


@pytest.mark.parametrize(("matrix", "message"), [([[0, 0]], "without any synapse"), ([1, 2], r"shape \(2,\); give weights \(target, source\)"), ([[0.5]], "integers")])
def test_what_is_no_matrix_is_refused(matrix: list, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Sparse.of(matrix)
