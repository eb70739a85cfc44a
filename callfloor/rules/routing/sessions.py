"""What a desk may show at one moment.

State and what is at hand are told one after the other. Where one of them is a moment behind, the state decides, and
nothing is shown that does not belong to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from callfloor.contract.workspace import Call, Session


def coherent(session: Session) -> Session:
    """The session without what its state excludes, such as a connected call in a wrap-up, or a preview of somebody who
    is ready."""
    call = session.call
    match session.state:
        case "ready" | "paused" | "signed-out":
            return replace(session, call=None, preview=None, wrap_up_seconds=None)
        case "dialling":
            ringing = call if call is not None and call.state == "ringing" else None
            preview = session.preview if ringing is None else None
            return replace(session, call=ringing, preview=preview, wrap_up_seconds=None)
        case "on-call":
            if call is not None and call.state == "ringing":
                call = replace(call, state="connected", connected_timestamp=session.since)
            elif call is not None and call.state == "wrap-up":
                call = None
            return replace(session, call=call, preview=None, wrap_up_seconds=None)
        case "on-wrap":
            if call is not None and call.state != "wrap-up":
                call = ended(call, session.since)
            return replace(session, call=call, preview=None)
        case _:
            assert_never(session.state)


def ended(call: Call, at: datetime) -> Call:
    """A call that is over for its agent, as it is shown during the wrap-up. `seconds` say how long it was."""
    began = call.connected_timestamp
    return replace(
        call,
        state="wrap-up",
        ended_timestamp=at,
        seconds=None if began is None else max(0, round((at - began).total_seconds())),
        held=False,
        muted=False,
        consulting=False,
        recording=False,
        parties=(),
        monitored_by=(),
    )
