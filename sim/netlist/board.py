"""A mapped netlist as a board: the byte stream of the core's ports, or of a serial line at the pins of a whole design."""

from __future__ import annotations

import ctypes

from lifline.arch.errors import NetlistError
from lifline.sim.board.simulated import QUIET_CYCLES

from .circuit import Circuit
from .engine import Engine

BYTE = 8
STREAM = (("i__valid", 1), ("i__payload", BYTE), ("i__ready", 1), ("o__valid", 1), ("o__payload", BYTE), ("o__ready", 1))
SERIAL = ("uart_0__rx__io", "uart_0__tx__io")
BITS_PER_BYTE = 10


class NetlistBoard:
    """Byte stream of a circuit, evaluated in 64 lanes that differ in everything that is undefined; see :class:`lifline.driver.link.Transport`.

    All lanes get the same bytes and must give the same: what memories hold after power-up, what they show of a word that is written in the same cycle,
    and what comes in at pins that are not connected, must make no difference.

    Parameters
    ----------
    resets : whether the circuit's reset is 1 in the first cycle; else it is 0 from power-up on.
    cycles_per_bit : of a design with a serial line in place of a byte stream; None: it has ports of a byte stream.

    Raises
    ------
    NetlistError   if the circuit lacks the ports.
    ToolError      if there is no C++ compiler.
    """

    def __init__(self, circuit: Circuit, *, resets: bool = True, cycles_per_bit: int | None = None, seed: int = 0) -> None:
        ports = {**circuit.inputs, **circuit.outputs}
        missing = [name for name in (SERIAL if cycles_per_bit else dict(STREAM)) if name not in ports]
        if missing:
            raise NetlistError(f"the netlist has no port {', '.join(missing)}; it has {', '.join(ports)}")
        if cycles_per_bit:
            pins = (0,) * (sum(width for _, width in STREAM)) + (ports[SERIAL[0]][0], ports[SERIAL[1]][0], cycles_per_bit)
        else:
            pins = (*(net for name, _ in STREAM for net in ports[name]), 0, 0, 0)
        self.quiet = QUIET_CYCLES * (BITS_PER_BYTE * cycles_per_bit if cycles_per_bit else 1) // (BYTE if cycles_per_bit else 1)
        self.engine = Engine(circuit, pins, seed)
        if resets:
            self.engine.reset()

    @property
    def cycles(self) -> int:
        """Clock cycles since power-up."""
        return self.engine.call("cycles")

    def _check(self) -> None:
        first = ctypes.c_uint64()
        if number := self.engine.call("disagreements", ctypes.byref(first)):
            raise NetlistError(
                f"what the netlist sends depends on something that is undefined: lanes differ at {number} bits, the first one in cycle {first.value}"
            )

    def write(self, data: bytes) -> None:
        """Send bytes; the circuit takes them while it runs."""
        self.engine.call("push", data, len(data))

    def read(self, count: int) -> bytes:
        """``count`` bytes, or what there is when the circuit falls silent.

        Raises
        ------
        NetlistError   if lanes differ.
        """
        out = ctypes.create_string_buffer(count)
        self.engine.call("run", count, self.quiet)
        size = self.engine.call("pull", out, count)
        self._check()
        return out.raw[:size]

    def advance(self, cycles: int) -> int:
        """Run for that many cycles after the last byte has moved; returns how many bytes wait to be read."""
        return self.engine.call("run", ctypes.c_size_t(-1).value, cycles)

    def close(self) -> None:
        """Free the circuit."""
        self.engine.close()
