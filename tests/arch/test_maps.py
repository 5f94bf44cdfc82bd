"""Division by multiplication, and who refuses map tables of which size."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import PRESETS, preset
from lifline.arch.errors import ConfigError
from lifline.arch.maps import INDEX_BITS, LARGEST_RADIX, MAP, quotient, reciprocal
from lifline.arch.program import MAPPED_PASS_WORDS, PASS_3, PASS_WORDS


def test_every_index_is_divided_exactly_by_every_radix() -> None:
    index = np.arange(1 << INDEX_BITS, dtype=np.int64)
    for radix in range(1, LARGEST_RADIX + 1):
        factor, k = reciprocal(radix)
        PASS_3.pack(reciprocal_0=factor, shift_0=k, radix_0=radix)  # fits
        assert np.array_equal(quotient(index, factor, k), index // radix), radix  # type: ignore[call-overload]


@pytest.mark.parametrize("radix", [0, -1, LARGEST_RADIX + 1])
def test_a_radix_that_does_not_fit_is_refused(radix: int) -> None:
    with pytest.raises(ValueError, match=f"radix {radix} must be in 1..{LARGEST_RADIX}"):
        reciprocal(radix)


def test_a_mapped_pass_begins_like_any_pass() -> None:
    assert MAPPED_PASS_WORDS[: len(PASS_WORDS)] == PASS_WORDS
    assert [word.name for word in MAPPED_PASS_WORDS] == [f"pass_{k}" for k in range(9)]


def test_only_presets_for_convolutions_have_maps() -> None:
    assert {name for name, c in PRESETS.items() if c.map_words} == {"conv", "conv85"}
    assert all("map_words" not in c.canonical() for c in PRESETS.values() if not c.map_words)
    assert preset("medium").mapped_fan_in == 0 and preset("conv").mapped_fan_in == 1 << INDEX_BITS


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"map_words": 8}, "map_words=8 must be 0, or a power of two from 16 to 1024"),
        ({"map_words": 2048}, "map_words=2048 must be 0, or a power of two from 16 to 1024"),
        ({"map_words": 100}, "map_words=100 must be 0, or a power of two from 16 to 1024"),
        ({"weight_words": 16384}, "weight_words=16384 with map_words=512 must be at most 8192: map words reach no more"),
        ({"slot_words": 4096}, "slot_words=4096 with map_words=512 must be at most 2048: map words reach no more"),
    ],
)
def test_tables_that_cannot_be_are_refused(changes: dict[str, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        preset("conv").replace(**changes)


def test_the_largest_memories_are_within_reach_of_a_map_word() -> None:
    config = preset("conv").replace(weight_words=1 << MAP["weight"].width, slot_words=1 << MAP["slot"].width)
    assert (config.weight_words, config.slot_words) == (8192, 2048)
