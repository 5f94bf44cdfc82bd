"""Configurations of one's own: a TOML file with a name and every parameter, read and written here."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

from .config import PRESETS, Config, preset
from .errors import ConfigError
from .files import write_file
from .parameters import PARAMETERS
from .toml_file import UNREADABLE, read_toml

SUFFIX = ".toml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+,=-]{0,99}")
"""Names of configurations in files: they become parts of file names, addresses of devices and C comments."""
LANES = "lanes"
"""Stands for ``event_lanes`` and, where there are any, ``dense_lanes``."""


def configuration(name: str | os.PathLike[str]) -> Config:
    """The preset of this name, or the configuration in the file of this name, which ends in ``.toml``.

    Raises
    ------
    ConfigError   if there is none, or the file does not describe one.
    """
    text = os.fsdecode(name)
    if text.lower().endswith(SUFFIX):
        return load_config(text)
    if text not in PRESETS and Path(text).is_file():
        raise ConfigError(f"no configuration `{text}`: the name of a configuration's file must end in {SUFFIX}")
    return preset(text)


def load_config(path: str | os.PathLike[str]) -> Config:
    """Read a configuration from a TOML file with ``name`` and parameters; those that are missing have their defaults.

    Raises
    ------
    ConfigError   if it cannot be read, holds what is no parameter, breaks a rule, or takes the name of a preset for something else.
    """
    try:
        values = read_toml(path)
    except UNREADABLE as error:
        raise ConfigError(f"{os.fsdecode(path)} cannot be read as a configuration ({error}); write one with `lifline config new`") from error
    fields = {f.name: f for f in dataclasses.fields(Config)}
    if wrong := sorted(values.keys() - fields.keys()):
        raise ConfigError(f"{os.fsdecode(path)}: `{wrong[0]}` is no parameter of a configuration; there are {', '.join(fields)}")
    needed = [n for n, f in fields.items() if f.default is dataclasses.MISSING]
    if missing := [n for n in needed if n not in values]:
        raise ConfigError(f"{os.fsdecode(path)}: `{missing[0]}` is missing; it needs {', '.join(needed)}")
    config = Config(**values)
    check_name(config)
    return config


def check_name(config: Config) -> None:
    """Refuse a name that no file may carry, and one of a preset for another configuration.

    Raises
    ------
    ConfigError   naming it.
    """
    if not NAME.fullmatch(config.name):
        raise ConfigError(f"a configuration cannot be called {config.name!r}: use letters, digits and `_ . + , = -`, at most 100, a letter or digit first")
    if config.name in PRESETS and config.hash != PRESETS[config.name].hash:
        raise ConfigError(f"`{config.name}` is the name of a preset, which this configuration is not; give it another name")


def save_config(config: Config, path: str | os.PathLike[str]) -> None:
    """Write a configuration as a TOML file, with a comment on every parameter.

    Raises
    ------
    ConfigError   if its name may not stand in a file.
    OutputError   if the file cannot be written.
    """
    check_name(config)
    lines = [
        "# A configuration of lifline's gateware: give this file as --config to compile, run, serve, verify and build.",
        "# What each parameter means and costs: docs/configurations.md.",
        f"name = {json.dumps(config.name)}",
    ]
    for name, parameter in PARAMETERS.items():
        value = getattr(config, name)
        lines += ["", f"# {parameter.values}", f"{name} = {json.dumps(list(value) if isinstance(value, tuple) else value)}"]
    text = "\n".join(lines) + "\n"
    write_file(path, lambda part: part.write_text(text))


def changed(base: Config, name: str, changes: list[str]) -> Config:
    """``base`` under a new name with changes like ``window=16`` or ``weight_shifts=0,4``; ``lanes=32`` changes both kinds of lanes.

    Raises
    ------
    ConfigError   for what is no parameter or no value, and for a rule that the result breaks.
    """
    values: dict[str, object] = {"name": name}
    known = [f.name for f in dataclasses.fields(Config) if f.name != "name"]
    for text in changes:
        parameter, equals, value = text.partition("=")
        if not equals or parameter not in (*known, LANES):
            raise ConfigError(f"`{text}` changes no parameter: write one like window=16; there are {LANES}, {', '.join(known)}")
        parsed = _parsed(parameter, value)
        if parameter == LANES:
            values |= {"event_lanes": parsed} | ({"dense_lanes": parsed} if base.dense_lanes else {})
        else:
            values[parameter] = parsed
    config = base.replace(**values)
    check_name(config)
    return config


def _parsed(parameter: str, value: str) -> object:
    """An integer, a truth value, or integers joined by commas.

    Raises
    ------
    ConfigError   if it is none of them.
    """
    if parameter == "weight_shifts":
        parts = [part.strip() for part in value.split(",")]
        if all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):
            return tuple(map(int, parts))
    elif value.lower() in ("true", "false"):
        return value.lower() == "true"
    elif re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    raise ConfigError(f"{parameter}={value} must be an integer, true or false, or for weight_shifts integers like 0,4")
