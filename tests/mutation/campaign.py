"""Applying one change after another to copies of the tree, and running the tests that should notice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .operators import Change

PACKAGE = {"": "sw", "rtl": "rtl", "sim": "sim", "boards": "boards"}
"""Folder of every part of ``lifline``, as ``pyproject.toml`` maps them."""
NO_TESTS = 5
TIME_FACTOR, TIME_MORE_S = 4.0, 30.0
"""A change that makes its tests take this much longer than they take without it has been noticed: something waits for ever."""


@dataclass(frozen=True)
class Outcome:
    """``killed``, ``timeout`` (which counts as killed) or ``survived``."""

    area: str
    change: Change
    status: str
    seconds: float

    @property
    def noticed(self) -> bool:
        return self.status != "survived"


class Copy:
    """A copy of the tree in which ``lifline`` is imported from the copy itself.

    Raises
    ------
    RuntimeError   from :meth:`check`, if it is not.
    """

    def __init__(self, root: Path, folder: Path, package: Mapping[str, str] = PACKAGE, name: str = "lifline") -> None:
        self.folder, self.name = folder, name
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True).stdout
        for file in listed.splitlines():
            if (root / file).is_file():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / file, folder / file)
        top = folder / name
        top.mkdir(exist_ok=True)
        for child in (folder / package[""]).iterdir():
            (top / child.name).symlink_to(child)
        for part, source in package.items():
            if part:
                (top / part).symlink_to(folder / source)

    def _environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}

    def check(self) -> None:
        """Make sure that the tests would see a change here."""
        script = f"import {self.name}; print({self.name}.__file__)"
        found = subprocess.run([sys.executable, "-c", script], cwd=self.folder, env=self._environment(), capture_output=True, text=True)
        if not found.stdout.startswith(str(self.folder)):
            raise RuntimeError(f"the copy imports `{self.name}` from {found.stdout or found.stderr}, not from {self.folder}")

    def test(self, tests: Sequence[str], limit_s: float) -> tuple[str, float]:
        """Run tests until the first failure: ``passed``, ``killed`` or ``timeout``, and the seconds it took."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *tests]
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=self.folder, env=self._environment(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "timeout", time.monotonic() - began
        if status == NO_TESTS:
            raise RuntimeError(f"no tests in {', '.join(tests)}")
        return "passed" if status == 0 else "killed", time.monotonic() - began

    def try_change(self, area: str, change: Change, tests: Sequence[str], limit_s: float) -> Outcome:
        """Test one change and take it back."""
        path = self.folder / change.file
        source = path.read_text()
        stamp = path.stat()
        try:
            path.write_text(change.apply(source))
            status, seconds = self.test(tests, limit_s)
        finally:
            path.write_text(source)
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # what was compiled from it is good again
        return Outcome(area, change, "survived" if status == "passed" else status, seconds)


def limit_of(seconds: float) -> float:
    """Seconds that tests may take which take ``seconds`` without a change."""
    return TIME_FACTOR * seconds + TIME_MORE_S


@dataclass(frozen=True)
class Equivalent:
    """A change that changes no result: its file, the line before and after it, and why."""

    file: str
    before: str
    after: str
    reason: str


def equivalents(path: Path) -> list[Equivalent]:
    """Read the list of changes that nobody can notice."""
    return [Equivalent(**entry) for entry in tomllib.loads(path.read_text())["equivalent"]]


def is_listed(change: Change, listed: Iterable[Equivalent]) -> bool:
    """Whether a change is one of those that nobody can notice."""
    return any((e.file, e.before, e.after) == (change.file, change.text.strip(), change.changed_text) for e in listed)


def named_changes(path: Path, root: Path) -> list[tuple[str, Change]]:
    """The changes that are written down, with their areas: each once let all tests pass.

    Raises
    ------
    ValueError   if a line does not stand in its file exactly once: the list has to follow the code.
    """
    found = []
    for entry in tomllib.loads(path.read_text())["change"]:
        lines = (root / entry["file"]).read_text().split("\n")
        at = [k for k, line in enumerate(lines) if line.strip() == entry["before"]]
        if len(at) != 1:
            raise ValueError(f"{entry['file']}: `{entry['before']}` stands there {len(at)} times, not once")
        text = lines[at[0]]
        indent = len(text) - len(text.lstrip())
        found.append((entry["area"], Change(entry["file"], at[0], indent, entry["before"], entry["after"], text)))
    return found
