"""What is compiled is kept, but never longer than what it was compiled from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CALLED = """
import enum
from lifline.arch.kernel import kernel
class State(enum.IntEnum):
    ON = 1
@kernel()
def inner(x):
    return x + 10
"""
CALLER = """
import called
from called import State, inner
from lifline.arch.kernel import kernel
STEP = {step}
@kernel()
def by_name(x):
    return inner(x)
@kernel()
def by_module(x):
    return called.inner(x)
@kernel()
def number(x):
    return x + STEP
@kernel()
def state(x):
    return x + State.ON
functions = [by_name, by_module, number, state]
print([f(0) for f in functions], [sum(f.stats.cache_hits.values()) for f in functions])
"""


def run(folder: Path, called: str = CALLED, step: str = "called.State.ON + 1") -> str:
    """Results and cache hits of a fresh process."""
    (folder / "called.py").write_text(called)
    caller = folder / "caller.py"
    if not caller.exists():
        caller.write_text(CALLER.format(step=step))
    done = subprocess.run([sys.executable, "caller.py"], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("x + 10", "x + 20", "[20, 20, 2, 1] [0, 0, 1, 1]"),
        ("x + 10", "x - 10", "[-10, -10, 2, 1] [0, 0, 1, 1]"),
        ("ON = 1", "ON = 5", "[10, 10, 6, 5] [0, 0, 0, 0]"),
    ],
)
def test_what_other_files_say_is_noticed(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert run(tmp_path) == "[10, 10, 2, 1] [0, 0, 0, 0]"
    assert run(tmp_path) == "[10, 10, 2, 1] [1, 1, 1, 1]"
    assert run(tmp_path, CALLED.replace(before, after)) == expected
