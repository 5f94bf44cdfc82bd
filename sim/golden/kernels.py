"""Compiled loops of the golden model: event-driven accumulation and the neuron update, on integers.

Common to all: ``fired`` (batch, depth + time, neuron) holds the spikes of a population, the first ``depth`` rows those of
earlier steps; ``x`` (batch, time, neuron) is synaptic input; steps ``start..stop-1`` are computed. The loops release the
interpreter lock, so that parts of a batch run in parallel threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_BITS, DECAY_ONE
from lifline.arch.kernel import kernel
from lifline.arch.program import POPULATION_COUNTERS

Ints = NDArray[np.integer]
ROUND = DECAY_ONE - 1
"""Added to a negative product before the shift, so that it rounds toward zero."""
PIECE = 512
"""Neurons that are updated together."""
TOGETHER = 8
"""Sources that are looked at together: the bytes of a word."""
SPIKES, BUDGET_HITS, SATURATIONS = (POPULATION_COUNTERS.index(name) for name in ("spikes", "budget_hits", "saturations"))


class Rule(NamedTuple):
    """What one population's update does; ``limit`` is ``M``, ``factor`` is 4096 minus the decay."""

    limit: int
    factor_v: int
    factor_i: int
    late: bool
    subtract: bool
    v_reset: int
    strict: bool
    cap: int
    v_min: int
    has_budget: bool


class Arrivals(NamedTuple):
    """Where the arriving sources of one step are listed.

    ``there`` (source,): 1 for each that arrives, and 0 behind the last up to whole words; ``words``: the same bytes, eight in each.
    ``occupied`` (word,): numbers of the words that are not 0. ``active`` (source,): the list. Both lists have room behind their ends, since
    what is none is written, too, and then overwritten: faster than a branch. Unsigned, so that no index is asked whether it counts from the end.
    """

    words: NDArray[np.uint64]
    there: NDArray[np.uint8]
    occupied: NDArray[np.uint32]
    active: NDArray[np.uint32]


