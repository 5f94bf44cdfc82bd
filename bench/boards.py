"""Builds every board with its own configuration, one after the other, and writes the table of docs/boards.md.

    python bench/boards.py [--board NAME]... [--folder build-board] [--seeds 1] [--write docs/boards.md] [--json]

A board that has been built before from exactly the same costs nothing. What is not built keeps the row that it has in the page; a build that fails is a
row that says why. Two to six minutes a board on an idle core, `large` forty.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

from lifline.arch.errors import LiflineError
from lifline.boards.board import BOARDS, Board
from lifline.boards.build import build
from lifline.boards.families.vendor import VendorFamily
from lifline.boards.project import write_project

BEGIN, END = "<!-- bench/boards.py begins -->", "<!-- bench/boards.py ends -->"
HEAD = "| board | chip | configuration | lookup tables | flip-flops | block RAM | multipliers | clock | reached | built |\n|---|---|---|---|---|---|---|---|---|---|\n"
BUILD_FOLDER = Path("build-board")


def row(name: str, board: Board, folder: Path, seeds: int) -> str:
    """The row of a board, which is built or whose project is written."""
    config = board.configuration()
    start = f"| {board.title} | {board.chip.name} | `{config.name}` |"
    date = time.strftime("%Y-%m-%d")
    try:
        if isinstance(board.family, VendorFamily):
            project = write_project(name, board, config, folder)
            used, reached = project.used, f"{project.program} says"
        else:
            report = build(name, config, folder, seed=board.seed, seeds=seeds)
            used, reached = report.used, f"{report.fmax_mhz:.1f} MHz, seed {report.seed}"
            date = time.strftime("%Y-%m-%d", time.localtime(report.bitstream.stat().st_mtime)) if report.cached else date
    except LiflineError as error:
        return f"{start} | | | | {board.clock_hz / 1e6:g} MHz | {re.sub(r'[|]', '/', str(error))} | {date} |\n"
    has = board.chip.available()
    counts = " | ".join(f"{used[key]:,} of {has[key]:,}" if key in used and key in has else "" for key in ("lut", "ff", "block_ram", "dsp"))
    return f"{start} {counts} | {board.clock_hz / 1e6:g} MHz | {reached} | {date} |\n"


def rows_of(page: str) -> dict[str, str]:
    """Title of a board -> its row, of the table in a page."""
    table = page.partition(BEGIN)[2].partition(END)[0]
    return {line.split("|")[1].strip(): line + "\n" for line in table.splitlines() if line.startswith("| ") and not line.startswith("| board")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", action="append", choices=BOARDS, help="repeatable; default: all")
    parser.add_argument("--folder", type=Path, default=BUILD_FOLDER, help="where bitstreams are built")
    parser.add_argument("--seeds", type=int, default=1, help="seeds of the placer that are tried for each")
    parser.add_argument("--write", type=Path, help="page whose table is written anew")
    parser.add_argument("--json", action="store_true", help="print the rows by title as the last line")
    arguments = parser.parse_args()
    page = arguments.write.read_text() if arguments.write else ""
    rows = rows_of(page)
    for name in arguments.board or BOARDS:
        rows[BOARDS[name].title] = row(name, BOARDS[name], arguments.folder, arguments.seeds)
        print(rows[BOARDS[name].title], end="", flush=True)
        if arguments.write:
            table = HEAD + "".join(rows[board.title] for board in BOARDS.values() if board.title in rows)
            arguments.write.write_text(f"{page.partition(BEGIN)[0]}{BEGIN}\n\n{table}\n{END}{page.partition(END)[2]}")
    if arguments.json:
        print(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
