"""What a desk shows: pure, from what is known, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from callfloor.contract.leads import Lead
from callfloor.contract.workspace import Call, Monitoring, Session
from callfloor.contract.workspace_api import Choices
from callfloor.contract.workspace_emails import EmailContent, EmailWaiting
from callfloor.desk.keys import HELP
from callfloor.desk.questions import Question

CALLBACKS = 5
MOST_FIELDS = 12
_MONITORED: dict[Monitoring, str] = {
    "monitor": "a supervisor listens",
    "whisper": "a supervisor speaks to you, unheard by the customer",
    "barge": "a supervisor speaks in the call",
}
_COLOURS = {"ready": "green", "on-call": "cyan", "dialling": "cyan", "on-wrap": "yellow", "paused": "yellow"}


@dataclass(slots=True)
class Desk:
    """All that is known at a desk. `heard`: when the session was; `said`: the last line for its user."""

    session: Session
    heard: datetime
    choices: Choices = field(default_factory=lambda: Choices(campaigns=[], queues=[], colleagues=[], lead_statuses=[]))
    lead: Lead | None = None
    callbacks: Sequence[Lead] = ()
    email: EmailContent | None = None
    waiting: Sequence[EmailWaiting] = ()
    connected: bool = True
    said: str = ""
    question: Question | None = None
    typed: str = ""


def shown(desk: Desk, now: datetime) -> RenderableType:
    """The whole desk."""
    parts: list[RenderableType] = [_state(desk, now), *_at_hand(desk, now)]
    if desk.lead is not None:
        parts.append(Panel(_lead(desk.lead), title="lead", title_align="left"))
    if desk.email is not None:
        parts.append(Panel(_email(desk.email), title="e-mail", title_align="left"))
    if desk.waiting:
        parts.append(Panel(_waiting(desk.waiting), title="e-mails that wait", title_align="left"))
    if desk.callbacks:
        parts.append(Panel(_callbacks(desk.callbacks, now), title="callbacks", title_align="left"))
    if desk.question is not None:
        parts.append(_text(f"{desk.question.label} {desk.typed}_", "bold"))
    elif desk.said:
        parts.append(_text(desk.said, "red"))
    parts += [_text(line, "dim") for line in HELP.splitlines()]
    return Group(*parts)


def _text(text: str, style: str = "") -> Text:
    """Text of others never steers the terminal."""
    return Text("".join(each if each.isprintable() else "\ufffd" for each in text), style)


def _state(desk: Desk, now: datetime) -> Text:
    session = desk.session
    line = _text(f" {session.state} ", f"bold reverse {_COLOURS.get(session.state, 'white')}")
    line.append(f" {_clock(now - session.since)}")
    if session.reason:
        line.append_text(_text(f" ({session.reason})"))
    if session.wanted is not None:
        line.append(f", then {session.wanted}")
    if not desk.connected:
        line.append("  connection lost, trying again", "bold red")
    return line


def _at_hand(desk: Desk, now: datetime) -> list[RenderableType]:
    session, passed = desk.session, (now - desk.heard).total_seconds()
    parts: list[RenderableType] = []
    if session.call is not None:
        parts.append(Panel(_call(session.call, now, desk.choices), title=session.call.state, title_align="left"))
    if session.preview is not None:
        left = max(0, round(session.preview.seconds - passed))
        parts.append(_text(f"preview {session.preview.number}: a accept  s skip  ({left} s)", "bold cyan"))
    if session.email is not None:
        parts.append(_text(f"e-mail {session.email.activity_id}: n answer  b give back  z close", "bold cyan"))
    if session.wrap_up_seconds is not None and session.state == "on-wrap":
        left = max(0, round(session.wrap_up_seconds - passed))
        parts.append(_text(f"wrap up: w code  o do not call  e more time  ({left} s)", "bold yellow"))
    return parts


def _call(call: Call, now: datetime, choices: Choices) -> Text:
    names = {each.agent_id: each.full_name for each in choices.colleagues}
    line = _text(f"{call.direction} {call.number or 'number withheld'}", "bold")
    line.append_text(_text(f"  {call.campaign_name or f'campaign {call.campaign_id}'}"))
    if call.state == "wrap-up":
        line.append("" if call.seconds is None else f"  {_clock(timedelta(seconds=call.seconds))} long")
    elif call.connected_timestamp is not None:
        line.append(f"  {_clock(now - call.connected_timestamp)}")
    marks = {
        "on hold": call.held, "muted": call.muted, "consulting (t give, c back, j join)": call.consulting,
        "recording paused": call.recording_paused, "recording": call.recording and not call.recording_paused,
    }  # fmt: skip
    for mark in (name for name, on in marks.items() if on):
        line.append(f"  {mark}", "yellow")
    for party in call.parties:
        who = party.number or names.get(party.agent_id or 0) or f"agent {party.agent_id}"
        line.append("\n").append_text(_text(f"{party.party}: {who} {party.state}"))
    for each in call.monitored_by:
        line.append("\n").append_text(_text(_MONITORED[each.how], "yellow"))
    return line


def _lead(lead: Lead) -> Text:
    fields = msgspec.json.decode(bytes(lead.data_fields), type=dict[str, object])
    phones = ", ".join(phone.phone_number for phone in lead.phones)
    lines = [_text(f"{lead.customer_key or f'lead {lead.lead_id}'}  {phones}", "bold")]
    lines += [_text(f"{name}: {value}") for name, value in list(fields.items())[:MOST_FIELDS]]
    return Text("\n").join(lines)


def _callbacks(leads: Sequence[Lead], now: datetime) -> Text:
    lines: list[Text] = []
    for lead in leads[:CALLBACKS]:
        at = lead.timestamps.next_attempt or ""
        overdue = bool(at) and datetime.fromisoformat(at) < now
        line = f"{at[:16].replace('T', ' ')}  {lead.customer_key or lead.lead_id}{'  overdue' if overdue else ''}"
        lines.append(_text(line, "bold red" if overdue else ""))
    return Text("\n").join(lines)


def _email(email: EmailContent) -> Text:
    lines = [_text(f"{email.from_ or 'sender erased'}: {email.subject or '(no subject)'}", "bold")]
    lines += [_text(line) for line in (email.text or "").splitlines()[:MOST_FIELDS]]
    if email.draft is not None:
        lines += [_text("draft:", "bold"), *map(_text, email.draft.text.splitlines()[:MOST_FIELDS])]
    return Text("\n").join(lines)


def _waiting(emails: Sequence[EmailWaiting]) -> Text:
    lines = [
        _text(f"{each.waiting_since:%Y-%m-%d %H:%M}  {each.from_ or 'sender erased'}: {each.subject or ''}")
        for each in emails[:CALLBACKS]
    ]
    if len(emails) > CALLBACKS:
        lines.append(_text(f"and {len(emails) - CALLBACKS} more", "dim"))
    return Text("\n").join(lines)


def _clock(passed: timedelta) -> str:
    minutes, seconds = divmod(max(0, int(passed.total_seconds())), 60)
    return f"{minutes}:{seconds:02}"
