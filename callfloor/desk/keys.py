"""What each key does at a desk: pure, from the session and what may be chosen from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from callfloor.contract.workspace import (
    AcceptPreview,
    CancelConsultation,
    Command,
    CompleteTransfer,
    Conference,
    Consult,
    Dial,
    DoNotCall,
    HangUp,
    Hold,
    Mute,
    Pause,
    PauseRecording,
    Ready,
    SendDigits,
    Session,
    SkipPreview,
    TakeOver,
    Target,
    Transfer,
)
from callfloor.contract.workspace_api import Choices
from callfloor.desk.mail import EmailWork, email
from callfloor.desk.questions import Question
from callfloor.desk.wrap_up import wrap_up

HELP = (
    "r ready  p pause  d dial  x hang up  h hold  m mute  v recording  t transfer  c consult  k take over  # digits"
    "  w wrap up  o do not call\n"
    "e-mails: i take  n answer  b give back  z close  q quit"
)
MOST_NAMED = 8
_TARGET = re.compile(r"([aq])\s*(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quit:
    """Sign out and leave."""


Pressed = Command | EmailWork | Question | Quit | str


def press(key: str, session: Session, choices: Choices) -> Pressed:
    """What a key does now; text: why it does nothing."""
    match key:
        case "r":
            return Ready()
        case "p":
            return Question("pause, why?", lambda text: Pause(reason=text or None))
        case "q":
            return Quit()
        case "d":
            return _dial(choices)
        case "a" | "s":
            return _preview(key, session)
        case "w" | "e":
            return wrap_up(key, session, choices)
        case "i" | "n" | "b" | "z":
            return email(key, session, choices)
        case "o":
            return _do_not_call(session)
        case "h" | "m" | "x" | "v" | "t" | "c" | "j" | "k" | "#":
            return _in_call(key, session, choices)
        case _:
            return HELP


def _in_call(key: str, session: Session, choices: Choices) -> Pressed:
    call = session.call
    if call is None or call.state == "wrap-up":
        return "there is no call"
    if key == "x":
        return HangUp()
    if call.state != "connected":
        return "the call is not connected yet"
    match key:
        case "h":
            return Hold(on=not call.held)
        case "m":
            return Mute(on=not call.muted)
        case "v" if not call.recording and not call.recording_paused:
            return "this call is not recorded"
        case "v":
            return PauseRecording(on=not call.recording_paused)
        case "k":
            return TakeOver()
        case "#":
            return Question("digits:", lambda text: SendDigits(digits=text) if re.fullmatch(r"[0-9*#]+", text) else
                            "digits are 0 to 9, * and #")  # fmt: skip
        case "t" if call.consulting:
            return CompleteTransfer()
        case "c" if call.consulting:
            return CancelConsultation()
        case "j":
            return Conference() if call.consulting else "consult somebody first (c)"
        case "t":
            return Question(f"transfer to {_targets(choices, queues=True)}:", lambda text: _to(text, Transfer, choices))
        case _:
            return Question(f"consult {_targets(choices, queues=False)}:", lambda text: _to(text, Consult, choices))


C = TypeVar("C", Transfer, Consult)


def _to(text: str, make: type[C], choices: Choices) -> C | str:
    """A colleague or queue by name, or a part of it that no other has; `a1003`: an agent; `q1`: a queue; a number."""
    named = _TARGET.fullmatch(text)
    if named is None:
        if not text:
            return "nobody is named"
        return make(to=Target(number=text)) if _is_number(text) else _by_name(text, make, choices)
    number = int(named[2])
    if named[1].lower() == "a":
        return make(to=Target(agent_id=number))
    return make(to=Target(campaign_id=number)) if make is Transfer else "a queue cannot be consulted"


def _is_number(text: str) -> bool:
    return not any(each.isalpha() for each in text)


def _by_name(text: str, make: type[C], choices: Choices) -> C | str:
    wanted = text.casefold()
    known = [(each.full_name, Target(agent_id=each.agent_id)) for each in choices.colleagues]
    if make is Transfer:
        known += [(each.name, Target(campaign_id=each.campaign_id)) for each in choices.queues]
    found = [each for each in known if each[0].casefold() == wanted]
    found = found or [each for each in known if wanted in each[0].casefold()]
    if len(found) == 1:
        return make(to=found[0][1])
    several = ", ".join(name for name, _ in found[:MOST_NAMED])
    return f"who of {several}?" if found else f"nobody who is signed in is called {text}"


def _do_not_call(session: Session) -> Pressed:
    if session.call is None:
        return "there is no call"
    return Question("do not call this customer any more, why?", lambda text: DoNotCall(reason=text or None))


def _targets(choices: Choices, *, queues: bool) -> str:
    named = [f"{each.full_name}{'' if each.state == 'ready' else f' ({each.state})'}" for each in choices.colleagues]
    named = named[:MOST_NAMED]
    if queues:
        queued = choices.queues[:MOST_NAMED]
        named += [f"{each.name}{'' if each.agents else ' (nobody there)'}" for each in queued]
    return f"(name or number{''.join(f', {each}' for each in named)})"


def _preview(key: str, session: Session) -> Pressed:
    if session.preview is None:
        return "there is no preview"
    if key == "a":
        return AcceptPreview()
    return Question("skip, why?", lambda text: SkipPreview(reason=text or "skipped at the desk"))


def _dial(choices: Choices) -> Pressed:
    outbound = [each for each in choices.campaigns if each.direction == "outbound"]
    if not outbound:
        return "none of your campaigns calls out"
    first = outbound[0]
    return Question(
        f"number to dial for {first.name}:",
        lambda text: Dial(campaign_id=first.campaign_id, number=text) if text else "there is no number",
    )
