"""Many pieces of work at once: in this process, in a cluster of processes on this machine, or on a Dask scheduler's machines; one piece's failure is its own."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from lifline.arch.errors import InputError, LiflineError, MissingLibraryError

Item = TypeVar("Item")
CONNECT_S = 10
"""Seconds in which a scheduler must answer."""


@dataclass(frozen=True)
class Done(Generic[Item]):
    """A finished piece: what it was made of, its ``value``, or by name what failed."""

    item: Item
    value: Any
    failure: str | None


class Engine:
    """Runs functions on items. Use as a context.

    Parameters
    ----------
    scheduler : address of a Dask scheduler, whose workers have lifline and see the same folders; None: processes of this machine.
    workers : how many processes; 0: none, everything happens here, one piece after the other; None: one per processor.

    Raises
    ------
    MissingLibraryError   if Dask is needed and missing.
    InputError            if no scheduler answers.
    """

    def __init__(self, scheduler: str | None = None, workers: int | None = None) -> None:
        self._client: Any = None
        self._cluster: Any = None
        if scheduler is None and workers == 0:
            return
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise MissingLibraryError("many processes need the extra `explore`: pip install 'lifline[explore]'; `--workers 0` does without") from error
        if scheduler is None:
            options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": ":0"}  # a free port: other searches may run
            self._cluster = LocalCluster(n_workers=workers or os.cpu_count() or 1, **options)
        try:
            self._client = Client(self._cluster if scheduler is None else scheduler, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at `{scheduler}` ({error}); start one with `dask scheduler`, or leave out --scheduler") from error

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()

    @property
    def width(self) -> int:
        """How many pieces run at once."""
        return 1 if self._client is None else max(len(self._client.scheduler_info(n_workers=-1)["workers"]), 1)

    def share(self, value: Any) -> Any:
        """``value`` where all pieces reach it, for :meth:`run`."""
        return value if self._client is None else self._client.scatter(value, broadcast=True)

    def run(self, function: Callable[[Any, Item], Any], shared: Any, items: Iterable[Item]) -> Iterator[Done[Item]]:
        """``function(shared, item)`` for every item, in the order in which they end.

        Items are taken one by one, as many ahead as run at once: an iterator may make the next one of what has ended.
        """
        if self._client is None:
            yield from (Done(item, *guarded(function, shared, item)) for item in items)
            return
        from distributed import as_completed

        waiting, running, ended = iter(items), {}, as_completed()
        for _ in range(self.width):
            self._start(function, shared, waiting, running, ended)
        while running:
            future = next(ended)
            item = running.pop(future)
            try:
                value, failure = future.result()
            except Exception as error:  # the worker itself is gone
                value, failure = None, _named(error)
            yield Done(item, value, failure)
            self._start(function, shared, waiting, running, ended)

    def _start(self, function: Callable[[Any, Item], Any], shared: Any, waiting: Iterator[Item], running: dict[Any, Item], ended: Any) -> None:
        for item in waiting:
            future = self._client.submit(guarded, function, shared, item, pure=False)
            running[future] = item
            ended.add(future)
            return


def guarded(function: Callable[[Any, Item], Any], shared: Any, item: Item) -> tuple[Any, str | None]:
    """What ``function`` returns, or by name what it raised: whatever that is, for other pieces go on."""
    try:
        value = function(shared, item)
        pickle.dumps(value)
    except Exception as error:
        return None, _named(error)
    return value, None


def _named(error: Exception) -> str:
    text = str(error) if isinstance(error, LiflineError) else str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}"
