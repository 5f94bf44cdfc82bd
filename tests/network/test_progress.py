"""Long work: a bar on a terminal, silence in scripts, and functions that are told the share."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from lifline.network import progress
from lifline.network.progress import progress_of, waiting_for


def test_scripts_stay_silent(capfd: pytest.CaptureFixture[str]) -> None:
    for reporting in (None, False):
        with progress_of("work", reporting) as tell, waiting_for("more", reporting):
            tell(0.5)
    assert capfd.readouterr() == ("", "")


def test_functions_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    shares: list[float] = []
    with waiting_for("more", shares.append), progress_of("work", shares.append) as tell:
        tell(0.5)
    assert shares == [0.0, 0.5, 1.0] and capfd.readouterr() == ("", "")


def test_terminals_show_a_bar_once_the_work_is_long(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_of("short work", None) as tell:
        tell(0.5)
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    with progress_of("long work", None) as tell:
        tell(0.5)
    shown = capfd.readouterr().err
    assert "long work" in shown and "50%" in shown and "short" not in shown


def test_work_that_fails_takes_its_bar_away() -> None:
    with pytest.raises(ZeroDivisionError), progress_of("work", True) as tell:
        tell(np.float64(0.5))
        1 / 0  # noqa: B018


@pytest.mark.parametrize("widgets", [None, object()])
def test_notebooks_show_a_bar_only_with_widgets(widgets: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them rich would warn, and leave an empty line behind."""
    monkeypatch.setattr(progress, "find_spec", lambda name: widgets)
    assert progress._shown(Console(force_terminal=True, force_jupyter=True), None) is (widgets is not None)
    assert progress._shown(Console(force_terminal=True, force_jupyter=False), None)
