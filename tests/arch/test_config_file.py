"""Configurations of one's own: files, names, changes, and the page that describes every parameter."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lifline.arch.config import LONGEST_NAME, PRESETS, Config, preset
from lifline.arch.config_file import changed, configuration, load_config, save_config
from lifline.arch.errors import ConfigError
from lifline.arch.parameters import PARAMETERS, meanings

PARAMETER_NAMES = [f.name for f in dataclasses.fields(Config) if f.name != "name"]


@pytest.mark.parametrize("config", PRESETS.values(), ids=lambda c: c.name)
def test_files_give_the_configuration_back(config: Config, tmp_path: Path) -> None:
    save_config(config, tmp_path / "c.toml")
    assert load_config(tmp_path / "c.toml") == config == configuration(tmp_path / "c.toml")


def test_every_parameter_is_described() -> None:
    assert list(PARAMETERS) == PARAMETER_NAMES and list(meanings()) == PARAMETER_NAMES and all(meanings().values())


def test_lanes_are_both_kinds_of_lanes_where_there_are_both() -> None:
    mine = changed(preset("medium"), "mine", ["lanes=32", "window=16"])
    assert (mine.name, mine.event_lanes, mine.dense_lanes, mine.window) == ("mine", 32, 32, 16)
    assert changed(preset("small"), "mine", ["lanes=16", "weight_shifts=0,2", "early_exit=true"]).replace(name="x") == preset("small").replace(
        name="x", event_lanes=16, weight_shifts=(0, 2), early_exit=True
    )


@pytest.mark.parametrize(("change", "message"), [
    ("windows=16", "changes no parameter"), ("window", "changes no parameter"), ("window=x", "must be an integer"), ("window=3", "window=3 must be"),
    ("name=other", "changes no parameter"), ("weight_shifts=0;4", "integers like 0,4"),
])  # fmt: skip
def test_bad_changes_are_named(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(preset("medium"), "mine", [change])


@pytest.mark.parametrize(("text", "message"), [
    ("window =", "cannot be read"), ("\xff", "cannot be read"), ('name = "x"\nwidth = 3', "`width` is no parameter"), ('name = "x"', "`event_lanes` is missing"),
])  # fmt: skip
def test_bad_files_are_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(text.encode("latin1"))
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "c.toml")


@pytest.mark.parametrize("name", ["medium", "a/b", "a b", "", "-x", "*/"])
def test_names_that_mislead_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="called|name of a preset"):
        changed(preset("medium"), name or " ", ["window=16"])
    save_config(preset("medium"), tmp_path / "c.toml")
    (tmp_path / "c.toml").write_text((tmp_path / "c.toml").read_text().replace("window = 8", "window = 16"))
    with pytest.raises(ConfigError, match="is the name of a preset"):
        load_config(tmp_path / "c.toml")


def test_a_file_without_the_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.txt").touch()
    with pytest.raises(ConfigError, match="must end in .toml"):
        configuration(tmp_path / "c.txt")
    with pytest.raises(ConfigError, match="cannot be read"):
        configuration(tmp_path / "missing.toml")


def test_a_replaced_preset_says_what_was_replaced() -> None:
    wide = preset("medium").replace(window=16)
    assert wide.name == "medium+window=16" and wide.hash == preset("medium").replace(name="x", window=16).hash
    assert wide.replace(weight_shifts=(0, 2)).name == "medium+window=16+weight_shifts=0,2" and wide.replace(window=8) == preset("medium")
    assert preset("medium").replace(window=8).name == "medium"
    mine = wide.replace(name="mine")
    assert mine.replace(max_delay=31).name == "mine+max_delay=31"
    many = preset("medium").replace(window=16, ring_words=4096, delay_entries=4096, neuron_words=1024)
    assert many.name == f"medium+{many.hash:08x}" and len(many.name) <= LONGEST_NAME
