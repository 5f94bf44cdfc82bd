"""Convolution: a kernel's weights are stored once; event mode walks over the blocks that a neuron reaches, dense mode gathers what reaches a block."""

from __future__ import annotations

from lifline.arch.config import Config, ceil_div
from lifline.network.connections.windows import Windowed
from lifline.network.model import Projection

from ..layouts import Layout
from .gathered import Gathered, plane_of, positions_of
from .geometry import Geometry
from .kind import Gathering, Ints
from .places import blocks_of
from .walked import Walked


class Convolution(Walked):
    """Stored weights are (output channel, channel of its group, kernel)."""

    def geometry(self, projection: Projection) -> Geometry:
        connection = projection.connection
        assert isinstance(connection, Windowed)
        window = connection.window(projection.weights, projection.shapes[0])
        rows, columns = window.plane
        return Geometry(window.channels, window.outputs, window.groups, rows, columns)

    def event_only(self, projection: Projection) -> str:
        geometry = self.geometry(projection)
        columns = geometry.columns
        reasons = {
            "with groups": geometry.groups > 1, "of pooled positions": max(geometry.rows.pool, columns.pool) > 1,
            "with dilation along its last axis": columns.dilation > 1 and columns.kernel > 1,
        }  # fmt: skip
        return next((f"{what} runs in mode event only" for what, holds in reasons.items() if holds), "")

    def gathered(self, projection: Projection, stored: Ints, source: Layout, target: Layout, config: Config) -> Gathering | None:
        geometry = self.geometry(projection)
        inputs = geometry.inputs, geometry.rows.length, geometry.columns.length
        outputs = geometry.outputs, geometry.rows.target, geometry.columns.target
        blocks = blocks_of(target, outputs, config.lanes, f"{projection.where}, target")
        plane = plane_of(blocks, outputs, ceil_div(target.size, config.lanes), f"{projection.where}, target")
        positions = positions_of(source, inputs, f"{projection.where}, source")
        return Gathered(geometry, self.kernel(projection, stored), positions, plane, projection.where)
