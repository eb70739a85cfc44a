"""Where an organisation may call, how much, and how often it is called back: `[organisation.destinations]`."""

from __future__ import annotations

from typing import Literal

import msgspec

# Kinds of numbers that cost whoever calls them more than others, or more than one can know.
CostlyKind = Literal["premium", "sharedCost", "satellite", "personal"]
# Why a number is not called.
DestinationReason = Literal[
    "emergency", "no-number", "denied", "country", "premium", "sharedCost", "satellite", "personal", "unknown-range",
    "calls-per-day", "minutes-per-day", "agent-calls-per-day", "agent-minutes-per-day",
]  # fmt: skip


class Destinations(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """The destination policy. Days are the organisation's own (its timezone).

    `countries` (ISO 3166): empty: the organisation's own alone. `prefixes`: beginnings of numbers (E.164) that may be
    called besides. `denied`: beginnings that may not, whatever else says so. `costly`: kinds that may be called.
    Limits count calls that are dialled and numbers outside that calls are given to; None: no limit. `agent_…`: those
    of one agent, by hand or by transfer. `alarm_at`: a share of a limit from which on log and live floor warn.
    `longest_call_minutes`: then the call is ended. `callbacks_per_number`, `callbacks_per_day`: that callers may ask
    for in a day.
    """

    countries: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    costly: tuple[CostlyKind, ...] = ()
    calls_per_day: int | None = None
    minutes_per_day: int | None = None
    agent_calls_per_day: int | None = None
    agent_minutes_per_day: int | None = None
    longest_call_minutes: int = 240
    alarm_at: float = 0.8
    # a customer may be given to, and an agent may consult, a number that is on a do-not-call list
    transfer_to_do_not_call: bool = False
    callbacks_per_number: int = 3
    callbacks_per_day: int = 1000


# What holds where nobody says anything.
USUAL = Destinations()
