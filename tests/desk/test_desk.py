"""The text client: what keys do, what is shown, and the whole of it in a terminal."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from callfloor.contract import workspace as w
from callfloor.contract.workspace_api import Choices, Colleague, LeadStatusChoice, OwnCampaign, Queue, WrapCode
from callfloor.desk.client import Client
from callfloor.desk.keys import Pressed, Quit, press
from callfloor.desk.mail import AnswerEmail, CloseEmail, ReturnEmail, TakeEmail
from callfloor.desk.questions import Question
from callfloor.desk.view import Desk, shown
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from tests.api.desks import RINGING, add_agent, publish, token_of
from tests.api.sockets import served
from tests.cli.conftest import assert_refused, callfloor, environment
from tests.conftest import Centre
from tests.engine.link import Linked
from tests.mail.post import Letters, make_mailbox
from tests.waiting import until

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
IDLE = w.Session(agent_id=1, sequence=1, state="ready", since=NOW)
CALL = replace(RINGING, state="connected", connected_timestamp=NOW)
TALKING = replace(IDLE, state="on-call", call=CALL)
CONSULTING = replace(TALKING, call=replace(CALL, held=True, consulting=True))
WRAPPING = replace(IDLE, state="on-wrap", call=replace(CALL, state="wrap-up"), wrap_up_seconds=30)
DIALLED = replace(IDLE, state="dialling", call=replace(RINGING, direction="manual"))
PREVIEW = replace(IDLE, preview=w.PreviewLead(lead_id=5, campaign_id=2, number="+61491570157", seconds=20))
MAIL = replace(IDLE, state="paused", email=w.Email(activity_id=7, campaign_id=1))
CHOICES = Choices(
    campaigns=[
        OwnCampaign(
            campaign_id=each, name=name, direction=direction, mode=None, active=True,
            wrap_codes=[WrapCode(code=each * 10, description="Sold")],
        )
        for each, name, direction in ((1, "Support", "inbound"), (2, "Sales", "outbound"))
    ],
    queues=[Queue(campaign_id=1, name="Support", agents=1)],
    colleagues=[Colleague(agent_id=1003, full_name="Jane Roe", state="ready")],
    lead_statuses=[],
)  # fmt: skip


@pytest.mark.parametrize(
    ("session", "keys", "expected"),
    [
        (IDLE, "r", w.Ready()),
        (IDLE, "plunch", w.Pause(reason="lunch")),
        (IDLE, "p", w.Pause()),
        (IDLE, "q", Quit()),
        (IDLE, "d0491 570 157", w.Dial(campaign_id=2, number="0491 570 157")),
        (IDLE, "d", "there is no number"),
        (IDLE, "h", "there is no call"),
        (IDLE, "a", "there is no preview"),
        (IDLE, "w", "there is nothing to wrap up"),
        (replace(IDLE, call=RINGING), "h", "the call is not connected yet"),
        (replace(IDLE, call=RINGING), "x", w.HangUp()),
        (TALKING, "h", w.Hold(on=True)),
        (replace(TALKING, call=replace(CALL, held=True)), "h", w.Hold(on=False)),
        (TALKING, "m", w.Mute(on=True)),
        (TALKING, "x", w.HangUp()),
        (TALKING, "#12*", w.SendDigits(digits="12*")),
        (TALKING, "#1a", "digits are 0 to 9, * and #"),
        (TALKING, "ta1003", w.Transfer(to=w.Target(agent_id=1003))),
        (TALKING, "tq1", w.Transfer(to=w.Target(campaign_id=1))),
        (TALKING, "t0491 570 157", w.Transfer(to=w.Target(number="0491 570 157"))),
        (TALKING, "t", "nobody is named"),
        (TALKING, "ca1003", w.Consult(to=w.Target(agent_id=1003))),
        (TALKING, "cq1", "a queue cannot be consulted"),
        (TALKING, "j", "consult somebody first (c)"),
        (CONSULTING, "t", w.CompleteTransfer()),
        (CONSULTING, "c", w.CancelConsultation()),
        (CONSULTING, "j", w.Conference()),
        (PREVIEW, "a", w.AcceptPreview()),
        (PREVIEW, "s", w.SkipPreview(reason="skipped at the desk")),
        (PREVIEW, "sasleep", w.SkipPreview(reason="asleep")),
        (WRAPPING, "w10", w.WrapUp(wrap_code=10)),
        (WRAPPING, "w", w.WrapUp()),
        # the code of another campaign
        (WRAPPING, "w20", "that is not one of the codes"),
        (WRAPPING, "wten", "that is not one of the codes"),
        (WRAPPING, "w+", "asks"),
        (WRAPPING, "w10+", "asks"),
        (WRAPPING, "e", w.ExtendWrapUp()),
        (WRAPPING, "orude", w.DoNotCall(reason="rude")),
        (TALKING, "o", w.DoNotCall()),
        (IDLE, "o", "there is no call"),
        (DIALLED, "x", w.HangUp()),
        (TALKING, "k", w.TakeOver()),
        (TALKING, "v", "this call is not recorded"),
        (replace(TALKING, call=replace(CALL, recording=True)), "v", w.PauseRecording(on=True)),
        (replace(TALKING, call=replace(CALL, recording_paused=True)), "v", w.PauseRecording(on=False)),
        (TALKING, "tjane", w.Transfer(to=w.Target(agent_id=1003))),
        (TALKING, "tJANE ROE", w.Transfer(to=w.Target(agent_id=1003))),
        (TALKING, "cRoe", w.Consult(to=w.Target(agent_id=1003))),
        (TALKING, "tsupp", w.Transfer(to=w.Target(campaign_id=1))),
        (TALKING, "csupport", "nobody who is signed in is called support"),
        (TALKING, "to", "who of Jane Roe, Support?"),
        (WRAPPING, "x", "there is no call"),
        (IDLE, "i", TakeEmail()),
        (IDLE, "n", "take an e-mail first (i)"),
        (MAIL, "nDear Jane", AnswerEmail(7, "Dear Jane")),
        (MAIL, "n", "there is no answer"),
        (MAIL, "b", ReturnEmail(7)),
        (MAIL, "z", CloseEmail(7, None)),
        (MAIL, "z10", CloseEmail(7, 10)),
        (MAIL, "z20", "that is not one of the codes"),
        (MAIL, "i", "answer (n), close (z) or give back (b) the e-mail at hand first"),
    ],
)  # fmt: skip
def test_keys_do_what_they_say(session: w.Session, keys: str, expected: Pressed) -> None:
    pressed = press(keys[0], session, CHOICES)
    if isinstance(pressed, Question):
        answered = pressed.answer(keys[1:])
        assert ("asks" if isinstance(answered, Question) else answered) == expected
    else:
        assert (pressed, keys[1:]) == (expected, "")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["+", "", "", ""], w.WrapUp()),
        (["10+", "12", "", ""], w.WrapUp(wrap_code=10, lead_status=12)),
        (["10+", "100", "", "busy"], w.WrapUp(wrap_code=10, lead_status=100, lead_data={"note": "busy"})),
        (["+", "", "2026-05-04 15:30", ""], w.WrapUp(callback=w.Callback(timestamp="2026-05-04T15:30"))),
        (["+", "", "2026-05-04 9:05 !", ""], w.WrapUp(callback=w.Callback(timestamp="2026-05-04T09:05", own=True))),
        (["+", "11", "", "rude"], w.WrapUp(lead_status=11, lead_data={"note": "rude"})),
        (["+", "13"], "that is not one of the statuses"),
        (["+", "", "tomorrow"], "write the time as 2026-05-04 15:30, with ! behind it for a call of your own"),
    ],
)  # fmt: skip
def test_a_wrap_up_asks_for_status_callback_and_note_when_there_is_more_to_say(
    answers: list[str], expected: w.WrapUp | str
) -> None:
    choices = replace(CHOICES, lead_statuses=[LeadStatusChoice(code=100, description="Sold")])
    said: object = press("w", WRAPPING, choices)
    for answer in answers:
        assert isinstance(said, Question)
        said = said.answer(answer)
    assert said == expected


def text_of(desk: Desk, at: datetime = NOW) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(shown(desk, at))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_desk_shows_the_call_and_how_long_it_is() -> None:
    text = text_of(Desk(CONSULTING, NOW), NOW + timedelta(seconds=83))
    for part in ("on-call", "+61491570156", "Support", "1:23", "on hold", "consulting"):
        assert part in text
    assert "30 s" in text_of(Desk(WRAPPING, NOW))
    assert "13 s" in text_of(Desk(PREVIEW, NOW), NOW + timedelta(seconds=7))
    assert "connection lost" in text_of(Desk(IDLE, NOW, connected=False))


def test_a_wrap_up_shows_how_long_the_call_was_and_a_colleague_has_a_name() -> None:
    over = replace(WRAPPING, call=replace(CALL, state="wrap-up", seconds=83))
    for later in (0, 600):
        assert "1:23 long" in text_of(Desk(over, NOW), NOW + timedelta(seconds=later))
    party = w.Party(party=1003, agent_id=1003, number=None, state="joined")
    text = text_of(Desk(replace(TALKING, call=replace(CALL, parties=(party,))), NOW, CHOICES))
    assert "Jane Roe joined" in text
    assert "+61491570156" in text_of(Desk(DIALLED, NOW))


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    text = text_of(Desk(replace(IDLE, reason="\x1b[2J[red]lunch"), NOW))
    assert "\x1b[2J" not in text
    assert "[red]lunch" in text


def test_a_desk_without_token_terminal_or_server_says_so_in_a_line() -> None:
    assert_refused(callfloor("desk"), 2, "a token is needed")
    assert_refused(callfloor("desk", "--token", "x"), 2, "a desk needs a terminal")


class Terminal:
    """`callfloor desk` in a terminal of its own."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self._master, self.process = master, process
        self.text = ""
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            self.text += os.read(self._master, 65536).decode(errors="replace")
        except OSError:
            asyncio.get_running_loop().remove_reader(self._master)
        self._more.set()

    async def sees(self, what: str) -> None:
        """Wait until that is shown, and forget all before it."""
        async with asyncio.timeout(30):
            while what not in self.text:
                self._more.clear()
                await self._more.wait()
        self.text = self.text.partition(what)[2]

    def types(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


@asynccontextmanager
async def at_desk(url: str, token: str) -> AsyncGenerator[Terminal]:
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callfloor", "desk", "--url", url,
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env=environment(CALLFLOOR_TOKEN=token, TERM="xterm", COLUMNS="120", LINES="40"),
    )  # fmt: skip
    os.close(slave)
    terminal = Terminal(master, process)
    yield terminal
    if process.returncode is None:
        process.kill()
        await process.wait()
    terminal.close()


