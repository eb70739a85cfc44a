"""Desks that are gone: an agent who cannot see a call gets none.

A desk lives while anything is asked with its agent's token or session, or its WebSocket answers. Only who had a desk
since signing in can lose it: agents who are made ready by another system (`PUT /availability`) have none.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.contract.codes import AgentState, Wanted

# The reason of the pause, as it is shown and counted.
DESK_GONE = "desk gone"
# Signs of life of an agent are written down so often at most, by a process.
SEEN_EVERY_S = 5.0
# Desks whose WebSocket is quiet show a sign each 15 s: what may be set is longer.
LEAST_GONE_S = 20


def is_gone(seen_at: datetime, now: datetime, after_s: int | None, *, without_desk: bool) -> bool:
    """Whether no calls are sent any more. `after_s`: the organisation's setting, None: never; `without_desk`: the
    agent's phone works by itself."""
    return after_s is not None and not without_desk and now - seen_at > timedelta(seconds=after_s)


def takes_calls(state: AgentState, wanted: Wanted | None) -> bool:
    """Whether calls are sent to the agent, now or behind the call that it has."""
    if state in ("paused", "signed-out"):
        return False
    return wanted in (None, "ready")
