"""Choices are named, never guessed; graphs in all the forms that exporters write them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.errors import ConversionError, InputError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.dialects import DIALECTS, Gain, Integrator, Reset, Start, dialect
from lifline.convert.nir.import_graph import import_nir

from ..fixtures import load, needs_fixtures

nir = pytest.importorskip("nir")


def lif(size: int, **changes: Any) -> Any:
    fields = {"tau": np.full(size, 1e-3), "r": np.full(size, 10.0), "v_leak": np.zeros(size), "v_threshold": np.ones(size), "v_reset": np.zeros(size)}
    return nir.LIF(**{**fields, **changes})


def graph(nodes: dict[str, Any], edges: list[tuple[str, str]], **more: Any) -> Any:
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False, **more)


def chain(*nodes: Any, shape: tuple[int, ...] = (3,), out: tuple[int, ...] = (2,)) -> Any:
    names = [str(k) for k in range(len(nodes))]
    found = {"input": nir.Input({"input": np.array(shape)}), **dict(zip(names, nodes, strict=True)), "output": nir.Output({"output": np.array(out)})}
    path = ["input", *names, "output"]
    # Unordered, as some exporters write them.
    return graph(found, list(zip(path, path[1:], strict=False))[::-1])


WEIGHT = np.array([[0.5, 0.7, -0.2], [0.3, -0.4, 0.9]])
X = (np.random.default_rng(0).random((2, 40, 3)) < 0.6).astype(np.uint8)


def test_a_missing_choice_lists_the_presets() -> None:
    with pytest.raises(ConversionError, match="stores neither time step nor reset rule") as error:
        import_nir(chain(nir.Linear(WEIGHT), lif(2)))
    assert all(name in str(error.value) for name in DIALECTS)
    with pytest.raises(ConversionError, match="no dialect `brian`.*snntorch"):
        import_nir(chain(nir.Linear(WEIGHT), lif(2)), "brian")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"dt": -1.0}, "dt"), ({"reset": "sometimes"}, "late_subtract"), ({"cap": 0}, "cap"), ({"v_min": 1.0}, "v_min"), ({"speed": 1}, "no speed"), ({"precision": "float16"}, "float16"),
     ({"dt": "1 ms"}, "must be a number"), ({"cap": 1.5}, "must be an integer"), ({"strict": 1}, "strict")],
)  # fmt: skip
def test_bad_choices_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        dialect("snntorch", **change)


def test_every_choice_is_explicit_in_the_import() -> None:
    network = import_nir(chain(nir.Linear(WEIGHT), lif(2)), "spikingjelly", dt=2e-4, cap=3, v_min=-0.5)
    neurons = network.population("1").neurons
    assert neurons is not None and network.dialect is not None
    assert (neurons.keep_v == 0.8).all() and (neurons.gain_v == 2.0).all()
    assert (neurons.strict, neurons.reset, neurons.cap, neurons.v_min) == (False, Reset.NOW_VALUE, 3, -0.5)
    assert network.dialect.as_dict()["dt"] == 2e-4


def test_dialect_that_does_not_fit_the_time_constants_is_refused() -> None:
    with pytest.raises(ConversionError, match="dialect `sinabs` does not fit|another dt"):
        import_nir(chain(nir.Linear(WEIGHT), lif(2)), "sinabs", integrator="euler")


def reference(graph_weight: np.ndarray, x: np.ndarray, step: Any) -> np.ndarray:
    """Spikes by a scalar loop: ``step(v, i, c, current) -> v, i, c, spike``."""
    out = np.zeros((*x.shape[:2], len(graph_weight)))
    for b in range(len(x)):
        for n, row in enumerate(graph_weight):
            v = i = c = 0.0
            for t in range(x.shape[1]):
                v, i, c, out[b, t, n] = step(v, i, c, float(row @ x[b, t]))
    return out


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("reset", list(Reset))
def test_reset_rules(reset: Reset, strict: bool) -> None:
    """Weights are eighths, so that thresholds are met exactly."""
    weight = np.array([[0.5, 0.75, -0.25], [0.25, -0.5, 1.5]])

    def fires(v: float) -> float:
        return float(v > 1 if strict else v >= 1)

    def step(v: float, i: float, c: float, current: float) -> tuple[float, float, float, float]:
        if reset is Reset.LATE_VALUE and c:
            v = 0.0
        v = 0.5 * v + current
        if reset in (Reset.LATE_SUBTRACT, Reset.TESTED_TWICE):
            v -= c
        if reset is Reset.LATE_HOLD and c:
            v = 0.0
        s = fires(v)
        if reset is Reset.NOW_VALUE and s:
            v = 0.0
        if reset is Reset.NOW_SUBTRACT:
            v -= s
        if reset is Reset.TESTED_TWICE:
            v -= s - c
        return v, i, fires(v) if reset is Reset.TESTED_TWICE else s, s

    network = import_nir(chain(nir.Linear(weight), lif(2, r=np.full(2, 2.0))), "snntorch", dt=5e-4, reset=reset, strict=strict)
    np.testing.assert_array_equal(evaluate(network, X).output, reference(weight, X, step))


def test_several_spikes_per_step_and_clamp() -> None:
    network = import_nir(chain(nir.Linear(4 * WEIGHT), nir.IF(np.ones(2), np.ones(2), np.zeros(2))), "sinabs_multi_spike", cap=2, v_min=-1.5, precision="float64")

    def step(v: float, i: float, c: float, current: float) -> tuple[float, float, float, float]:
        v = max(v + current, -1.5)
        s = min(np.floor(v), 2) if v >= 1 else 0
        return v - s, i, c, s

    out = evaluate(network, X).output
    np.testing.assert_array_equal(out, reference(4 * WEIGHT, X, step))
    assert out.max() == 2


@pytest.mark.parametrize(("strict", "expected"), [(False, [0, 1, 1, 2, 2]), (True, [0, 0, 1, 1, 2])])
def test_several_spikes_at_exact_multiples(strict: bool, expected: list[int]) -> None:
    """Inputs of 0.5, 1, 1.5, 2 and 3 thresholds, at most two spikes; a strict threshold must be passed."""
    weight = np.diag([0.5, 1.0, 1.5, 2.0, 3.0])
    network = import_nir(chain(nir.Linear(weight), nir.IF(np.ones(5), np.ones(5), np.zeros(5)), shape=(5,), out=(5,)), "sinabs", strict=strict, cap=2)
    np.testing.assert_array_equal(evaluate(network, np.ones((1, 1, 5))).output[0, 0], expected)


def test_integrators_gains_and_starts() -> None:
    node = nir.CubaLIF(
        tau_syn=np.full(2, 5e-4), tau_mem=np.full(2, 1e-3), r=np.full(2, 3.0), v_leak=np.full(2, 0.1), v_threshold=np.full(2, 5e3), v_reset=np.full(2, 0.2),
        w_in=np.full(2, 2.0),
    )  # fmt: skip
    a_syn, a_mem = np.exp(-0.2), np.exp(-0.1)
    cases = [
        ({"integrator": Integrator.EULER}, (0.8, 0.4, 0.9, 0.3, 0.01, 0.0)),
        ({"integrator": Integrator.EXPONENTIAL}, (a_syn, 2 * (1 - a_syn), a_mem, 3 * (1 - a_mem), 0.1 * (1 - a_mem), 0.0)),
        ({"current_gain": Gain.JUMP, "membrane_gain": Gain.JUMP, "start": Start.LEAK}, (0.8, 2.0, 0.9, 1.0, 0.01, 0.1)),
        ({"current_gain": Gain.DECAYED, "membrane_gain": Gain.DECAYED, "start": Start.RESET}, (0.8, 1.6, 0.9, 0.9, 0.01, 0.2)),
    ]
    for changes, (keep_i, gain_i, keep_v, gain_v, drive, start) in cases:
        network = import_nir(chain(nir.Linear(WEIGHT), node), "snntorch", **changes, precision="float64")
        result = evaluate(network, X, record=["1"])
        v, i = np.full((2, 2), start), np.zeros((2, 2))
        for t in range(X.shape[1]):
            i = keep_i * i + gain_i * (X[:, t] @ WEIGHT.T)
            v = keep_v * v + gain_v * i + drive
            np.testing.assert_allclose(result.v["1"][:, t], v, rtol=1e-9)


def same_spikes(other: Any, **changes: Any) -> tuple[str, ...]:
    """Assert that a graph means the same as the plain one; returns its notes."""
    plain = import_nir(chain(nir.Affine(WEIGHT, np.array([0.1, 0.0])), lif(2)), "snntorch")
    network = import_nir(other, "snntorch", **changes)
    expected = evaluate(plain, X).output
    assert expected.any()
    x = X.reshape(2, -1, *network.input.shape)
    np.testing.assert_array_equal(evaluate(network, x).output.reshape(expected.shape), expected)
    return network.notes


AFFINE = nir.Affine(WEIGHT, np.array([0.1, 0.0]))


def test_scalar_tuple_and_mixed_fields() -> None:
    node = lif(2)
    node.tau, node.r, node.v_leak, node.v_threshold, node.v_reset = 1e-3, np.float32(10), (0,), np.array([1], np.float64), None
    affine = nir.Affine(WEIGHT.astype(np.float64), np.array([0.1, 0.0], np.float32))
    same_spikes(chain(affine, node))


@pytest.mark.parametrize("layers", [(AFFINE, None, lif(2)), (None, AFFINE, lif(2)), (AFFINE, lif(2), None), (AFFINE, None, None, lif(2))])
def test_none_nodes_are_refused_by_name_unless_they_are_said_to_change_nothing(layers: tuple[Any, ...]) -> None:
    index = layers.index(None)
    with pytest.raises(ConversionError, match=rf"node\(s\) {index}.* are None: the exporter did not know.*unknown='identity'"):
        import_nir(chain(*layers), "snntorch")
    assert any(f"`{index}` is None" in note for note in same_spikes(chain(*layers), unknown="identity"))
    with pytest.raises(ConversionError, match="unknown='zero' must be one of 'identity'"):
        import_nir(chain(*layers), "snntorch", unknown="zero")


def test_an_edge_past_an_unknown_layer_is_left_out_with_a_note() -> None:
    """A layer that returns its input itself makes tracers draw the edge past it, too: its values would count twice."""
    one = chain(AFFINE, None, lif(2))
    notes = same_spikes(graph(one.nodes, [*one.edges, ("0", "2")]), unknown="identity")
    assert any("edge 0 -> 2 was left out" in note for note in notes)
    two = chain(AFFINE, None, None, lif(2))
    notes = same_spikes(graph(two.nodes, [*two.edges, ("0", "2"), ("0", "3"), ("1", "3")]), unknown="identity")
    assert sum("edge 0 -> 3 was left out" in note for note in notes) == 1
    # Two layers that return their input, as a tracer draws them.
    around = [("input", "0"), ("0", "1"), ("0", "2"), ("0", "3"), ("1", "2"), ("2", "1"), ("1", "3"), ("2", "3"), ("3", "output")]
    same_spikes(graph(two.nodes, around), unknown="identity")


def test_unknown_layers_side_by_side_or_without_input_are_refused() -> None:
    nodes = {**chain(AFFINE, lif(2)).nodes, "a": None, "b": None}
    edges = [("input", "0"), ("0", "a"), ("0", "b"), ("a", "1"), ("b", "1"), ("1", "output")]
    with pytest.raises(ConversionError, match="two layers .* a and b, lead from 0 to 1"):
        import_nir(graph(nodes, edges), "snntorch", unknown="identity")
    with pytest.raises(ConversionError, match=r"no edge leads from the input to node\(s\) b"):
        import_nir(graph(nodes, [("input", "0"), ("0", "a"), ("a", "1"), ("b", "1"), ("1", "output")]), "snntorch", unknown="identity")


@pytest.mark.parametrize("twice", [("input", "0"), ("0", "1"), ("1", "output")])
def test_edges_that_are_there_twice_are_refused_by_name(twice: tuple[str, str]) -> None:
    plain = chain(AFFINE, lif(2))
    doubled = graph(plain.nodes, [*plain.edges, twice])
    with pytest.raises(ConversionError, match=f"{twice[0]} -> {twice[1]} are there more than once.*duplicates='once'"):
        import_nir(doubled, "snntorch")
    assert any("counted once" in note for note in same_spikes(doubled, duplicates="once"))


def test_edges_that_are_there_twice_can_add() -> None:
    plain = chain(AFFINE, lif(2))
    added = import_nir(graph(plain.nodes, [*plain.edges, ("0", "1")]), "snntorch", duplicates="add")
    expected = import_nir(chain(nir.Affine(2 * WEIGHT, np.array([0.2, 0.0])), lif(2)), "snntorch")
    np.testing.assert_array_equal(evaluate(added, X).output, evaluate(expected, X).output)


def test_batch_axes_are_dropped_and_noted() -> None:
    assert any("leading axes (5, 7)" in note for note in same_spikes(chain(AFFINE, lif(2), shape=(5, 7, 3))))


def test_flatten_that_counts_the_batch_axis() -> None:
    flatten = nir.Flatten({"input": np.array([1, 1, 1, 3])}, 1, -1)
    same_spikes(chain(flatten, AFFINE, lif(2), shape=(1, 1, 3)))
    assert any("flattened" in note for note in same_spikes(chain(AFFINE, lif(2), shape=(3, 1, 1))))


def test_subgraphs_and_dead_ends() -> None:
    inner = graph({"input": nir.Input({"input": np.array([3])}), "w": AFFINE, "output": nir.Output({"output": np.array([2])})}, [("input", "w"), ("w", "output")])
    nodes = {"input": nir.Input({"input": np.array([3])}), "sub": inner, "1": lif(2), "2": lif(2), "output": nir.Output({"output": np.array([2])})}
    notes = same_spikes(graph(nodes, [("input", "sub"), ("sub", "1"), ("1", "output"), ("1", "2")]))
    assert any("`2` does not influence" in n for n in notes)


def test_recurrence_is_one_step_late_and_its_bias_is_not() -> None:
    bias, feedback = np.array([0.2, -0.1]), np.array([[0.3, -0.5], [0.6, 0.2]])
    nodes = {
        "input": nir.Input({"input": np.array([3])}), "0": nir.Linear(WEIGHT), "lif": lif(2), "w_rec": nir.Affine(feedback, bias),
        "output": nir.Output({"output": np.array([2])}),
    }  # fmt: skip
    network = import_nir(graph(nodes, [("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output"), ("0", "lif"), ("input", "0")]), "snntorch_zero_now", precision="float64")
    v, s, out = np.zeros((2, 2)), np.zeros((2, 2)), []
    for t in range(X.shape[1]):
        v = 0.9 * v + X[:, t] @ WEIGHT.T + s @ feedback.T + bias
        s = (v > 1).astype(float)
        v[s > 0] = 0
        out.append(s)
    np.testing.assert_array_equal(evaluate(network, X).output, np.stack(out, axis=1))


def test_paths_that_meet_count_a_bias_once() -> None:
    """Two layers add up in front of one matrix with bias."""
    second = np.array([[0.4, 0.6]])
    nodes = {
        "input": nir.Input({"input": np.array([3])}), "a": nir.Linear(WEIGHT), "b": AFFINE, "one": lif(2), "two": lif(2),
        "sum": nir.Affine(second, np.array([0.25])), "end": nir.LI(np.array([1e-4]), np.ones(1), np.zeros(1)), "output": nir.Output({"output": np.array([1])}),
    }  # fmt: skip
    edges = [("input", "a"), ("input", "b"), ("a", "one"), ("b", "two"), ("one", "sum"), ("two", "sum"), ("sum", "end"), ("end", "output")]
    network = import_nir(graph(nodes, edges), "snntorch", precision="float64")
    result = evaluate(network, X, record="all")
    expected = (result.spikes["one"] + result.spikes["two"]) @ second.T + 0.25
    np.testing.assert_allclose(result.output, expected)


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=3, max_size=3), st.booleans())
def test_delay_nodes(steps: list[int], behind: bool) -> None:
    delays = np.array(steps)
    layers = [nir.Linear(np.eye(3)), nir.Delay(delays * 1e-4)] if behind else [nir.Delay(delays * 1e-4), nir.Linear(np.eye(3))]
    network = import_nir(chain(*layers, lif(3, tau=np.full(3, 1e-4), r=np.ones(3), v_threshold=np.full(3, 0.5)), out=(3,)), "snntorch_zero_now")
    out = evaluate(network, X).output
    for n, d in enumerate(steps):
        np.testing.assert_array_equal(out[:, d:, n], X[:, : X.shape[1] - d, n])
        assert not out[:, :d, n].any()


def test_delay_unit_follows_dt_and_rounding_is_noted() -> None:
    network = import_nir(chain(nir.Delay(np.array([2.0, 3.4, 0.0])), nir.Linear(WEIGHT), nir.IF(np.ones(2), np.ones(2), np.zeros(2))), "sinabs")
    np.testing.assert_array_equal(network.projections[0].delays, [2, 3, 0])
    assert any("rounded to steps" in note for note in network.notes)


@pytest.mark.filterwarnings("ignore:Using padding")
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1), (1, "same", 1, 1)])
def test_convolutions_equal_torch(axes: int, stride: int, padding: Any, dilation: int, groups: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    shape = (4, 9, 8)[: axes + 1]
    weight, bias = rng.normal(size=(6, 4 // groups, 3, 2)[: axes + 2]), rng.normal(size=6)
    conv = (nir.Conv1d if axes == 1 else nir.Conv2d)(shape[1] if axes == 1 else shape[1:], weight, stride, padding, dilation, groups, bias)
    call = torch.nn.functional.conv1d if axes == 1 else torch.nn.functional.conv2d
    x = rng.integers(0, 2, (2, 5, *shape))
    y = call(torch.from_numpy(x.reshape(10, *shape)).double(), torch.from_numpy(weight), torch.from_numpy(bias), stride, padding, dilation, groups).numpy()
    out = y.shape[1:]
    li = nir.LI(np.ones(out), np.ones(out), np.zeros(out))
    network = import_nir(chain(conv, li, shape=shape, out=out), "snntorch", dt=1.0, precision="float64")
    np.testing.assert_allclose(evaluate(network, x).output, y.reshape(2, 5, *out), rtol=1e-9)


@pytest.mark.parametrize("mean", [True, False])
def test_pooling_equals_torch(mean: bool) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(2).normal(size=(2, 5, 3, 8, 7))
    node = nir.AvgPool2d(np.array([2, 3]), 2, np.array([1, 1])) if mean else nir.SumPool2d(np.array([2, 3]), np.array([2, 2]), np.array([1, 1]))
    y = torch.nn.functional.avg_pool2d(torch.from_numpy(x.reshape(10, 3, 8, 7)), (2, 3), 2, 1).numpy() * (1 if mean else 6)
    out = y.shape[1:]
    network = import_nir(chain(node, nir.LI(np.ones(out), np.ones(out), np.zeros(out)), shape=(3, 8, 7), out=out), "snntorch", dt=1.0, precision="float64")
    np.testing.assert_allclose(evaluate(network, x).output, y.reshape(2, 5, *out), rtol=1e-9)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: chain(nir.Linear(WEIGHT), nir.Threshold(np.ones(2))), "`1` is a Threshold"),
        (lambda: chain(nir.Linear(WEIGHT)), "not a population of neurons"),
        (lambda: chain(nir.Linear(WEIGHT), lif(3)), "parameters of shape"),
        (lambda: chain(nir.Linear(WEIGHT), lif(2, tau=np.zeros(2))), "tau 0 must be positive"),
        (lambda: chain(nir.Linear(WEIGHT), lif(2, r=np.full(2, np.nan))), "r is not finite"),
        (lambda: chain(nir.Linear(WEIGHT), lif(2, v_threshold=-np.ones(2))), "v_threshold"),
        (lambda: chain(nir.Linear(np.ones((2, 5))), lif(2)), "cannot follow values of shape"),
        (lambda: chain(nir.Delay(np.array([-1e-4, 0, 0])), nir.Linear(WEIGHT), lif(2)), "must not be negative"),
        (lambda: graph({"input": nir.Input({"input": np.array([3])}), "1": lif(3)}, [("input", "1")]), "exactly one Output"),
        (lambda: graph({**chain(AFFINE, lif(2)).nodes, "lost": lif(2)}, chain(AFFINE, lif(2)).edges), "no edge leads.*lost"),
        (lambda: graph(chain(AFFINE, lif(2)).nodes, [("input", "9")]), "no node `9`"),
    ],
)
def test_what_cannot_mean_anything_is_refused_by_name(build: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        import_nir(build(), "snntorch")


def test_files_that_are_no_graphs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        import_nir(tmp_path / "absent.nir", "snntorch")
    (tmp_path / "text.nir").write_text("no HDF5 here")
    with pytest.raises(ConversionError, match="not a readable NIR file"):
        import_nir(tmp_path / "text.nir", "snntorch")
    whole = tmp_path / "whole.nir"
    nir.write(whole, chain(AFFINE, lif(2)))
    (tmp_path / "cut.nir").write_bytes(whole.read_bytes()[:1500])
    with pytest.raises(ConversionError, match="not a readable NIR file"):
        import_nir(tmp_path / "cut.nir", "snntorch")


def test_files_are_looked_over_before_they_are_read(tmp_path: Path) -> None:
    """Sizes, links and kinds; what a file may hold is tested with :mod:`lifline.network.hdf5`."""
    h5py = pytest.importorskip("h5py")

    def large(file: Any) -> None:
        del file["node/nodes/0/weight"]
        file.create_dataset("node/nodes/0/weight", (1 << 14, 1 << 14), "f4", chunks=(1 << 10, 1 << 10))

    def circle(file: Any) -> None:
        file["node/nodes/0/inner"] = file["node"]

    def elsewhere(file: Any) -> None:
        file["node/nodes/2"] = h5py.ExternalLink("other.nir", "/node")

    def array(file: Any) -> None:
        del file["node/nodes"]
        file["node/nodes"] = np.arange(3)

    def nothing(file: Any) -> None:
        del file["node"]

    cases = ((large, "in memory"), (circle, "circle"), (elsewhere, "ExternalLink"), (array, "not a readable NIR file"), (nothing, "not a readable NIR file"))
    for change, message in cases:
        path = tmp_path / f"{change.__name__}.nir"
        nir.write(path, chain(AFFINE, lif(2)))
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(ConversionError, match=message):
            import_nir(path, "snntorch")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(ConversionError, match=r"lifline\[convert\]"):
        import_nir("any.nir", "snntorch")


def test_a_package_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifline.convert.nir.import_graph.version", lambda name: "1.0.4")
    with pytest.raises(ConversionError, match=r"`nir` is 1\.0\.4.*nir>=1\.0\.7"):
        import_nir(chain(AFFINE, lif(2)), "snntorch")


def test_input_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs \(batch, time, 3\)"):
        evaluate(import_nir(chain(AFFINE, lif(2)), "snntorch"), np.zeros((2, 5, 4)))


@needs_fixtures
def test_names_of_the_file_are_kept() -> None:
    path, *_ = load("snntorch_rleaky")
    network = import_nir(path, "snntorch")
    assert [p.name for p in network.populations] == ["input", "1.lif", "3"]
    assert "1.lif (delay 1)" in "".join(str(c) for column in network.summary().columns for c in column.cells)
