"""What is at the other end of a link, and which programs it can run."""

from __future__ import annotations

from lifline.arch.config import INTERFACE_VERSION, PRESETS, Config
from lifline.arch.errors import DeviceError
from lifline.arch.registers import MAGIC, Space, address
from lifline.compiler.program import Program

from .link import Link


def identify(link: Link, url: str, own: Config | None) -> tuple[int, Config | None]:
    """Hash of the device's configuration, and the configuration if it is a preset or ``own``.

    Raises
    ------
    LinkError     if nothing answers.
    DeviceError   if the other end is not a lifline device, or of another interface version.
    """
    magic, version, config_hash = (int(word) for word in link.read(address(Space.REGISTERS, 0), 3))
    if magic != MAGIC:
        raise DeviceError(f"{url}: the device answers {magic:#010x}, not {MAGIC:#010x}; it does not run lifline's gateware")
    if version != INTERFACE_VERSION:
        raise DeviceError(
            f"{url}: the device has interface version {version}, this lifline speaks {INTERFACE_VERSION}; "
            f"{'build its bitstream again' if version < INTERFACE_VERSION else 'upgrade lifline'}"
        )
    known = {c.hash: c for c in (*PRESETS.values(), *([own] if own else []))}
    return config_hash, known.get(config_hash)


def check_program(program: Program, config_hash: int, config: Config | None, url: str) -> Config:
    """The device's configuration, if the program was compiled for it.

    Raises
    ------
    DeviceError   naming both sides.
    """
    if program.config_hash != config_hash:
        name = f"`{config.name}`" if config else "an unknown configuration"
        raise DeviceError(
            f"program `{program.network.name}` was compiled for `{program.config_name}` (hash {program.config_hash:08x}), the device "
            f"{url} is {name} (hash {config_hash:08x}); compile it for that configuration"
        )
    if config is None:
        raise DeviceError(
            f"{url}: its configuration (hash {config_hash:08x}) is none of the presets {', '.join(PRESETS)}; name it: open(url, config=...)"
        )
    return config
