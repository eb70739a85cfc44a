"""What a call needs of its node and of the carrier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callfloor.clock import Clock
from callfloor.telephony.asterisk.ari import Ari
from callfloor.telephony.asterisk.prompts import Prompts
from callfloor.telephony.asterisk.recordings import StoredRecordings
from callfloor.telephony.asterisk.request_queue import Work
from callfloor.telephony.asterisk.setup import Setup
from callfloor.telephony.carrier import CarrierEvent


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """One a node, which is called `node`."""

    node: str
    ari: Ari
    setup: Setup
    clock: Clock
    stored: StoredRecordings
    prompts: Prompts
    say: Callable[[CarrierEvent], None]
    work: Callable[[], Work]
