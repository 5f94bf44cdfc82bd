"""The proof that no accumulator overflows: both signs, exactly at the limit and one beyond it; and the shifts that weights are stored with."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import CompileError
from lifline.compiler.compile import compile_network
from lifline.compiler.scaling import scaled_weights
from lifline.network.model import Network, Neurons, Population, Projection

SMALL = preset("small")


def network(*weights: np.ndarray, shifts: tuple[int, ...] = (0, 0)) -> Network:
    """Input and, with two matrices, a hidden population of its size into ``out``."""
    size = weights[0].shape[1]
    populations, projections = [Population("in", (size,))], []
    if len(weights) > 1:
        populations.append(Population("hidden", (size,), Neurons(threshold=1)))
        projections.append(Projection(source="in", target="hidden", weights=np.eye(size, dtype=np.int64)))
    populations.append(Population("out", (len(weights[0]),), Neurons(threshold=30)))
    for source, w, shift in zip(("in", "hidden"), weights, shifts, strict=False):
        projections.append(Projection(source=source, target="out", weights=w, weight_shift=shift))
    return Network(name="net", state_bits=SMALL.state_bits, output="out", populations=tuple(populations), projections=tuple(projections))


def rows(*sums: int, weight: int, size: int) -> np.ndarray:
    """One row for every sum, of weights up to ``weight`` in size, of one sign."""
    found = np.zeros((len(sums), size), np.int64)
    for row, total in zip(found, sums, strict=True):
        full, rest = divmod(abs(total), weight)
        row[:full] = weight
        row[full] = rest
        row *= 1 if total >= 0 else -1
    return found


MOST = SMALL.accumulator_max


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("at", [0, 2])
def test_the_largest_sum_of_either_sign_compiles_and_one_more_does_not(sign: int, at: int) -> None:
    sums = [5, 7, -9]
    sums[at] = sign * MOST
    compile_network(network(rows(*sums, weight=127, size=300)), SMALL)
    sums[at] = sign * (MOST + 1)
    with pytest.raises(CompileError, match=rf"`out`, neuron {at}: its input sum can reach {MOST + 1}, the accumulator of `small` holds {MOST} \(16 bits\)"):
        compile_network(network(rows(*sums, weight=127, size=300)), SMALL)


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_of_all_projections_count_together(sign: int) -> None:
    half = MOST // 2
    first = rows(1, sign * half, weight=127, size=300)
    compile_network(network(first, rows(1, sign * (MOST - half), weight=127, size=300)), SMALL)
    with pytest.raises(CompileError, match=f"neuron 1: its input sum can reach {MOST + 1}"):
        compile_network(network(first, rows(1, sign * (MOST - half + 1), weight=127, size=300)), SMALL)


@pytest.mark.parametrize("excitation", [1, MOST])
def test_weights_of_different_signs_do_not_cancel_nor_add(excitation: int) -> None:
    """Spikes of one sign may come alone; those of the other make no sum larger."""
    first, second = rows(excitation, weight=127, size=300), rows(-MOST, weight=127, size=300)
    compile_network(network(first, second), SMALL)
    with pytest.raises(CompileError, match=f"reach {MOST + 1}"):
        compile_network(network(first, rows(-MOST - 1, weight=127, size=300)), SMALL)


@pytest.mark.parametrize(("weight", "shift", "expected"), [
    (127, 0, 0), (-128, 0, 0), (127, 4, 1), (-128, 4, 1), (7, 4, 1), (100, 3, None), (15, 3, 0), (-16, 3, 0), (16, 3, None), (-17, 3, None),
    (63, 5, 1), (-64, 5, 1), (64, 5, None), (-65, 5, None), (128, 0, None), (-129, 0, None), (1, 4, 1), (1, 3, 0),
])  # fmt: skip
def test_weights_take_the_largest_shift_that_keeps_them_exact(weight: int, shift: int, expected: int | None) -> None:
    net = network(np.array([[weight, 1]]), shifts=(shift,))
    if expected is None:
        with pytest.raises(CompileError, match="do not fit 8 bits with one of the shifts"):
            scaled_weights(net, net.population("out"), SMALL)
        return
    scaled = scaled_weights(net, net.population("out"), SMALL)
    assert scaled.shift == expected
    assert (next(iter(scaled.stored.values())) << SMALL.weight_shifts[scaled.shift] == np.array([[weight, 1]]) << shift).all()


def test_two_projections_share_the_smaller_shift() -> None:
    net = network(np.array([[3, 1]]), np.array([[-5, 2]]), shifts=(4, 2))
    scaled = scaled_weights(net, net.population("out"), SMALL)
    assert scaled.shift == 0 and [w.tolist() for w in scaled.stored.values()] == [[[48, 16]], [[-20, 8]]]
