"""Examples that the document shows."""

from __future__ import annotations

from typing import Any

CALL: dict[str, Any] = {
    "activityId": 5001,
    "direction": "inbound",
    "campaignId": 1,
    "campaignName": "Support",
    "number": "+61491570156",
    "leadId": 999,
    "state": "connected",
    "connectedTimestamp": "2021-08-01T13:55:06+10:00",
    "held": True,
    "muted": False,
    "consulting": True,
    "recording": True,
    "recordingPaused": False,
    "parties": [{"party": 1, "agentId": 1003, "number": None, "state": "ringing"}],
}
SESSION: dict[str, Any] = {
    "agentId": 1002,
    "sequence": 42,
    "state": "on-call",
    "since": "2021-08-01T13:55:06+10:00",
    "reason": None,
    "wanted": None,
    "call": CALL,
    "preview": None,
    "email": None,
    "wrapUpSeconds": None,
}
EVENT: dict[str, Any] = {
    "sequence": 42,
    "type": "call.changed",
    "timestamp": "2021-08-01T13:56:10+10:00",
    "session": SESSION,
}
