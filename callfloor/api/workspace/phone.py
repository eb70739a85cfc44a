"""The agent's phone in the browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from callfloor.api.audits import unaudited
from callfloor.api.call import ENCODE, Answer, Call, not_found
from callfloor.api.operation import operation
from callfloor.api.workspace.people import OWN, agent_of, session_of
from callfloor.contract.workspace_phone import (
    DiagnosisList,
    HoldPhone,
    IceServer,
    OwnPhone,
    PhoneAccount,
    PhoneHolder,
    SoundDiagnosis,
    StoredDiagnosis,
)
from callfloor.errors import PhoneElsewhere, RateLimited
from callfloor.rules.people import phone_accounts
from callfloor.rules.values.times import format_timestamp, local_time
from callfloor.settings import Settings
from callfloor.store.agents import phone_holders
from callfloor.store.calls import activities, diagnoses

_PHONE: dict[str, Any] = {
    "account": {
        "address": "wss://pbx.example.com:8089/ws", "uri": "sip:agent-1002@pbx.example.com", "user": "agent-1002",
        "password": "mfrggzdfmztwq2lknnwg23tp", "echo": "sip:echo@pbx.example.com",
    },
    "iceServers": [{"urls": "stun:stun.example.com", "username": None, "credential": None}],
    "autoAnswer": True,
    "expiresTimestamp": None,
}  # fmt: skip
_DEVICE = "0123456789abcdef0123456789abcdef"
_HOLD: dict[str, Any] = {"device": str(UUID(_DEVICE)), "takeOver": False}
_HOLDER: dict[str, Any] = {
    "device": str(UUID(_DEVICE)), "since": "2021-08-01T09:00:00+10:00", "until": "2021-08-01T13:55:51+10:00",
}  # fmt: skip
_DIAGNOSIS: dict[str, Any] = {
    "complaint": "The customer sounds like a robot.", "browser": "Chromium 156", "microphone": "Headset",
    "speaker": "Headset", "codec": "PCMU", "route": "host/udp → host/udp", "connection": "wifi",
    "samples": [
        {"seconds": 5.0, "lossPercent": 4.5, "jitterMs": 38.0, "roundTripMs": 120.0, "microphone": 0.4, "speaker": 0.2}
    ],
}  # fmt: skip
_STORED = _DIAGNOSIS | {"agentId": 1002, "madeTimestamp": "2021-08-01T13:55:06+10:00"}
_CONTENT = msgspec.json.Decoder(SoundDiagnosis)


@operation("GET", "/phone", scope="workspace", summary="Own phone", tag="phone", example=_PHONE, problems=OWN)
async def get_own_phone(call: Call) -> Answer[OwnPhone]:
    """What your phone in the browser signs in with, at the telephone server. Whoever has it takes your calls: keep it
    in memory only. `account` is null where phones are not in browsers (`CALLFLOOR_PHONE_URL`)."""
    agent_id, settings = agent_of(call.caller), call.services.settings
    servers = _ice_servers(call, settings, agent_id)
    phone = OwnPhone(
        account=_account(settings, agent_id),
        ice_servers=servers,
        auto_answer=settings.phone_auto_answer,
        expires_timestamp=local_time(call.now + timedelta(seconds=phone_accounts.TURN_S), call.zone)
        if any(each.credential for each in servers)
        else None,
    )
    return Answer(phone, headers={"Cache-Control": "no-store"})


@operation(
    "PUT", "/phone/holder", scope="workspace", summary="Have the phone at this device", tag="phone",
    example=_HOLDER, request=_HOLD, problems=[*OWN, PhoneElsewhere],
    audits=unaudited("which of an agent's own devices has its phone, said every few seconds"),
)  # fmt: skip
async def hold_own_phone(call: Call, body: HoldPhone) -> PhoneHolder:
    """Say that this device has your phone, at least every 45 seconds. 409: another one has it; with `takeOver` this one
    has it from now on, and the other is told so when it says the same. It tells your devices from each other; where a
    call rings is what registered last."""
    agent_id = agent_of(call.caller)
    held = await phone_holders.hold(
        call.db, call.organisation, agent_id, body.device, call.now, take_over=body.take_over
    )
    if held is None:
        since = await phone_holders.held_since(call.db, call.organisation, agent_id, call.now)
        text = "just now" if since is None else format_timestamp(since, call.zone)
        raise PhoneElsewhere(f"Another of your devices has your phone, since {text}.")
    return PhoneHolder(
        device=held["device"], since=local_time(held["since"], call.zone), until=local_time(held["until"], call.zone)
    )


@operation(
    "POST", "/calls/{activityId}/diagnoses", scope="workspace", summary="Attach a diagnosis of sound", tag="phone",
    status=201, example=_STORED, request=_DIAGNOSIS, problems=[*OWN, RateLimited], largest=64 * 1024,
    audits=unaudited("what an agent's browser measured of its own call stands with the call"),
    keeps=True,
)  # fmt: skip
async def add_diagnosis(call: Call, activity_id: int, body: SoundDiagnosis) -> StoredDiagnosis:
    """Keep what your browser measured of the call at hand, for whoever looks after the network. 404: not at hand. At
    most 20 a call (429)."""
    agent_id = agent_of(call.caller)
    at_hand = (await session_of(call, agent_id)).call
    if at_hand is None or at_hand.activity_id != activity_id:
        raise not_found("call at your hand")
    content = ENCODE(body).decode()
    if not await diagnoses.add(call.db, call.organisation, activity_id, agent_id, content, call.now):
        raise RateLimited(f"This call has {diagnoses.MOST} diagnoses already.")
    return StoredDiagnosis(**asdict(body), agent_id=agent_id, made_timestamp=local_time(call.now, call.zone))


@operation(
    "GET", "/activities/{activityId}/diagnoses", scope="activities:read", summary="Diagnoses of a call's sound",
    tag="activities", example={"items": [_STORED]}, ours=True,
)  # fmt: skip
async def list_diagnoses(call: Call, activity_id: int) -> DiagnosisList:
    """What agents' browsers measured of one leg of a call, the oldest first; kept for 90 days."""
    if await activities.get(call.db, call.organisation, activity_id) is None:
        raise not_found("activity")
    rows = await diagnoses.of(call.db, call.organisation, activity_id)
    return DiagnosisList(
        items=[
            StoredDiagnosis(
                **asdict(_CONTENT.decode(row["content"])),
                agent_id=row["agent_id"],
                made_timestamp=local_time(row["made_at"], call.zone),
            )
            for row in rows
        ]
    )


def _account(settings: Settings, agent_id: int) -> PhoneAccount | None:
    if settings.phone_url is None or settings.phone_secret is None:
        return None
    user = settings.phone_user.format(agent=agent_id)
    host = urlsplit(settings.phone_url).hostname or ""
    return PhoneAccount(
        address=settings.phone_url,
        uri=f"sip:{user}@{host}",
        user=user,
        password=phone_accounts.password(settings.phone_secret, user),
        echo=f"sip:{settings.phone_echo}@{host}" if settings.phone_echo else None,
    )


def _ice_servers(call: Call, settings: Settings, agent_id: int) -> list[IceServer]:
    servers: list[IceServer] = []
    for address in filter(None, (each.strip() for each in settings.phone_ice_servers.split(","))):
        user = password = None
        if address.startswith("turn") and settings.phone_turn_secret is not None:
            user, password = phone_accounts.turn(settings.phone_turn_secret, f"agent-{agent_id}", call.now)
        servers.append(IceServer(urls=address, username=user, credential=password))
    return servers
