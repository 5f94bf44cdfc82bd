"""How far long work has come: a bar on a terminal, nothing in scripts, or whatever the caller wants to be told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rich.console import Console
from rich.progress import Progress

Reporting = bool | Callable[[float], object] | None
"""``None``: a bar if standard error is a terminal, or in a notebook that has widgets. True or False: a bar, or none. A function is told the share that
is done, 0 to 1."""

PATIENCE_S = 0.5
"""Work that ends sooner shows no bar."""


def _shown(console: Console, progress: Reporting) -> bool:
    """Whether there is a bar; notebooks call themselves terminals, and rich draws in them with ipywidgets only."""
    if progress is not None:
        return progress is not False
    return console.is_terminal and not (console.is_jupyter and find_spec("ipywidgets") is None)


@contextmanager
def progress_of(what: str, progress: Reporting) -> Iterator[Callable[[float], None]]:
    """A function to tell the share that is done, 0 to 1. The bar on a terminal disappears at the end."""
    if callable(progress):
        yield lambda share: (progress(share), None)[1]
        return
    console = Console(stderr=True)
    if not _shown(console, progress):
        yield lambda share: None
        return
    bar, start = Progress(console=console, transient=True), time.monotonic()
    task = bar.add_task(what, total=1.0)
    started = False

    def tell(share: float) -> None:
        nonlocal started
        if not started and (progress is True or time.monotonic() - start >= PATIENCE_S):
            bar.start()
            started = True
        bar.update(task, completed=share)

    try:
        yield tell
    finally:
        if started:
            bar.stop()


@contextmanager
def waiting_for(what: str, progress: Reporting) -> Iterator[None]:
    """As :func:`progress_of`, for work whose parts cannot be told: a moving sign on a terminal, at once; a function is told 0 and 1."""
    if callable(progress):
        progress(0.0)
        yield
        progress(1.0)
        return
    console = Console(stderr=True)
    if not _shown(console, progress):
        yield
        return
    with console.status(what):
        yield
