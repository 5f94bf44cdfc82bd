"""lava-dl files: exact, against Loihi's equations written out on plain integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lifline.arch.config import preset
from lifline.arch.errors import CompileError, ConversionError
from lifline.compiler.compile import compile_network
from lifline.convert.frameworks.lava import import_lava
from lifline.sim.golden.model import GoldenModel

from ..fixtures import FOLDER, needs_fixtures

h5py = pytest.importorskip("h5py")


def write(path: Path, layers: list[dict[str, Any]]) -> Path:
    with h5py.File(path, "w") as file:
        for k, layer in enumerate(layers):
            for name, value in layer.items():
                stored = np.array([value.encode()], "S10") if name == "type" else value
                file[f"layer/{k}/{name}"] = stored
    return path


def neuron(i_decay: int, v_decay: int, threshold: int, exponent: int | None = None, kind: str = "CUBA") -> dict[str, Any]:
    fields: dict[str, Any] = {"neuron/type": kind.encode(), "neuron/iDecay": i_decay, "neuron/vDecay": v_decay, "neuron/vThMant": threshold, "neuron/refDelay": 1, "neuron/gradedSpike": False}
    return fields | ({} if exponent is None else {"neuron/wgtExp": exponent})


def reference_layer(weights: NDArray[Any], x: NDArray[Any], layer: dict[str, Any]) -> NDArray[np.int64]:
    """Loihi's current and voltage (Python integers, truncation toward zero), spikes (time, neuron)."""
    def tz(value: int, decay: int) -> int:
        product = value * (4096 - decay)
        return product // 4096 if product >= 0 else -(-product // 4096)

    size = len(weights)
    i, v, out = [0] * size, [0] * size, np.zeros((len(x), size), np.int64)
    bias = np.broadcast_to(np.asarray(layer.get("bias", 0)), (size,))
    for t, arrived in enumerate(x):
        for n in range(size):
            total = int((weights[n] * arrived).sum()) * 2 ** (6 + layer.get("neuron/wgtExp", 0))
            i[n] = tz(i[n], layer["neuron/iDecay"]) + total
            v[n] = tz(v[n], layer["neuron/vDecay"]) + i[n] + int(bias[n]) * 64
            if v[n] > layer["neuron/vThMant"] * 64:
                out[t, n], v[n] = 1, 0
    return out


def shifted(x: NDArray[np.int64], delays: NDArray[np.int64] | int) -> NDArray[np.int64]:
    out = np.zeros_like(x)
    for n, d in enumerate(np.broadcast_to(delays, x.shape[1:])):
        out[d:, n] = x[: len(x) - d, n]
    return out


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("exponent", [None, 1, -2])
@pytest.mark.parametrize("step", [0, 1])
def test_dense_network_equals_loihi(tmp_path: Path, even: bool, exponent: int | None, step: int) -> None:
    rng = np.random.default_rng(5)
    first = {"type": "dense", "weight": rng.integers(-60, 90, (9, 12)) * (2 if even else 1) + (0 if even else 1), "delay": rng.integers(0, 7, 9).astype(np.float32)}
    first |= neuron(900, 300, 150 * (2 if exponent is None else 1), exponent)
    second = {"type": "dense", "weight": (rng.integers(-60, 90, (4, 9)) * 2).astype(np.float32), "bias": rng.integers(-9, 9, 4).astype(np.float32)}
    second |= neuron(4096, 128, 100, kind="LOIHI")
    path = write(tmp_path / "net.net", [{"type": "input", "shape": [12]}, first, {"type": "flatten", "shape": [9]}, second])
    network = import_lava(path, step=step)
    x = (rng.random((50, 12)) < 0.4).astype(np.int64)
    hidden = reference_layer(first["weight"], shifted(x, step), first)
    out = reference_layer(second["weight"], shifted(hidden, step + first["delay"].astype(np.int64)), second)
    result = GoldenModel(network).run(x, record=["all.spikes"])
    np.testing.assert_array_equal(result.records["layer1"]["spikes"][0], hidden)
    np.testing.assert_array_equal(result.output_spikes[0], out)
    assert hidden.any() and out.any() and not any(c.saturations.any() for c in result.counters.values())
    if even and exponent is None:
        compile_network(network, preset("loihi"))


