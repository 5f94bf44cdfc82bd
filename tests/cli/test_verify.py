"""Random programs on every variant of the gateware: no bit differs, and no option or descriptor field stays untried."""

from __future__ import annotations

import shutil

import pytest

from lifline.arch.config import PRESETS
from lifline.arch.errors import ConfigError, InputError
from lifline.cli.verify import FIELDS, OPTIONS, verify_random
from lifline.sim.variants import VARIANTS

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
