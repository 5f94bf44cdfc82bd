"""How the last run on a device ended, and what its memories are worth after that."""

from __future__ import annotations

import enum


class LastRun(enum.Enum):
    """How the last run ended; the value completes "the last run ...".

    A run is :attr:`FAILED` from its first request until its last reply.
    """

    ENDED = "ended"
    """by itself, or there was none since the program was loaded: it can be continued"""
    STOPPED = "was stopped"
    """at a window that nobody knew before: its state can be read and cannot be continued"""
    FAILED = "failed"
    """somewhere: its state means nothing"""
