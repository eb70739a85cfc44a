"""What an agent types on a call, kept at each pause so that a reload loses nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from callfloor.api.audits import unaudited
from callfloor.api.call import ENCODE, Call, not_found
from callfloor.api.operation import operation
from callfloor.api.workspace.people import OWN, agent_of
from callfloor.contract.workspace_api import CallDraft, DraftToKeep, StoredCallDraft
from callfloor.errors import DraftChanged
from callfloor.rules.values.times import local_time
from callfloor.store.agents import desk_events, drafts

_DRAFT: dict[str, Any] = {"note": "Wants the brochure, ca", "leadData": {"colour": "red"}, "revision": 3}
_STORED = _DRAFT | {
    "wrapCode": None, "leadStatus": None, "callback": None, "revision": 4,
    "updatedTimestamp": "2021-08-01T13:55:06+10:00",
}  # fmt: skip
_CONTENT = msgspec.json.Decoder(CallDraft)


@operation(
    "GET", "/calls/{activityId}/draft", scope="workspace", summary="Draft of a call", tag="drafts", example=_STORED,
    problems=OWN,
)  # fmt: skip
async def get_call_draft(call: Call, activity_id: int) -> StoredCallDraft:
    """What you typed on a call and have not sent: of the call at hand, and for a day of one whose wrap-up ended by
    itself. Nothing typed: `updatedTimestamp` is null. 404: the call is not yours."""
    agent_id = agent_of(call.caller)
    row = await drafts.get(call.db, call.organisation, agent_id, activity_id)
    if row is None:
        await _expect_at_hand(call, agent_id, activity_id)
        return StoredCallDraft()
    return _stored(call, _CONTENT.decode(row["content"]), row["revision"], row["updated_at"])


@operation(
    "PUT", "/calls/{activityId}/draft", scope="workspace", summary="Keep a draft of a call", tag="drafts",
    example=_STORED, request=_DRAFT, problems=[*OWN, DraftChanged], largest=128 * 1024,
    audits=unaudited("what an agent types is kept for its own call alone"),
    keeps=True,
)  # fmt: skip
async def put_call_draft(call: Call, activity_id: int, body: DraftToKeep) -> StoredCallDraft:
    """Keep what you typed on the call at hand, in place of what was kept. The wrap-up ends it. 404: not at hand. 409:
    your other desk kept something else since the `revision` that you name."""
    agent_id = agent_of(call.caller)
    await _expect_at_hand(call, agent_id, activity_id)
    draft = CallDraft(
        note=body.note, lead_data=body.lead_data, wrap_code=body.wrap_code, lead_status=body.lead_status,
        callback=body.callback,
    )  # fmt: skip
    content, origin = ENCODE(draft).decode(), drafts.Origin(body.revision, body.page, body.step)
    revision = await drafts.put(call.db, call.organisation, agent_id, activity_id, content, call.now, origin)
    if revision is None:
        raise DraftChanged("Another of your desks typed on this call meanwhile; read the draft first.")
    return _stored(call, draft, revision, call.now)


@operation(
    "DELETE", "/calls/{activityId}/draft", scope="workspace", summary="Discard a draft of a call", tag="drafts",
    status=204, problems=OWN,
    audits=unaudited("what an agent types is kept for its own call alone"),
)  # fmt: skip
async def delete_call_draft(call: Call, activity_id: int) -> None:
    """Forget what you typed on a call. 404: there is nothing, and the call is not at hand."""
    agent_id = agent_of(call.caller)
    if await drafts.get(call.db, call.organisation, agent_id, activity_id) is None:
        await _expect_at_hand(call, agent_id, activity_id)
    await drafts.forget(call.db, call.organisation, agent_id, activity_id)


async def _expect_at_hand(call: Call, agent_id: int, activity_id: int) -> None:
    session = await desk_events.session(call.db, call.organisation, agent_id, call.now)
    if session is None or session.call is None or session.call.activity_id != activity_id:
        raise not_found("call at your hand")


def _stored(call: Call, draft: CallDraft, revision: int, at: datetime) -> StoredCallDraft:
    return StoredCallDraft(
        note=draft.note,
        lead_data=draft.lead_data,
        wrap_code=draft.wrap_code,
        lead_status=draft.lead_status,
        callback=draft.callback,
        revision=revision,
        updated_timestamp=local_time(at, call.zone),
    )
