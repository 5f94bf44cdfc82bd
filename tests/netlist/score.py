"""Of wrong bits in the lookup tables of a mapped netlist, how many do conversations notice? Prints the score; status 1 below ``--least`` percent.

    python -m tests.netlist.score --config tiny --family ice40 --faults 630 --programs 8

A wrong bit is noticed if any byte of a conversation is not that of the sound netlist. With the driver (loading, running, reading back states) that one has to agree with
the golden model; in talks that no driver would have (:mod:`tests.netlist.talks`), with the simulation of the gateware. Bits of which a proof says that nobody can
ever notice them do not count; the others that nothing noticed do.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from lifline.arch.config import Config, preset
from lifline.boards.synthesis import synthesised
from lifline.cli.verify import differs, random_program
from lifline.driver.device import GoldenDevice, LinkedDevice
from lifline.driver.link import Link
from lifline.driver.selftest import selftest
from lifline.sim.board.build import cache_folder
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.conversation import Conversation, Fault, Recorder, faults_of, unnoticed
from lifline.sim.netlist.reader import read_netlist

from .reachable import PROBE, never_looked_at, with_probes
from .talks import talk
from .unnoticeable import Unnoticeable

LEAST_PERCENT = 0.0
PERIOD_CYCLES = 300
SELFTEST = -1
"""In the place of a program's seed."""
CHOSEN = (7, 119, 94, 83, 66, 85, 24, 9, 95, 74, 36, 55, 27, 82, 103, 43)
"""Seeds of talks that together make the netlist look at most rows of its tables: ``python -m tests.netlist.choose``."""
OUTSIDE = "top level"
Say = Callable[[], Conversation]


@dataclass(frozen=True)
class Fate:
    """What became of wrong bits: ``noticed`` by a conversation; ``never`` looked at by anything, or ``hidden`` wherever it is, both proved; ``missed``, and of
    these ``unseen``, in rows that no conversation has looked at."""

    noticed: int = 0
    never: int = 0
    hidden: int = 0
    missed: int = 0
    unseen: int = 0

    @property
    def bits(self) -> int:
        """All of them."""
        return self.noticed + self.never + self.hidden + self.missed

    @property
    def percent(self) -> float:
        """Share that is noticed, of those of which no proof says that they cannot be."""
        return 100 * self.noticed / max(self.noticed + self.missed, 1)


@dataclass(frozen=True)
class Score:
    """Fates of a sample of the ``bits`` that tables have and inputs can choose, by module, and names of the conversations that noticed anything new."""

    bits: int
    modules: dict[str, Fate]
    conversations: list[str]

    @property
    def whole(self) -> Fate:
        """All modules together."""
        return Fate(*(sum(getattr(fate, field.name) for fate in self.modules.values()) for field in fields(Fate)))

    def lines(self) -> list[str]:
        """A table."""
        rows = [*sorted(self.modules.items()), ("all", self.whole)]
        head = f"{'module':14}{'bits':>6}{'noticed':>9}{'never':>7}{'hidden':>8}{'missed':>8}{'unseen':>8}{'score':>8}"
        return [head] + [f"{name:14}{f.bits:6}{f.noticed:9}{f.never:7}{f.hidden:8}{f.missed:8}{f.unseen:8}{f.percent:7.1f}%" for name, f in rows]


def module_of(cell: str) -> str:
    """The part of the core or the link that a table belongs to, by its name."""
    path = cell.split("_SB_")[0].split(".")
    return ".".join(path[1:3] if path[1] == "link" else path[2:3]).split("$")[0].split("__")[0] if path[0] == "top" and len(path) > 2 else OUTSIDE


def of_talk(circuit: Circuit, config: Config, seed: int, cover: Cover) -> Conversation:
    """What the sound netlist answers to a talk, which has to be what the compiled simulation of the gateware answers."""
    said, heard = talk(seed, config), []
    netlist, compiled = NetlistBoard(circuit), CompiledBoard(config)
    netlist.engine.cover()
    for board in (netlist, compiled):
        board.write(said)
        parts = []
        while part := board.read(len(said)):
            parts.append(part)
        heard.append(b"".join(parts))
    cover.add(netlist)
    netlist.close()
    compiled.close()
    if heard[0] != heard[1]:
        raise AssertionError(f"the sound netlist does not answer talk {seed} as the gateware does")
    return Conversation(said, np.zeros(len(said), np.uint32), heard[0])


