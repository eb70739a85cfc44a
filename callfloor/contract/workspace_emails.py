"""E-mails at an agent's desk."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, field

from callfloor.contract.codes import MovedReason
from callfloor.contract.fields import Id, Request, Struct
from callfloor.contract.workspace import Small

LARGEST_ANSWER = 20 * 1024 * 1024


class WorkMoved(Struct):
    """It was this agent's before, until when, and why it is not any more: the account was closed, the agent left the
    campaign, was signed out for too long, gave it back, or a supervisor moved it."""

    agent_id: int
    reason: MovedReason
    timestamp: datetime


class EmailWaiting(Struct):
    """`preferred`: you wrote to this customer before."""

    activity_id: int
    campaign_id: int
    waiting_since: datetime
    preferred: bool
    from_: str | None = field(name="from")
    subject: str | None
    moved: WorkMoved | None


class OwnEmail(Struct):
    """One that you took and did not close."""

    activity_id: int
    campaign_id: int
    taken: datetime


class Emails(Struct):
    """Of your campaigns: at most 100 of each that wait, oldest first."""

    waiting: list[EmailWaiting]
    own: list[OwnEmail]


class EmailTake(Request):
    """Without `activityId` the one that waits longest."""

    activity_id: Id | None = None


class EmailFile(Struct):
    """`html`: the message as it came; it may hold scripts, so offer it for download and never show it."""

    media_id: int
    uri: str
    file_name: str | None
    content_type: str
    size: int
    html: bool


class EmailDraft(Struct):
    """An answer that is not finished, and who wrote it: whoever has the e-mail next goes on from it."""

    text: str
    agent_id: int
    saved: datetime


class EmailContent(Struct):
    """`conversation`: activities of the messages before and after, oldest first. `delivery`: of an answer."""

    activity_id: int
    type: Literal["email.inbound", "email.outbound"]
    campaign_id: int
    agent_id: int | None
    created: datetime
    closed: datetime | None
    wrap_code: int | None
    from_: str | None = field(name="from")
    to: str | None
    cc: str | None
    subject: str | None
    text: str | None
    files: list[EmailFile]
    conversation: list[int]
    automatic: Literal["auto-submitted", "loop", "list", "flood", "bounce"] | None
    delivery: Literal["waiting", "sending", "sent", "bounced"] | None
    erased: bool
    draft: EmailDraft | None
    moved: WorkMoved | None


class AnswerFile(Request):
    """`content` in base64."""

    file_name: Annotated[str, Meta(min_length=1, max_length=255)]
    content_type: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}$")]
    content: bytes


class EmailAnswer(Request):
    text: Annotated[str, Meta(min_length=1, max_length=1_000_000)]
    files: Annotated[list[AnswerFile], Meta(max_length=50)] | None = None


class EmailDraftUpdate(Request):
    """Null: there is no draft any more."""

    text: Annotated[str, Meta(max_length=1_000_000)] | None


class EmailAnswered(Struct):
    """`activityId` of the answer, or of the e-mail where it was handed over to."""

    activity_id: int


class EmailClose(Request):
    wrap_code: Small | None = None


class EmailTransfer(Request):
    """Into a campaign's queue, or to one of its agents."""

    campaign_id: Id
    agent_id: Id | None = None
