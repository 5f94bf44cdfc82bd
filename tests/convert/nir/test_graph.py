"""Graphs of any build: nested, named alike, cyclic, deep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.import_graph import MOST_PATHS, import_nir

nir = pytest.importorskip("nir")
WEIGHT = np.array([[0.5, 0.75, -0.25], [0.25, -0.5, 1.5], [1.0, 0.5, 0.25]])
X = (np.random.default_rng(0).random((2, 30, 3)) < 0.6).astype(np.uint8)


def graph(nodes: dict[Any, Any], edges: list[Any]) -> Any:
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def ends() -> dict[str, Any]:
    return {"input": nir.Input({"input": np.array([3])}), "output": nir.Output({"output": np.array([3])})}


def neuron(threshold: float = 1.0) -> Any:
    return nir.IF(np.ones(3), np.full(3, threshold), np.zeros(3))


def box(**nodes: Any) -> Any:
    """A subgraph: its nodes in a row."""
    names = ["input", *nodes, "output"]
    return graph({**ends(), **nodes}, list(zip(names, names[1:], strict=False)))


def out(source: Any, **options: Any) -> Any:
    result = evaluate(import_nir(source, "sinabs", **options), X).output
    assert result.any()
    return result


EXPECTED = [("w", nir.Linear(WEIGHT)), ("n", neuron(0.75)), ("v", nir.Linear(WEIGHT.T)), ("m", neuron(1.5))]


def plain() -> Any:
    return out(box(**dict(EXPECTED)))


def test_inner_nodes_with_dotted_names() -> None:
    """As exporters flatten them once already: `1.lif` inside `rnn`; also ends that are called `x.input`."""
    w, n, v, m = (node for _, node in EXPECTED)
    inner = graph(
        {"x.input": nir.Input({"input": np.array([3])}), "1.lif": n, "1.w.rec": v, "x.output": nir.Output({"output": np.array([3])})},
        [("x.input", "1.lif"), ("1.lif", "1.w.rec"), ("1.w.rec", "x.output")],
    )
    nested = graph({**ends(), "w": w, "rnn": inner, "m": m}, [("input", "w"), ("w", "rnn"), ("rnn", "m"), ("m", "output")])
    np.testing.assert_array_equal(out(nested), plain())
    network = import_nir(nested, "sinabs")
    assert [p.name for p in network.populations] == ["input", "rnn.1.lif", "m"]


@pytest.mark.parametrize("outer_first", [True, False])
def test_an_outer_node_that_is_called_like_an_inner_one(outer_first: bool) -> None:
    w, n, v, m = (node for _, node in EXPECTED)
    nodes = {"a.b": m, "a": box(b=n)} if outer_first else {"a": box(b=n), "a.b": m}
    nested = graph({**ends(), "w": w, **nodes, "v": v}, [("input", "w"), ("w", "a"), ("a", "v"), ("v", "a.b"), ("a.b", "output")])
    np.testing.assert_array_equal(out(nested), plain())
    network = import_nir(nested, "sinabs")
    assert [p.name for p in network.populations] == ["input", "a.b_", "a.b"]
    assert any("two nodes `a.b`" in note for note in network.notes)


def test_outer_ends_that_are_called_like_inner_ones() -> None:
    w, n, v, m = (node for _, node in EXPECTED)
    nested = graph(
        {**ends(), "a.input": w, "a": box(b=n, c=v), "a.output": m},
        [("input", "a.input"), ("a.input", "a"), ("a", "a.output"), ("a.output", "output")],
    )
    np.testing.assert_array_equal(out(nested), plain())


def test_subgraphs_in_subgraphs_and_names_that_are_numbers() -> None:
    w, n, v, m = (node for _, node in EXPECTED)
    nested = graph({**ends(), 0: box(in_=box(w=w, n=n)), 1: box(x=box(y=box(z=v)), m=m)}, [("input", 0), (0, 1), (1, "output")])
    np.testing.assert_array_equal(out(nested), plain())


def test_names_that_are_one_text_are_refused() -> None:
    with pytest.raises(ConversionError, match="two nodes whose names are the same text"):
        import_nir(graph({**ends(), 0: neuron(), "0": neuron()}, [("input", 0), (0, "output")]), "sinabs")


def test_a_graph_inside_itself_is_refused() -> None:
    outer = box(n=neuron())
    outer.nodes["self"] = outer
    with pytest.raises(ConversionError, match="`self` contains itself"):
        import_nir(outer, "sinabs")


def test_a_tower_of_subgraphs() -> None:
    def tower(height: int) -> Any:
        found = box(n=neuron())
        for _ in range(height):
            found = box(g=found)
        return found

    np.testing.assert_array_equal(out(tower(40)), out(box(n=neuron())))
    with pytest.raises(ConversionError, match="more than 64 subgraphs deep"):
        import_nir(tower(200), "sinabs")


def scale(value: float = 1.0) -> Any:
    return nir.Scale(np.full(3, value))


@pytest.mark.parametrize(
    ("nodes", "edges", "names"),
    [
        ({"a": scale()}, [("a", "a")], "a"),
        ({"a": scale(), "b": scale()}, [("a", "b"), ("b", "a")], "a, b"),
        ({"a": nir.Linear(WEIGHT), "b": nir.Linear(WEIGHT), "c": scale()}, [("a", "b"), ("b", "c"), ("c", "a")], "a, b, c"),
        ({"a": scale(), "r": box(s=scale())}, [("a", "r"), ("r", "a")], "a, r.input, r.output, r.s"),
        ({"a": scale(), "d": nir.Delay(np.ones(3))}, [("a", "d"), ("d", "a")], "a, d"),
    ],
)
def test_cycles_without_a_neuron_are_refused_by_name(nodes: dict[str, Any], edges: list[tuple[str, str]], names: str) -> None:
    cyclic = graph({**ends(), **nodes, "n": neuron()}, [("input", "a"), *edges, ("a", "n"), ("n", "output")])
    with pytest.raises(ConversionError, match=f"nodes {names} form a cycle without a neuron"):
        import_nir(cyclic, "sinabs")


def test_a_cycle_without_a_neuron_inside_one_with_a_neuron_is_found() -> None:
    nodes = {**ends(), "n": neuron(), "a": scale(), "b": scale()}
    with pytest.raises(ConversionError, match="nodes a, b form a cycle"):
        import_nir(graph(nodes, [("input", "n"), ("n", "a"), ("a", "b"), ("b", "a"), ("b", "n"), ("n", "output")]), "sinabs")


@pytest.mark.parametrize("loop", [("n",), ("n", "a"), ("n", "a", "b")])
def test_cycles_with_a_neuron_are_one_step_late(loop: tuple[str, ...]) -> None:
    nodes = {**ends(), "w": nir.Linear(WEIGHT), "n": neuron(), "a": scale(-0.5), "b": scale(0.5)}
    edges = [("input", "w"), ("w", "n"), ("n", "output"), *zip(loop, (*loop[1:], "n"), strict=True)]
    gain = {1: 1.0, 2: -0.5, 3: -0.25}[len(loop)]
    used = {name for edge in edges for name in edge}
    network = import_nir(graph({k: v for k, v in nodes.items() if k in used}, edges), "sinabs")
    v, s = np.zeros((2, 3)), np.zeros((2, 3))
    for t in range(X.shape[1]):
        v = v + X[:, t] @ WEIGHT.T + gain * s
        s = (v >= 1).astype(float)
        v = v - s
        np.testing.assert_array_equal(evaluate(network, X).output[:, t], s)


def row(nodes: dict[str, Any]) -> Any:
    names = ["input", *nodes, "output"]
    return graph({**ends(), **nodes}, list(zip(names, names[1:], strict=False)))


def test_three_thousand_operators_in_a_row() -> None:
    deep = row({f"s{k}": scale() for k in range(3000)} | {"w": nir.Linear(WEIGHT), "n": neuron()})
    np.testing.assert_array_equal(out(deep), out(row({"w": nir.Linear(WEIGHT), "n": neuron()})))


def test_three_hundred_layers() -> None:
    """A neuron that needs one unit of input per spike hands its spikes on."""
    deep = row({"w": nir.Linear(WEIGHT)} | {f"n{k}": neuron() for k in range(300)})
    np.testing.assert_array_equal(out(deep), out(row({"w": nir.Linear(WEIGHT), "n": neuron()})))


def diamonds(count: int) -> Any:
    """Paths that split and meet again: ``2^count`` of them."""
    nodes, edges, last = {**ends(), "n": neuron()}, [], "input"
    for k in range(count):
        nodes |= {f"a{k}": scale(0.5), f"b{k}": scale(0.5), f"c{k}": scale()}
        edges += [(last, f"a{k}"), (last, f"b{k}"), (f"a{k}", f"c{k}"), (f"b{k}", f"c{k}")]
        last = f"c{k}"
    return graph(nodes, [*edges, (last, "n"), ("n", "output")])


def test_branches_that_meet_again() -> None:
    np.testing.assert_array_equal(out(diamonds(4)), out(row({"n": neuron()})))
    with pytest.raises(ConversionError, match=f"more than {MOST_PATHS} paths lead into `n`"):
        import_nir(diamonds(40), "sinabs")


@pytest.mark.parametrize("edge", [("input",), ("input", "n", "output"), "ab", None])
def test_edges_that_are_no_pairs_are_refused(edge: Any) -> None:
    with pytest.raises(ConversionError, match="must be a pair"):
        import_nir(graph({**ends(), "n": neuron()}, [("input", "n"), edge, ("n", "output")]), "sinabs")


BATCHED = {
    "input of a matrix": (row, (4, 3), {"w": nir.Linear(WEIGHT), "n": neuron()}),
    "batch and time": (row, (4, 7, 3), {"w": nir.Linear(WEIGHT), "n": neuron()}),
    "flatten before the matrix": (row, (4, 1, 3), {"f": nir.Flatten({"input": np.array([4, 1, 3])}, 1, -1), "w": nir.Linear(WEIGHT), "n": neuron()}),
    "parameters": (row, (3,), {"w": nir.Linear(WEIGHT), "n": nir.IF(np.ones((1, 3)), np.ones((1, 3)), np.zeros((1, 3)))}),
    "one of one": (row, (1, 3), {"w": nir.Linear(WEIGHT), "n": nir.IF(np.ones((1, 3)), np.ones((1, 3)), np.zeros((1, 3)))}),
}


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_axis_in_shapes(name: str) -> None:
    build, shape, nodes = BATCHED[name]
    batched = build(nodes)
    batched.nodes["input"] = nir.Input({"input": np.array(shape)})
    network = import_nir(batched, "sinabs")
    x = X.reshape(2, -1, *network.input.shape)
    np.testing.assert_array_equal(evaluate(network, x).output.reshape(2, -1, 3), out(row({"w": nir.Linear(WEIGHT), "n": neuron()})))


def test_parameters_of_a_batch_are_refused_by_name() -> None:
    with pytest.raises(ConversionError, match=r"node `n`: parameters of shape \(4, 3\) do not fit \(3,\) neurons"):
        import_nir(row({"w": nir.Linear(WEIGHT), "n": nir.IF(np.ones((4, 3)), np.ones((4, 3)), np.zeros((4, 3)))}), "sinabs")
