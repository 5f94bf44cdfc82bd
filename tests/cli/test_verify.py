"""Random programs on every variant of the gateware: no bit differs, and no option or descriptor field stays untried."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from lifline.arch.config import PRESETS
from lifline.arch.errors import ConfigError, InputError
from lifline.arch.program import PROGRAM_LAYOUTS
from lifline.cli.main import app
from lifline.cli.verify import BITS, FIELDS, OPTIONS, verify_random
from lifline.sim.random.variants import VARIANTS

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@needs_compiler
def test_variants() -> None:
    seen = []
    report = verify_random("all", 200, 20_000, None, lambda: seen.append(1))
    assert report["mismatches"] == 0, f"reproduce with --random 1 --seed {report['seed']} --config {report['config']}"
    assert report["not_covered"] == [] and report["programs"] == len(seen) == 200
    assert set(report["coverage"]) >= {*OPTIONS, *FIELDS}


@needs_compiler
def test_few_programs_do_not_cover_everything() -> None:
    report = verify_random("tiny", 1, 0, None, lambda: None)
    assert report["not_covered"]


def test_variants_differ_in_every_parameter() -> None:
    fixed = {"weight_words", "max_neurons", "delay_entries", "input_words", "output_words"}  # depths of memories, no logic
    for name in vars(PRESETS["tiny"]).keys() - fixed:
        assert len({getattr(c, name) for c in VARIANTS.values()}) > 1, name
    assert len(VARIANTS) <= 12 and len({c.hash for c in VARIANTS.values()}) == len(VARIANTS)


def test_bad_names() -> None:
    with pytest.raises(InputError, match="cannot inject 'cable'"):
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


def test_bits_that_are_not_asked_for_belong_to_fields_that_exist() -> None:
    fields = {f"{w.name}.{f.name}": f.width for w in PROGRAM_LAYOUTS for f in w.fields}
    assert all(0 < bits <= fields[name] for name, bits in BITS.items())
    assert set(FIELDS) >= {"pass_0.mode[0]", "micro.latch remaining", "micro.record count", "population_1.shift[3]", "population_2.factor_v[12]"}
