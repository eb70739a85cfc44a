"""The agent's phone in the browser: what it signs in with, and what it measures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from callfloor.contract.fields import Request, Struct


class PhoneAccount(Struct):
    """`address`: where the phone connects to, SIP over a WebSocket. `echo`: what it may call to hear itself; null:
    nothing."""

    address: str
    uri: str
    user: str
    password: str
    echo: str | None


class IceServer(Struct):
    """As `RTCPeerConnection` takes it. `username`, `credential`: of a TURN server, for a day."""

    urls: str
    username: str | None
    credential: str | None


class OwnPhone(Struct):
    """`account` null: the agent's phone is none in a browser. `autoAnswer`: what a browser does that nobody told
    otherwise. `expiresTimestamp`: ask again before then; null: never."""

    account: PhoneAccount | None
    ice_servers: list[IceServer]
    auto_answer: bool
    expires_timestamp: datetime | None


class HoldPhone(Request):
    """`device`: a name that the browser gave itself. `takeOver`: have the phone though another device has it."""

    device: UUID
    take_over: bool = False


class PhoneHolder(Struct):
    """Which of an agent's devices has the phone, since when; it says so again before `until`, or it has it no more."""

    device: UUID
    since: datetime
    until: datetime


_Small = Annotated[float, Meta(ge=0, le=1e6)]
_Words = Annotated[str, Meta(max_length=200)]


class SoundSample(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What was measured in one moment. `seconds` before the diagnosis; `lossPercent`, `jitterMs` of what came;
    `microphone`, `speaker`: level, 0 to 1."""

    seconds: _Small
    loss_percent: _Small | None = None
    jitter_ms: _Small | None = None
    round_trip_ms: _Small | None = None
    microphone: Annotated[float, Meta(ge=0, le=1)] | None = None
    speaker: Annotated[float, Meta(ge=0, le=1)] | None = None


class SoundDiagnosis(Request):
    """`complaint`: what the agent hears, in words. `route`: how sound goes, such as `host/udp → relay/udp`."""

    complaint: Annotated[str, Meta(max_length=500)] | None = None
    browser: Annotated[str, Meta(max_length=400)] | None = None
    microphone: _Words | None = None
    speaker: _Words | None = None
    codec: _Words | None = None
    route: _Words | None = None
    connection: _Words | None = None
    samples: Annotated[tuple[SoundSample, ...], Meta(max_length=120)] = ()


class StoredDiagnosis(SoundDiagnosis, kw_only=True):
    agent_id: int
    made_timestamp: datetime


class DiagnosisList(Struct):
    items: list[StoredDiagnosis]
