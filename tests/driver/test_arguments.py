"""Arguments of devices that cannot mean anything: typed errors that name them, the same from every device."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError, InputError, LinkError
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

CONFIG = preset("tiny")
KIND = "sim" if shutil.which("g++") else "pysim"


def network(**options: Any) -> Network:
    rng = np.random.default_rng(4)
    return Network(
        name="net", state_bits=CONFIG.state_bits, output="out",
        populations=(Population("in", (6,)), Population("out", (9,), Neurons(**{"threshold": 30, "decay_v": 200, "bias": 3} | options))),
        projections=(Projection(source="in", target="out", weights=rng.integers(-9, 20, (9, 6)), delays=2),),
    )  # fmt: skip


TRAIN = np.ones((10, 6), np.uint8)


@pytest.fixture(scope="module", params=[f"{KIND}:tiny", "golden:tiny"])
def device(request: pytest.FixtureRequest) -> Iterator[Any]:
    with devices.open(request.param) as opened:
        opened.load(compile_network(network(), CONFIG))
        yield opened


@pytest.mark.parametrize("period", [1.5, 300.0, np.float64(3), "300", None, True, [300], -1, 1 << 24, np.int64(-5), float("nan"), np.array([3, 4])])
def test_a_period_that_is_no_number_of_cycles_is_refused(device: Any, period: object) -> None:
    with pytest.raises(InputError, match=r"period_cycles, the clock cycles per time step,.* must be an integer in 0..16777215"):
        device.run(TRAIN, period_cycles=period)
    assert not differs(GoldenModel(network()).run(TRAIN), device.run(TRAIN))


@pytest.mark.parametrize("reset", ["no", "False", None, float("nan"), 2, -1, 0.0, [], np.zeros(2, bool)])
def test_what_is_neither_true_nor_false_does_not_reset(device: Any, reset: object) -> None:
    golden = GoldenModel(network())
    assert not differs(golden.run(TRAIN), device.run(TRAIN))
    with pytest.raises(InputError, match="reset .* must be True or False"):
        device.run(TRAIN, reset=reset)
    assert not differs(golden.run(TRAIN, reset=False), device.run(TRAIN, reset=np.bool_(False))), "it could still be continued"


@pytest.mark.parametrize("period", [0, 3, np.int64(3), np.uint8(3)])
def test_a_period_of_any_integer_type_is_taken(device: Any, period: Any) -> None:
    assert not differs(GoldenModel(network()).run(TRAIN), device.run(TRAIN, period_cycles=period))


@pytest.mark.parametrize("name", ["all", "all.v", "out.v", "in", "", "out ", None, 3, ["out"], b"out"])
def test_only_a_population_has_a_state(device: Any, name: Any) -> None:
    with pytest.raises(InputError, match="has a state; there are out: ask for one of them"):
        device.read_state(name)


@pytest.mark.parametrize("url", [None, 3, Path("sim:tiny"), b"sim:tiny", ["sim:tiny"]])
def test_what_is_no_text_is_no_device(url: Any) -> None:
    with pytest.raises(DeviceError, match="is no device; give a text like `sim:`"):
        devices.open(url)


@pytest.mark.parametrize("config", ["tiny", 3, {"name": "tiny"}])
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    for url in ("golden:", "sim:", "serial:/dev/null"):
        with pytest.raises(DeviceError, match="is no configuration; use lifline.preset"):
            devices.open(url, config=config)


@pytest.mark.parametrize("baud", ["0", "49", "50000001", "1000000000000", "9" * 5000])
def test_a_rate_beyond_reason_is_refused_with_its_limits(baud: str) -> None:
    with pytest.raises(DeviceError, match=r"baud=\d+ must be in 50..50000000"):
        devices.open(f"serial:/dev/null?baud={baud}")


@pytest.mark.parametrize("timeout", ["3601", "1" + "0" * 400, "99999.5"])
def test_a_time_limit_beyond_reason_is_refused(timeout: str) -> None:
    with pytest.raises(DeviceError, match=r"timeout=.* must be at most 3600 seconds"):
        devices.open(f"serial:/dev/null?timeout={timeout}")


@pytest.mark.parametrize("option", ["baud=1e6", "baud=1000000.0", "baud=²", "baud=٣", "baud=-5", "baud=", "timeout=²", "timeout=.", "timeout=nan", "timeout=1.2.3", "Baud=5"])
def test_options_that_are_no_numbers_are_refused(option: str) -> None:
    with pytest.raises(DeviceError, match="after `\\?` there can be baud=1000000 and timeout=0.5"):
        devices.open(f"serial:/dev/null?{option}")


@pytest.mark.parametrize("option", ["baud=115200", "timeout=.5", "timeout=5.", "baud=50&timeout=3600", "baud=50000000"])
def test_sensible_options_reach_the_port(option: str) -> None:
    with pytest.raises(LinkError, match="cannot open /nowhere"):
        devices.open(f"serial:/nowhere?{option}")


@pytest.mark.parametrize("readout", [True, False])
def test_a_run_stopped_before_its_first_window_has_results_that_mean_something(readout: bool) -> None:
    """Nothing was computed: state 0, no spike, no prediction; and nothing of an earlier run."""
    asked = network(**({"cap": 0, "threshold": 1} if readout else {}))
    with devices.open(f"{KIND}:tiny") as board:
        assert isinstance(board, devices.LinkedDevice)
        board.load(compile_network(asked, CONFIG))
        batch = np.stack([TRAIN] * 3)
        for frames in (1, 4):  # before and after the start is sent
            earlier = board.run(TRAIN)
            assert board.read_state("out")["v"].any() and earlier.prediction[0] >= 0
            inner, left = board.link.write, [frames]

            def write(where: int, words: object, inner=inner, left=left) -> None:
                left[0] -= 1
                if left[0] == 0:
                    board.stop()
                inner(where, words)

            board.link.write = write  # type: ignore[method-assign]
            try:
                result = board.run(batch, period_cycles=1 << 20)
            finally:
                del board.link.write
            assert result.steps.tolist() == [0, 0, 0] and not result.exited.any()
            assert result.prediction.tolist() == [-1, -1, -1] and (result.first_spike == -1).all() and not result.spike_counts.any()
            for values in (result.v_last, result.v_max, result.v_sum):
                assert (values is not None) == readout
                assert values is None or (values.dtype == np.int64 and values.shape == (3, 9) and not values.any())
            assert result.counters["out"].spikes.tolist() == result.counters["out"].saturations.tolist() == [0, 0, 0]
            assert not board.read_state("out")["v"].any(), "the state of a run without steps"
            with pytest.raises((DeviceError, InputError), match="not 1 after 3"):
                board.run(TRAIN, reset=False)
        assert not differs(GoldenModel(asked).run(batch), board.run(batch))
