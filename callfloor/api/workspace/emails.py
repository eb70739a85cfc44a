"""E-mails at an agent's desk: the queue, taking, reading, answering, handing over, closing."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from callfloor.api.audits import unaudited
from callfloor.api.call import Answer, Call, invalid, not_found, unknown_id
from callfloor.api.downloads import OCTETS
from callfloor.api.operation import operation
from callfloor.api.platform.media import download_media
from callfloor.api.workspace.people import OWN, agent_of, moved_of
from callfloor.contract.workspace import EventType
from callfloor.contract.workspace_emails import (
    LARGEST_ANSWER,
    EmailAnswer,
    EmailAnswered,
    EmailClose,
    EmailContent,
    EmailDraft,
    EmailDraftUpdate,
    EmailFile,
    Emails,
    EmailTake,
    EmailTransfer,
    EmailWaiting,
    OwnEmail,
)
from callfloor.disks import MEDIA, writing
from callfloor.errors import EmailNotHeld, EmailUnanswerable, MediaDeleted, RangeNotSatisfiable
from callfloor.rules.dialling.callbacks import Moved
from callfloor.rules.values.times import local_time
from callfloor.store.agents import desk_events, desk_options, requeue
from callfloor.store.calls import activities
from callfloor.store.calls.media import StoredContent
from callfloor.store.email import answers, emails
from callfloor.store.email.answers import CannotAnswerError, NewAttachment
from callfloor.store.email.emails import Email, NotHeldError
from callfloor.store.people import users

_WAITING: dict[str, Any] = {
    "activityId": 7001,
    "campaignId": 1,
    "waitingSince": "2021-08-01T13:55:06+10:00",
    "preferred": False,
    "from": "Jane <jane@example.com>",
    "subject": "My bill",
    "moved": {"agentId": 1003, "reason": "agent-signed-out", "timestamp": "2021-08-01T14:10:00+10:00"},
}
_EMAIL: dict[str, Any] = {
    "activityId": 7001,
    "type": "email.inbound",
    "campaignId": 1,
    "agentId": 1002,
    "created": "2021-08-01T13:55:06+10:00",
    "closed": None,
    "wrapCode": None,
    "from": "Jane <jane@example.com>",
    "to": "care@example.net",
    "cc": None,
    "subject": "My bill",
    "text": "Please send it again.",
    "files": [],
    "conversation": [7001],
    "automatic": None,
    "delivery": None,
    "erased": False,
    "draft": {"text": "Dear Jane,", "agentId": 1003, "saved": "2021-08-01T14:01:00+10:00"},
    "moved": None,
}
_ANSWERED = {"activityId": 7002}
_NOT_HELD = "The e-mail is not yours to answer: take it first, or somebody else has it."


async def _readable(call: Call, activity_id: int) -> Email:
    """An e-mail that the agent may read: of its campaigns, or its own. Raises `NotFound`."""
    agent_id = agent_of(call.caller)
    email = await emails.read(call.db, call.organisation, activity_id)
    if email is not None and email.agent_id != agent_id:
        own = await desk_options.own_campaigns(call.db, call.organisation, agent_id)
        email = email if email.campaign_id in own else None
    if email is None:
        raise not_found("e-mail")
    return email


async def _replayable(call: Call, arguments: dict[str, Any], answer: Any) -> None:
    """Of an e-mail that the agent took and may not read any more, nothing is shown again."""
    await _readable(call, arguments.get("activity_id") or answer["activityId"])


_WORKED = unaudited("who took, answered and closed it stands in the e-mail")


@operation(
    "GET",
    "/emails",
    scope="workspace",
    summary="E-mails that wait, and own ones",
    tag="emails",
    example={
        "waiting": [_WAITING],
        "own": [{"activityId": 7000, "campaignId": 1, "taken": "2021-08-01T13:50:00+10:00"}],
    },
    problems=OWN,
)
async def list_emails(call: Call) -> Emails:
    """E-mails that wait in your campaigns, oldest first, and those that you took."""
    agent_id = agent_of(call.caller)
    found = [
        each
        for campaign in await desk_options.own_campaigns(call.db, call.organisation, agent_id)
        for each in await emails.waiting(call.db, call.organisation, campaign)
    ]
    return Emails(
        waiting=[
            EmailWaiting(
                activity_id=each.activity_id,
                campaign_id=each.campaign_id,
                waiting_since=local_time(each.waiting_since, call.zone),
                preferred=each.preferred_agent_id == agent_id,
                from_=each.sender,
                subject=each.subject,
                moved=moved_of(each.moved, call.zone),
            )
            for each in sorted(found, key=lambda each: (each.waiting_since, each.activity_id))
        ],
        own=[
            OwnEmail(
                activity_id=row["activity_id"],
                campaign_id=row["campaign_id"],
                taken=local_time(row["left_queue_at"], call.zone),
            )
            for row in await desk_events.own_emails(call.db, call.organisation, agent_id)
        ],
    )


@operation(
    "POST",
    "/emails/take",
    scope="workspace",
    summary="Take an e-mail",
    tag="emails",
    example=_EMAIL,
    request={"activityId": 7001},
    replayable=_replayable,
    problems=[*OWN, EmailNotHeld],
    audits=_WORKED,
)
async def take_email(call: Call, body: EmailTake) -> EmailContent:
    """Take the e-mail that waits longest in your campaigns, or a certain one. It is yours until you close it or hand
    it over. 404 when none waits, 409 when another agent was quicker."""
    agent_id = agent_of(call.caller)
    own = await desk_options.own_campaigns(call.db, call.organisation, agent_id)
    async with call.db.transaction():
        taken = await emails.take(call.db, call.organisation, own, agent_id, call.now, activity_id=body.activity_id)
        if taken is None and body.activity_id is None:
            raise not_found("e-mail waiting")
        if taken is None:
            await _waits(call, body.activity_id or 0, own)
            raise EmailNotHeld("Another agent was quicker, or the e-mail is closed.")
        await _tell(call, agent_id, "email.offered")
    return await _shown(call, await _readable(call, taken.activity_id))


@operation(
    "GET",
    "/emails/{activityId}",
    scope="workspace",
    summary="Read an e-mail",
    tag="emails",
    example=_EMAIL,
    problems=OWN,
)
async def get_email(call: Call, activity_id: int) -> EmailContent:
    """An e-mail of your campaigns, in or out, with the text that people see."""
    return await _shown(call, await _readable(call, activity_id))


@operation(
    "GET",
    "/emails/{activityId}/files/{mediaId}",
    scope="workspace",
    summary="Download an attachment",
    tag="emails",
    example="UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=",
    answers=(OCTETS, "*/*"),
    problems=[*OWN, MediaDeleted, RangeNotSatisfiable],
)
async def download_email_file(call: Call, activity_id: int, media_id: int) -> Response:
    """The bytes of an attachment. They come from strangers: do not show them in place."""
    email = await _readable(call, activity_id)
    if media_id not in {each.media_id for each in email.attachments}:
        raise not_found("attachment")
    return await download_media.handler(call, media_id)


@operation(
    "POST",
    "/emails/{activityId}/answers",
    scope="workspace",
    summary="Answer an e-mail",
    tag="emails",
    status=201,
    example=_ANSWERED,
    request={
        "text": "Here it is.",
        "files": [{"fileName": "bill.txt", "contentType": "text/plain", "content": "Mg=="}],
    },
    replayable=_replayable,
    problems=[*OWN, EmailNotHeld, EmailUnanswerable],
    largest=LARGEST_ANSWER,
    audits=_WORKED,
    keeps=True,
)
async def answer_email(call: Call, activity_id: int, body: EmailAnswer) -> Answer[EmailAnswered]:
    """Send an answer to an e-mail that you took. `delivery` of the answer says what becomes of it."""
    agent_id, db, organisation = agent_of(call.caller), call.db, call.organisation
    await _readable(call, activity_id)
    files: list[NewAttachment] = []
    for each in body.files or ():
        with writing(MEDIA):
            blob = await call.services.blobs.put(organisation, each.content)
        files.append(NewAttachment(StoredContent(blob.sha256, blob.size), each.content_type, each.file_name))
    try:
        sent = await answers.answer(db, organisation, activity_id, agent_id, body.text, files, call.now)
    except NotHeldError as error:
        raise EmailNotHeld(_NOT_HELD) from error
    except CannotAnswerError as error:
        raise EmailUnanswerable(f"It cannot be answered: {error}.") from error
    return Answer(EmailAnswered(activity_id=sent), headers={"Location": f"{call.prefix}/emails/{sent}"})


@operation(
    "PUT",
    "/emails/{activityId}/draft",
    scope="workspace",
    summary="Keep a draft",
    tag="emails",
    status=204,
    request={"text": "Dear Jane,"},
    problems=[*OWN, EmailNotHeld],
    largest=LARGEST_ANSWER,
    audits=_WORKED,
    keeps=True,
)
async def save_email_draft(call: Call, activity_id: int, body: EmailDraftUpdate) -> None:
    """Keep what you have written so far of an answer: it stays with the e-mail, whoever has it next. An answer that is
    sent ends it."""
    agent_id = agent_of(call.caller)
    await _readable(call, activity_id)
    try:
        await answers.save_draft(call.db, call.organisation, activity_id, agent_id, body.text or None, call.now)
    except NotHeldError as error:
        raise EmailNotHeld(_NOT_HELD) from error


@operation(
    "POST",
    "/emails/{activityId}/return",
    scope="workspace",
    summary="Give an e-mail back",
    tag="emails",
    status=204,
    problems=[*OWN, EmailNotHeld],
    audits=_WORKED,
)
async def return_email(call: Call, activity_id: int) -> None:
    """An e-mail that you took waits in its queue again, in its old place and with its draft. One that was answered is
    closed."""
    agent_id = agent_of(call.caller)
    await _readable(call, activity_id)
    if not await requeue.email_from_agent(call.db, call.organisation, activity_id, agent_id, Moved.AGENT, call.now):
        raise EmailNotHeld(_NOT_HELD)


@operation(
    "POST",
    "/emails/{activityId}/transfer",
    scope="workspace",
    summary="Hand an e-mail over",
    tag="emails",
    example=_ANSWERED,
    request={"campaignId": 1},
    replayable=_replayable,
    problems=[*OWN, EmailNotHeld],
    audits=_WORKED,
)
async def transfer_email(call: Call, activity_id: int, body: EmailTransfer) -> EmailAnswered:
    """Put an e-mail that you took into a campaign's queue, or give it to an agent."""
    agent_id, to = agent_of(call.caller), body.agent_id
    await _readable(call, activity_id)
    if to is not None and not await users.is_agent(call.db, call.organisation, to):
        raise unknown_id("agentId", "agent")
    try:
        async with call.db.transaction():
            child = await emails.transfer(
                call.db, call.organisation, activity_id, agent_id, body.campaign_id, to, call.now
            )
            await _tell(call, agent_id, "session")
            if to is not None and to != agent_id:
                await _tell(call, to, "email.offered")
    except NotHeldError as error:
        raise EmailNotHeld(_NOT_HELD) from error
    except LookupError as error:
        raise unknown_id("campaignId", "campaign") from error
    return EmailAnswered(activity_id=child)


