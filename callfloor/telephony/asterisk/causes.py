"""Why a call ended, from what Asterisk says at the end of its channel: the Q.850 cause and, on SIP, the final status.

Never from `dialstatus`, which is NOANSWER for a number that does not exist and for a trunk that fails.
"""

from __future__ import annotations

from callfloor.telephony.carrier import Cause

_OF_CAUSE: dict[int, Cause] = {
    1: "invalid",  # unallocated: 404, 485, 604
    22: "invalid",  # number changed: 410
    28: "invalid",  # number incomplete: 484
    17: "busy",  # 486, 600
    18: "no-answer",  # no user responding: 408
    19: "no-answer",  # no answer: 480, and our own limit
    20: "no-answer",  # subscriber absent: a telephone that is off
    21: "rejected",  # 403, 603
    16: "cancelled",  # normal clearing before the answer: nobody but us does that
}
# requested channel unavailable: no sound came for longer than `rtp_timeout`, so nobody hung it up
SILENT = 44
# Where the cause says less than the status, or something else.
_OF_STATUS: dict[int, Cause] = {
    401: "failed",  # the trunk wants another password: nobody was rung
    407: "failed",
    483: "failed",  # a call that goes round in circles
    607: "rejected",  # unwanted
    608: "rejected",  # an analytics service refused it for the callee
}


def cause_of(cause: int | None, status: int | None, *, answered: bool, cancelled: bool) -> Cause:
    """Why it ended. `cause`, `status`: `cause` and `tech_cause` of ChannelDestroyed. `cancelled`: we hung up."""
    if answered:
        return "hang-up"
    if cancelled:
        return "cancelled"
    # whatever is left is the trunk or the network: 3, 27, 34, 38, 58, 102, 127 and all that are not known here
    return _OF_STATUS.get(status or 0) or _OF_CAUSE.get(cause or 0, "failed")
