"""Which sources are changed, and which tests should notice: the quickest first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """Sources and the tests that look at them; the campaign runs the tests in this order until one fails."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]


GOLDEN = ("tests/driver/test_early_exit.py", "tests/sim/golden/test_model.py")
RUNS = ("tests/driver/test_runs.py", "tests/driver/test_early_exit.py", "tests/driver/test_long_runs.py")
PROGRAMS = "tests/rtl/test_programs.py"

AREAS = (
    Area("golden model", tuple(f"sim/golden/{name}.py" for name in ("model", "layer", "synapses", "windows", "kernels")), ("tests/sim/golden/test_layer.py", "tests/sim/golden/test_windows.py", *GOLDEN)),
    Area("cycle model", ("sim/cycles/model.py", "sim/cycles/placed.py"), ("tests/sim/cycles/test_model.py", "tests/driver/test_predict.py")),
    Area(
        "cycle model, engines",
        tuple(f"sim/cycles/{name}.py" for name in ("scanner", "entries", "events", "dense", "drain", "slots", "update", "router", "recorder", "sequencer", "active", "core", "walk", "maps", "gather", "pointers", "kernels")),
        ("tests/sim/cycles/test_states.py", "tests/driver/test_predict.py"),
    ),
    Area(
        "compiler",
        ("sw/compiler/checks.py", "sw/compiler/scaling.py", "sw/compiler/microcode.py"),
        ("tests/compiler/test_scaling.py", "tests/compiler/test_refusals.py", "tests/compiler/test_microcode.py", "tests/rtl/neurons/test_update.py"),
    ),
    Area(
        "compiler, layout",
        (
            "sw/compiler/compile.py", "sw/compiler/rings.py", "sw/compiler/weights.py", "sw/compiler/neurons.py", "sw/compiler/emit.py",
            "sw/compiler/memories.py", "sw/compiler/projections/fully_connected.py", "sw/compiler/layouts.py", "sw/compiler/periods.py",
        ),
        ("tests/compiler", "tests/driver/test_layouts.py", PROGRAMS),
    ),  # fmt: skip
    Area(
        "compiler, walks",
        tuple(f"sw/compiler/projections/{name}.py" for name in ("axes", "geometry", "places", "walk", "walked", "identity", "gather", "gathered"))
        + ("sw/compiler/maps.py", "sw/compiler/banding.py", "sw/compiler/bands.py"),
        ("tests/compiler/projections", "tests/compiler/test_maps.py", "tests/compiler/test_gathers.py"),
    ),
    Area("driver", ("sw/driver/exchange.py", "sw/driver/linked.py", "sw/driver/items.py"), ("tests/sim/cycles/test_model.py", *RUNS, "tests/driver/test_mark.py", "tests/driver/test_arguments.py")),
    Area("streams", ("sw/driver/stream.py", "sw/driver/chunks.py", "sw/driver/scores.py"), ("tests/driver/test_stream.py",)),
    Area("sensor", ("sw/sensor/event_clock.py", "sw/sensor/recording.py"), ("tests/sensor",)),
    Area("link", ("sw/driver/link.py",), ("tests/driver/test_link.py",)),
    Area("batches", ("sw/driver/pipeline.py", "sw/driver/batch.py", "sw/driver/samples.py", "sw/driver/input_words.py"), ("tests/driver/test_input_words.py", "tests/driver/test_batch.py", "tests/driver/test_estimate.py")),
    Area("explore", tuple(f"sw/explore/{name}.py" for name in ("requantise", "candidate", "front", "evaluate", "search", "screen", "proposals", "outcome", "builds")), ("tests/explore",)),
    Area("estimates", ("sw/driver/estimate.py",), ("tests/driver/test_estimate.py",)),
    Area("energy", ("sw/driver/energy.py", "sw/driver/coefficients.py", "sw/driver/calibration.py", "sw/driver/nonnegative.py"), ("tests/driver/test_energy.py",)),
    Area(
        "gateware, sequencer",
        tuple(f"rtl/control/{part}.py" for part in ("sequencer", "machine", "real_time", "windows", "progress", "fetch", "counters", "loop", "steps", "routes")),
        ("tests/rtl/control", PROGRAMS),
    ),
    Area("gateware, registers", ("rtl/host/registers.py",), ("tests/rtl/host/test_registers.py",)),
    Area("gateware, host", ("rtl/host/host.py", "rtl/host/decode.py", "rtl/host/written.py", "rtl/host/readback.py"), ("tests/rtl/host/test_host.py",)),
    Area("gateware, rings", ("rtl/spikes/rings.py",), ("tests/rtl/spikes/test_rings.py", PROGRAMS)),
    Area("gateware, delays", ("rtl/spikes/delays.py",), ("tests/rtl/spikes/test_delays.py", PROGRAMS)),
    Area("gateware, router", ("rtl/spikes/router.py",), ("tests/rtl/spikes/test_router.py", PROGRAMS)),
    Area("gateware, arrivals", ("rtl/spikes/arrivals.py",), ("tests/rtl/spikes/test_arrivals.py", "tests/rtl/spikes/test_router.py", PROGRAMS)),
    Area("gateware, bitmap", ("rtl/spikes/bitmap.py",), ("tests/rtl/spikes/test_bitmap.py", "tests/rtl/spikes/test_router.py", PROGRAMS)),
    Area("gateware, place", ("rtl/spikes/place.py",), ("tests/rtl/spikes/test_place.py", "tests/rtl/spikes/test_router.py")),
    Area("gateware, scanner", ("rtl/synapses/scanner.py", "rtl/synapses/fetch.py", "rtl/synapses/capture.py", "rtl/synapses/emit.py", "rtl/synapses/vectors.py"), ("tests/rtl/synapses/test_scanner.py",)),
    Area(
        "gateware, accumulation",
        tuple(f"rtl/synapses/{name}.py" for name in ("accumulate", "entries", "event_issue", "dense_issue", "drain", "weights", "slot_base", "slots", "adders", "dense")),
        ("tests/rtl/synapses/test_accumulate.py", "tests/rtl/synapses/test_entries.py", "tests/rtl/synapses/test_slots.py", PROGRAMS),
    ),
    Area(
        "gateware, walk",
        tuple(f"rtl/synapses/{name}.py" for name in ("walk", "digits", "look_up", "loops", "map_memory")) + ("rtl/cells/divide.py",),
        ("tests/rtl/cells/test_divide.py", "tests/rtl/synapses/test_walk.py", "tests/rtl/synapses/test_map_memory.py", "tests/rtl/synapses/test_mapped_passes.py"),
    ),
    Area(
        "gateware, gather",
        tuple(f"rtl/synapses/gather{part}.py" for part in ("", "_pointers", "_blocks", "_segments")),
        ("tests/rtl/synapses/test_gather_passes.py",),
    ),
    Area(
        "gateware, lanes",
        ("rtl/neurons/lanes.py", "rtl/cells/clip.py", "rtl/cells/add.py"),
        ("tests/rtl/cells/test_clip.py", "tests/rtl/cells/test_add.py", "tests/rtl/neurons/test_lanes.py"),
    ),
    Area(
        "gateware, update",
        tuple(f"rtl/neurons/{name}.py" for name in ("update", "microprogram", "rows", "issue", "pipeline", "exists", "spikes", "counts")),
        ("tests/rtl/neurons", "tests/driver/test_trace.py", PROGRAMS),
    ),
    Area("gateware, recorder", ("rtl/spikes/recorder.py",), ("tests/rtl/spikes/test_recorder.py", "tests/formal/test_memories.py")),
    Area("gateware, input", ("rtl/spikes/input.py", "rtl/spikes/input_places.py", "rtl/spikes/packed.py"), ("tests/rtl/spikes/test_input.py",)),
    Area("gateware, link", ("rtl/host/link.py", "rtl/host/receiver.py", "rtl/host/executor.py", "rtl/host/replier.py", "rtl/host/frames.py"), ("tests/rtl/host/test_link.py",)),
)
