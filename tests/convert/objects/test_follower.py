"""What a network computes outside of its layers of neurons is followed, or refused by the name of the operation and its line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lifline
from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
SIZE, STEPS, BATCH = 12, 30, 4
Forward = Callable[[Any, Any], Any]


def leaky(**options: Any) -> Any:
    return snn.Leaky(beta=0.8, threshold=0.3, init_hidden=True, **options)


def linear(a: int = SIZE, b: int = SIZE) -> nn.Linear:
    layer = nn.Linear(a, b)
    layer.weight.data *= 3
    return layer


class Net(nn.Module):
    """Two hidden layers and an output, joined as ``forward`` says."""

    def __init__(self, forward: Forward, out: int = SIZE) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.l1, self.b, self.l2, self.c, self.l3 = linear(), leaky(), linear(), leaky(), linear(out, 5), leaky()
        self.how = forward

    def forward(self, x: Any) -> Any:
        return self.how(self, x)


def run(net: nn.Module, x: Any) -> Any:
    """(batch, time, ...) of a network that takes a step per call."""
    for module in net.modules():
        if hasattr(module, "reset_mem"):
            module.reset_mem()
    with torch.no_grad():
        return torch.stack([net(step) for step in x.swapaxes(0, 1)], 1)


def spikes(*shape: int) -> Any:
    return (torch.rand(BATCH, STEPS, *shape, generator=torch.Generator().manual_seed(3)) < 0.3).float()


def in_place(n: Any, x: Any) -> Any:
    p = n.l1(n.a(x))
    q = n.l2(n.b(p))
    q += p
    return n.l3(n.c(q))


def through_a_view(n: Any, x: Any) -> Any:
    y = n.a(x)
    z = y.view(-1, 3, 4)
    z += 1
    return n.l3(n.c(n.l1(y)))


def with_numpy(n: Any, x: Any) -> Any:
    return n.l3(n.c(torch.from_numpy(n.l1(n.a(x)).detach().numpy() * 1.0)))


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2


UNDERSTOOD: dict[str, Forward] = {
    "chain": lambda n, x: n.l3(n.c(n.l1(n.a(x)))),
    "residual sum": lambda n, x: n.l3(n.c(n.l2(n.b(p := n.l1(n.a(x)))) + p)),
    "residual sum in place": in_place,
    "difference with a factor": lambda n, x: n.l3(n.c(torch.sub(n.l2(n.b(p := n.l1(n.a(x)))), p, alpha=0.5))),
    "input scaled": lambda n, x: n.l3(n.c(n.l1(n.a(x * 0.5)))),
    "input centred": lambda n, x: n.l3(n.c(n.l1(n.a(2 * x - 1)))),
    "input flipped": lambda n, x: n.l3(n.c(n.l1(n.a(x.flip(1))))),
    "input rolled and negated": lambda n, x: n.l3(n.c(n.l1(n.a(-x.roll(3, 1))))),
    "spikes halved in place": lambda n, x: n.l3(n.c(n.l1(n.a(x)).mul_(0.5))),
    "offset per value": lambda n, x: n.l3(n.c(n.l1(n.a(x)) + torch.linspace(-0.1, 0.1, SIZE))),
    "divided": lambda n, x: n.l3(n.c(n.l1(n.a(x) / 1.5))),
    "concatenation": lambda n, x: n.l3(n.c(torch.cat([n.l1(n.a(x))[:, :5], n.l2(n.b(x))[:, 5:]], 1))),
    "halves swapped": lambda n, x: n.l3(n.c(torch.cat(n.l1(n.a(x)).chunk(2, dim=1)[::-1], 1))),
    "view, transpose and back": lambda n, x: n.l3(n.c(n.l1(n.a(x)).view(-1, 3, 4).transpose(1, 2).reshape(-1, SIZE))),
    "a layer without state used twice": lambda n, x: n.l3(n.c(n.l2(n.b(n.l1(n.b(x)))))),
    "functional layers": lambda n, x: n.l3(nn.functional.linear(n.l1(x @ n.a.weight.t() + n.a.bias), n.c.weight, n.c.bias)),
    "padding": lambda n, x: n.l3(n.c(nn.functional.pad(n.l1(n.a(x))[:, :8], (1, 3)))),
    "groups summed": lambda n, x: n.l3(n.c(n.l1(n.a(x)).view(-1, 3, 4).sum(1).repeat(1, 3))),
    "an earlier layer's spikes": lambda n, x: (n.l1(n.a(x)), n.l2(n.b(x)))[0],
    "product of spikes": lambda n, x: n.l3(n.c(n.l1(n.a(x)) * n.l2(n.b(x)))),
    "an autograd function of one's own": lambda n, x: n.l3(n.c(Doubled.apply(n.l1(n.a(x))))),
    "addmm and matmul": lambda n, x: n.l3(torch.matmul(n.l1(torch.addmm(n.a.bias, x, n.a.weight.t())), n.c.weight.t())),
}
REFUSED: dict[str, tuple[Forward, str]] = {
    "relu": (lambda n, x: n.l3(n.c(torch.relu(n.l1(n.a(x))))), "relu"),
    "product of spikes and currents": (lambda n, x: n.l3(n.c(n.a(x) * n.l2(n.b(x)))), "no gate"),
    "comparison": (lambda n, x: n.l3(n.c((n.l1(n.a(x)) > 0).float())), "`gt`"),
    "output negated": (lambda n, x: 1 - n.l3(n.c(n.l1(n.a(x)))), "ends with values behind its last neurons"),
    "output reversed": (lambda n, x: n.l3(n.c(n.l1(n.a(x)))).flip(1), "ends with values behind its last neurons"),
    "items mixed": (lambda n, x: n.l3(n.c(n.l1(n.a(x)).roll(1, 0))), "items or steps"),
    "mean over the batch": (lambda n, x: n.l3(n.c(n.l1(n.a(x)) - n.l1.mem.mean(0))), "mean|state|cannot|outside"),
    "a view changed in place": (through_a_view, "in place|outside of what can be followed"),
    "numpy": (with_numpy, "`numpy`"),
    "noise": (lambda n, x: n.l3(n.c(n.l1(n.a(x)) + 1e-9 * torch.rand(SIZE))), "random"),
    "neurons used twice": (lambda n, x: n.l3(n.c(n.l1(n.b(n.l1(n.a(x)))))), "used twice"),
    "rounded": (lambda n, x: n.l3(n.c(n.l1((n.a(x) / 3).half().float()))), "single or double precision"),
    "overwritten": (lambda n, x: n.l3(n.c(n.l1(n.a(x)).index_fill(1, torch.tensor([0]), 0.0))), "index_fill"),
    "data in place": (lambda n, x: (p := n.a(x), p.data.mul_(2), n.l3(n.c(n.l1(p))))[2], "outside of what can be followed|in place"),
    "output is its input": (lambda n, x: (n.l1(n.a(x)), x)[1], "ends with its input"),
    "dropout that drops": (lambda n, x: n.l3(n.c(nn.functional.dropout(n.l1(n.a(x)), 0.5))), "training mode|random"),
}


@pytest.mark.parametrize("kind", UNDERSTOOD)
def test_what_is_between_neurons_is_followed(kind: str) -> None:
    net, x = Net(UNDERSTOOD[kind]).eval(), spikes(SIZE)
    imported = lifline.from_snntorch(net, input_shape=(SIZE,))
    y = run(net, x).numpy()
    assert y.any()
    np.testing.assert_array_equal(evaluate(imported, x.numpy()).output, y)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_translation_is_refused_by_name(kind: str) -> None:
    forward, message = REFUSED[kind]
    with pytest.raises(ConversionError, match=message) as error:
        lifline.from_snntorch(Net(forward).eval(), input_shape=(SIZE,))
    assert "ends with" in message or "test_follower.py, line" in str(error.value)


def test_what_depends_on_the_values_is_found_by_the_comparison() -> None:
    def often(n: Any, x: Any) -> Any:
        return n.l3(n.c(n.l1(n.a(x)) + n.calls()))

    net = Net(often)
    count = [0.0]

    def calls() -> float:
        count[0] += 1.0
        return float(count[0] > 6)

    net.calls = calls  # type: ignore[assignment]
    with pytest.raises(ConversionError, match="layer `l3` .* differs from snnTorch's: .* first in step 5"):
        lifline.from_snntorch(net.eval())
    count[0] = 0.0
    network = lifline.from_snntorch(net, check=False)
    assert network.metadata["checked"] is False and "check=False" in network.notes[-1]


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.spectral_norm, nn.utils.weight_norm])
def test_parametrised_layers_import_the_weights_that_they_use(wrap: Any) -> None:
    net = nn.Sequential(wrap(linear()), leaky(), linear(SIZE, 5), leaky()).eval()
    with torch.no_grad():
        for name, parameter in net[0].named_parameters():
            if "original0" in name or name.endswith("_g"):
                parameter *= 1.7
    x = spikes(SIZE)
    y = run(net, x).numpy()
    assert y.any()
    np.testing.assert_array_equal(evaluate(lifline.from_snntorch(net), x.numpy()).output, y)


def test_subclasses_with_a_forward_of_their_own() -> None:
    class Ternary(nn.Linear):
        def forward(self, x: Any) -> Any:
            return nn.functional.linear(x, torch.sign(self.weight) * 0.25, self.bias)

    class Half(nn.Sequential):
        def forward(self, x: Any) -> Any:
            return super().forward(x * 0.5) + x

    torch.manual_seed(0)
    net = nn.Sequential(Ternary(SIZE, SIZE), leaky(), Half(linear(), leaky()), Ternary(SIZE, 5), leaky()).eval()
    x = spikes(SIZE)
    y = run(net, x).numpy()
    assert y.any()
    np.testing.assert_array_equal(evaluate(lifline.from_snntorch(net, input_shape=SIZE), x.numpy()).output, y)


def test_maps_transposed_between_layers_and_pooled_over_everything() -> None:
    class Maps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.l, self.b, self.m = nn.Conv2d(1, 4, 3, padding="same"), leaky(), nn.Conv2d(4, 3, 3, groups=1), leaky()
            self.pool, self.c, self.o = nn.AdaptiveAvgPool2d(1), linear(3, 5), leaky()

        def forward(self, x: Any) -> Any:
            return self.o(self.c(torch.flatten(self.pool(self.m(self.b(self.l(self.a(x)).transpose(2, 3)))), 1)))

    torch.manual_seed(2)
    net, x = Maps().eval(), spikes(1, 8, 8)
    for layer in (net.a, net.b, net.c):
        layer.weight.data *= 3
    y = run(net, x).numpy()
    assert y.any()
    np.testing.assert_array_equal(evaluate(lifline.from_snntorch(net, input_shape=(1, 8, 8)), x.numpy()).output, y)


@pytest.mark.parametrize("order", ["forward", "reversed", "skipped", "carried"])
def test_loops_over_time(order: str) -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.a, self.l = linear(SIZE, 5), snn.Leaky(beta=0.8, threshold=0.3)

        def forward(self, x: Any) -> Any:
            mem, out = self.l.init_leaky(), []
            mem = torch.ones(x.shape[1], 5) if order == "carried" else mem
            for t in range(x.shape[0]):
                spk, mem = self.l(self.a(x[t]), mem)
                out.append(spk)
            return torch.stack(out[::-1] if order == "reversed" else out[2:] if order == "skipped" else out)

    net, x = Loop().eval(), spikes(SIZE).swapaxes(0, 1)
    if order == "forward":
        with torch.no_grad():
            y = net(x).swapaxes(0, 1).numpy()
        assert y.any()
        np.testing.assert_array_equal(evaluate(lifline.from_snntorch(net, sample=x), x.swapaxes(0, 1).numpy()).output, y)
        return
    with pytest.raises(ConversionError, match="not zero before the first step" if order == "carried" else "in another order|all of them"):
        lifline.from_snntorch(net, sample=x)


def test_a_static_input_and_a_count_of_spikes() -> None:
    class Static(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(1)
            self.a, self.l, self.b, self.m = linear(), leaky(), linear(SIZE, 5), leaky()

        def forward(self, x: Any) -> Any:
            total = 0
            for _ in range(20):
                total = total + self.m(self.b(self.l(self.a(x))))
            return total / 20

    net = Static().eval()
    x = spikes(SIZE)[:, 0]
    run_once = [m.reset_mem() for m in net.modules() if hasattr(m, "reset_mem")]
    with torch.no_grad():
        y = net(x).numpy() * 20
    assert y.any() and run_once
    ours = evaluate(lifline.from_snntorch(net), np.repeat(x.numpy()[:, None], 20, axis=1)).output.sum(axis=1)
    np.testing.assert_allclose(ours, y, atol=1e-4)


def test_the_network_is_left_as_it_was() -> None:
    net, x = Net(UNDERSTOOD["chain"]).eval(), spikes(SIZE)
    run(net, x)
    before, seed = net.l1.mem.clone(), torch.random.get_rng_state()
    attributes = set(vars(net.l1))
    lifline.from_snntorch(net)
    assert torch.equal(net.l1.mem, before) and before.any()
    assert torch.equal(torch.random.get_rng_state(), seed) and set(vars(net.l1)) == attributes


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda n: n.l1.train(), r"layer `l1` \(Leaky\) is in training mode"),
        (lambda n: n.a.weight.data.fill_(float("nan")), "`a.weight` holds values that are not finite"),
        (lambda n: setattr(n, "a", nn.LazyLinear(SIZE).eval()), "`a.weight` has no shape yet"),
        (lambda n: n.to("meta"), "has no values .device meta"),
        (lambda n: setattr(n.l1, "threshold", torch.tensor(float("inf"))), "not finite"),
    ],
)
def test_networks_that_cannot_be_run_are_refused_by_name(spoil: Any, message: str) -> None:
    net = Net(UNDERSTOOD["chain"]).eval()
    spoil(net)
    with pytest.raises(ConversionError, match=message):
        lifline.from_snntorch(net, input_shape=SIZE)


@pytest.mark.parametrize(("sample", "message"), [("text", "give a tensor"), (torch.zeros(3, 7), "does not run|does not end"), (torch.zeros(()), "does not end")])
def test_samples_that_do_not_fit_are_refused(sample: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        lifline.from_snntorch(Net(UNDERSTOOD["chain"]).eval(), sample=sample)


def test_synaptic_delays_of_a_later_snntorch_are_refused_by_name() -> None:
    SynapticDelay = type("SynapticDelay", (nn.Identity,), {"__module__": "snntorch._neurons.synapticdelay"})
    with pytest.raises(ConversionError, match="SynapticDelay"):
        lifline.from_snntorch(nn.Sequential(linear(), SynapticDelay(), leaky()).eval())
