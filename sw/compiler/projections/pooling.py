"""Sum pooling: a convolution of every channel by itself, with one weight in all places, of which there are as many words as lanes."""

from __future__ import annotations

from dataclasses import replace

from lifline.network.model import Projection

from .convolution import Convolution
from .geometry import Geometry
from .walked import Walked


class Pooling(Convolution):
    """The stored weight is (1,)."""

    def geometry(self, projection: Projection) -> Geometry:
        return replace(super().geometry(projection), alike=True)

    def event_only(self, projection: Projection) -> str:
        return Walked.event_only(self, projection)