def pooled_as_lava(x: NDArray[Any], weights: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[Any]:
    """Sums (time, channel, row, column) as lava-dl computes them: zeros behind each axis, then windows over channels and rows as one axis."""
    channels, size, images = shape[0], weights.shape, x.reshape(len(x), *shape)
    images = np.pad(images, ((0, 0), (0, 0), (0, shape[1] % size[0]), (0, shape[2] % size[1])))
    flat = images.reshape(len(x), -1, images.shape[3])
    rows, columns = flat.shape[1] // size[0], flat.shape[2] // size[1]
    sums = np.zeros((len(x), rows, columns), np.int64)
    for r in range(rows):
        for c in range(columns):
            sums[:, r, c] = (flat[:, r * size[0] : (r + 1) * size[0], c * size[1] : (c + 1) * size[1]] * weights).sum(axis=(1, 2))
    return sums.reshape(len(x), channels, -1, columns)


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("shape", [(3, 4, 6), (2, 5, 3), (1, 1, 1)])
def test_pooling_equals_lava(tmp_path: Path, shape: tuple[int, int, int], equal: bool) -> None:
    rng = np.random.default_rng(sum(shape))
    weights = np.full((2, 2), 60) if equal else 2 * rng.integers(-20, 40, (2, 2))
    layer = {"type": "pool", "kernelSize": [2, 2], "stride": [2, 2], "padding": [0, 0], "dilation": [1, 1], "weight": weights.reshape(1, 1, 2, 2)}
    layer |= neuron(1000, 200, 90)
    network = import_lava(write(tmp_path / "net.net", [{"type": "input", "shape": list(shape)}, layer]), step=0)
    assert network.projections[0].connection.name == ("pooling" if equal else "convolution")
    x = (rng.random((40, int(np.prod(shape)))) < 0.5).astype(np.int64)
    sums = pooled_as_lava(x, weights, shape)
    assert network.population("layer1").shape == sums.shape[1:]
    count = int(np.prod(sums.shape[1:]))
    expected = reference_layer(np.eye(count, dtype=np.int64), sums.reshape(len(x), count), layer)
    assert expected.any()
    np.testing.assert_array_equal(GoldenModel(network).run(x).output_spikes[0], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": [1, 1]}, r"layer 1: a pooling of \[2, 2\] with stride \[1, 1\].*has no translation"),
        ({"padding": [1, 0]}, r"padding \[1, 0\]"),
        ({"dilation": 2}, r"dilation \[2, 2\]"),
        ({"kernelSize": 3, "stride": 3, "weight": np.ones((1, 1, 3, 3), np.int64)}, "4 rows with the 1 that lava-dl appends are no multiple of a window's 3"),
        ({"weight": np.ones(3, np.int64)}, r"3 weights for a window of \[2, 2\]"),
    ],
)
def test_pooling_without_translation_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    layer = {"type": "pool", "kernelSize": [2, 2], "stride": [2, 2], "weight": np.ones((1, 1, 2, 2), np.int64)} | neuron(4096, 0, 2) | change
    with pytest.raises(ConversionError, match=message):
        import_lava(write(tmp_path / "bad.net", [{"type": "input", "shape": [2, 4, 4]}, layer]))


