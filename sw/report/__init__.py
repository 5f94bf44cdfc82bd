"""A network on a device, on one's own samples: what it does and what it costs, measured, and as a page to send to a colleague."""

from .measurement import Measured, measure
from .page import Report, report

__all__ = ["Measured", "Report", "measure", "report"]
