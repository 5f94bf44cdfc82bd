"""The network as a drawing: a box for every population, from top to bottom, and a line for every pair that projects."""

from __future__ import annotations

from dataclasses import dataclass

from lifline.compiler.program import Program
from lifline.network.model import Network, Projection
from lifline.network.summary import describe_neurons

WIDTH, HEIGHT = 200, 46
"""Of a box."""
LETTER = 6.2
"""Room for a letter beside a line."""
GAP_X, GAP_Y = 36, 40
MARGIN = 10


@dataclass(frozen=True)
class Box:
    """A population at its place: upper left corner, name, and what it is in a line."""

    x: float
    y: float
    name: str
    text: str


@dataclass(frozen=True)
class Line:
    """A pair of populations: the path between their boxes, and what goes along it in a line (and where that stands)."""

    path: str
    text: str
    x: float
    y: float
    goes_back: bool


@dataclass(frozen=True)
class Drawing:
    """Boxes and lines, in units of the drawing."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw_network(program: Program) -> Drawing:
    """Boxes in rows by how many populations lie between them and the input; what goes back, or past a row, goes around on the right."""
    network = program.network
    rows = _rows(network)
    widest = max(len(row) for row in rows)
    inner = widest * WIDTH + (widest - 1) * GAP_X
    boxes: dict[str, Box] = {}
    for k, row in enumerate(rows):
        left = MARGIN + (inner - len(row) * WIDTH - (len(row) - 1) * GAP_X) / 2
        for j, name in enumerate(row):
            population = network.population(name)
            shape = " x ".join(map(str, population.shape))
            what = describe_neurons(population.neurons) + (", output" if name == network.output else "")
            boxes[name] = Box(left + j * (WIDTH + GAP_X), MARGIN + k * (HEIGHT + GAP_Y), name, f"{shape}, {what}")
    depth = {name: k for k, row in enumerate(rows) for name in row}
    modes = {(p.source, p.target): p.mode.name.lower() for p in program.passes}
    pairs: dict[tuple[str, str], list[Projection]] = {}
    for projection in network.projections:
        pairs.setdefault((projection.source, projection.target), []).append(projection)
    lines, around = [], 0
    for (source, target), projections in pairs.items():
        text = ", ".join(dict.fromkeys(p.kind or "fully connected" for p in projections)) + f"; {modes[source, target]}" + _delays(projections)
        if depth[target] == depth[source] + 1:
            lines.append(_straight(boxes[source], boxes[target], text))
        else:
            lines.append(_around(boxes[source], boxes[target], text, MARGIN + inner + 14 + 12 * around, depth[target] <= depth[source]))
            around += 1
    width = max([inner + 2 * MARGIN, *(line.x + LETTER * len(line.text) for line in lines)])
    return Drawing(width, len(rows) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN, tuple(boxes.values()), tuple(lines))


def _rows(network: Network) -> list[list[str]]:
    """Populations by the longest way to them that never goes back, in the order of the network."""
    place = {name: k for k, name in enumerate(network.order)}
    depth: dict[str, int] = {}
    for name in place:
        before = [depth[p.source] for p in network.projections if p.target == name and place[p.source] < place[name]]
        depth[name] = 1 + max(before, default=-1)
    return [[name for name in place if depth[name] == k] for k in range(max(depth.values()) + 1)]


def _delays(projections: list[Projection]) -> str:
    shortest, longest = min(p.shortest_delay for p in projections), max(p.longest_delay for p in projections)
    if not longest:
        return ""
    return f"; delay {longest}" if shortest == longest else f"; delays {shortest} to {longest}"


def _straight(source: Box, target: Box, text: str) -> Line:
    x0, y0, x1, y1 = source.x + WIDTH / 2, source.y + HEIGHT, target.x + WIDTH / 2, target.y
    return Line(f"M{x0} {y0} L{x1} {y1}", text, (x0 + x1) / 2 + 6, (y0 + y1) / 2 + 4, False)


def _around(source: Box, target: Box, text: str, x: float, goes_back: bool) -> Line:
    y0, y1 = source.y + HEIGHT * 0.7, target.y + HEIGHT * 0.3
    path = f"M{source.x + WIDTH} {y0} H{x} V{y1} H{target.x + WIDTH}"
    return Line(path, text, x + 6, (y0 + y1) / 2 + 4, goes_back)
