"""One interface over every device: the golden model, simulated boards, and boards on a serial port."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, Unpack
from urllib.parse import parse_qs, parse_qsl, urlencode

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.config_file import configuration
from lifline.arch.errors import DeviceError
from lifline.compiler.program import Program
from lifline.network.progress import Reporting
from lifline.network.result import Decisions, RunResult

from .golden_device import GoldenDevice
from .link import Link, Transport
from .linked import LinkedDevice
from .stream import Stream, StreamOptions

__all__ = ["Device", "GoldenDevice", "LinkedDevice", "open"]
log = logging.getLogger(__name__)
BAUD_HZ = 50, 50_000_000
"""Slowest and fastest rate that a serial port may be asked for."""
NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
LONGEST_NUMBER = 20
LONGEST_S = 3600.0
"""Longest time that a reply may be waited for."""


class Device(Protocol):
    """Anything that runs a program. Usable as a context manager. See ``docs/driver.md``."""

    @property
    def config(self) -> Config | None: ...

    @property
    def program(self) -> Program | None: ...

    def load(self, program: Program) -> None: ...

    def run(
        self, spikes: object, *, reset: bool = True, record: str | Iterable[str] = (), steps: int | None = None, period_cycles: int = 0,
        progress: Reporting = None,
    ) -> RunResult: ...

    def classify(self, spikes: object, *, steps: int | None = None, progress: Reporting = None) -> Decisions: ...

    def stream(self, source: object, **options: Unpack[StreamOptions]) -> Stream: ...

    def read_state(self, population: str) -> dict[str, NDArray[np.int64]]: ...

    def info(self) -> dict[str, Any]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Device: ...

    def __exit__(self, *error: object) -> None: ...


def open(url: str = "sim:", *, config: Config | None = None, progress: Reporting = None) -> LinkedDevice | GoldenDevice:  # noqa: A001
    """Open a device.

    Parameters
    ----------
    url : ``golden:``, ``sim:`` or ``sim:small`` (compiled simulated board), ``pysim:tiny`` (no compiler needed, slow),
        ``serial:/dev/ttyUSB0?baud=1000000&timeout=0.5`` (seconds that a reply may take; without a rate the usual ones are tried). A file of
        ``lifline config new`` stands for a configuration: ``sim:mine.toml``. Without the name of a configuration it
        is ``medium``. ``pysim:tiny?vcd=run.vcd`` writes a waveform, complete when the device is closed. Where there is no C++ compiler ``sim:`` logs a warning and opens ``pysim:``.
    config : a configuration that is none of the presets: what is simulated, or what the board may have.
    progress : of building a simulated board, see :data:`~lifline.network.progress.Reporting`.

    Raises
    ------
    DeviceError   for an unknown kind of device or option, or if the other end is not a lifline device of this version.
    LinkError     if the port cannot be opened or nothing answers.
    ConfigError, ToolError   if there is no such configuration, or its simulated board cannot be built.
    """
    if not isinstance(url, str):
        raise DeviceError(f"{url!r} is no device; give a text like `sim:`, `golden:` or `serial:/dev/ttyUSB0`")
    if config is not None and not isinstance(config, Config):
        raise DeviceError(f"config={config!r} is no configuration; use lifline.preset(...) or a lifline.arch.config.Config")
    kind, _, rest = url.partition(":")
    name, _, query = rest.partition("?")
    if kind == "serial":
        transport, rate = _serial(url, name, query)
        return _linked(transport, url if rate is None else f"serial:{name}?{urlencode(dict(parse_qsl(query)) | {'baud': rate})}", config)
    waveform = _waveform(url, kind, query)
    if kind == "golden":
        return GoldenDevice(config or configuration(name or "medium"))
    if kind in ("sim", "pysim"):
        from lifline.sim.board.simulated import CompiledBoard, InterpretedBoard, compiler

        simulated = config or configuration(name or "medium")
        if kind == "sim" and compiler() is None:
            log.warning("no C++ compiler found: `pysim:%s` runs instead, about a thousand times slower; install g++", simulated.name)
            kind = "pysim"
        board = CompiledBoard(simulated, progress=progress) if kind == "sim" else InterpretedBoard(simulated, waveform=waveform)
        return _linked(board, f"{kind}:{simulated.name}", simulated)
    raise DeviceError(f"unknown device `{url}`; use golden:, sim:, pysim: or serial:/dev/...")


def _linked(transport: Transport, url: str, config: Config | None) -> LinkedDevice:
    try:
        return LinkedDevice(Link(transport), url=url, config=config)
    except BaseException:
        transport.close()  # else the port would stay taken
        raise


def _waveform(url: str, kind: str, query: str) -> Path | None:
    """The file of ``?vcd=``, if there is one."""
    options = parse_qs(query, keep_blank_values=True)
    if options.keys() - {"vcd"} or options and kind != "pysim":
        raise DeviceError(f"{url}: nothing can follow `?` here but vcd=run.vcd, a file for a waveform, behind pysim:")
    return Path(options["vcd"][-1]) if options else None


def _serial(url: str, port: str, query: str) -> tuple[Transport, int | None]:
    """The port, and its rate in baud if that was found out and is not the usual one."""
    from .rates import USUAL_HZ, find_rate
    from .serial_port import SerialTransport

    given = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    options = {"baud": str(USUAL_HZ), "timeout": "0.5"} | given
    if options.keys() != {"baud", "timeout"} or not all(map(NUMBER.fullmatch, options.values())) or "." in options["baud"]:
        raise DeviceError(f"{url}: after `?` there can be baud=1000000 and timeout=0.5 (seconds), joined by `&`")
    # Longer texts are beyond the limits anyway, and converting them takes time.
    baud_hz, timeout_s = int(options["baud"][:LONGEST_NUMBER]), float(options["timeout"][:LONGEST_NUMBER])
    if not BAUD_HZ[0] <= baud_hz <= BAUD_HZ[1]:
        raise DeviceError(f"{url}: baud={baud_hz} must be in {BAUD_HZ[0]}..{BAUD_HZ[1]}; boards are built for 1000000 unless told otherwise")
    if timeout_s > LONGEST_S:
        raise DeviceError(f"{url}: timeout={timeout_s:g} must be at most {LONGEST_S:g} seconds; a reply takes less than one")
    transport = SerialTransport(port, baud_hz=baud_hz, timeout_s=timeout_s)
    if "baud" in given:
        return transport, None
    try:
        found = find_rate(transport)
    except BaseException:
        transport.close()
        raise
    return transport, None if found == USUAL_HZ else found