async def test_a_desk_goes_on_when_the_server_is_back(app: Any, db: Database, centre: Centre) -> None:
    token = await token_of(db, centre, centre.agent)
    got: list[int] = []
    async with served(app) as address:
        url = address.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        client = Client(url, token)
        events = client.events()
        assert (await anext(events) or IDLE).sequence == 0
        await publish(db, centre, w.AtHand(call=CALL))
        got.append((await anext(events) or IDLE).sequence)
    # it is away, and things happen meanwhile
    assert await anext(events) is None
    for seconds in range(3):
        await publish(db, centre, w.AtHand(wrap_up_seconds=seconds))
    async with served(app, int(url.rsplit(":", 1)[1])):
        while len(got) < 4:
            event = await anext(events)
            got += [] if event is None else [event.sequence]
        await events.aclose()
    assert got == [1, 2, 3, 4]
    await client.__aexit__()


async def test_a_person_takes_a_call_at_a_terminal(app: Any, dsn: str, db: Database, centre: Centre) -> None:
    link = Linked(dsn, db, centre)
    body = {"listId": centre.list_id, "phone1": "+61491570156", "leadData": {"plan": "gold"}}
    lead = (await centre.client.post("/leads", json=body)).json()["leadId"]
    token, other = await token_of(db, centre, centre.agent), await add_agent(db, centre, "jane.roe")
    async with served(app) as address:
        url = address.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        async with at_desk(url, token) as terminal:
            await terminal.sees("signed-out")
            terminal.types("r")
            await terminal.sees("ready")
            await agents.show(db, centre.organisation, centre.agent, "on-call", None, datetime.now(UTC))
            await publish(db, centre, w.AtHand(call=replace(CALL, lead_id=lead)), "call.connected")
            await terminal.sees("+61491570156")
            await terminal.sees("plan: gold")
            terminal.types("h")
            terminal.types(f"ta{other}\r")

            async def both_done() -> bool:
                return len(link.work.done) == 2

            await until(both_done)
            assert {command for _, command in link.work.done} == {
                w.Hold(on=True),
                w.Transfer(to=w.Target(agent_id=other)),
            }
            link.work.answer = lambda done: done(w.Refusal(code="no-call", detail="They hung up."))
            terminal.types("m")
            await terminal.sees("They hung up.")
            terminal.types("q")
            assert await asyncio.wait_for(terminal.process.wait(), 30) == 0
        session = await agents.members(db, [(centre.organisation, centre.inbound)])
        assert session[0]["wanted_state"] == "signed-out"
        async with at_desk(url, "cf_1_wrong") as terminal:
            assert await asyncio.wait_for(terminal.process.wait(), 30) == 1
            await terminal.sees("callfloor: The token is unknown, expired or revoked.")
    async with at_desk(url, token) as terminal:
        assert await asyncio.wait_for(terminal.process.wait(), 30) == 1
        await terminal.sees("callfloor: the server cannot be reached")
    await link.stop()


async def test_a_person_answers_e_mails_at_a_terminal(app: Any, db: Database, centre: Centre) -> None:
    letters = Letters(db, await make_mailbox(db, centre))
    now = datetime.now(UTC)
    first, _ = await letters.come(now - timedelta(seconds=1)), await letters.come(now)
    token = await token_of(db, centre, centre.agent)
    async with served(app) as address:
        url = address.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        async with at_desk(url, token) as terminal:
            await terminal.sees("Letter 2")
            terminal.types("i")
            await terminal.sees("This is letter 1.")
            terminal.types("nDear Jane\r")
            await terminal.sees("close it (z)")
            terminal.types("z\r")
            status = "SELECT status_id FROM activities WHERE activity_id = $1 AND wrap_up_at IS NOT NULL"
            await until(lambda: db.fetchval(status, first.activity_id))
            assert await db.fetchval(status, first.activity_id) == 3
            terminal.types("i")
            await terminal.sees("This is letter 2.")
            terminal.types("b")
            back = "SELECT count(*) FROM emails WHERE organisation_id = $1 AND waiting_since IS NOT NULL"
            await until(lambda: db.fetchval(back, centre.organisation))
            terminal.types("q")
            assert await asyncio.wait_for(terminal.process.wait(), 30) == 0