@kernel(inline="always")
def room_for(sources: int) -> Arrivals:
    """Room to list the arriving ones of as many ``sources``."""
    words = np.zeros(-(-sources // TOGETHER), np.uint64)
    return Arrivals(words, words.view(np.uint8), np.empty(len(words) + 1, np.uint32), np.empty(sources + TOGETHER, np.uint32))


@kernel(inline="always")
def arriving(fired: NDArray[np.uint8], b: int, row: int, delays: Ints, level: int, found: Arrivals) -> int:
    """List in ``found.active`` the sources of which at least ``level`` spikes arrive at ``row`` of ``fired``; returns how many there are.

    ``delays`` are one for all, one for each of as many equal parts of the sources (channels), or one for each source. Few sources fire, so
    it lists eight of them together first, and looks only into those of which any does.
    """
    sources, least, there, active = fired.shape[2], np.uint8(level), found.there, found.active
    if delays.size == sources:
        for j in range(sources):
            there[j] = fired[b, row - delays[j], j] >= least
    else:
        size = sources // delays.size
        for part in range(delays.size):
            spikes, to = fired[b, row - delays[part], part * size : (part + 1) * size], there[part * size :]
            for j in range(size):
                to[j] = spikes[j] >= least
    occupied = np.uint64(0)
    for word in range(len(found.words)):
        found.occupied[occupied] = word
        occupied += np.uint64(found.words[word] != 0)
    count = np.uint64(0)
    for k in range(occupied):
        first = np.uint64(TOGETHER * found.occupied[k])
        for n in range(TOGETHER):
            j = first + np.uint64(n)
            active[count] = j
            count += np.uint64(there[j])
    return int(np.int64(count))


@kernel()
def accumulate(
    fired: NDArray[np.uint8], depth: int, delays: Ints, levels: int, weights: Ints, zero: Ints, shift: int, x: Ints, start: int, stop: int
) -> None:
    """``x[b,t] += (sum_j weights[j] * fired[b, t - delays[j], j]) << shift``; weights are (source, target).

    ``zero`` (target,) has a type that holds every sum; ``levels`` is the largest spike number. Cost is proportional to spikes:
    the arriving sources are listed first, then their rows are added eight at a time. A spike of value ``n`` is listed in ``n`` rounds.
    """
    batch, _, sources = fired.shape
    targets = weights.shape[1]
    total = zero.copy()
    found = room_for(sources)
    active = found.active
    for b in range(batch):
        for t in range(start, stop):
            for level in range(1, levels + 1):
                count = arriving(fired, b, depth + t, delays, level, found)
                if count == 0:
                    break
                k = 0
                while k + 8 <= count:
                    w0, w1 = weights[active[k]], weights[active[k + 1]]
                    w2, w3 = weights[active[k + 2]], weights[active[k + 3]]
                    w4, w5 = weights[active[k + 4]], weights[active[k + 5]]
                    w6, w7 = weights[active[k + 6]], weights[active[k + 7]]
                    for n in range(targets):
                        total[n] += w0[n] + w1[n] + w2[n] + w3[n] + w4[n] + w5[n] + w6[n] + w7[n]
                    k += 8
                while k < count:
                    w0 = weights[active[k]]
                    for n in range(targets):
                        total[n] += w0[n]
                    k += 1
                for n in range(targets):
                    x[b, t, n] += np.int64(total[n]) << shift
                    total[n] = 0


@kernel()
def accumulate_synaptic(
    fired: NDArray[np.uint8], depth: int, delays: Ints, weights: Ints, shift: int, x: Ints, start: int, stop: int
) -> None:
    """``x[b,t,n] += (sum_j weights[j,n] * fired[b, t - delays[j,n], j]) << shift``; weights and delays are (source, target).

    Every spike since the longest delay is sent to the steps at which it arrives. Cost is one read per spike and synapse if all steps are
    computed at once; step by step, on a cycle, a spike is looked at again in each step until its longest delay has passed.
    """
    batch, _, sources = fired.shape
    targets = weights.shape[1]
    shortest, longest = delays.min(), delays.max()
    for b in range(batch):
        for sent in range(start - longest, stop - shortest):
            for j in range(sources):
                spikes = np.int64(fired[b, depth + sent, j])
                if spikes == 0:
                    continue
                for n in range(targets):
                    t = sent + delays[j, n]
                    if start <= t < stop:
                        x[b, t, n] += (spikes * weights[j, n]) << shift


@kernel()
def update(
    x: Ints, v: Ints, i: Ints, c: Ints, count: Ints, fired: NDArray[np.uint8], depth: int, theta: Ints, bias: Ints, budget: Ints,
    rule: Rule, record_v: Ints, record_i: Ints, record_c: Ints, counters: Ints, start: int, stop: int,
) -> None:  # fmt: skip
    """Neuron update, the formulas of ``docs/semantics.md`` in their order, 64-bit.

    State ``v, i, c, count`` (batch, neuron) is updated in place and ``fired`` written; records (batch, time, neuron) may have
    no steps; ``counters`` (batch, counter), in the order of ``POPULATION_COUNTERS``. Without a synaptic current (``factor_i`` 0) ``i`` is
    exactly ``x``: the membrane's ``sat`` is then the only one.
    """
    batch, _, size = x.shape
    for b in range(batch):
        for t in range(start, stop):
            for n in range(size):
                current = x[b, t, n]
                if rule.factor_i != 0:
                    product = i[b, n] * rule.factor_i
                    exact = current + ((product + (ROUND if product < 0 else 0)) >> DECAY_BITS)
                    current = min(max(exact, -rule.limit), rule.limit)
                    counters[b, SATURATIONS] += current != exact
                crossed = c[b, n]
                before = rule.v_reset if (rule.late and not rule.subtract and crossed > 0) else v[b, n]
                product = before * rule.factor_v
                exact = ((product + (ROUND if product < 0 else 0)) >> DECAY_BITS) + current + bias[n]
                if rule.late and rule.subtract:
                    exact -= crossed * theta[n]
                membrane = min(max(exact, -rule.limit), rule.limit)
                counters[b, SATURATIONS] += membrane != exact
                membrane = max(membrane, rule.v_min)
                crossing = 0
                if rule.cap == 1:
                    crossing = int(membrane > theta[n] or (membrane == theta[n] and not rule.strict))
                elif rule.cap > 1 and membrane >= theta[n]:
                    crossing = min(rule.cap, (membrane - 1) // theta[n] if rule.strict else membrane // theta[n])
                out = crossing
                if crossing > 0:
                    if rule.has_budget:
                        out = min(crossing, budget[n] - count[b, n])
                        count[b, n] += out
                        counters[b, BUDGET_HITS] += out < crossing
                    if not rule.late:
                        membrane = max(membrane - crossing * theta[n] if rule.subtract else rule.v_reset, rule.v_min)
                    counters[b, SPIKES] += out
                i[b, n] = current
                c[b, n] = crossing
                v[b, n] = membrane
                fired[b, depth + t, n] = out
            if record_v.shape[1]:
                record_v[b, t] = v[b]
            if record_i.shape[1]:
                record_i[b, t] = i[b]
            if record_c.shape[1]:
                record_c[b, t] = c[b]


@kernel()
def update_plain(
    x: Ints, v: Ints, c: Ints, fired: NDArray[np.uint8], depth: int, theta: Ints, bias: Ints, rule: Rule, counters: Ints,
    start: int, stop: int,
) -> None:  # fmt: skip
    """:func:`update` for the common case (no current, at most one spike, no budget) in 32-bit arithmetic.

    Exact while ``S <= 18`` and ``|x|`` < 2^29: every product and sum then stays inside 32 bits. Without branches, so that it vectorises, and in
    pieces whose state stays in the fastest cache.
    """
    batch, _, size = x.shape
    factor, round_up, bits = np.int32(rule.factor_v), np.int32(ROUND), np.int32(DECAY_BITS)
    top, low, reset, floor = np.int32(rule.limit), np.int32(-rule.limit), np.int32(rule.v_reset), np.int32(rule.v_min)
    edge = np.int32(0 if rule.strict else 1)
    after_value = max(reset, floor)
    late_value, late_subtract = np.int32(rule.late and not rule.subtract), np.int32(rule.late and rule.subtract)
    now_value, now_subtract = np.int32(not rule.late and not rule.subtract), np.int32(not rule.late and rule.subtract)
    for b in range(batch):
        for first in range(0, size, PIECE):
            last = min(size, first + PIECE)
            state, crossed, thresholds, biases = v[b, first:last], c[b, first:last], theta[first:last], bias[first:last]
            for t in range(start, stop):
                drive, spikes = x[b, t, first:last], fired[b, depth + t, first:last]
                saturated, total_fired = np.int32(0), np.int32(0)
                for n in range(last - first):
                    before = reset if np.int32(crossed[n] & late_value) else state[n]
                    product = np.int32(before * factor)
                    leak = np.int32(np.int32(product + ((product >> np.int32(31)) & round_up)) >> bits)
                    exact = np.int32(np.int32(np.int32(biases[n] + leak) + drive[n]) - np.int32(thresholds[n] * np.int32(crossed[n] & late_subtract)))
                    saturated = np.int32(saturated + np.int32(exact > top) + np.int32(exact < low))
                    membrane = max(min(max(exact, low), top), floor)
                    crossing = np.int32(np.int32(membrane + edge) > thresholds[n])
                    total_fired = np.int32(total_fired + crossing)
                    crossed[n] = crossing
                    spikes[n] = np.uint8(crossing)
                    membrane = max(np.int32(membrane - np.int32(thresholds[n] * np.int32(crossing & now_subtract))), floor)
                    state[n] = after_value if np.int32(crossing & now_value) else membrane
                counters[b, SPIKES] += total_fired
                counters[b, SATURATIONS] += saturated
