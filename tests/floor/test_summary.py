"""One line of the log a minute says what the floor does, and none is written while it does nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from structlog.testing import capture_logs

from callfloor.floor.floor import Floor
from callfloor.floor.summary import Summary, Tally


async def test_a_summary_counts_what_happened_since_the_last_and_is_silent_about_nothing() -> None:
    calls: list[Any] = []
    contacts = SimpleNamespace(attempts=lambda: calls)
    floor = SimpleNamespace(contacts=contacts, team=SimpleNamespace(everyone=lambda: ["one", "two"]))
    tally = Tally()
    summary = Summary(cast(Floor, floor), tally)
    with capture_logs() as said:
        await summary.say()
    assert said == []
    tally.claimed, tally.answered, tally.ended = 5, 3, 1
    calls += ["a", "b", "c", "d"]
    with capture_logs() as said:
        await summary.say()
        tally.ended += 4
        calls.clear()
        await summary.say()
        await summary.say()
    figures = {"event": "dialling", "log_level": "info", "agents": 2}
    assert said == [
        figures | {"claimed": 5, "answered": 3, "connected": 0, "ended": 1, "lines": 4},
        figures | {"claimed": 0, "answered": 0, "connected": 0, "ended": 4, "lines": 0},
    ]
