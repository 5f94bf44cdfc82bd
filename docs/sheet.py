"""What pictures are drawn with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

INK, GREY = "#1f2d3a", "#7d8893"
LOGIC, MEMORY, OUTSIDE = ("white", INK), ("#e6eff8", "#2f6fb0"), ("#eef0f2", GREY)
EVENT, DENSE, NEW = ("#dbe8f5", "#2f6fb0"), ("#fbe9d0", "#c8730a"), ("#fff1cf", "#c8730a")
STYLE: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "lifline", "font.family": ["DejaVu Sans"], "text.color": INK}
Point = tuple[float, float]


class Sheet:
    """A drawing surface of ``width`` x ``height`` units, y downwards; 10 units are an inch."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / 10, height / 10), facecolor="white")
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")

    def box(self, x: float, y: float, w: float, h: float, title: str, text: str = "", *, look: tuple[str, str] = LOGIC, size: float = 8.5) -> None:
        """A box with a title and smaller text below it; memories are filled."""
        fill, edge = look
        self.axes.add_patch(FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0,rounding_size=0.8", facecolor=fill, edgecolor=edge, linewidth=1.2))
        lines = text.count("\n") + 1 if text else 0
        middle = y + h / 2 - lines * 0.78
        self.text(x + w / 2, middle, title, size=size, weight="bold", align="center")
        if text:
            self.text(x + w / 2, middle + 0.95 + lines * 0.78, text, size=size - 1.5, align="center")

    def text(self, x: float, y: float, text: str, *, size: float = 8, align: str = "left", weight: str = "normal", colour: str = INK) -> None:
        """Text whose left end or centre is at a point."""
        self.axes.text(x, y, text, fontsize=size, ha=align, va="center_baseline", weight=weight, color=colour, linespacing=1.25)

    def arrow(self, *points: Point, colour: str = INK, width: float = 1.3, dashed: bool = False, both: bool = False) -> None:
        """An arrow through corners; only the last piece has a head, or both ends."""
        style = (0, (4, 3)) if dashed else "-"
        for (x0, y0), (x1, y1) in zip(points[:-2], points[1:-1], strict=True):
            self.axes.plot([x0, x1], [y0, y1], color=colour, linewidth=width, linestyle=style, solid_capstyle="round")
        head = "<|-|>" if both else "-|>"
        options = {"mutation_scale": 9, "color": colour, "linewidth": width, "linestyle": style, "shrinkA": 0, "shrinkB": 0}
        self.axes.add_patch(FancyArrowPatch(points[-2], points[-1], arrowstyle=head, **options))

    def lane(self, x: float, y: float, w: float, h: float, look: tuple[str, str]) -> None:
        """The old sign of an adder: a trapezoid that narrows downwards."""
        corners = [(x, y), (x + w, y), (x + w * 0.8, y + h), (x + w * 0.2, y + h)]
        self.axes.add_patch(Polygon(corners, closed=True, facecolor=look[0], edgecolor=look[1], linewidth=1.1))

    def cell(self, x: float, y: float, w: float, h: float, look: tuple[str, str] = NEW) -> None:
        """One of several small slots."""
        self.axes.add_patch(Rectangle((x, y), w, h, facecolor=look[0], edgecolor=look[1], linewidth=0.9))

    def save(self, path: Path) -> None:
        """Write the picture; the same drawing gives the same file."""
        self.figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
        if path.suffix == ".svg":  # text stays text; a viewer without this font takes one of the same width
            path.write_text(path.read_text().replace("font-family: 'DejaVu Sans'", "font-family: 'DejaVu Sans', Verdana, sans-serif"))
