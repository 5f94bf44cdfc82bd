"""What the gateware may use on a family of chips, beyond what any synthesis tool infers. Behaviour and cycles are the same on all."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Target:
    """
    Attributes
    ----------
    weight_style : ``ram_style`` of the weight memory.
    carry_cells : build adders with a choice before them from ECP5 carry cells, see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.
    slices_apart : see :class:`~lifline.rtl.cells.memory.Ram`.
    """

    weight_style: str | None = None
    carry_cells: bool = False
    slices_apart: bool = False


GENERIC = Target()
"""For simulation and for any other chip."""

TARGETS = {"ecp5": Target(carry_cells=True), "ice40": Target(weight_style="huge"), "cyclone5": Target(slices_apart=True)}
"""By family of chips; the others are :data:`GENERIC`. ``"huge"`` is the iCE40's single-port memory."""
