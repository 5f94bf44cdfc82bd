"""Candidates as text, and as configurations that are as small as a network allows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lifline
from lifline.arch.errors import ConfigError
from lifline.compiler.compile import compile_network, fits
from lifline.explore.candidate import Candidate
from lifline.explore.space import Space, delays_to_try


def test_a_candidate_is_what_its_text_says() -> None:
    candidate = Candidate(board="icebreaker", lanes=8, dense=False, weight_bits=4, modes="event")
    assert Candidate.parse(str(candidate)) == candidate
    assert Candidate.parse("board=icebreaker dense=false lanes=8 modes=event weight_bits=4") == candidate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lanes=8", "names no board"), ("board=nowhere", "no board `nowhere`"), ("board=icebreaker lane=8", "`lane=8` is no choice"),
        ("board=icebreaker lanes=many", "lanes=many of a candidate must be an integer"), ("board=icebreaker dense=1", "must be true or false"),
        ("board=icebreaker delays=64", "delays=64 of a candidate must be from 0 to 63"), ("board=icebreaker modes=fast", "must be one of throughput"),
    ],
)  # fmt: skip
def test_other_texts_are_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Candidate.parse(text)


def test_choices_without_effect_make_the_same_accelerator() -> None:
    first = Candidate(board="icebreaker", lanes=8, dense=False, multipliers=32, drain="small", modes="latency")
    assert first.plain() == Candidate(board="icebreaker", lanes=8, dense=False, multipliers=8, drain="fast", modes="event")


def test_memories_are_as_small_as_the_network_allows(network: lifline.Network) -> None:
    candidate = Candidate(board="ulx3s-25f")
    roomy = candidate.roomy_for(network)
    program = compile_network(network, roomy)
    tight = candidate.tight(roomy, program.memory)
    assert fits(network, tight, program.modes) and tight.name.startswith("explored-")
    for field in ("weight_words", "neuron_words", "ring_words", "program_words"):
        smaller = getattr(tight, field) // 2
        if smaller >= 16:
            assert not fits(network, tight.replace(**{field: smaller}), program.modes), field
    twice = dataclasses.replace(candidate, room=2).tight(roomy, program.memory)
    assert twice.weight_words == 2 * tight.weight_words
    assert tight.accumulator_bits == 16 and tight.delay_entries >= 32


def test_accumulators_are_wide_enough_for_every_sum() -> None:
    weights = np.full((1, 600), 120)
    network = lifline.Network(
        name="wide", output="out", populations=[lifline.Population("in", (600,)), lifline.Population("out", (1,), lifline.Neurons(threshold=9))],
        projections=[lifline.Projection(source="in", target="out", weights=weights)],
    )  # fmt: skip
    assert Candidate(board="ulx3s-25f").roomy_for(network).accumulator_bits == 18  # 72,000 is below 2^17


def test_a_search_starts_at_what_boards_are_built_with() -> None:
    space = Space(board=("ulx3s-25f", "icebreaker"), delays=(0, 3, 7))
    starts = space.starts()
    medium, small = (next(s for s in starts if s["board"] == name) for name in space.board)
    assert (medium["lanes"], medium["window"], medium["dense"], medium["delays"]) == (16, 8, True, 7)
    assert (small["lanes"], small["multipliers"], small["dense"], small["state_bits"]) == (8, 1, False, 16)
    assert [(s["lanes"], s["weight_bits"], s["state_bits"]) for s in starts[:5]] == [(16, 8, 18), (16, 4, 12), (16, 2, 12), (4, 8, 12), (32, 4, 12)]
    assert len(starts) == 10 and all(len(set(map(str, starts))) == 10 and start.keys() == space.choices().keys() for start in starts)
    assert delays_to_try(7) == (0, 3, 7) and delays_to_try(0) == (0,)


def test_values_that_are_searched_can_be_named() -> None:
    space = Space(board=("icebreaker",)).changed(["lanes=4,8", "dense=false"])
    assert (space.lanes, space.dense) == ((4, 8), (False,)) and space.size == 2 * 4 * 6 * 3 * 4 * 2 * 2
    with pytest.raises(ConfigError, match="is no choice"):
        space.changed(["lane=4"])
    with pytest.raises(ConfigError, match="must differ"):
        space.changed(["lanes=4,4"])
