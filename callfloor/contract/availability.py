"""Agent availability."""

from __future__ import annotations

from callfloor.contract.fields import Id, Request, Struct


class AvailabilityUpdate(Request):
    agent_id: Id
    available: bool


class Availability(Struct):
    agent_id: int
    available: bool
