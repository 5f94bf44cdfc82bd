"""Random programs on every variant of the gateware: no bit differs, and no option or descriptor field stays untried."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from lifline.arch.config import PRESETS
from lifline.arch.errors import ConfigError, InputError
from lifline.arch.program import RING_0
from lifline.cli.coverage import FIELDS, GATHERS, MAPPED, OPTIONS
from lifline.cli.main import app
from lifline.cli.verify import OUTPUT_FULL, configurations, random_program, verify_random
from lifline.sim.random.geometry import GEOMETRIES
from lifline.sim.random.variants import VARIANTS

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@needs_compiler
def test_variants() -> None:
    seen = []
    report = verify_random("all", 300, 30_000, None, lambda: seen.append(1))
    assert report["mismatches"] == 0, f"reproduce with --random 1 --seed {report['seed']} --config {report['config']}"
    assert report["not_covered"] == [] and report["programs"] == len(seen) == 300
    assert report["cycle_mismatches"] == 0 and report["differences"] == [] and report["cycles_equal"] == 300
    assert 0 < report["counted_alone"][OUTPUT_FULL] < 150  # the records of most others are part of their cycles
    assert set(report["coverage"]) >= {*OPTIONS, *FIELDS, *GEOMETRIES, "sparse", *MAPPED, *GATHERS}


@needs_compiler
def test_few_programs_do_not_cover_everything() -> None:
    report = verify_random("tiny", 1, 0, None, lambda: None)
    assert report["not_covered"]


def test_every_random_network_compiles() -> None:
    """None is refused: what is drawn fits its configuration, whatever is recurrent or reads a ring through a tap."""
    configs = configurations("all")
    taps = 0
    for seed in range(40_000, 40_600):
        _, program, spikes = random_program(seed, configs[seed % len(configs)])
        assert spikes.shape[1] == program.network.input.size
        taps += sum(layout is RING_0 and layout.unpack(word)["tap"] for _, layout, word in program.listing())
    assert taps > 50


def test_variants_differ_in_every_parameter() -> None:
    fixed = {"weight_words", "max_neurons", "delay_entries", "input_words", "output_words"}  # depths of memories, no logic
    for name in vars(PRESETS["tiny"]).keys() - fixed:
        assert len({getattr(c, name) for c in VARIANTS.values()}) > 1, name
    assert len(VARIANTS) <= 12 and len({c.hash for c in VARIANTS.values()}) == len(VARIANTS)


def test_bad_names() -> None:
    with pytest.raises(InputError, match="cannot inject 'map': `tiny` has no maps; use --config maps"):
        verify_random("tiny", 1, 0, "map", lambda: None)
    with pytest.raises(InputError, match="cannot inject 'loop': `tiny` has no maps; use --config maps"):
        verify_random("tiny", 1, 0, "loop", lambda: None)
    with pytest.raises(InputError, match="cannot inject 'cable'; choose one of weight, state, delay, map, band, descriptor, digit, loop, gather, pointer"):
        verify_random("tiny", 1, 0, "cable", lambda: None)
    with pytest.raises(ConfigError, match="no configuration `huge`"):
        verify_random("huge", 1, 0, None, lambda: None)


@needs_compiler
def test_the_printed_seed_reproduces_a_failure() -> None:
    report = verify_random("tiny", 12, 300, "weight", lambda: None)
    assert report["mismatches"] and 300 <= report["seed"] < 312
    for _ in range(2):
        again = verify_random(report["config"], 1, report["seed"], "weight", lambda: None)
        assert (again["programs"], again["mismatches"], again["seed"], again["config"]) == (1, 1, report["seed"], report["config"])


@needs_compiler
def test_status_says_whether_a_fault_was_noticed() -> None:
    """A fault that changes nothing is a failed check; so is a difference without a fault, which needs a broken board to see."""
    noticed = {}
    for seed in range(8):  # some weights belong to silent neurons
        noticed[seed] = bool(verify_random("tiny", 1, seed, "weight", lambda: None)["mismatches"])
    assert set(noticed.values()) == {False, True}
    for expected in (False, True):
        seed = next(s for s, n in noticed.items() if n is expected)
        words = ["verify", "--random", "1", "--seed", str(seed), "--config", "tiny", "--inject", "weight", "--json"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == (0 if expected else 1)
        figures = json.loads(result.stdout.strip().splitlines()[-1])
        assert (figures["programs"], figures["mismatches"], figures["seed"]) == (1, int(expected), seed)


@needs_compiler
def test_a_board_that_computes_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a fault: the golden model is made wrong instead of the board."""
    from lifline.sim.golden import model as golden

    monkeypatch.setattr(golden.Layer, "update", lambda self, state, x, *others, update=golden.Layer.update: update(self, state, x + 1, *others))
    result = CliRunner().invoke(app, ["verify", "--random", "2", "--config", "tiny", "--json"])
    assert result.exit_code == 1 and json.loads(result.stdout.strip().splitlines()[-1])["mismatches"] == 2


@needs_compiler
def test_a_cycle_model_that_is_wrong_is_noticed_and_its_seeds_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a run whose cycles are compared, and in one that is counted alone as its records fill the output."""
    from lifline.sim.cycles import model

    words = ["verify", "--random", "4", "--seed", "8", "--config", "tiny", "--json"]
    right = CliRunner().invoke(app, words)
    assert right.exit_code == 0 and "cycle model equal on all 4" in right.stderr
    report = json.loads(right.stdout.splitlines()[-1])
    assert 0 < report["counted_alone"][OUTPUT_FULL] < report["cycles_equal"] == 4 and report["cycle_mismatches"] == 0
    assert f"{OUTPUT_FULL} in {report['counted_alone'][OUTPUT_FULL]}" in right.stderr
    monkeypatch.setattr(model, "PASS_CYCLES", model.PASS_CYCLES + 1)
    wrong = CliRunner().invoke(app, words)
    assert wrong.exit_code == 1 and "cycle model differs on 4 of 4: seeds 8 (tiny: " in wrong.stderr
    report = json.loads(wrong.stdout.splitlines()[-1])
    assert (report["mismatches"], report["cycle_mismatches"], report["cycles_equal"], report["seed"]) == (0, 4, 0, 8)
    assert [d["seed"] for d in report["differences"]] == [8, 9, 10, 11]
    assert all(counted < modelled and not d["values"] for d in report["differences"] for counted, modelled in [d["cycles"]])
