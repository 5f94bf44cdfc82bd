"""Of wrong bits in the lookup tables of a mapped netlist, how many do programs notice? Prints the score; status 1 below ``--least`` percent.

    python -m tests.netlist.score --config tiny --family ice40 --faults 630 --programs 20

A wrong bit is noticed if any byte of a conversation with the driver (loading, running, reading back states) is not that of the sound netlist, which has to
agree with the golden model. Bits of which a proof says that nobody can ever notice them do not count; the others that nothing noticed do.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from lifline.arch.config import Config, preset
from lifline.boards.synthesis import synthesised
from lifline.cli.verify import differs, random_program
from lifline.driver.device import GoldenDevice, LinkedDevice
from lifline.driver.link import Link
from lifline.driver.selftest import selftest
from lifline.sim.board.build import cache_folder
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.conversation import Conversation, Recorder, faults_of, unnoticed
from lifline.sim.netlist.reader import read_netlist

from .reachable import Unnoticeable, never_looked_at

LEAST_PERCENT = 0.0
PERIOD_CYCLES = 300
SELFTEST = -1
"""In the place of a program's seed."""


@dataclass(frozen=True)
class Score:
    """What became of a sample of wrong bits.

    Attributes
    ----------
    bits : that tables have and inputs can choose.   faults : of them in the sample.   noticed : by the programs.
    never : unnoticed, whose row no program can ever look at.   hidden : unnoticed, whose row can be looked at, and then makes no difference.
    unseen : of the rest, those whose row no program of these has looked at.
    programs : of those that ran, seeds of those that noticed anything new.
    """

    bits: int
    faults: int
    noticed: int
    never: int
    hidden: int
    unseen: int
    programs: list[int]

    @property
    def percent(self) -> float:
        """Share that is noticed, of those of which no proof says that they cannot be."""
        return 100 * self.noticed / (self.faults - self.never - self.hidden)


def conversation(circuit: Circuit, config: Config, seed: int, cover: dict[int, int]) -> Conversation:
    """Load and run a random program on the sound netlist, count, go on in real time and read all states back; :data:`SELFTEST` as seed: the self-test of
    a board. Adds to ``cover`` which rows of every table were looked at."""
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
    for table, rows in board.engine.covered().items():
        cover[table] = cover.get(table, 0) | rows
    board.close()
    return recorder.conversation()


def score(circuit: Circuit, conversations: Iterable[tuple[int, Callable[[], Conversation]]], cover: dict[int, int], number: int, tell: Callable[[str], object]) -> Score:
    """Have every conversation, each with those of ``number`` wrong bits that no earlier one has noticed, and sort out the rest by proof."""
    bits = faults_of(circuit)
    left = chosen = random.Random(1).sample(bits, min(number, len(bits)))
    kept = []
    for seed, have in conversations:
        was, left = len(left), unnoticed(circuit, have(), left, seed=seed)
        if len(left) < was:
            kept.append(seed)
        tell(f"program {seed}: {was - len(left)} of {was} noticed, {len(left)} left")
        if not left:
            break
    unseen = {fault for fault in bits if not cover.get(fault.table, 0) >> fault.bit & 1}
    tell(f"{len(unseen)} of {len(bits)} rows were never looked at; proving for which ones that is so for ever")
    never = set(never_looked_at(circuit, sorted(unseen)))
    tell(f"proved for {len(never)}; now which of the others can make a difference at all")
    asked = Unnoticeable(circuit, never)
    hidden = [fault for fault in left if fault not in never and asked.proves(fault)]
    asked.close()
    rest = [fault for fault in left if fault not in never and fault not in hidden]
    return Score(len(bits), len(chosen), len(chosen) - len(left), len(never.intersection(left)), len(hidden), len(unseen.intersection(rest)), kept)


def main() -> None:
    """Print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--family", default="ice40")
    parser.add_argument("--faults", type=int, default=630, help="wrong bits, drawn at random; 63 are simulated at once")
    parser.add_argument("--programs", type=int, default=20, help="random programs; the self-test of a board comes behind them")
    parser.add_argument("--least", type=float, default=LEAST_PERCENT, help="fail below this percentage")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    config = preset(args.config)
    circuit = read_netlist(synthesised(config, args.family, cache_folder()))
    cover: dict[int, int] = {}
    conversations = [(seed, lambda seed=seed: conversation(circuit, config, seed, cover)) for seed in (*range(args.programs), SELFTEST)]
    found = score(circuit, conversations, cover, args.faults, lambda line: print(line, flush=True))
    print(
        f"{args.config} on {args.family}: {found.noticed} of {found.faults} wrong bits noticed; of the others nobody can ever notice {found.never + found.hidden} "
        f"(proved: {found.never} rows are never looked at, {found.hidden} make no difference); {found.unseen} of the rest stand in rows that no program has looked at\n"
        f"score: {found.percent:.1f} %, programs that noticed any ({SELFTEST} is the self-test): {', '.join(map(str, found.programs))}"
    )
    if args.json:
        args.json.write_text(json.dumps(asdict(found) | {"percent": found.percent}))
    raise SystemExit(found.percent < args.least)


if __name__ == "__main__":
    main()