@operation(
    "POST",
    "/emails/{activityId}/close",
    scope="workspace",
    summary="Close an e-mail",
    tag="emails",
    status=204,
    request={"wrapCode": 10},
    replayable=_replayable,
    problems=[*OWN, EmailNotHeld],
    audits=_WORKED,
)
async def close_email(call: Call, activity_id: int, body: EmailClose) -> None:
    """You are done with an e-mail that you took, answered or not."""
    agent_id = agent_of(call.caller)
    await _readable(call, activity_id)
    try:
        async with call.db.transaction():
            await emails.close(call.db, call.organisation, activity_id, agent_id, body.wrap_code, call.now)
            await _tell(call, agent_id, "session")
    except NotHeldError as error:
        raise EmailNotHeld(_NOT_HELD) from error
    except activities.UnknownWrapCodeError as error:
        raise invalid("wrapCode", "unknown-wrap-code", "is not one of the campaign's") from error


async def _tell(call: Call, agent_id: int, what: EventType) -> None:
    """Let an agent's desk know that it has another e-mail, or one less."""
    await desk_events.publish(call.db, call.organisation, agent_id, what, None, call.now, emails=True)


async def _waits(call: Call, activity_id: int, own: list[int]) -> None:
    """Raise `Invalid` when the body names no e-mail of the agent's campaigns."""
    email = await emails.read(call.db, call.organisation, activity_id)
    if email is None or email.campaign_id not in own:
        raise unknown_id("activityId", "e-mail")


async def _shown(call: Call, email: Email) -> EmailContent:
    message = email.message
    return EmailContent(
        activity_id=email.activity_id,
        type=email.type,
        campaign_id=email.campaign_id,
        agent_id=email.agent_id,
        created=local_time(email.created, call.zone),
        closed=None if email.closed is None else local_time(email.closed, call.zone),
        wrap_code=email.wrap_code,
        from_=message and message.from_,
        to=message and message.to,
        cc=email.cc,
        subject=message and message.subject,
        text=email.body_text,
        files=[
            EmailFile(
                media_id=each.media_id,
                uri=f"{call.prefix}/emails/{email.activity_id}/files/{each.media_id}",
                file_name=each.file_name,
                content_type=each.content_type,
                size=each.size,
                html=each.media_id == email.html_media_id,
            )
            for each in email.attachments
        ],
        conversation=await emails.conversation(call.db, call.organisation, email.root_activity_id),
        automatic=email.automatic,
        delivery=email.delivery,
        erased=email.erased,
        draft=None
        if email.draft is None
        else EmailDraft(
            text=email.draft.text,
            agent_id=email.draft.agent_id,
            saved=local_time(email.draft.at, call.zone),
        ),
        moved=moved_of(email.moved, call.zone),
    )
