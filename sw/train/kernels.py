"""Compiled loops of training: the neuron update forward and backward.

All arrays are single precision, (batch, time, neuron); the update computes in double precision, where every integer that the
hardware can hold and every product with a decay is exact. Equations: ``docs/semantics.md``, backward: ``docs/training.md``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel

Floats = NDArray[np.float32]


class Rule(NamedTuple):
    """What does not change during one pass over a population. ``exact``: decays truncate and the state saturates at ``limit``."""

    exact: bool
    limit: float
    late: bool
    subtract: bool
    has_current: bool
    v_reset: float
    strict: bool
    cap: int
    v_min: float
    has_budget: bool
    detach_reset: bool
    surrogate: int
    slope: float
    height: float


@kernel(error_model="numpy")
def crossings(u: float, theta: float, strict: bool, cap: int) -> float:
    """Largest ``n <= cap`` with ``u - (n-1)*theta > theta`` (or ``>=``), else 0."""
    if cap == 1:
        return 1.0 if (u > theta if strict else u >= theta) else 0.0
    if cap == 0 or u < theta:
        return 0.0
    return max(0.0, min(float(cap), np.ceil(u / theta) - 1.0 if strict else np.floor(u / theta)))


@kernel(error_model="numpy")
def derivative(z: float, kind: int, slope: float, height: float) -> float:
    """Surrogate derivative at ``z``: distance from the threshold in thresholds."""
    if kind == 0:
        scaled = 1.0 + slope * abs(z)
        return height / (scaled * scaled)
    if kind == 1:
        scaled = 0.5 * np.pi * slope * z
        return height / (1.0 + scaled * scaled)
    return height if abs(z) * slope < 0.5 else 0.0


@kernel(error_model="numpy")
def update_forward(
    x: Floats, v: Floats, i: Floats, c: Floats, count: Floats, theta: Floats, bias: Floats, budget: Floats, keep_v: float, keep_i: float,
    rule: Rule, u: Floats, s: Floats, currents: Floats, stored: Floats,
) -> None:  # fmt: skip
    """All steps of one population. State (batch, neuron) is updated in place.

    Written: ``u``, membranes before the reset; ``s``, spikes; ``currents`` (if the rule has one) and ``stored``, membranes after the
    reset (if it has as many steps as ``x``).
    """
    batch, steps, size = x.shape
    keeps = stored.shape[1] == steps
    for b in range(batch):
        for t in range(steps):
            for n in range(size):
                current = np.float64(x[b, t, n])
                threshold = np.float64(theta[n])
                if rule.has_current:
                    decayed = np.float64(i[b, n]) * keep_i
                    current += np.trunc(decayed) if rule.exact else decayed
                    current = min(max(current, -rule.limit), rule.limit)
                    i[b, n] = current
                    currents[b, t, n] = current
                before = np.float64(v[b, n])
                if rule.late and not rule.subtract and c[b, n] > 0:
                    before = rule.v_reset
                decayed = before * keep_v
                membrane = (np.trunc(decayed) if rule.exact else decayed) + current + np.float64(bias[n])
                if rule.late and rule.subtract:
                    membrane -= np.float64(c[b, n]) * threshold
                # The backward pass decides from the stored value, so this one does too.
                membrane = np.float64(np.float32(max(min(max(membrane, -rule.limit), rule.limit), rule.v_min)))
                u[b, t, n] = membrane
                crossed = crossings(membrane, threshold, rule.strict, rule.cap)
                out = crossed
                if crossed > 0:
                    if rule.has_budget:
                        out = min(crossed, np.float64(budget[n] - count[b, n]))
                        count[b, n] += out
                    if not rule.late:
                        membrane = max(membrane - crossed * threshold if rule.subtract else rule.v_reset, rule.v_min)
                c[b, n] = crossed
                s[b, t, n] = out
                v[b, n] = membrane
            if keeps:
                stored[b, t] = v[b]


@kernel(error_model="numpy")
def update_backward(
    u: Floats, s: Floats, currents: Floats, v_first: Floats, i_first: Floats, c_first: Floats, theta: Floats, keep_v: float, keep_i: float,
    rule: Rule, grad_s: Floats, grad_u: Floats, grad_v: Floats, grad_i: Floats, grad_c: Floats, grad_x: Floats, grad_neuron: Floats,
) -> None:  # fmt: skip
    """Reverse of :func:`update_forward`.

    ``grad_v``, ``grad_i``, ``grad_c`` (batch, neuron) hold the gradients of the last state and become those of the first;
    ``grad_s`` and ``grad_u`` may have no steps. Written: ``grad_x``; ``grad_neuron`` (4, neuron), in double precision: of threshold, bias, the kept shares of
    membrane and current. Rounding passes gradients as if it were not there; a clipped value passes none.
    """
    batch, steps, size = u.shape
    of_spikes, of_membranes = grad_s.shape[1] == steps, grad_u.shape[1] == steps
    for b in range(batch):
        for back in range(steps):
            t = steps - 1 - back
            for n in range(size):
                membrane, threshold = np.float64(u[b, t, n]), np.float64(theta[n])
                after = np.float64(grad_v[b, n])
                crossed = crossings(membrane, threshold, rule.strict, rule.cap)
                to_c = 0.0 if rule.detach_reset else np.float64(grad_c[b, n])
                to_u = after
                if not rule.late and rule.subtract:
                    # A membrane on the clamp stays there, however many more crossings would be subtracted.
                    if membrane - crossed * threshold <= rule.v_min:
                        after = 0.0
                    to_u = after
                    grad_neuron[0, n] -= crossed * after
                    to_c -= threshold * after
                elif not rule.late:
                    to_c += (rule.v_reset - membrane) * after
                    if crossed > 0:
                        to_u = 0.0
                if rule.detach_reset:
                    to_c = 0.0
                if of_spikes and (not rule.has_budget or s[b, t, n] == crossed):
                    to_c += np.float64(grad_s[b, t, n])
                if to_c != 0.0 and rule.cap > 0:
                    ratio, slope = membrane / threshold, 0.0
                    for k in range(rule.cap):
                        slope += derivative(ratio - 1.0 - k, rule.surrogate, rule.slope, rule.height)
                    to_u += to_c * slope / threshold
                    grad_neuron[0, n] -= to_c * slope * ratio / threshold
                if of_membranes:
                    to_u += np.float64(grad_u[b, t, n])
                if abs(membrane) >= rule.limit or membrane <= rule.v_min:
                    to_u = 0.0
                grad_neuron[1, n] += to_u
                # The state of the step before, as the forward pass left it.
                if t > 0:
                    last = np.float64(u[b, t - 1, n])
                    last_c = crossings(last, threshold, rule.strict, rule.cap)
                    if last_c > 0 and not rule.late:
                        last = max(last - last_c * threshold if rule.subtract else rule.v_reset, rule.v_min)
                else:
                    last, last_c = np.float64(v_first[b, n]), np.float64(c_first[b, n])
                to_v, to_last_c = to_u * keep_v, 0.0
                if rule.late and rule.subtract:
                    grad_neuron[0, n] -= last_c * to_u
                    to_last_c = -threshold * to_u
                elif rule.late:
                    to_last_c = (rule.v_reset - last) * to_v
                    if last_c > 0:
                        last, to_v = rule.v_reset, 0.0
                grad_neuron[2, n] += to_u * last
                grad_v[b, n], grad_c[b, n] = to_v, to_last_c
                to_x = to_u
                if rule.has_current:
                    to_x += np.float64(grad_i[b, n])
                    if abs(currents[b, t, n]) >= rule.limit:
                        to_x = 0.0
                    grad_neuron[3, n] += to_x * np.float64(currents[b, t - 1, n] if t > 0 else i_first[b, n])
                    grad_i[b, n] = to_x * keep_i
                grad_x[b, t, n] = to_x


def is_plain(rule: Rule) -> bool:
    """Whether :func:`plain_backward` does for a rule: at most one spike, immediate reset by subtraction without gradient, neither current, budget nor clamp."""
    late_or_more = rule.late or rule.cap != 1 or rule.has_current or rule.has_budget
    return rule.subtract and rule.detach_reset and not late_or_more and rule.v_min <= -rule.limit


@kernel(error_model="numpy")
def plain_backward(u: Floats, v_first: Floats, theta: Floats, keep_v: float, rule: Rule, grad_s: Floats, grad_v: Floats, grad_x: Floats, grad_neuron: Floats) -> None:
    """As :func:`update_backward` for the most usual rule, see :func:`is_plain`, and gradients of spikes only; without branches, so three times as fast."""
    batch, steps, size = u.shape
    after = np.empty(size)
    of_theta, of_bias, of_keep, inverse = np.zeros(size), np.zeros(size), np.zeros(size), 1 / theta.astype(np.float64)
    for b in range(batch):
        after[:] = grad_v[b]
        for back in range(steps):
            t = steps - 1 - back
            for n in range(size):
                membrane, threshold = np.float64(u[b, t, n]), np.float64(theta[n])
                ratio = membrane * inverse[n]
                through = np.float64(grad_s[b, t, n]) * derivative(ratio - 1.0, rule.surrogate, rule.slope, rule.height) * inverse[n]
                to_u = after[n] + through
                fired = membrane > threshold if rule.strict else membrane >= threshold
                of_theta[n] -= through * ratio + (after[n] if fired else 0.0)
                to_u = 0.0 if abs(membrane) >= rule.limit else to_u
                of_bias[n] += to_u
                last = np.float64(u[b, t - 1, n]) if t > 0 else np.float64(v_first[b, n])
                fired = t > 0 and (last > threshold if rule.strict else last >= threshold)
                of_keep[n] += to_u * (last - threshold if fired else last)
                after[n] = to_u * keep_v
                grad_x[b, t, n] = to_u
        grad_v[b] = after
    grad_neuron[0] += of_theta
    grad_neuron[1] += of_bias
    grad_neuron[2] += of_keep
