"""Several requests under way at a time: the line is never idle because somebody waits for a reply."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from lifline.arch.errors import LinkError
from lifline.arch.frame import Kind, Request, Status
from lifline.arch.registers import REGISTERS, Space, address

from .link import Link, NoReply, has_room

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())
QUIET_S, GONE_S = 0.25, 10.0
"""A read at rest that is not answered for so long: the device is asked whether it is there; it is gone."""
ALIVE = Request(0, Kind.READ, address(Space.REGISTERS, REGISTERS["status"].offset), 1)

Words = tuple[int, ...]


class Pipeline:
    """Sends groups of requests and gives the words of each group's replies, in order.

    The device executes requests in the order in which they come, and goes on behind one that was lost. So groups must not need what happened in earlier
    ones, and nothing behind a missing or damaged reply counts: the groups begin again with the one that lacks a reply.

    Parameters
    ----------
    restart : called before the first group, and before groups are repeated: makes sure that nothing of the earlier ones is under way.

    Raises
    ------
    LinkError   if the same group fails ``link.retries + 1`` times, or the link is closed.
    """

    def __init__(self, link: Link, restart: Callable[[], None]) -> None:
        self._link, self._restart = link, restart
        self._waiting: deque[tuple[Request, int]] = deque()
        """With the number of requests behind it in its group; -1 for what belongs to none."""

    def run(
        self, group: Callable[[int], Sequence[Request]], first: int, end: int, done: Callable[[int, list[Words]], bool], stop: Callable[[], bool]
    ) -> int:
        """Groups ``first`` to ``end``; returns the end of those that were done.

        Parameters
        ----------
        group : its requests.   done : takes the words of its replies, and says whether they will do; else it is repeated.
        stop : whether no further group is to be sent.
        """
        failures, again = 0, True
        while first < end and again and not stop():
            again = False
            try:
                self._restart()
                with self._link.lock:
                    for words in self._groups(group, first, end, stop):
                        if not done(first, words):
                            again = True
                            break
                        first, failures = first + 1, 0
            except LinkError as error:
                failures += 1
                if failures > self._link.retries or self._link.ended:
                    raise LinkError(f"sample {first} failed {failures} times ({error}); check cable, port and baud rate") from error
                self._waiting.clear()
                LOG.warning("sample %d: %s; sent again, %d of %d", first, error, failures, self._link.retries)
                self._link.repeated += 1
                self._link.resynchronise()
                again = True
            finally:
                if self._waiting and not self._link.ended:
                    self._link.empty()
        return first

    def _groups(self, group: Callable[[int], Sequence[Request]], first: int, end: int, stop: Callable[[], bool]) -> Iterator[list[Words]]:
        self._waiting.clear()
        found: list[Words] = []
        for k in range(first, end):
            if stop():
                break
            requests = group(k)
            for position, request in enumerate(requests):
                while self._waiting and not self._has_room(request):
                    yield from self._collected(found)
                self._waiting.append((self._link.send([request])[0], len(requests) - 1 - position))
        while self._waiting:
            yield from self._collected(found)

    def _has_room(self, request: Request) -> bool:
        return has_room(request, (waiting for waiting, _ in self._waiting))

    def _collected(self, found: list[Words]) -> Iterator[list[Words]]:
        """The next reply is one of its group's; with the last one comes the group."""
        request, left = self._waiting[0]
        status, words = self._reply(request)
        self._waiting.popleft()
        if status is not Status.OK:
            raise LinkError(f"the device answered {status.name}")
        if left >= 0:
            found.append(words)
        if left == 0:
            while self._waiting and self._waiting[0][1] < 0:  # whoever takes the group may use the link: nothing waits for what he would drop
                self._reply(self._waiting.popleft()[0])
            yield list(found)
            found.clear()

    def _reply(self, request: Request) -> tuple[Status, Words]:
        """The reply to the oldest request. What waits for the core's rest may take long: whether the device is there is asked in a request of its own,
        which it answers before if the one that waits was lost, and after it else."""
        began, asked = time.monotonic(), 0
        while True:
            try:
                return self._link.reply(request)
            except NoReply:
                waited = time.monotonic() - began
                if request.kind is not Kind.READ_AT_REST or waited > GONE_S:
                    raise
                if waited > QUIET_S * (1 + asked) and self._has_room(ALIVE):
                    self._waiting.append((self._link.send([ALIVE])[0], -1))
                    asked += 1
