"""What becomes of a call whose agent's phone went without a word: the page was loaded again, the browser crashed, the
network changed.

The customer hears music and the call stays the agent's. The phone is rung again as soon as it is back; if it is not
within the grace the customer goes on to somebody else. A table without I/O: total, so that events that are late,
doubled or out of order do no harm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

# A phone that did not answer is tried again so much later: most are back with a page that was loaded again.
RETRY_S = 1.0
# Why an agent is paused whose phone did not come back: the next customer would ring it in vain too.
PHONE_LOST = "phone lost"


class PhoneInput(Enum):
    """What happens to the phone of an agent who is on a call."""

    LOST = "lost"
    # the phone says that it is back, or that nothing is heard over it
    BACK = "back"
    JOINED = "joined"
    MISSED = "missed"
    TIME = "time"


class PhoneEffect(Enum):
    """What the floor does because of it."""

    NOTE_LOSS = "note-loss"
    TAKE_OUT = "take-out"
    RING = "ring"
    NOTE_RETURN = "note-return"
    GIVE_ON = "give-on"


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """`lost_at`: None, it is in the call. `until`: when the customer is given on. `ring_at`: when it is tried next,
    None while it rings. Times are seconds of one clock."""

    lost_at: float | None = None
    until: float = math.inf
    ring_at: float | None = None

    @property
    def due_at(self) -> float | None:
        """When `TIME` is to happen next; None: not by itself."""
        if self.lost_at is None:
            return None
        return self.until if self.ring_at is None else min(self.until, self.ring_at)


THERE = PhoneFacts()
Step = tuple[PhoneFacts, tuple[PhoneEffect, ...]]


def advance(phone: PhoneFacts, happened: PhoneInput, now: float, grace_s: float) -> Step:
    """The phone after an event, and what is to be done."""
    there = phone.lost_at is None
    match happened:
        case PhoneInput.LOST:
            return (PhoneFacts(now, now + grace_s, now + RETRY_S), (PhoneEffect.NOTE_LOSS,)) if there else (phone, ())
        case PhoneInput.BACK:
            if there:
                again = (PhoneEffect.NOTE_LOSS, PhoneEffect.TAKE_OUT, PhoneEffect.RING)
                return PhoneFacts(now, now + grace_s), again
            # it may ring where nobody is any more
            ringing = (PhoneEffect.TAKE_OUT,) if phone.ring_at is None else ()
            return replace(phone, ring_at=None), (*ringing, PhoneEffect.RING)
        case PhoneInput.JOINED:
            return (phone, ()) if there else (THERE, (PhoneEffect.NOTE_RETURN,))
        case PhoneInput.MISSED:
            if there or phone.ring_at is not None:
                return phone, ()
            return replace(phone, ring_at=now + RETRY_S), ()
        case PhoneInput.TIME:
            if there:
                return phone, ()
            if now >= phone.until:
                # asked again should nobody be able to take the customer now
                return replace(phone, until=now + RETRY_S), (PhoneEffect.GIVE_ON,)
            if phone.ring_at is None or now < phone.ring_at:
                return phone, ()
            return replace(phone, ring_at=None), (PhoneEffect.RING,)
        case _:
            assert_never(happened)
