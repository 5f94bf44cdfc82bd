"""Draws the pictures of docs/architecture.md and docs/layers.md.

    python docs/pictures.py [--folder docs] [--suffix .svg]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib import rc_context
from picture_of_gather import gather
from picture_of_walk import walk
from sheet import DENSE, EVENT, GREY, LOGIC, MEMORY, NEW, OUTSIDE, STYLE, Point, Sheet


def datapath() -> Sheet:
    """What a spike goes through, once per window."""
    s = Sheet(112, 70)
    s.box(2, 2, 12, 7, "host", "driver", look=OUTSIDE)
    s.box(20, 2, 16, 7, "link", "frames, CRC, replies")
    s.box(42, 2, 68, 7, "host bus", "every memory and register below can be read and written")
    s.arrow((14, 5.5), (20, 5.5), both=True)
    s.arrow((36, 5.5), (42, 5.5), both=True)
    # Memories that the host fills or empties.
    s.box(2, 16, 14, 8, "input", "ring of\nneuron numbers", look=MEMORY)
    s.box(34, 16, 13, 8, "maps", "what a spike of a\nconvolution visits", look=MEMORY)
    s.box(49, 16, 16, 8, "weights", "a word: one neuron\nto one block of lanes", look=MEMORY)
    s.box(76, 16, 14, 8, "neurons", "v, i, budget, theta\n... per neuron", look=MEMORY)
    s.box(96, 16, 14, 8, "output", "ring of records", look=MEMORY)
    s.arrow((44.5, 9), (44.5, 12.5), (9, 12.5), (9, 16), colour=GREY)
    for x in (46, 57, 83):
        s.arrow((x, 9), (x, 16), colour=GREY)
    s.arrow((103, 16), (103, 9), colour=GREY)
    # The way of a spike.
    s.box(2, 31, 14, 9, "input writer", "step + delay\n= row")
    s.box(20, 31, 13, 9, "delay rings", "bit: neuron\nrow: arrival", look=MEMORY)
    s.box(37, 31, 10, 9, "scanner", "list of active\nneurons, walk")
    s.arrow((42, 24), (42, 31))
    s.box(51, 29, 17, 5.4, "event lanes", "all blocks per spike", look=EVENT)
    s.box(51, 36.6, 17, 5.4, "dense lanes", "W sums, all spikes per block", look=DENSE, size=8)
    s.box(72, 31, 11, 9, "sums", "step of window\nx block", look=MEMORY)
    s.box(87, 31, 12, 9, "update", "leak, add, fire,\nreset: microcode")
    s.box(102, 31, 8, 9, "recorder", "spikes, v, i", size=7.5)
    s.arrow((9, 24), (9, 31))
    s.arrow((16, 35.5), (20, 35.5))
    s.arrow((33, 35.5), (37, 35.5))
    s.arrow((47, 35.5), (49, 35.5), (49, 31.7), (51, 31.7), colour=EVENT[1])
    s.arrow((47, 35.5), (49, 35.5), (49, 39.3), (51, 39.3), colour=DENSE[1])
    s.arrow((59.5, 24), (59.5, 29))
    s.arrow((68, 31.7), (70, 31.7), (70, 35.5), (72, 35.5), colour=EVENT[1])
    s.arrow((68, 39.3), (70, 39.3), (70, 35.5), (72, 35.5), colour=DENSE[1])
    s.arrow((83, 35.5), (87, 35.5))
    s.arrow((99, 35.5), (102, 35.5))
    s.arrow((106, 31), (106, 24))
    s.arrow((86, 24), (86, 27), (93, 27), (93, 31), both=False)
    s.arrow((90, 31), (90, 28.5), (80, 28.5), (80, 24))
    # Spikes go back.
    s.box(66, 47, 16, 7, "router", "word after word")
    s.box(43, 47, 15, 7, "delays", "per neuron, or one", look=MEMORY)
    s.arrow((93, 40), (93, 50.5), (82, 50.5))
    s.arrow((66, 50.5), (58, 50.5))
    s.arrow((43, 50.5), (26.5, 50.5), (26.5, 40))
    s.text(84, 52.2, "spikes of a step", size=7.5)
    s.text(27.5, 48.8, "set bit in row (t + d)", size=7.5)
    # Control.
    s.box(2, 60, 95, 7, "sequencer", "one pass per projection, once per window of W steps: starts each engine and waits for it")
    s.box(101, 60, 9, 7, "program", "passes,\nmicrocode", look=MEMORY, size=8)
    s.arrow((101, 63.5), (97, 63.5), both=True)
    for x, y in ((9, 40), (40, 40), (62, 42), (96, 40)):
        s.arrow((x, 60), (x, y), colour=GREY, dashed=True, width=1)
    return s


def software() -> Sheet:
    """From whatever a user has to a result that is checked."""
    s = Sheet(112, 68)
    s.box(2, 7, 17, 8, "train", "PyTorch, integers in\nthe forward pass")
    s.box(2, 19, 17, 8, "convert", "NIR, lava-dl, objects\nof five frameworks")
    s.box(2, 31, 17, 8, "by hand", "populations\nand projections", look=OUTSIDE)
    s.box(26, 19, 14, 8, "network", "integers; a table,\na file", look=MEMORY)
    s.arrow((19, 11), (22.5, 11), (22.5, 23), (26, 23))
    s.arrow((19, 35), (22.5, 35), (22.5, 23), (26, 23))
    s.arrow((19, 23), (26, 23))
    s.box(47, 19, 15, 8, "compiler", "proofs, memory,\nmicrocode")
    s.box(69, 19, 14, 8, "program", "memory images;\na file", look=MEMORY)
    s.box(90, 18, 20, 10, "driver", "open, load, run, read_state:\none code, the same bytes")
    s.arrow((40, 23), (47, 23))
    s.arrow((62, 23), (69, 23))
    s.arrow((83, 23), (90, 23))
    # Prediction, above.
    s.box(26, 5, 14, 8, "golden model", "every bit, fast", look=EVENT)
    s.box(47, 5, 15, 8, "cycle model", "equals busy_cycles", look=EVENT)
    s.box(90, 5, 20, 8, "result", "spikes, states, counts, cycles", look=MEMORY)
    s.arrow((33, 19), (33, 13))
    s.arrow((40, 9), (47, 9))
    s.text(43.5, 7.6, "activity", size=7, align="center")
    s.arrow((54.5, 13), (54.5, 19))
    s.text(55.3, 16, "mode of each projection", size=7.5)
    s.arrow((100, 18), (100, 13))
    s.arrow((33, 5), (33, 2.4), (100, 2.4), (100, 5), colour=EVENT[1], dashed=True, both=False)
    s.text(66.5, 3.6, "compared: every bit, every cycle", size=7.5, align="center", colour=EVENT[1])
    # Devices, below.
    s.box(69, 34, 14, 8, "simulated board", "sim:  pysim:", look=DENSE, size=8)
    s.box(86, 34, 10.5, 8, "lifline serve", "serial: (pty)", look=DENSE, size=7.5)
    s.box(99.5, 34, 10.5, 8, "board", "serial: (UART)", look=DENSE, size=8)
    s.box(47, 34, 15, 8, "golden model", "golden:", look=EVENT)
    s.arrow((91.5, 28), (91.5, 30.5), (54.5, 30.5), (54.5, 34))
    s.arrow((76, 30.5), (76, 34))
    s.arrow((94, 28), (94, 34))
    s.arrow((104.7, 28), (104.7, 34))
    s.arrow((86, 38), (83, 38))
    s.text(83.5, 31.8, "frames", size=7, align="center")
    s.box(2, 47, 17, 8, "rtl", "gateware in Amaranth")
    s.box(69, 47, 14, 8, "sim", "Yosys, C++ compiler")
    s.box(95, 47, 15, 8, "boards", "pins, clocks;\nYosys, nextpnr")
    s.arrow((19, 51), (69, 51))
    s.arrow((19, 53), (66, 53), (66, 57), (102.5, 57), (102.5, 55))
    s.arrow((76, 47), (76, 42))
    s.arrow((104.7, 47), (104.7, 42))
    s.text(101.2, 44.5, "bitstream", size=7, align="center")
    s.text(72.8, 44.5, "library", size=7, align="center")
    s.box(2, 60, 108, 6, "arch", "number formats, layouts, registers, frames, configurations: written once, imported by every box above, imports none", look=OUTSIDE)
    return s


PANEL_WIDTH, PANEL_HEIGHT = 40.5, 26.0


def _lanes(s: Sheet, x: float, y: float, title: str, text: str, *, weights: str = "weights", back: bool = True) -> None:
    """A small copy of the datapath, the same in every panel, and what the panel says."""
    s.text(x, y - 1.2, title, size=9.5, weight="bold")
    s.box(x, y + 7, 6.4, 6, "rings", look=MEMORY, size=7)
    s.box(x + 9, y + 7, 5.4, 6, "scan", size=7)
    s.box(x + 17, y + 1.8, 10, 3.4, weights, look=MEMORY if weights == "weights" else NEW, size=7)
    for k in range(4):
        s.lane(x + 17 + 2.6 * k, y + 7.6, 2.2, 4.8, LOGIC)
        s.arrow((x + 18.1 + 2.6 * k, y + 5.2), (x + 18.1 + 2.6 * k, y + 7.5), width=0.9)
    s.box(x + 29.4, y + 7, 6.6, 6, "update", size=7)
    s.arrow((x + 6.4, y + 10), (x + 9, y + 10), width=1)
    s.arrow((x + 14.4, y + 10), (x + 17, y + 10), width=1)
    s.arrow((x + 27.2, y + 10), (x + 29.4, y + 10), width=1)
    if back:
        s.arrow((x + 32.7, y + 13), (x + 32.7, y + 15.6), (x + 3.2, y + 15.6), (x + 3.2, y + 13), width=1, colour=GREY)
    for k, line in enumerate(text.splitlines()):
        s.text(x, y + 18.6 + 1.6 * k, line, size=7.5)


def lanes() -> Sheet:
    """How everything that is still missing maps onto the lanes that exist."""
    s = Sheet(3 * PANEL_WIDTH + 4, 2 * PANEL_HEIGHT + 1.5)
    c = NEW[1]

    def place(k: int) -> Point:
        return 2.5 + PANEL_WIDTH * (k % 3), 3.5 + PANEL_HEIGHT * (k // 3)

    x, y = place(0)
    _lanes(s, x, y, "Synaptic delays", "Event: a weight is added to the sum of the step in which it arrives.\nDense: each lane takes its own slice of the arrival bits.")
    for k in range(4):
        for row in range(3):
            s.cell(x + 17 + 2.6 * k, y + 12.75 + 0.85 * row, 2.2, 0.7)
    s.text(x + 9.6, y + 14.1, "t, t+1, t+2", size=7, colour=c)

    x, y = place(1)
    _lanes(s, x, y, "Graded input", "The W sums of a dense lane take the bits of one integer instead of\nW steps, and are added with shifts when they leave.")
    for k in range(4):
        s.lane(x + 17 + 2.6 * k, y + 7.6, 2.2, 4.8, NEW)
        s.text(x + 18.1 + 2.6 * k, y + 9.7, ("8", "4", "2", "1")[k], size=7, align="center", colour=c)
    s.text(x + 22, y + 13.9, "bit times its value", size=7, align="center", colour=c)

    x, y = place(2)
    _lanes(s, x, y, "On-device learning", "Traces are neuron words and microcode, like membranes. Between\npasses a second writer adds their product to the weights.")
    s.box(x + 29.4, y + 1.8, 6.6, 3.4, "learn", look=NEW, size=7)
    s.arrow((x + 32.7, y + 7), (x + 32.7, y + 5.2), colour=c)
    s.arrow((x + 29.4, y + 3.5), (x + 27, y + 3.5), colour=c)

    x, y = place(3)
    _lanes(s, x, y, "Weights from outside", "Lanes ask for a weight word and may get it late: from the host,\nexternal memory, or a scrubber. Waiting is counted as a stall.")
    s.box(x + 29.4, y + 1.2, 6.6, 4.4, "host,\nDRAM", look=NEW, size=6.5)
    s.arrow((x + 29.4, y + 3.5), (x + 27, y + 3.5), colour=c, both=True)

    x, y = place(4)
    _lanes(s, x, y, "Several cores", "Spikes leave the router as a stream of ring writes and enter\nanother core where the host's input does.", back=False)
    s.box(x + 8, y + 13.9, 8.5, 3.4, "other core", look=NEW, size=6.5)
    s.arrow((x + 32.7, y + 13), (x + 32.7, y + 15.6), (x + 16.5, y + 15.6), colour=c, width=1.6)
    s.arrow((x + 8, y + 15.6), (x + 3.2, y + 15.6), (x + 3.2, y + 13), colour=c, width=1.6)
    return s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    parser.add_argument("--suffix", choices=(".svg", ".png"), default=".svg")
    options = parser.parse_args()
    with rc_context(STYLE):
        for name, draw in PICTURES.items():
            draw().save(options.folder / f"{name}{options.suffix}")


PICTURES = {"datapath": datapath, "software": software, "lanes": lanes, "walk": walk, "gather": gather}

if __name__ == "__main__":
    main()
