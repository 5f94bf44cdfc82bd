"""Identities."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.errors import NetworkError
from lifline.network.connections.identity import Identity


@pytest.mark.parametrize("shape", [(1,), (5,), (3, 4), (3, 2, 2), (2, 2, 2, 2)])
def test_every_neuron_meets_its_own(shape: tuple[int, ...]) -> None:
    neurons = np.prod(shape)
    assert (Identity().matrix(np.array([-7]), shape, shape) == -7 * np.eye(neurons, dtype=int)).all()
    each = np.arange(shape[0]) + 1
    assert (Identity().matrix(each, shape, shape) == np.diag(np.repeat(each, neurons // shape[0]))).all()
    assert Identity().fan_out(each, shape, shape).tolist() == [1] * neurons and Identity().synapses(each, shape, shape) == neurons
    Identity().validate(each, shape, shape)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"weights have shape \(2,\); an identity has one weight, \(1,\), or one per channel, \(3,\)"):
        Identity().output_shape((3, 4), np.array([1, 2]))
    with pytest.raises(NetworkError, match=r"identity of a source \(3, 4\) gives \(3, 4\), the target has shape \(12,\)"):
        Identity().validate(np.array([1]), (3, 4), (12,))
