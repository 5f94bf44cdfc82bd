"""Convolution: a kernel's weights are stored once; stride, padding, dilation, groups and a pooled source are in the tables of its walk."""

from __future__ import annotations

from lifline.network.connections.windows import Windowed
from lifline.network.model import Projection

from .geometry import Geometry
from .walked import Walked


class Convolution(Walked):
    """Stored weights are (output channel, channel of its group, kernel)."""

    def geometry(self, projection: Projection) -> Geometry:
        connection = projection.connection
        assert isinstance(connection, Windowed)
        window = connection.window(projection.weights, projection.shapes[0])
        rows, columns = window.plane
        return Geometry(window.channels, window.outputs, window.groups, rows, columns)
