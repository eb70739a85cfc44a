"""What an agent does with e-mails at a desk: pure."""

from __future__ import annotations

from dataclasses import dataclass

from callfloor.contract.workspace import Session
from callfloor.contract.workspace_api import Choices
from callfloor.desk.questions import Question


@dataclass(frozen=True, slots=True)
class TakeEmail:
    """The one that waits longest."""


@dataclass(frozen=True, slots=True)
class AnswerEmail:
    activity: int
    text: str


@dataclass(frozen=True, slots=True)
class ReturnEmail:
    """Into its queue again, with what was written of an answer."""

    activity: int


@dataclass(frozen=True, slots=True)
class CloseEmail:
    activity: int
    wrap_code: int | None


EmailWork = TakeEmail | AnswerEmail | ReturnEmail | CloseEmail


def email(key: str, session: Session, choices: Choices) -> EmailWork | Question | str:
    """`i` takes one, `n` answers it, `b` gives it back, `z` closes it."""
    at_hand = session.email
    if key == "i":
        return TakeEmail() if at_hand is None else "answer (n), close (z) or give back (b) the e-mail at hand first"
    if at_hand is None:
        return "take an e-mail first (i)"
    activity = at_hand.activity_id
    if key == "b":
        return ReturnEmail(activity)
    if key == "n":
        return Question("answer:", lambda text: AnswerEmail(activity, text) if text else "there is no answer")
    codes = {
        code.code: code.description
        for each in choices.campaigns
        if each.campaign_id == at_hand.campaign_id
        for code in each.wrap_codes
    }

    def chosen(text: str) -> EmailWork | str:
        if text and (not text.isascii() or not text.isdigit() or int(text) not in codes):
            return "that is not one of the codes"
        return CloseEmail(activity, int(text) if text else None)

    shown = ", ".join(f"{code} {text}" for code, text in codes.items())
    return Question(f"close, wrap-up code ({shown or 'none'}; Enter: without):", chosen)
