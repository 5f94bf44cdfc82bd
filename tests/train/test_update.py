"""Gradients of the compiled update and shift against the same equations written with PyTorch's own operations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.network.model import ResetRule  # noqa: E402
from lifline.train import kernels  # noqa: E402
from lifline.train.delays import shift  # noqa: E402
from lifline.train.update import NeuronState, update  # noqa: E402


class Step(torch.autograd.Function):
    """Number of crossings, with the surrogate written out."""

    @staticmethod
    def forward(ctx, u, theta, strict, cap, surrogate):
        ctx.save_for_backward(u, theta)
        ctx.rest = cap, surrogate
        n = torch.ceil(u / theta) - 1 if strict else torch.floor(u / theta)
        return n.clamp(0, cap)

    @staticmethod
    def backward(ctx, grad):
        u, theta = ctx.saved_tensors
        cap, surrogate = ctx.rest
        total = torch.zeros_like(u)
        for k in range(cap):
            z = u / theta - 1 - k
            total += {
                "fast_sigmoid": 1 / (1 + surrogate.slope * z.abs()) ** 2,
                "arctan": 1 / (1 + (math.pi / 2 * surrogate.slope * z) ** 2),
                "boxcar": (z.abs() * surrogate.slope < 0.5).to(u.dtype),
            }[surrogate.kind.value] * surrogate.height
        return grad * total / theta, -(grad * total * u / theta**2).sum(0), None, None, None


def at_least(values, least):
    """``max(values, least)``, with derivative 0 where they are equal, whatever the version of PyTorch makes of its ``clamp`` there."""
    return values if least is None else least + torch.relu(values - least)


def reference(x, population, theta, bias, keep_v, keep_i):
    """Spikes and membranes before the reset, in double precision.

    An immediate reset to a value leads from one side of the clamp to the same side, so there is nothing to clamp after it.
    """
    v, i, c = (torch.zeros_like(x[:, 0]) for _ in range(3))
    spikes, membranes = [], []
    rule = population.reset
    for t in range(x.shape[1]):
        seen = c.detach() if population.detach_reset else c
        i = i * keep_i + x[:, t]
        before = v
        if rule is ResetRule.LATE_VALUE:
            before = v + (population.v_reset - v) * seen
        u = before * keep_v + i + bias
        if rule is ResetRule.LATE_SUBTRACT:
            u = u - seen * theta
        u = at_least(u, population.v_min)
        c = Step.apply(u, theta, population.strict, population.cap, population.surrogate)
        seen = c.detach() if population.detach_reset else c
        v = u
        if rule is ResetRule.NOW_SUBTRACT:
            v = at_least(u - seen * theta, population.v_min)
        elif rule is ResetRule.NOW_VALUE:
            v = u + (population.v_reset - u) * seen
        spikes.append(c)
        membranes.append(u)
    return torch.stack(spikes, 1), torch.stack(membranes, 1)


@pytest.mark.parametrize(("reset", "detach", "kind"), list(itertools.product(ResetRule, (True, False), train.SurrogateKind)))
def test_gradients_equal_those_of_the_written_out_equations(reset, detach, kind) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    value = reset in (ResetRule.NOW_VALUE, ResetRule.LATE_VALUE)
    population = train.TrainablePopulation(
        "n", 5, decay_v=0.2, decay_i=0.4, reset=reset, v_reset=0.2 if value else 0.0, cap=1 if value else 3, v_min=-0.8, detach_reset=detach,
        learn_decay=True, learn_threshold=True, bias=True, surrogate=train.Surrogate(kind=kind, slope=1.7, height=0.8),
    )  # fmt: skip
    with torch.no_grad():
        population.log_threshold.normal_(0, 0.2)
        population.bias.normal_(0, 0.1)
    x = torch.from_numpy(rng.normal(0.3, 0.7, (4, 9, 5)).astype(np.float32)).requires_grad_()
    to_s, to_u = torch.randn(2, 4, 9, 5)

    dynamics = population.dynamics(x, torch.ones(1), None)
    trace = update(x, NeuronState.zeros(4, 5), dynamics)
    loss = (trace.spikes * to_s + trace.membranes * to_u).sum()
    parameters = [x, population.log_threshold, population.bias, population.decay_v.logit, population.decay_i.logit]
    ours = torch.autograd.grad(loss, parameters)

    keeps = [1 - torch.sigmoid(d.logit.double()) for d in (population.decay_v, population.decay_i)]
    s, u = reference(x.double(), population, torch.exp(population.log_threshold.double()), population.bias.double(), *keeps)
    theirs = torch.autograd.grad((s * to_s + u * to_u).sum(), parameters)
    assert 5 < s.sum() == trace.spikes.sum()
    torch.testing.assert_close(trace.membranes.double(), u, rtol=1e-5, atol=1e-5)
    for ours_of, theirs_of in zip(ours, theirs, strict=True):
        torch.testing.assert_close(ours_of, theirs_of, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(("kind", "strict", "exact"), list(itertools.product(train.SurrogateKind, (True, False), (True, False))))
def test_the_short_way_back_is_the_long_one(monkeypatch: pytest.MonkeyPatch, kind: train.SurrogateKind, strict: bool, exact: bool) -> None:
    """Of the most usual rule, from a state and to a state, with values on the threshold and on the limit of the state."""
    torch.manual_seed(0)
    quantisation = train.Quantisation(state_bits=8) if exact else None
    population = train.LIF("n", 5, strict=strict, learn_decay=True, learn_threshold=True, bias=True, surrogate=train.Surrogate(kind=kind, slope=1.7, height=0.8))
    unit = torch.full((1,), 1 / 16)
    x = torch.randint(-40, 60, (4, 9, 5)).float().requires_grad_()
    state = NeuronState(*(torch.randint(-9, 30, (4, 5)).float() for _ in range(2)), torch.ones(4, 5), torch.zeros(4, 5))
    state.v.requires_grad_()
    state.c.requires_grad_()
    to_s, to_v, to_c = torch.randn(4, 9, 5), torch.randn(4, 5), torch.randn(4, 5)

    def gradients() -> tuple[torch.Tensor, ...]:
        trace = update(x, state, population.dynamics(x, unit, quantisation))
        parameters = [x, state.v, state.c, population.log_threshold, population.bias, population.decay_v.logit]
        return torch.autograd.grad((trace.spikes * to_s).sum() + (trace.state.v * to_v).sum() + (trace.state.c * to_c).sum(), parameters)

    called = []
    short = kernels.plain_backward
    monkeypatch.setattr(kernels, "plain_backward", lambda *arguments: called.append(1) or short(*arguments))
    found = gradients()
    monkeypatch.setattr(kernels, "is_plain", lambda rule: False)
    expected = gradients()
    assert called == [1]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [train.SurrogateKind.FAST_SIGMOID, train.SurrogateKind.ARCTAN])
@pytest.mark.parametrize(
    ("reset", "v_reset"), [(ResetRule.NOW_SUBTRACT, 0.0), (ResetRule.NOW_VALUE, 0.2), (ResetRule.NOW_VALUE, -0.3), (ResetRule.NOW_VALUE, -0.8)]
)
@pytest.mark.parametrize("x", [-3.0, -0.8, -0.79, 0.4])
def test_on_the_clamp_the_derivative_is_that_of_more_crossings(x: float, reset: ResetRule, v_reset: float, kind: train.SurrogateKind) -> None:
    """One step from rest: of the membrane after the reset, by finite differences of the reset itself.

    No crossing has happened, and there are never fewer, so the difference is taken to the one side that exists.
    """
    v_min, more = -0.8, 1e-6
    surrogate = train.Surrogate(kind=kind, slope=0.5)
    population = train.TrainablePopulation(
        "n", 1, reset=reset, v_reset=v_reset, v_min=v_min, detach_reset=False, learn_threshold=True, surrogate=surrogate
    )  # fmt: skip
    given = torch.full((1, 1, 1), x, requires_grad=True)
    trace = update(given, NeuronState.zeros(1, 1), population.dynamics(given, torch.ones(1), None))
    to_x, to_log_threshold = (float(g) for g in torch.autograd.grad(trace.state.v.sum(), [given, population.log_threshold]))

    u = max(x, v_min)
    after = max(u - more if reset is ResetRule.NOW_SUBTRACT else u + (v_reset - u) * more, v_min)
    per_crossing = (after - u) / more
    z = u - 1
    derivative = 1 / (1 + 0.5 * abs(z)) ** 2 if kind is train.SurrogateKind.FAST_SIGMOID else 1 / (1 + (math.pi / 4 * z) ** 2)
    assert to_log_threshold == pytest.approx(-per_crossing * derivative * u, rel=1e-4, abs=1e-9)
    assert to_x == pytest.approx(0 if x <= v_min else 1 + per_crossing * derivative, rel=1e-4)


def test_two_windows_give_the_gradients_of_one() -> None:
    torch.manual_seed(1)
    population = train.CurrentLIF("n", 6, reset=ResetRule.LATE_SUBTRACT, detach_reset=False)
    x = torch.randn(3, 10, 6, requires_grad=True)
    dynamics = population.dynamics(x, torch.ones(1), None)
    whole = update(x, NeuronState.zeros(3, 6), dynamics)
    first = update(x[:, :4], NeuronState.zeros(3, 6), dynamics)
    second = update(x[:, 4:], first.state, dynamics)
    parts = torch.cat([first.spikes, second.spikes], 1)
    torch.testing.assert_close(parts, whole.spikes, rtol=0, atol=0)
    weights = torch.randn_like(parts)
    ours, theirs = (torch.autograd.grad((s * weights).sum(), x)[0] for s in (parts, whole.spikes))
    torch.testing.assert_close(ours, theirs)


def test_shift_moves_interpolates_and_differentiates() -> None:
    torch.manual_seed(2)
    values = torch.randn(2, 8, 4, requires_grad=True)
    delays = torch.tensor([0.0, 1.25, 3.5, 9.75], requires_grad=True)
    later = [torch.nn.functional.pad(values, (0, 0, k, 0))[:, :8] for k in range(12)]
    wanted = torch.stack(
        [(1 - d % 1) * later[int(d)][:, :, n] + (d % 1) * later[int(d) + 1][:, :, n] for n, d in enumerate(delays)], 2
    )  # fmt: skip
    for first in (0, 3):
        found = shift(values, delays, first)
        torch.testing.assert_close(found, wanted[:, first:])
        weights = torch.randn_like(found)
        ours, theirs = (torch.autograd.grad((a * weights).sum(), [values, delays], retain_graph=True) for a in (found, wanted[:, first:]))
        torch.testing.assert_close(ours[0], theirs[0])
        torch.testing.assert_close(ours[1][1:], theirs[1][1:])


def test_whole_delay_can_move_either_way() -> None:
    """A spike train that should arrive later, or earlier, pulls a whole delay there."""
    spikes = torch.zeros(1, 12, 1)
    spikes[0, 5] = 1
    for wanted, sign in ((8, -1), (6, 1)):
        delay = torch.tensor([2.0], requires_grad=True)
        kernel = -((torch.arange(12) - wanted).float() ** 2)[None, :, None]
        (gradient,) = torch.autograd.grad(-(shift(spikes, delay) * kernel).sum(), delay)
        assert gradient.item() * sign > 0
