"""What asks a process to stop, and when that may be heard."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C, a service manager, a terminal that is closed.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heard() -> tuple[signal.Signals, ...]:
    """Those of `STOPS` that this process has to obey: who started it under nohup wants it to outlive the terminal."""
    return tuple(number for number in STOPS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN)


@contextmanager
def held() -> Generator[Callable[[], bool]]:
    """Keep signals to stop until the end of the block, where they do what they would have done.

    Yields a function that says whether one has come. For work that must not be cut in two; in a thread other than
    the main one, which no signal reaches, nothing is kept.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def keep(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, keep) for number in heard()}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def leave_terminal() -> None:
    """Write to nowhere from now on where standard output or error is a terminal: it may be gone, and a line that
    cannot be written must not keep anything from being stopped."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        if os.isatty(descriptor):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)
