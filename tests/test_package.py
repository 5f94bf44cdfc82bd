"""The names of the package itself: all there, and loaded only when used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import lifline
from lifline.arch import errors


def test_every_name_is_there() -> None:
    assert set(lifline.__all__) == set(lifline._PLACES) and set(lifline.__all__) <= set(dir(lifline))
    for name in lifline.__all__:
        if name.startswith("from_"):
            continue  # they need PyTorch
        assert getattr(lifline, name).__module__.startswith("lifline."), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lifline.nothing


def test_every_kind_of_error_is_there() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert kinds == {name for name in lifline.__all__ if name.endswith("Error")} and len(kinds) > 10
    assert all(issubclass(getattr(lifline, name), lifline.LiflineError) for name in kinds)


def test_importing_costs_nothing() -> None:
    """Above all not PyTorch, which the core does not need."""
    code = "import sys, lifline, lifline.cli.main, lifline.driver.device\nassert not {'torch', 'matplotlib', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