@needs_fixtures
def test_tiny_example_equals_loihi() -> None:
    path = FOLDER / "tiny.net"
    network = import_lava(path)
    assert [p.kind for p in network.projections] == ["identity", "5x5 convolution, stride 2", "5x5 convolution, stride 2"]
    assert network.state_bits == 24 and network.output == "layer2"
    rng = np.random.default_rng(2)
    x = (rng.random((12, 768)) < 0.5).astype(np.int64)
    golden = GoldenModel(network).run(x, record=["all.spikes"])
    written_out = GoldenModel(import_lava(path, unroll=True)).run(x, record=["all.spikes"])
    for name, records in written_out.records.items():
        np.testing.assert_array_equal(golden.records[name]["spikes"], records["spikes"])
    with h5py.File(path) as file:
        layers = [{n: file[f"layer/{k}/{n}"][()] for n in ("weight", "bias", "neuron/iDecay", "neuron/vDecay", "neuron/vThMant")} for k in range(3)]
    torch = pytest.importorskip("torch")
    reference = reference_layer(np.eye(768, dtype=np.int64) * 36, x, layers[0])
    np.testing.assert_array_equal(golden.records["layer0"]["spikes"][0], reference)
    for name, shape, layer in (("layer1", (3, 16, 16), layers[1]), ("layer2", (24, 6, 6), layers[2])):
        arriving = torch.from_numpy(shifted(reference, 1).reshape(len(x), *shape)).double()
        current = torch.nn.functional.conv2d(arriving, torch.from_numpy(layer["weight"][..., 0]).double(), stride=2).numpy().reshape(len(x), -1)
        count = current.shape[1]
        layer["bias"] = np.repeat(layer["bias"], count // len(layer["bias"]))
        # A weight matrix of one column per neuron carries the convolution's sums in.
        reference = np.zeros((len(x), count), np.int64)
        v = np.zeros(count, np.int64)
        for t in range(len(x)):
            product = v * (4096 - int(layer["neuron/vDecay"]))
            v = np.sign(product) * (np.abs(product) >> 12) + (current[t].astype(np.int64) << 6) + (layer["bias"].astype(np.int64) << 6)
            reference[t] = v > int(layer["neuron/vThMant"]) << 6
            v[reference[t] > 0] = 0
        assert reference.any()
        np.testing.assert_array_equal(golden.records[name]["spikes"][0], reference)
    with pytest.raises(CompileError):
        compile_network(network, preset("loihi"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"neuron/type": b"SDNN"}, "neuron type SDNN"),
        ({"neuron/refDelay": 3}, "refractory"),
        ({"neuron/gradedSpike": True}, "graded spikes are not"),
        ({"neuron/weight_exp": 2}, "scales by 2.2"),
        ({"neuron/wgtExp": -9}, "wgtExp -9"),
        ({"neuron/iDecay": 5000}, "decays 5000"),
        ({"neuron/iDecay": np.array([1, 2])}, "one per layer"),
        ({"weight": np.full((2, 3), 0.5)}, "must hold integers"),
        ({"weight": np.ones((2, 5), np.int64)}, "cannot follow 3 neurons"),
        ({"bias": np.arange(7)}, "7 biases for 2"),
        ({"type": "average"}, "average.*layers=1"),
        ({"neuron/vThMant": 0}, "layer 1: threshold vThMant 0 must be at least 1"),
        ({"neuron/vThMant": -3}, "vThMant -3 must be at least 1"),
        ({"delay": np.array([1.0, 2.5])}, "layer 1: delay 2.5 must be a whole number"),
        ({"delay": np.array([1, -2])}, "delay -2 must be a whole number"),
        ({"delay": np.array([1.0, np.nan])}, "delay nan must be a whole number"),
    ],
)
def test_refuses_by_name(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    layer = {"type": "dense", "weight": np.ones((2, 3), np.int64)} | neuron(4096, 0, 2) | change
    path = write(tmp_path / "bad.net", [{"type": "input", "shape": [3]}, layer])
    with pytest.raises(ConversionError, match=message):
        import_lava(path)


@pytest.mark.parametrize("layers", [0, -1, "5", 1.0, True, 3])
def test_refuses_counts_of_layers_that_mean_nothing(tmp_path: Path, layers: Any) -> None:
    layer = {"type": "dense", "weight": np.ones((2, 3), np.int64)} | neuron(4096, 0, 2)
    path = write(tmp_path / "two.net", [{"type": "input", "shape": [3]}, layer])
    assert import_lava(path, layers=2).output == "layer1"
    with pytest.raises(ConversionError, match="layers"):
        import_lava(path, layers=layers)
    with pytest.raises(ConversionError, match="step"):
        import_lava(path, step="1")  # type: ignore[arg-type]


def test_refuses_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        import_lava(tmp_path / "absent.net")
    (tmp_path / "text.net").write_text("not HDF5")
    with pytest.raises(ConversionError, match="not a readable"):
        import_lava(tmp_path / "text.net")
    with h5py.File(tmp_path / "empty.net", "w"):
        pass
    with pytest.raises(ConversionError, match="no group `layer`"):
        import_lava(tmp_path / "empty.net")


def test_refuses_sizes_links_and_kinds_before_reading(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "large.net", "w") as file:
        file["layer/0/type"] = np.array([b"dense"], "S10")
        file.create_dataset("layer/0/weight", (1 << 14, 1 << 14), "f4", chunks=(1 << 10, 1 << 10))
    with h5py.File(tmp_path / "circle.net", "w") as file:
        file.create_group("layer/0")
        file["layer/1"] = file["layer"]
    with h5py.File(tmp_path / "array.net", "w") as file:
        file["layer/0"] = np.arange(3)
    for name, message in (("large", "would become 1,073,741,834 in memory"), ("circle", "must not lead in a circle"), ("array", "layer 0 is an array, not a layer")):
        with pytest.raises(ConversionError, match=message):
            import_lava(tmp_path / f"{name}.net")
