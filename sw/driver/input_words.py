"""What the input memory takes: spikes of a run as words, in the form that needs the fewest bytes on the link, and the requests that write them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lifline.arch.frame import BYTE_TOP, CRC_BYTES, MAX_WORDS, REQUEST_HEADER, WORD_TOP, Kind, Request
from lifline.arch.records import INPUT_BITS, INPUT_END_OF_STEP, INPUT_PACKED_STEPS
from lifline.compiler.program import Program

from .link import writes_of

NOT_IN_A_BYTE = (1 << INPUT_BITS) - 1 - WORD_TOP - (BYTE_TOP - 1)


def input_words(program: Program, spikes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The input words of ``spikes`` (time, neuron): of each step the indices of its spikes and an end, or a bit per neuron.

    A step is packed where that takes fewer words, or fewer bytes, or nowhere: whichever is shortest for all steps together, and of those the one with the
    fewest words, which the device takes in the fewest cycles.
    """
    spread = program.layouts[program.network.input.name].spread(spikes)
    times, neurons = np.nonzero(spread)
    counts, width = np.bincount(times, minlength=len(spikes)) + 1, program.packed_step
    forms = [np.insert(neurons.astype(np.uint32), np.cumsum(counts - 1), INPUT_END_OF_STEP)]
    if width and (counts > width).any():
        bits = np.pad(spread, ((0, 0), (0, width * INPUT_BITS - spread.shape[1])))
        rows = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little")).view("<u2").astype(np.uint32)
        steps = np.split(forms[0], np.cumsum(counts)[:-1])
        for most in dict.fromkeys((width, width * INPUT_BITS // 8)):  # a word of the first form takes a byte at least
            forms.append(_words(counts > most, steps, rows))
    return min(forms, key=lambda words: (_link_bytes(words), len(words))) if len(forms) > 1 else forms[0]


def _words(packed: NDArray[np.bool_], steps: Sequence[NDArray[np.uint32]], rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The words of all steps, of ``rows`` where they are ``packed``, else of ``steps``; a head tells of several packed ones."""
    parts, told = [], 0
    for step, (is_packed, words, row) in enumerate(zip(packed, steps, rows, strict=True)):
        if is_packed and not told:
            following = packed[step : step + INPUT_PACKED_STEPS]
            told = int(np.argmin(following)) if not following.all() else len(following)
            parts.append(np.array([INPUT_END_OF_STEP + told], np.uint32))
        told -= bool(is_packed)
        parts.append(row if is_packed else words)
    return np.concatenate(parts)


def _kind(words: NDArray[np.uint32]) -> Kind:
    """The shortest way of some input words through the link."""
    return Kind.WRITE_HALVES if (words & NOT_IN_A_BYTE).any() else Kind.WRITE_BYTES


def _link_bytes(words: NDArray[np.uint32]) -> int:
    """Bytes of the requests that write input words, if they are written from the memory's start."""
    return sum(REQUEST_HEADER + _kind(part).word_bytes * len(part) + CRC_BYTES for part in _parts(words))


def _parts(words: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
    """Of each request."""
    return [words[k : k + MAX_WORDS] for k in range(0, len(words), MAX_WORDS)]


def input_writes(address: int, words: NDArray[np.uint32]) -> list[Request]:
    """Requests that write input words from ``address`` on, each in the shortest way."""
    return [request for k, part in enumerate(_parts(words)) for request in writes_of(address + k * MAX_WORDS, part.tolist(), _kind(part))]
