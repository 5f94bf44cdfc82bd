"""``python -m tests.fuzz``: the campaign, in as many processes as there are cores."""

from __future__ import annotations

import argparse
import random
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor

from .campaign import campaign
from .kinds import KINDS


def attempt(kind: str, inputs: int, seed: int) -> tuple[str, dict[str, int], str]:
    try:
        return kind, dict(campaign(kind, inputs, seed)), ""
    except BaseException:
        return kind, {}, traceback.format_exc()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--kind", choices=sorted(KINDS), action="append", help="only this kind; repeatable")
    parser.add_argument("--processes", type=int, default=None)
    chosen = parser.parse_args()
    kinds = chosen.kind or list(KINDS)
    each = -(-chosen.inputs // len(kinds))
    print(f"seed {chosen.seed}, {each} inputs of each kind", flush=True)
    failed = 0
    with ProcessPoolExecutor(chosen.processes) as pool:
        for kind, outcomes, problem in pool.map(attempt, kinds, [each] * len(kinds), [chosen.seed] * len(kinds)):
            failed += bool(problem)
            print(f"{kind}: {problem or ', '.join(f'{n} {name}' for name, n in sorted(outcomes.items()))}", flush=True)
    print(f"{failed} kinds with an outcome that is neither a typed error nor a correct load")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
