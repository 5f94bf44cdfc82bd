"""Random networks meet the corners of the gateware, and fit it all the same."""

from __future__ import annotations

import numpy as np

from lifline.arch.limits import RING_BITS
from lifline.sim.random.network import random_network, random_spikes
from lifline.sim.random.variants import VARIANTS


def test_every_corner_is_drawn_on_some_variant() -> None:
    seen: set[str] = set()
    for config in VARIANTS.values():
        for seed in range(40):
            network = random_network(np.random.default_rng(seed), config=config, corners=True)
            seen |= {"larger than the list" for p in network.projections if network.population(p.source).size > config.list_entries}
            seen |= {"just scanned ahead" for p in network.projections if network.population(p.source).size == config.words_ahead * RING_BITS}
            for population in network.populations[1:]:
                rest = population.size % config.lanes
                seen |= {"one block"} if population.size <= config.lanes else set()
                seen |= {"half-filled block"} if population.size > config.lanes and 0 < rest <= config.lanes // 2 else set()
                seen |= {"many rows"} if population.size >= 16 * config.lanes else set()
    assert seen == {"larger than the list", "just scanned ahead", "one block", "half-filled block", "many rows"}


def test_steps_with_a_single_spike_and_silent_ones_lie_between_others() -> None:
    rng = np.random.default_rng(1)
    network = random_network(rng, config=VARIANTS["tiny"])
    counts = random_spikes(rng, network, 400, corners=True).sum(axis=1)
    assert (counts == 1).sum() > 30 and (counts == 0).sum() > 30 and (counts > 1).sum() > 100
