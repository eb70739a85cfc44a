"""What each key does at a desk: pure, from the session and what may be chosen from."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    ExtendWrapUp,
    HangUp,
    Hold,
    Mute,
    Pause,
    Ready,
    SendDigits,
    Session,
    SkipPreview,
    Target,
    Transfer,
    WrapUp,
)
from callfloor.contract.workspace_api import Choices

HELP = "r ready  p pause  h hold  m mute  x hang up  t transfer  c consult  w wrap up  d dial  # digits  q quit"
_TARGET = re.compile(r"([aq])\s*(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """Something is to be typed. `answer` makes a command of it, or says (text) what is wrong."""

    label: str
    answer: Callable[[str], Command | str]


@dataclass(frozen=True, slots=True)
class Quit:
    """Sign out and leave."""


Pressed = Command | Question | Quit | str


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
            return _wrap_up(key, session, choices)
        case "h" | "m" | "x" | "t" | "c" | "j" | "#":
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
            return Question(f"transfer to {_targets(choices, queues=True)}:", lambda text: _to(text, Transfer))
        case _:
            return Question(f"consult {_targets(choices, queues=False)}:", lambda text: _to(text, Consult))


C = TypeVar("C", Transfer, Consult)


def _to(text: str, make: type[C]) -> C | str:
    """`a1003`: an agent; `q1`: a queue; else a number."""
    named = _TARGET.fullmatch(text)
    if named is None:
        return make(to=Target(number=text)) if text else "nobody is named"
    number = int(named[2])
    if named[1].lower() == "a":
        return make(to=Target(agent_id=number))
    return make(to=Target(campaign_id=number)) if make is Transfer else "a queue cannot be consulted"


def _targets(choices: Choices, *, queues: bool) -> str:
    named = [f"a{each.agent_id} {each.full_name}" for each in choices.colleagues[:5]]
    if queues:
        named += [f"q{each.campaign_id} {each.name}" for each in choices.queues[:5]]
    return f"(number{''.join(f', {each}' for each in named)})"


def _preview(key: str, session: Session) -> Pressed:
    if session.preview is None:
        return "there is no preview"
    if key == "a":
        return AcceptPreview()
    return Question("skip, why?", lambda text: SkipPreview(reason=text or "skipped at the desk"))


def _wrap_up(key: str, session: Session, choices: Choices) -> Pressed:
    if session.state != "on-wrap":
        return "there is nothing to wrap up"
    if key == "e":
        return ExtendWrapUp()
    at_hand = session.call or session.email
    campaign = None if at_hand is None else at_hand.campaign_id
    codes = {
        code.code: code.description
        for each in choices.campaigns
        if campaign is None or each.campaign_id == campaign
        for code in each.wrap_codes
    }

    def chosen(text: str) -> Command | str:
        if not text:
            return WrapUp()
        if not text.isascii() or not text.isdigit() or (codes and int(text) not in codes):
            return "that is not one of the codes"
        return WrapUp(wrap_code=int(text))

    shown = ", ".join(f"{code} {text}" for code, text in codes.items())
    return Question(f"wrap-up code ({shown or 'none'}):", chosen)


def _dial(choices: Choices) -> Pressed:
    outbound = [each for each in choices.campaigns if each.direction == "outbound"]
    if not outbound:
        return "none of your campaigns calls out"
    first = outbound[0]
    return Question(
        f"number to dial for {first.name}:",
        lambda text: Dial(campaign_id=first.campaign_id, number=text) if text else "there is no number",
    )
