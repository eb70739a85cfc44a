"""The names that our channels, bridges and recordings have in Asterisk: whose they are can be read from them, also by
an engine that has just started.

A channel that comes in keeps the name that Asterisk gave it; the variable `CALL` says which call it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from callfloor.telephony.carrier import AgentId, CallId, PartyId

# Variables of a customer's channel: the call; the recording's part that runs or is to run, or, with a minus, the one
# that comes next.
CALL = "CALLFLOOR_CALL"
PART = "CALLFLOOR_PART"
# What Asterisk tells of a channel's sound at its end, where ari.conf has it in `channelvars`.
QUALITY = "RTPAUDIOQOS"
_NAME = re.compile(
    r"cf-(?P<call>-?[0-9]{1,19})(?:-(?P<kind>p|ear|spy|in|out)(?P<party>-?[0-9]{1,19})-[0-9]+)?", re.ASCII
)
_LINE = re.compile(r"cf-line([0-9]{1,19})-[0-9]+", re.ASCII)
_RECORDING = re.compile(r"cf-(?P<call>-?[0-9]{1,19})-(?P<part>[0-9]{1,9})(-in|-out)?", re.ASCII)

Kind = Literal["customer", "party", "ear", "spy", "tape"]
_KINDS: dict[str | None, Kind] = {
    None: "customer",
    "p": "party",
    "ear": "ear",
    "spy": "spy",
    "in": "tape",
    "out": "tape",
}
# What the customer says, and what the customer hears.
Side = Literal["in", "out"]
SIDES: tuple[Side, Side] = ("in", "out")


@dataclass(frozen=True, slots=True)
class Name:
    """Whose a channel is. `ear`: a supervisor's phone; `spy`: what is listened through; `tape`: what one side is
    recorded through. `party` 0: the customer."""

    call: CallId
    kind: Kind
    party: PartyId = 0


def customer(call: CallId) -> str:
    return f"cf-{call}"


def party(call: CallId, party_id: PartyId, serial: int) -> str:
    return f"cf-{call}-p{party_id}-{serial}"


def ear(call: CallId, supervisor: AgentId, serial: int) -> str:
    return f"cf-{call}-ear{supervisor}-{serial}"


def spy(call: CallId, supervisor: AgentId, serial: int) -> str:
    return f"cf-{call}-spy{supervisor}-{serial}"


def bridge(call: CallId) -> str:
    return f"cf-{call}"


def listening_bridge(call: CallId, supervisor: AgentId) -> str:
    return f"cf-{call}-ear{supervisor}"


def line(agent: AgentId, serial: int) -> str:
    """A phone that stays connected between calls."""
    return f"cf-line{agent}-{serial}"


def agent_of_line(channel: str) -> AgentId | None:
    found = _LINE.fullmatch(channel)
    return None if found is None else int(found[1])


def read_recording(name: str) -> tuple[CallId, int] | None:
    """The call and the part that a recording is of, or a side of one. None: not a name of ours."""
    found = _RECORDING.fullmatch(name)
    return None if found is None else (int(found["call"]), int(found["part"]))


def tape(call: CallId, part: int, side: Side) -> str:
    """What one side of a part is recorded through."""
    return f"cf-{call}-{side}{part}-0"


def recording_side(call: CallId, part: int, side: Side) -> str:
    return f"cf-{call}-{part}-{side}"


def recording(call: CallId, part: int) -> str:
    return f"cf-{call}-{part}"


def read(channel: str) -> Name | None:
    """None: not a name of ours."""
    found = _NAME.fullmatch(channel)
    if found is None:
        return None
    return Name(int(found["call"]), _KINDS[found["kind"]], int(found["party"] or 0))
