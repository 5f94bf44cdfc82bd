"""Values of nodes, whatever an exporter put there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.import_graph import import_nir
from lifline.convert.nir.values import LARGEST_LAYER, as_array, as_shape

nir = pytest.importorskip("nir")
WEIGHT = np.array([[0.5, 0.75, -0.25], [0.25, -0.5, 1.5]], np.float32)
BIAS = np.array([0.125, 0.0], np.float32)
X = (np.random.default_rng(0).random((2, 30, 3)) < 0.6).astype(np.uint8)


def graph(convert: Any) -> Any:
    """Built with arrays, which the package's own checks read; then each field becomes what an exporter left there."""
    affine = nir.Affine(WEIGHT, BIAS)
    lif = nir.LIF(tau=np.full(2, 2e-4), r=np.full(2, 2.0), v_leak=np.zeros(2), v_threshold=np.ones(2), v_reset=np.zeros(2))
    found = nir.NIRGraph.from_list(affine, lif)
    affine.weight, affine.bias = convert(WEIGHT), convert(BIAS)
    for field in ("tau", "r", "v_leak", "v_threshold", "v_reset"):
        setattr(lif, field, convert(getattr(lif, field).astype(np.float32)))
    return found


def tensors() -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    return {
        "tensor": torch.from_numpy,
        "parameter": lambda a: torch.nn.Parameter(torch.from_numpy(a.copy())),
        "requires a gradient": lambda a: torch.from_numpy(a.copy()).requires_grad_(),
        "inside a graph": lambda a: torch.from_numpy(a.copy()).requires_grad_() * 1,
        "bfloat16": lambda a: torch.from_numpy(a).bfloat16(),
        "bfloat16 parameter": lambda a: torch.nn.Parameter(torch.from_numpy(a).bfloat16()),
        "half": lambda a: torch.from_numpy(a).half(),
        "sparse": lambda a: torch.from_numpy(a).to_sparse(),
        "not contiguous": lambda a: torch.from_numpy(np.repeat(a, 2, axis=-1))[..., ::2],
        "list": lambda a: a.tolist(),
        "tuple": lambda a: tuple(map(tuple, a)) if a.ndim > 1 else tuple(a),
        "objects": lambda a: a.astype(object),
    }


@pytest.mark.parametrize("form", ["tensor", "parameter", "requires a gradient", "inside a graph", "bfloat16", "bfloat16 parameter", "half", "sparse", "not contiguous", "list", "tuple", "objects"])
@pytest.mark.filterwarnings("ignore:Sparse")
def test_every_form_of_a_tensor_is_read(form: str) -> None:
    """All values but the time constants are exact in every type; those cost a rounding, so the time step is given by the graph's own."""
    converted = graph(tensors()[form])
    dt = float(as_array("tau", converted.nodes["lif"].tau)[0]) / 2
    out = evaluate(import_nir(converted, "snntorch", dt=dt), X).output
    expected = evaluate(import_nir(graph(lambda a: a), "snntorch"), X).output
    assert expected.any()
    np.testing.assert_array_equal(out, expected)


def lazy(torch: Any) -> Any:
    return torch.nn.LazyLinear(3).weight


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda torch: torch.empty(2, 3, device="meta"), "weight is a tensor on device meta, which holds no values"),
        (lambda torch: torch.nn.Parameter(torch.empty(2, 3, device="meta")), "device meta"),
        (lazy, "UninitializedParameter whose values cannot be read"),
        (lambda torch: torch.zeros(2, 3, dtype=torch.complex64), "is complex"),
        (lambda torch: np.zeros((2, 3), complex), "not a number or an array of numbers"),
        (lambda torch: np.array([["a", "b", "c"]] * 2), "not a number or an array of numbers"),
        (lambda torch: [[1, 2, 3], [4, 5]], "not a number or an array of numbers"),
        (lambda torch: {"weight": 1}, "not a number or an array of numbers"),
        (lambda torch: np.ma.masked_array(WEIGHT, WEIGHT < 0), "masked"),
        (lambda torch: np.where(WEIGHT < 0, np.nan, WEIGHT), "is not finite: 2 of 6 values"),
        (lambda torch: np.where(WEIGHT < 0, -np.inf, WEIGHT), "is not finite: 2 of 6 values"),
        (lambda torch: torch.full((2, 3), float("nan")), "is not finite: 6 of 6 values"),
    ],
)
def test_what_is_no_number_is_refused_by_name(make: Any, message: str) -> None:
    changed = graph(lambda a: a)
    changed.nodes["affine"].weight = make(pytest.importorskip("torch"))
    with pytest.raises(ConversionError, match=f"node `affine`.*weight.*{message}" if "weight is" not in message else message):
        import_nir(changed, "snntorch")


FIELDS = {"lif": ("tau", "r", "v_leak", "v_threshold", "v_reset"), "affine": ("weight", "bias")}


@pytest.mark.parametrize(("node", "field"), [(n, f) for n, fields in FIELDS.items() for f in fields])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_in_every_field(node: str, field: str, value: float) -> None:
    changed = graph(lambda a: a.copy())
    getattr(changed.nodes[node], field).flat[-1] = value
    with pytest.raises(ConversionError, match=f"node `{node}`.*{field} is not finite"):
        import_nir(changed, "snntorch")


@pytest.mark.parametrize(
    ("value", "expected"), [(None, ()), (3, (3,)), ([2, 3.0], (2, 3)), ({"input": np.array([4])}, (4,)), ((None, 3), ()), (np.array([]), ())]
)
def test_shapes(value: Any, expected: tuple[int, ...]) -> None:
    assert as_shape("shape", value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [([2.5], "must be integers"), ({"a": [1], "b": [2]}, "2 shapes"), ("text", "not a number"), ([np.nan], "not finite"), ([LARGEST_LAYER, 2], "at most 268,435,456"), ([10**30], "at most")],
)
def test_shapes_that_cannot_be_are_refused(value: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        as_shape("shape", value)


def test_a_layer_beyond_any_memory_is_refused_before_it_is_made() -> None:
    pool = nir.SumPool2d(kernel_size=np.array([1, 1]), stride=np.array([1, 1]), padding=np.array([30000, 30000]))
    nodes = {"input": nir.Input({"input": np.array([1, 4, 4])}), "pool": pool, "if": nir.IF(np.ones(1), np.ones(1)), "output": nir.Output({"output": np.array([1])})}
    wide = nir.NIRGraph(nodes=nodes, edges=[("input", "pool"), ("pool", "if"), ("if", "output")], type_check=False)
    with pytest.raises(ConversionError, match="node `pool`.*at most 268,435,456 in one layer"):
        import_nir(wide, "sinabs")
