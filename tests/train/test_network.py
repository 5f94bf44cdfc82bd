"""Building, quantising, budgets, delays and export: what is allowed, what is refused, and why."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.arch.config import PRESETS, preset  # noqa: E402
from lifline.compiler.compile import compile_network  # noqa: E402
from lifline.network.model import ResetRule  # noqa: E402
from lifline.sim.golden.model import GoldenModel  # noqa: E402


def chain(quantisation: train.Quantisation | None = None, **options: object) -> train.SpikingNetwork:
    torch.manual_seed(0)
    net = train.SpikingNetwork("chain", 20, quantisation=quantisation)
    net.add(train.LIF("hidden", 12, **options))
    net.add(train.LeakyIntegrator("class", 3))
    net.connect("input", "hidden")
    net.connect("hidden", "class")
    return net


def test_import_without_torch_names_the_extra() -> None:
    code = "import sys; sys.modules['torch'] = None\nimport importlib.util as u\nfound = u.find_spec\nu.find_spec = lambda name, *a: None if name == 'torch' else found(name, *a)\n"
    done = subprocess.run([sys.executable, "-c", code + "import lifline.train"], capture_output=True, text=True)
    assert "MissingLibraryError" in done.stderr and "pip install 'lifline[train]'" in done.stderr


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_networks_for_a_configuration_compile_for_it(name: str, bits: int) -> None:
    config = preset(name)
    net = chain(train.Quantisation.for_config(name, weight_bits=bits, per_neuron=True), batch_norm=True)
    with torch.no_grad():
        for p in net.projections:
            p.weight.mul_(50)  # large weights must not leave the accumulator either
    network = net.to_network()
    compile_network(network, config)
    assert np.abs(network.projections[0].weights).max() <= (1 << (bits - 1)) - 1


def test_accumulator_bound_holds_where_the_largest_weight_alone_would_break_it() -> None:
    torch.manual_seed(0)
    net = train.SpikingNetwork("wide", 2000, quantisation=train.Quantisation(accumulator_bits=16))
    net.add(train.LIF("n", 2))
    net.connect("input", "n")
    with torch.no_grad():
        net.projection_list[0].weight.fill_(1)
    weights = net.to_network().projections[0].weights
    assert 16000 < weights.sum(1).max() <= 32767 < 2000 * 127


def test_per_neuron_steps_use_all_bits_of_every_neuron() -> None:
    shared, own = (chain(train.Quantisation(per_neuron=p)) for p in (False, True))
    for net in (shared, own):
        with torch.no_grad():
            net.projection_list[0].weight[3] *= 0.01
    largest = [np.abs(net.to_network().projections[0].weights).max(1) for net in (shared, own)]
    assert largest[0][3] < 4 and (largest[1] == 127).all()
    thresholds = own.to_network().population("hidden").neurons.threshold
    assert len(np.unique(thresholds)) > 6


def test_quantised_and_real_valued_network_agree_closely() -> None:
    spikes = (torch.rand(40, 30, 20) < 0.3).float()
    net = chain(train.Quantisation(), learn_decay=True)
    whole = net(spikes).spikes["hidden"]
    net.quantisation = None
    assert 0.9 < 1 - (net(spikes).spikes["hidden"] - whole).abs().mean() / whole.mean() <= 1


def test_budget_loss_punishes_overshoot_only() -> None:
    budget = train.FiringBudget(0.25, overshoot=1.0, pressure=0.0)
    budget.build(2)
    spikes = torch.zeros(1, 8, 2)
    spikes[0, :2, 0] = 1
    assert budget.loss(spikes) == 0
    spikes[0, :5, 0] = 1
    assert budget.loss(spikes).item() == pytest.approx(3**2 / 2 / 8)
    budget.loss(spikes).backward()
    assert budget.rate.grad[0] < 0 and budget.rate.grad[1] == 0


def test_budgets_become_hard_and_the_golden_model_counts_hits() -> None:
    net = chain(train.Quantisation(), budget=train.FiringBudget(0.1))
    spikes = (torch.rand(10, 40, 20) < 0.3).float()
    before = net(spikes).spikes["hidden"].sum(1)
    net.enforce_budgets(40, slack=1.1)
    after = net(spikes).spikes["hidden"].sum(1)
    assert before.max() > 5 == after.max()
    network = net.to_network()
    assert network.population("hidden").neurons.budget == 5
    result = GoldenModel(network).run(spikes.numpy().astype(np.uint8))
    assert result.counters["hidden"].spikes.sum() == after.sum()
    assert result.counters["hidden"].budget_hits.sum() == (before.sum() - after.sum())
    net.release_budgets()
    assert torch.equal(net(spikes).spikes["hidden"].sum(1), before) and net.to_network().population("hidden").neurons.budget is None


def test_sparsity_drives_delays_to_zero() -> None:
    torch.manual_seed(0)
    delays = train.AxonalDelays(10, sparsity=0.5)
    net = chain(train.Quantisation())
    net.projection_list[0].delays = delays
    delays.build((20,), (12,))
    optimiser = torch.optim.Adam(net.parameter_groups(1e-3, 0.2))
    spikes = (torch.rand(4, 20, 20) < 0.2).float()
    for _ in range(100):
        optimiser.zero_grad()
        net.penalty(net(spikes)).backward()
        optimiser.step()
        net.clamp()
    net.freeze_delays()
    assert (delays.rounded() == 0).mean() > 0.9 and not delays.raw.requires_grad


def test_dendritic_delays_are_refused_where_the_hardware_cannot_express_them() -> None:
    def build(**options: object) -> train.SpikingNetwork:
        net = chain(train.Quantisation(), **options)
        net.projection_list[0].delays = delays = train.DendriticDelays(9)
        delays.build((20,), (12,))
        return net

    assert build().to_network().projections[1].delays.max() > 0
    net = build(bias=True)
    with torch.no_grad():
        net.population("hidden").bias += 0.1
    with pytest.raises(train.TrainingError, match="does not rest before its first input"):
        net.to_network()
    net = chain(train.Quantisation())
    net.projection_list[1].delays = delays = train.DendriticDelays(9)
    delays.build((12,), (3,))
    with pytest.raises(train.TrainingError, match="no outgoing axons"):
        net.to_network()
    net = build()
    net.projection_list[1].delays = train.FixedDelays(60)
    with pytest.raises(train.TrainingError, match="add up to"):
        net.to_network()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: train.LIF("n", 3, threshold=0), "threshold 0 must be positive"),
        (lambda: train.LIF("n", 3, decay_v=1.5), "decay 1.5"),
        (lambda: train.LIF("n", 3, v_min=0.5), "v_min 0.5"),
        (lambda: train.LIF("n", 3, batch_norm=True, v_min=-1.0), "its own unit"),
        (lambda: train.LeakyIntegrator("n", 3, batch_norm=True), "neither batch_norm nor budget"),
        (lambda: train.AxonalDelays(64), "delays 0..64"),
        (lambda: train.AxonalDelays(4, initial="zero"), "`zero` must be"),
        (lambda: train.FixedDelays(np.array([0.5])), "fixed delays must be"),
        (lambda: train.Surrogate(slope=0), "slope 0"),
        (lambda: train.Surrogate(kind="sigmoid"), "'sigmoid' must be one of fast_sigmoid"),
        (lambda: train.LIF("n", 3, surrogate="arctan"), "must be a Surrogate"),
        (lambda: train.LIF("n", 3, reset="hard"), "'hard' must be one of now_value"),
        (lambda: train.SlopeSchedule(0, 5), "slopes 0 and 5"),
        (lambda: chain(train.Quantisation())(torch.full((2, 3, 20), 0.5)), "must be 0 or 1"),
        (lambda: chain(train.Quantisation())(torch.full((2, 3, 20), float("nan"))), "must be 0 or 1"),
        (lambda: chain()(torch.full((2, 3, 20), float("nan"))), "must be finite numbers"),
        (lambda: train.Quantisation(weight_bits=1), "weight_bits 1"),
        (lambda: train.FiringBudget(0.0), "rate 0.0"),
        (lambda: chain().to_network(), "real-numbered weights"),
        (lambda: chain().connect("hidden", "hidden"), "delay of at least 1"),
        (lambda: chain().connect("nobody", "hidden"), "no population `nobody`"),
        (lambda: chain().add(train.IF("hidden", 3)), "two populations"),
        (lambda: chain()(torch.zeros(2, 3, 7)), "spikes have shape"),
        (lambda: chain()(torch.zeros(1, 2, 20)).scores("x"), "no rule `x`"),
        (lambda: train.SpikingNetwork("n", 3)(torch.zeros(1, 2, 3)), "no path"),
    ],
)  # fmt: skip
def test_refuses(make, message: str) -> None:
    with pytest.raises(train.TrainingError, match=message):
        make()


def test_batch_norm_in_a_cycle_is_refused() -> None:
    net = chain(batch_norm=True)
    net.connect("hidden", "hidden", 1)
    with pytest.raises(train.TrainingError, match="recurrent"):
        net(torch.zeros(1, 2, 20))


def test_usual_models_have_their_usual_parameters() -> None:
    assert float(train.IF("n", 1).decay_v.value()) == 0 and train.LeakyIntegrator("n", 1).cap == 0
    assert train.CurrentLIF("n", 1).decay_i is not None and train.LIF("n", 1).decay_i is None
    assert train.LIF("n", 1).reset is ResetRule.NOW_SUBTRACT
