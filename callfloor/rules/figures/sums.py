"""What is summed up to make figures. Every figure is made of these, so that groups and intervals add up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

# Of an agent in each of its states, in whole seconds.
StateSeconds = Literal["ready_s", "dialling_s", "on_call_s", "on_wrap_s", "paused_s"]
Sum = (
    Literal[
        "attempts", "live_answers", "connects", "connect_delay_ms", "abandoned", "first_dialled",
        "callbacks_made", "callbacks_kept",
        "received", "abandoned_in_workflow", "abandoned_in_queue", "missed", "overflowed", "voicemails",
        "waited", "waiting_s", "longest_wait_s", "in_time", "too_late", "abandoned_before", "abandoned_after",
        "handled", "conversions", "talk_s", "hold_s", "wrap_s", "transfers_in", "transfers_out",
        "emails_received", "emails_answered", "email_response_s", "emails_written",
    ]
    | StateSeconds
)  # fmt: skip

SUMS: tuple[Sum, ...] = (*get_args(get_args(Sum)[0]), *get_args(StateSeconds))
# Of these the greatest is taken, and not the sum.
GREATEST: frozenset[Sum] = frozenset({"longest_wait_s"})

Sums = Mapping[str, int]


def add(into: dict[str, int], more: Mapping[str, int | None]) -> None:
    """Add sums up; what is not there is 0."""
    for name, value in more.items():
        if value:
            known = into.get(name, 0)
            into[name] = max(known, value) if name in GREATEST else known + value
