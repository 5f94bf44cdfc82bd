"""Packing of words, and configurations that must be refused."""

from __future__ import annotations

import pytest

from lifline.arch.config import PRESETS, preset
from lifline.arch.errors import ConfigError
from lifline.arch.frame import crc16
from lifline.arch.layout import Field, Word, same_place
from lifline.arch.limits import MAX_FAN_IN, RING_BITS
from lifline.arch.program import PROGRAM_LAYOUTS, RING_0


@pytest.mark.parametrize("word", PROGRAM_LAYOUTS, ids=lambda w: w.name)
def test_pack_and_unpack_are_inverse(word) -> None:  # type: ignore[no-untyped-def]
    for extreme in (0, 1):
        values = {}
        for _, field in word:
            high = (1 << (field.width - field.signed)) - 1
            values[field.name] = high if extreme else (-high - 1 if field.signed else 0)
        assert word.unpack(word.pack(**values)) == values


def test_out_of_range_and_missing_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="rows=256"):
        RING_0.pack(base=0, rows=256, tap=0, head=0)
    with pytest.raises(ValueError, match="missing"):
        RING_0.pack(base=0)


def test_fields_that_hardware_takes_from_any_of_several_words_lie_at_one_place() -> None:
    first, moved = Word("first", "", Field("low", 3, ""), Field("code", 4, "")), Word("moved", "", Field("low", 4, ""), Field("code", 4, ""))
    same_place((first, "code"), (Word("other", "", Field("a", 1, ""), Field("b", 2, ""), Field("code", 4, "")), "code"))
    for other in (moved, Word("wide", "", Field("low", 3, ""), Field("code", 5, ""))):
        with pytest.raises(ValueError, match=f"first.code and {other.name}.code must lie at the same place"):
            same_place((first, "code"), (other, "code"))


def test_crc_has_its_published_check_value() -> None:
    assert crc16(b"123456789") == 0x29B1


@pytest.mark.parametrize(
    "change",
    [
        {"event_lanes": 3}, {"dense_lanes": 2}, {"window": 3}, {"window": 2}, {"weight_bits": 5}, {"multipliers": 8}, {"max_delay": 64}, {"dense_bits": 9},
        {"dense_bits": 17}, {"slot_words": 8}, {"slot_words": 24}, {"list_entries": 16}, {"list_entries": 32}, {"delay_entries": 16}, {"ring_words": 16384}, {"ring_words": 65536},
        {"max_neurons": 512, "output_words": 32}, {"max_neurons": 256, "output_words": 16}, {"output_words": 16, "multipliers": 16, "event_lanes": 16, "dense_lanes": 16},
    ],
)  # fmt: skip
def test_illegal_configurations_name_the_rule(change: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        PRESETS["tiny"].replace(**change)


def test_what_just_fits_is_allowed() -> None:
    tiny = PRESETS["tiny"]
    assert (tiny.replace(list_entries=64).event_fan_in, tiny.event_fan_in) == (tiny.weight_words, tiny.weight_words)
    assert tiny.replace(weight_words=16).event_fan_in == RING_BITS
    assert tiny.replace(weight_words=65536, ring_words=1024).event_fan_in == 1024 // 4 * RING_BITS
    assert tiny.replace(ring_words=8192).max_input_neurons == 1 << 15
    assert tiny.replace(max_neurons=192, output_words=16).reserved_output_words == 15
    huge = tiny.replace(list_entries=65536)
    assert (huge.max_fan_in, huge.dense_fan_in) == (MAX_FAN_IN, MAX_FAN_IN)


def test_output_memory_has_room_for_one_step() -> None:
    wide = PRESETS["large"].replace(event_lanes=128, dense_lanes=128, output_words=1024)
    assert wide.replace(max_neurons=8192).reserved_output_words == 512 + 33
    with pytest.raises(ConfigError, match="max_neurons=16384 .* can need room for 1057 output words .* output_words=1024 are fewer"):
        wide.replace(max_neurons=16384)


def test_unknown_preset_lists_the_others() -> None:
    with pytest.raises(ConfigError, match="tiny, small, medium"):
        preset("huge")


def test_hashes_differ() -> None:
    assert len({c.hash for c in PRESETS.values()}) == len(PRESETS)


def test_slots_follow_the_neurons_unless_they_were_chosen() -> None:
    tiny = PRESETS["tiny"]
    assert (tiny.slot_words, tiny.replace(max_neurons=256).slot_words, tiny.replace(max_neurons=256, slot_words=32).slot_words) == (64, 256, 32)
    assert tiny.replace(slot_words=16).replace(max_neurons=256).slot_words == 16
