"""What is asked of an agent whose call is over, one line after the other: pure."""

from __future__ import annotations

import re

from callfloor.contract.codes import LEAD_STATUS_NAMES, LeadStatus
from callfloor.contract.leads import LeadData
from callfloor.contract.workspace import Callback, Command, ExtendWrapUp, Session, WrapUp
from callfloor.contract.workspace_api import Choices
from callfloor.desk.questions import Question

# Behind the code: there is more to say.
MORE = "+"
# Behind a callback's time: nobody else is to call.
OWN = "!"
NOTE = "note"
# What a desk sets itself: the other statuses come of calls.
_SET = (LeadStatus.CALLBACK_QUEUE, LeadStatus.DO_NOT_CALL, LeadStatus.COMPLETED)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]+(\d{1,2}:\d{2})")


def wrap_up(key: str, session: Session, choices: Choices) -> Command | Question | str:
    """`w` begins it, `e` asks for more time."""
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

    def chosen(text: str) -> Command | Question | str:
        code, more = text.removesuffix(MORE).strip(), text.endswith(MORE)
        if code and (not code.isascii() or not code.isdigit() or (codes and int(code) not in codes)):
            return "that is not one of the codes"
        given = int(code) if code else None
        return _status(given, choices) if more else WrapUp(wrap_code=given)

    shown = ", ".join(f"{code} {text}" for code, text in codes.items())
    return Question(f"wrap-up code ({shown or 'none'}; {MORE} behind it: status, callback, note too):", chosen)


def _status(code: int | None, choices: Choices) -> Question:
    known = {int(each): LEAD_STATUS_NAMES[each] for each in _SET}
    known |= {each.code: each.description for each in choices.lead_statuses}

    def chosen(text: str) -> Question | str:
        if text and (not text.isascii() or not text.isdigit() or int(text) not in known):
            return "that is not one of the statuses"
        return _callback(code, int(text) if text else None)

    shown = ", ".join(f"{status} {name}" for status, name in known.items())
    return Question(f"lead status ({shown}; Enter: as it is):", chosen)


def _callback(code: int | None, status: int | None) -> Question:
    def chosen(text: str) -> Question | str:
        if not text:
            return _note(code, status, None)
        when = _TIME.fullmatch(text.removesuffix(OWN).strip())
        if when is None:
            return f"write the time as 2026-05-04 15:30, with {OWN} behind it for a call of your own"
        hour = when[2].rjust(5, "0")
        return _note(code, status, Callback(timestamp=f"{when[1]}T{hour}", own=text.endswith(OWN)))

    return Question(f"call back at (2026-05-04 15:30; {OWN} behind it: by yourself alone; Enter: no):", chosen)


def _note(code: int | None, status: int | None, callback: Callback | None) -> Question:
    def chosen(text: str) -> Command:
        data: LeadData | None = {NOTE: text} if text else None
        return WrapUp(wrap_code=code, lead_status=status, callback=callback, lead_data=data)

    return Question("note (Enter: none):", chosen)
