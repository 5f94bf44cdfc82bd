"""Which sources are changed, and which tests should notice: the quickest first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """Sources and the tests that look at them; the campaign runs the tests in this order until one fails."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]


GOLDEN = ("tests/driver/test_early_exit.py", "tests/sim/test_golden.py")
RUNS = ("tests/driver/test_runs.py", "tests/driver/test_early_exit.py", "tests/driver/test_long_runs.py")

AREAS = (
    Area("golden model", ("sim/golden.py", "sim/layer.py", "sim/kernels.py"), ("tests/sim/test_layer.py", *GOLDEN)),
    Area("cycle model", ("sim/cycles.py",), ("tests/sim/test_cycles.py", "tests/driver/test_predict.py")),
    Area("cycle model, control", ("sim/control.py",), ("tests/driver/test_predict.py",)),
    Area(
        "compiler",
        ("sw/compiler/checks.py", "sw/compiler/microcode.py"),
        ("tests/compiler/test_checks.py", "tests/compiler/test_refusals.py", "tests/compiler/test_microcode.py", "tests/rtl/test_update.py"),
    ),
    Area("compiler, layout", ("sw/compiler/compile.py",), ("tests/compiler", "tests/rtl/test_programs.py")),
    Area("driver", ("sw/driver/exchange.py", "sw/driver/linked.py"), ("tests/sim/test_cycles.py", *RUNS, "tests/driver/test_mark.py", "tests/driver/test_arguments.py")),
    Area("link", ("sw/driver/link.py",), ("tests/driver/test_link.py",)),
    Area("gateware, sequencer", ("rtl/sequencer.py",), ("tests/rtl/test_real_time.py", "tests/rtl/test_sequencer.py")),
    Area("gateware, registers", ("rtl/registers.py",), ("tests/rtl/test_registers.py",)),
    Area("gateware, host", ("rtl/host.py",), ("tests/rtl/test_host.py",)),
    Area("gateware, router", ("rtl/route.py",), ("tests/rtl/test_route.py",)),
    Area("gateware, scanner", ("rtl/scan.py",), ("tests/rtl/test_scan.py",)),
    Area("gateware, accumulation", ("rtl/accumulate.py",), ("tests/rtl/test_accumulate.py",)),
    Area("gateware, lanes", ("rtl/lanes.py",), ("tests/rtl/test_lanes.py",)),
    Area("gateware, update", ("rtl/update.py",), ("tests/rtl/test_update.py",)),
    Area("gateware, recorder", ("rtl/record.py",), ("tests/rtl/test_record.py",)),
    Area("gateware, input", ("rtl/input.py",), ("tests/rtl/test_input.py",)),
    Area("gateware, link", ("rtl/link.py",), ("tests/rtl/test_link.py",)),
)
