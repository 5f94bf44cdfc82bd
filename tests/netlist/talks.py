"""What a host can say to a board, well formed or not: frames of every kind, damaged ones, queues that are full, registers and programs at random.

A talk is a string of bytes, drawn by a seed, which the board gets as fast as it takes them, whatever it answers.
"""

from __future__ import annotations

import numpy as np

from lifline.arch.config import Config
from lifline.arch.frame import Kind
from lifline.arch.registers import (
    CONTROL_CLOCK,
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_STOP,
    CONTROL_TAG_SHIFT,
    COUNTERS,
    REGISTERS,
    STORED_OFFSET,
    STORED_WORDS,
    Space,
    address,
)
from lifline.cli.verify import random_program
from lifline.driver.march import host_memories

from .host import WORD, Host, Paper


def fill(host: Host, config: Config) -> None:
    """Zeros where nothing defines what stands there after power-up."""
    for memory in host_memories(config):
        host.write(address(memory.space, 0), [0] * memory.words)


def frames(host: Host, config: Config) -> None:
    """Every kind of request, good and bad, to every space, at both ends of its words; counts out of range."""
    rng = host.rng
    ends = [address(m.space, offset) for m in host_memories(config) for offset in (0, m.words - 1, m.words, m.words // 2)]
    ends += [space << 20 | offset for space in range(16) for offset in (0, 31, 32, 0xFFFFF)]
    for where in ends:
        host.say(host.frame(Kind.WRITE, where, 2, [host.number(), host.number()]))
        host.say(host.frame(Kind.READ, where, int(rng.integers(1, 4))))
        host.say(host.frame(int(rng.choice([Kind.WRITE_HALVES, Kind.WRITE_BYTES])), where, 3, [host.number(8) for _ in range(3)]))
        host.say(host.frame(Kind.READ_AT_REST, where, 1))
    for kind in (*range(32), 64, 128, 255, *(1 << k | 1 for k in range(8)), *(1 << k | 2 for k in range(8))):
        host.say(host.frame(kind, address(Space.RINGS, 0), 1, [host.number()]))
        host.end()
    for count in (0, 127, 128, 129, 255, 64, 192):
        for kind in (Kind.READ, Kind.WRITE, Kind.READ_AT_REST):
            host.say(host.frame(kind, address(Space.PROGRAM, 1), count, [host.number()] * count))
            host.end()


def damage(host: Host, config: Config) -> None:
    """A flipped bit at every place of a frame, frames that break off, and what is between them."""
    rng = host.rng
    for _ in range(12):
        for kind in (Kind.READ, Kind.WRITE, Kind.WRITE_HALVES, Kind.WRITE_BYTES):
            good = host.frame(kind, address(Space.RINGS, int(rng.integers(config.ring_words - 3))), 3, [host.number() for _ in range(3)], sequence=int(rng.integers(256)))
            place, bit = int(rng.integers(len(good))), int(rng.integers(8))
            bad = good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :]
            host.board.write(bad + bytes(host.rng.integers(0, 256, int(rng.integers(5)), dtype=np.uint8)))
            if rng.random() < 0.3:
                host.board.write(good[: int(rng.integers(len(good)))])
            host.end()
            host.say(host.frame(Kind.READ, address(Space.RINGS, 0), 4))
    for size in range(1, 9):  # the right bits of a CRC one by one
        good = host.frame(Kind.READ, size, 1)
        for bit in range(16):
            host.say(good[:-2] + (int.from_bytes(good[-2:], "little") ^ 1 << bit).to_bytes(2, "little"))


def queues(host: Host, config: Config) -> None:
    """Many requests at once, more than the board keeps, reads at rest among them while a run waits for its input."""
    rng = host.rng
    for _ in range(6):
        requests = []
        for _ in range(int(rng.integers(10, 120))):
            kind = int(rng.choice(list(Kind)))
            memory = host_memories(config)[int(rng.integers(5))]
            count = int(rng.integers(1, 5))
            requests.append(host.frame(kind, address(memory.space, int(rng.integers(memory.words - count))), count, [host.number() for _ in range(count)]))
        host.board.write(b"".join(requests))
        host.listen()
        host.registers()


def stored_registers(host: Host, config: Config) -> None:
    """Numbers of every kind in every register, and what is read of them; where a start would be one, it is not written."""
    del config
    begin = address(Space.REGISTERS, STORED_OFFSET)
    for _ in range(10):
        values = [host.number() for _ in range(STORED_WORDS)]
        values[0] &= ~CONTROL_START
        host.write(begin, values)
        host.registers()
        name = list(REGISTERS)[int(host.rng.integers(len(REGISTERS)))]
        host.write(address(Space.REGISTERS, REGISTERS[name].offset), [host.number() & ~CONTROL_START])
        host.registers()


def memories(host: Host, config: Config) -> None:
    """Numbers of every kind in every word of every memory; and their registers, as often as a frame."""
    for memory in host_memories(config):
        for _ in range(2):
            host.write(address(memory.space, 0), [host.number(memory.bits) for _ in range(memory.words)])
            host.read(address(memory.space, 0), memory.words)
    host.read(address(Space.OUTPUT, 0), config.output_words)


FUZZED = (
    "steps", "period", "input_count", "output_taken", "ring_clear_words", "input_neurons", "input_ring_base", "input_ring", "exit_every", "exit_margin", *COUNTERS,
)  # fmt: skip


class Runs:
    """A random program, run again and again with other registers and other words, its input at random; everything is read after each."""

    def __init__(self, host: Host, config: Config, seed: int) -> None:
        self.host, self.config = host, config
        _, self.program, _ = random_program(seed, config)
        self.tag = 0

    def load(self) -> None:
        """As a driver does."""
        for space, image in self.program.images.items():
            self.host.write(address(space, 0), [int(word) for word in image])
        for name, value in self.program.registers.items():
            self.host.register(name, value)

    def control(self, bits: int) -> None:
        """Start, stop, discard."""
        self.tag = (self.tag + int(self.host.rng.integers(1, 4))) & 0xFF
        self.host.register("control", bits | self.tag << CONTROL_TAG_SHIFT)

    def spread(self) -> None:
        """Random numbers in place of weights, delays, states, spikes that are under way, and in some of the neurons' parameters: many spikes, all sums."""
        host, rng = self.host, self.host.rng
        density = float(rng.choice([0.05, 0.3, 0.5]))
        for memory in host_memories(self.config):
            if memory.space in (Space.WEIGHTS, Space.NEURONS, Space.DELAYS):
                image = self.program.images.get(memory.space, ())
                kept = rng.random() < 0.5 and memory.space is Space.NEURONS
                numbers = [int(image[k]) if kept and k < len(image) and rng.random() < 0.8 else host.number(memory.bits) for k in range(min(memory.words, 256))]
                host.write(address(memory.space, 0), numbers)
            if memory.space is Space.RINGS:
                bits = rng.random((memory.words, memory.bits)) < density
                host.write(address(memory.space, 0), [int(word) for word in bits @ (1 << np.arange(memory.bits))])

    def start(self, *, fresh: bool, garbled: int) -> None:
        """One run of a few steps."""
        host, rng, config = self.host, self.host.rng, self.config
        host.register("steps", int(rng.integers(1, 12)))
        host.register("period", int(rng.choice([0, 0, 100, 1000])))
        host.register("exit_every", int(rng.choice([0, 0, 1, 3])))
        host.register("exit_margin", host.number(8))
        saved = []
        for _ in range(garbled):
            if rng.random() < 0.4:
                host.register(str(rng.choice(FUZZED)), host.number())
            else:
                space = [s for s in self.program.images if s is not Space.WEIGHTS][int(rng.integers(len(self.program.images) - 1))]
                image = self.program.images[space]
                k = int(rng.integers(len(image)))
                word = int(image[k]) ^ 1 << int(rng.integers(32)) if rng.random() < 0.7 else host.number()
                saved.append((address(space, k), int(image[k])))
                host.write(saved[-1][0], [word])
        words = [int(rng.integers(config.input_words)) | (1 << 15) * (rng.random() < 0.3) for _ in range(int(rng.integers(1, 60)))]
        host.write(address(Space.INPUT, 0), words)
        host.register("input_count", len(words))
        self.control(CONTROL_START | CONTROL_FRESH * fresh | CONTROL_CLOCK * (rng.random() < 0.2))
        if rng.random() < 0.5:  # what comes behind it waits until the run has ended, or the queue is full
            host.say(host.frame(Kind.READ_AT_REST, address(Space.REGISTERS, 0), 1))
        for part in range(4):  # while it goes on: positions, and room for its output
            host.registers()
            host.read(address(Space.OUTPUT, 0), 40)
            host.register("input_count", len(words) + 40 * part)
            host.register("output_taken", 40 * part)
        self.control(CONTROL_STOP)
        host.register("output_taken", 200)
        host.registers()
        for memory in host_memories(config)[2:]:
            host.read(address(memory.space, 0), min(memory.words, 128))
        self.control(CONTROL_DISCARD)
        for where, word in saved:
            host.write(where, [word])
        host.registers()


def garbled_runs(host: Host, config: Config, seed: int) -> None:
    """A program and its registers, more and more of them wrong."""
    runs = Runs(host, config, seed)
    runs.load()
    for k in range(5):
        runs.start(fresh=k % 2 == 0, garbled=k)


def full_runs(host: Host, config: Config, seed: int) -> None:
    """A program on random numbers, not fresh, so that what stands in the rings is scanned; later some of its words are wrong."""
    runs = Runs(host, config, seed)
    runs.load()
    for k in range(6):
        runs.spread()
        runs.start(fresh=k == 3, garbled=max(k - 3, 0))


def long_counters(host: Host, config: Config) -> None:
    """Counters that wrap, positions and steps across their ends."""
    runs = Runs(host, config, 5)
    runs.load()
    for name in COUNTERS:
        host.register(name, WORD & -64)
    for value in (0xFFC0, 0xFFFFC0, 0xFFFFFFC0, 0x7FFFFFC0, 0x0FFFFFC0):
        for name in COUNTERS:
            host.register(name, value)
        runs.start(fresh=False, garbled=0)
        host.registers()


TALKS = (frames, damage, queues, stored_registers, memories, long_counters)
EVERY = 4
"""One talk in so many is none about a program."""


def talk(seed: int, config: Config) -> bytes:
    """The talk of a seed; it begins with zeros where nothing defines what a memory holds."""
    paper = Paper()
    host = Host(paper, np.random.default_rng(seed))
    fill(host, config)
    if seed % EVERY == 0:
        TALKS[seed // EVERY % len(TALKS)](host, config)
    elif seed % EVERY == 1:
        garbled_runs(host, config, seed)
    else:
        full_runs(host, config, seed)
    return bytes(paper.said)