class Cover:
    """Rows of every table that anything has looked at."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}

    def add(self, board: NetlistBoard) -> None:
        """Add what a board has seen."""
        for table, rows in board.engine.covered().items():
            self.rows[table] = self.rows.get(table, 0) | rows

    def __contains__(self, fault: Fault) -> bool:
        return bool(self.rows.get(fault.table, 0) >> fault.bit & 1)


def of_program(circuit: Circuit, config: Config, seed: int, cover: Cover) -> Conversation:
    """Load and run a random program on the sound netlist, count, go on in real time and read all states back; :data:`SELFTEST` as seed: the self-test of
    a board."""
    board = NetlistBoard(circuit)
    board.engine.cover()
    recorder = Recorder(board)
    device = LinkedDevice(Link(recorder), config=config)
    if seed == SELFTEST:
        failed = [check for check in selftest(device, expected=config) if not check.passed]
        if failed:
            raise AssertionError(f"the sound netlist fails its self-test: {failed}")
    else:
        _, program, spikes = random_program(seed, config)
        golden = GoldenDevice(config)
        for one in (golden, device):
            one.load(program)
        for options in ({"record": ["all", "all.v"]}, {"reset": False, "period_cycles": PERIOD_CYCLES}):
            if differs(golden.run(spikes, **options), device.run(spikes, **options)):
                raise AssertionError(f"the sound netlist differs from the golden model in program {seed}")
        device.count(spikes)
        for population in program.network.populations[1:]:
            device.read_state(population.name)
    cover.add(board)
    board.close()
    return recorder.conversation()


def score(circuit: Circuit, conversations: Iterable[tuple[str, Say]], cover: Cover, number: int, tell: Callable[[str], object]) -> Score:
    """Have every conversation, each with those of ``number`` wrong bits that no earlier one has noticed, and sort out the rest by proof. ``circuit`` may have
    tables that are none of the chip's, for the proofs."""
    bits = [fault for fault in faults_of(circuit) if circuit.tables[fault.table].cell != PROBE]
    left = chosen = random.Random(1).sample(bits, min(number, len(bits)))
    kept = []
    for name, have in conversations:
        was, left = len(left), unnoticed(circuit, have(), left)
        if len(left) < was:
            kept.append(name)
        tell(f"{name}: {was - len(left)} of {was} noticed, {len(left)} left")
    unseen = [fault for fault in faults_of(circuit) if fault not in cover]
    tell(f"{sum(fault in cover for fault in bits)} of {len(bits)} rows were looked at; proving which of the others never are")
    never = set(never_looked_at(circuit, unseen))
    tell(f"proved for {len(never.intersection(bits))}; now which of the rest can make a difference at all")
    asked = Unnoticeable(circuit, never)
    hidden = {fault for fault in left if fault not in never and asked.proves(fault)}
    asked.close()
    missed = set(left) - never - hidden
    fates: dict[str, dict[str, int]] = {}
    for fault in chosen:
        fate = fates.setdefault(module_of(circuit.tables[fault.table].cell), {})
        kind = "missed" if fault in missed else "hidden" if fault in hidden else "never" if fault in never and fault in left else "noticed"
        fate[kind] = fate.get(kind, 0) + 1
        fate["unseen"] = fate.get("unseen", 0) + (fault in missed and fault not in cover)
    return Score(len(bits), {name: Fate(**fate) for name, fate in fates.items()}, kept)


def main() -> None:
    """Print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--family", default="ice40")
    parser.add_argument("--faults", type=int, default=630, help="wrong bits, drawn at random; 63 are simulated at once")
    parser.add_argument("--programs", type=int, default=8, help="random programs; the self-test of a board comes behind them")
    parser.add_argument("--talks", type=int, default=len(CHOSEN), help="of the chosen ones, which come last")
    parser.add_argument("--least", type=float, default=LEAST_PERCENT, help="fail below this percentage")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    config = preset(args.config)
    circuit = with_probes(read_netlist(synthesised(config, args.family, cache_folder())))
    cover = Cover()
    conversations = [(f"program {seed}", partial(of_program, circuit, config, seed, cover)) for seed in range(args.programs)]
    conversations.append(("self-test", partial(of_program, circuit, config, SELFTEST, cover)))
    conversations += [(f"talk {seed}", partial(of_talk, circuit, config, seed, cover)) for seed in CHOSEN[: args.talks]]
    found = score(circuit, conversations, cover, args.faults, lambda line: print(line, flush=True))
    print("\n".join(found.lines()))
    whole = found.whole
    print(
        f"{args.config} on {args.family}, {whole.bits} of {found.bits} bits: {whole.noticed} noticed; {whole.never + whole.hidden} of the others cannot be (proved)\n"
        f"score: {whole.percent:.1f} %; conversations that noticed any: {', '.join(found.conversations)}"
    )
    if args.json:
        args.json.write_text(json.dumps(asdict(found) | {"percent": whole.percent}))
    raise SystemExit(whole.percent < args.least)


if __name__ == "__main__":
    main()
