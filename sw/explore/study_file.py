"""The study's file: Optuna's journal, behind a lock that a killed process does not leave behind."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

NAME = "lifline"
"""Of the study in its storage."""


class KernelLock(JournalFileOpenLock):
    """A lock that ends with its process. Optuna's own are files, which a process that is killed leaves there: the next one would wait for them."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self._file = file
        self._held: IO[str] | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._held = self._file.open("a")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let the others have it."""
        if self._held is not None:
            self._held.close()
            self._held = None


def storage_of(file: Path | None) -> BaseStorage:
    """The study's storage; in memory without a file."""
    if file is None:
        return InMemoryStorage()
    return JournalStorage(JournalFileBackend(str(file), lock_obj=KernelLock(file.with_name(f"{file.name}.held"))))
