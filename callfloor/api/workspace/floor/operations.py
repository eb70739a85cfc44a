"""The floor as a snapshot, and whose view is which."""

from __future__ import annotations

from typing import Any

from callfloor.api.call import Call
from callfloor.api.operation import operation
from callfloor.api.workspace.floor.channel import View
from callfloor.api.workspace.people import SUPERVISED, supervisor_of
from callfloor.contract.live_floor import Floor
from callfloor.store.people.callers import Caller

# Whoever has one of these sees numbers in clear elsewhere too.
NUMBERS = frozenset({"activities:read", "leads:read", "admin"})
_AGENTS = {"signedIn": 9, "ready": 1, "dialling": 0, "onCall": 6, "onWrap": 1, "paused": 1}
_AT = "2021-08-01T13:56:10+10:00"
FLOOR: dict[str, Any] = {
    "cursor": "5f3a9c01-42",
    "sequence": 42,
    "timestamp": _AT,
    "agents": [
        {
            "agentId": 1002,
            "username": "john.doe",
            "fullName": "John Doe",
            "state": "on-call",
            "since": "2021-08-01T13:55:06+10:00",
            "reason": None,
            "wanted": None,
            "campaignIds": [1, 2],
            "call": {
                "activityId": 5001,
                "direction": "inbound",
                "campaignId": 1,
                "campaignName": "Support",
                "number": "+61*******56",
                "leadId": 999,
                "state": "connected",
                "connectedTimestamp": "2021-08-01T13:55:06+10:00",
                "held": False,
                "muted": False,
                "consulting": False,
                "parties": 0,
            },
            "previewLeadId": None,
        }
    ],
    "callers": [
        {
            "activityId": 5002,
            "campaignId": 1,
            "number": "+61*******57",
            "leadId": None,
            "since": "2021-08-01T13:55:58+10:00",
        }
    ],
    "queues": [
        {
            "campaignId": 1,
            "name": "Support",
            "active": True,
            "led": True,
            "waiting": 1,
            "longestSince": "2021-08-01T13:55:58+10:00",
            "agents": _AGENTS,
            "utilisation": 0.875,
        }
    ],
    "campaigns": [
        {
            "campaignId": 2,
            "name": "Sales Outbound",
            "mode": "predictive",
            "active": True,
            "led": True,
            "maxLines": 40,
            "ringing": 8,
            "talking": 6,
            "agents": _AGENTS,
            "utilisation": 0.875,
            "liveAnswers": 1200,
            "abandoned": 33,
            "abandonmentRate": 0.0275,
            "abandonmentCap": 0.03,
            "abandonmentLeft": 3,
            "windowDays": 1.0,
            "capBinds": False,
            "capBindsTimestamp": "2021-08-01T15:20:00+10:00",
            "dialableLeads": 900,
            "leadsRunOutTimestamp": "2021-08-01T16:10:00+10:00",
        }
    ],
    "trunks": [{"name": "PJSIP/{number}@trunk", "lines": 14}],
    "nodes": [{"name": "engine 5f3a9c01", "kind": "engine", "state": "up", "since": _AT, "calls": 15}],
    "alerts": [
        {
            "alertId": 31,
            "rule": "Support waits",
            "kind": "longest-wait",
            "severity": "warning",
            "about": "Support",
            "campaignId": 1,
            "agentId": None,
            "fullName": None,
            "value": 124.0,
            "threshold": 120.0,
            "fired": _AT,
            "acknowledgedBy": None,
            "silencedUntil": None,
        }
    ],
}


def view_of(caller: Caller) -> View:
    """What of the floor a supervisor may see."""
    return View(numbers=bool(caller.scopes & NUMBERS), supervised=caller.supervised)


@operation(
    "GET",
    "/floor",
    scope="workspace:supervise",
    summary="The live floor",
    tag="supervision",
    example=FLOOR,
    problems=SUPERVISED,
)
async def get_floor(call: Call) -> Floor:
    """Everything that goes on now: agents who are signed in, callers who wait, queues, campaigns that dial, trunks,
    nodes and alerts that are not over, as it was a second ago at most.

    What changes is told over a WebSocket at `/floor/events`, which takes the token as `/events` does. It begins with a
    message of `type` `snapshot`, or behind `after=CURSOR` with the `changes` that you missed where they are still kept;
    then `current` says that you have everything, and `changes` follow as they happen, with `changed` items and the keys
    of those that are `gone`. `heartbeat` comes every 15 seconds when there is nothing else. Numbers are shown without
    their middle unless the token may read activities or leads.
    """
    supervisor_of(call.caller)
    channel = await call.services.floors.channel(call.caller.organisation, view_of(call.caller))
    return channel.floor()
