"""One call in Asterisk, from its first ring to its end.

What happens changes the state at once; what Asterisk is to do because of it waits in line, and looks at the state
again when its turn comes.
"""

from __future__ import annotations

import math
from functools import partial

import structlog

from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import AriError, AriNotThere, AriUnreachable, Value
from callfloor.telephony.asterisk.bridge import Leg, Meeting
from callfloor.telephony.asterisk.call_context import Surroundings
from callfloor.telephony.asterisk.causes import cause_of
from callfloor.telephony.asterisk.prompts import Player
from callfloor.telephony.asterisk.recorder import Tape
from callfloor.telephony.asterisk.requests import Requests
from callfloor.telephony.carrier import (
    Answered,
    CallId,
    Cause,
    Detected,
    Digit,
    Ended,
    Line,
    MessagePlayed,
    Recorded,
    Ringing,
)

log = structlog.get_logger("callfloor.telephony")

# A channel that is not there any more has its end told within this time, unless that was missed.
GONE_S = 1.0
KEYS = frozenset("0123456789*#")


class Call:
    """`answered`, `over`: what happened to it. `placed`: Asterisk was asked for it. `let_go`: we hung up. `ours`: not
    of another engine, as far as we know."""

    def __init__(self, id_: CallId, channel: str, around: Surroundings, line: Line | None = None) -> None:
        self.id, self.channel, self.around, self.line = id_, channel, around, line
        self.ari, self.work, self._notes = around.ari, around.work(), around.work()
        self.requests = Requests(around.ari, around.setup.app, id_)
        self.tape = Tape(around.ari, around.stored, around.clock, around.setup, id_, channel)
        self.player = Player(around.ari, around.prompts, id_, channel, self._played)
        self.meeting = Meeting(around, self.work, self.requests, self.player, id_, channel, self._met)
        self.placed, self.ours = line is None, True
        self.answered = self.over = self.let_go = self._detecting = self._told_end = False
        self._message: int | None = None
        self._message_since = 0.0
        self._ways: list[str] = []
        # the endpoint over which the customer is called
        self.way: str | None = None

    # Its beginning

    def dial(self, line: Line, ways: list[str]) -> None:
        """Over the first of these endpoints that works. Another is tried as long as no phone has rung."""
        self._ways = ways
        self.work.add(partial(self._dial, line))

    async def _dial(self, line: Line) -> None:
        if self.let_go:
            self.end("cancelled")
            return
        variables = {names.CALL: str(self.id)}
        if line.record:
            self.tape.insert(0)
            variables[names.PART] = "0"
        caller = line.caller or self.around.setup.caller
        while self._ways:
            try:
                self.way = self._ways.pop(0)
                await self.requests.call_phone(self.channel, self.way, caller, line.ring_s, variables)
            except AriError as error:
                log.warning("call-not-placed", call=self.id, kind=type(error).__name__, detail=str(error))
                if isinstance(error, AriUnreachable):
                    # it may be there all the same
                    break
            else:
                self.placed = True
                return
        self.placed = True
        self.end("failed")

    def rings(self) -> None:
        self._ways = []
        if not self.answered and not self.over:
            self.around.say(Ringing(self.id))

    def answers(self) -> None:
        """The customer is there, and in our application."""
        if self.answered or self.over:
            return
        self.answered = True
        self.around.say(Answered(self.id))
        if self.let_go:
            self.work.add(self._hang_up)
        elif self.line is not None and self.line.detect_machines:
            self.work.add(self._detect)

    async def _detect(self) -> None:
        if self.over or self.let_go:
            return
        self._detecting = True
        where: dict[str, Value] = {"context": self.around.setup.amd_context, "extension": "s", "priority": 1}
        try:
            await self.ari.request("POST", f"channels/{self.channel}/continue", where)
        except AriError as error:
            log.warning("detection-failed", call=self.id, detail=str(error))
            self.detected("")

    def detected(self, status: str) -> None:
        if self._detecting and not self.over:
            self._detecting = False
            self.around.say(Detected(self.id, status == "MACHINE"))

    def accept(self) -> None:
        """Answer a call that came in."""
        self.work.add(self._accept)

    async def _accept(self) -> None:
        app = self.around.setup.app
        try:
            # events of a channel that came in are told to those who subscribe to it
            await self.ari.post(f"applications/{app}/subscription", eventSource=f"channel:{self.channel}")
            await self.ari.post(f"channels/{self.channel}/variable", variable=names.CALL, value=str(self.id))
            await self.ari.post(f"channels/{self.channel}/answer")
        except AriError as error:
            log.info("caller-gone", call=self.id, detail=str(error))
            self.end("hang-up")
        else:
            self.answers()

    # What the customer hears and says

    def play(self, message: str) -> None:
        start = self.player.next(message)
        self.work.add(self.meeting.tune)
        self.work.add(start)

    def stop_playing(self) -> None:
        self.player.stop()
        self.work.add(self.player.silence)
        self.work.add(self.meeting.tune)

    def _played(self) -> None:
        if not self.over:
            # who called us hears music until the next prompt or an agent
            self.meeting.alone = self.meeting.alone or self.line is None
            self.work.add(self.meeting.tune)
            self.around.say(MessagePlayed(self.id))

    def pressed(self, digit: str) -> None:
        if digit in KEYS and not self.over:
            self.around.say(Digit(self.id, digit))

    def send_digits(self, digits: str) -> None:
        if digits and set(digits) <= KEYS:
            self.work.add(partial(self._send_digits, digits))

    async def _send_digits(self, digits: str) -> None:
        await self.requests.ask("POST", f"channels/{self.channel}/dtmf", dtmf=digits)

    # What is kept of it

    async def _met(self, bridge: str) -> None:
        if not self.over:
            await self.tape.run(bridge)

    def record(self, part: int) -> None:
        self.work.add(partial(self._record, part))

    async def _record(self, part: int) -> None:
        if self.over:
            return
        await self._cut()
        if self.over:
            return
        self.tape.insert(part)
        self._note_part(str(part))
        if self.meeting.bridge is not None and self.meeting.joined():
            await self.tape.run(self.meeting.bridge)

    def _note_part(self, value: str) -> None:
        """For an engine that takes the call over. Asterisk sets a variable when a prompt is over, so nothing waits."""
        path, query = f"channels/{self.channel}/variable", {"variable": names.PART, "value": value}
        self._notes.add(partial(self._note, path, query))

    async def _note(self, path: str, query: dict[str, str]) -> None:
        if not self.over:
            await self.requests.ask("POST", path, **query)

    async def _cut(self) -> None:
        """End the part that is recorded."""
        taken = self.tape.take()
        if taken is not None:
            self.around.say(Recorded(self.id, *taken))
            await self.tape.close(taken[0])

    def stop_recording(self) -> None:
        self.work.add(self._stop_recording)

    async def _stop_recording(self) -> None:
        await self._cut()
        self._note_part(f"-{self.tape.next_part}")

    def pause_recording(self, on: bool) -> None:
        self.work.add(partial(self.tape.pause, on))

    def record_message(self, part: int, longest_s: float) -> None:
        self.work.add(partial(self._record_message, part, longest_s))

    async def _record_message(self, part: int, longest_s: float) -> None:
        if self.over or self._message is not None:
            return
        await self._cut()
        # Asterisk records nobody who is in a bridge
        await self.meeting.take_out()
        self.tape.next_part = max(self.tape.next_part, part + 1)
        self._note_part(f"-{part + 1}")
        if self.over:
            return
        self._message, self._message_since = part, self.around.clock.elapsed()
        query: dict[str, Value] = {
            "name": names.recording(self.id, part),
            "format": "wav",
            "ifExists": "overwrite",
            "beep": "true",
            "terminateOn": "#",
            "maxDurationSeconds": max(1, math.ceil(longest_s)),
        }
        if not await self.requests.ask("POST", f"channels/{self.channel}/record", **query):
            self._message_over()

    @property
    def message(self) -> str | None:
        """The recording's name of the message that is being left."""
        return None if self._message is None else names.recording(self.id, self._message)

    def recorded(self, name: str) -> None:
        """Asterisk has closed a recording of the customer's channel."""
        if name == self.message:
            self._message_over()

    def _message_over(self) -> None:
        part, self._message = self._message, None
        if part is not None:
            self.around.say(Recorded(self.id, part, self.around.clock.elapsed() - self._message_since))

    # What was missed

    def adopt(
        self, *, answered: bool, legs: list[Leg], bridge: str | None, bridged: bool, part: str, live: bool
    ) -> None:
        """Take over what Asterisk has. `part`: as the variable says it. `live`: that part is being recorded."""
        self.answered = answered
        self.meeting.adopt(legs, bridge, bridged=bridged)
        if part.startswith("-"):
            self.tape.next_part = int(part[1:])
        elif part and live:
            self.tape.adopt(int(part))
        elif part:
            self.tape.insert(int(part))

    async def look_again(self) -> None:
        """Ask after what may have ended while nobody could tell us."""
        await self.player.look()
        if self.message is not None:
            try:
                await self.ari.get(f"recordings/live/{self.message}")
            except AriNotThere:
                self._message_over()

    # Its end

    def hang_up(self) -> None:
        if not self.over:
            self.let_go = True
            self.work.add(self._hang_up)

    async def _hang_up(self) -> None:
        if self.over or not self.placed:
            return
        try:
            await self.ari.delete(f"channels/{self.channel}")
        except AriNotThere:
            self.around.clock.call_later(GONE_S, self.missing)

    def missing(self) -> None:
        """Asterisk does not know it any more, and its end was not told."""
        self.end("hang-up" if self.answered else "cancelled" if self.let_go else "failed")

    def destroyed(self, cause: int | None, status: int | None, quality: float | None) -> None:
        meaning = cause_of(cause, status, answered=self.answered, cancelled=self.let_go)
        if meaning == "failed" and self.line is not None and self._ways and not self.over:
            log.warning("trunk-failed", call=self.id, cause=cause, status=status)
            self.placed = False
            self.work.add(partial(self._dial, self.line))
            return
        self.end(meaning, quality)

    def end(self, cause: Cause, quality: float | None = None) -> None:
        if self.over:
            return
        self.over = self.meeting.over = True
        self.player.stop()
        messages = [] if self.message is None else [self.message]
        self.around.stored.closes(messages)
        self._message_over()
        taken = self.tape.take()
        self.work.add(partial(self._tidy_up, messages, None if taken is None else taken[0]))
        self._ended(cause, None if taken is None else taken[1], quality)

    async def _tidy_up(self, messages: list[str], part: int | None) -> None:
        await self.tape.close_files(messages)
        if part is not None:
            await self.tape.close(part)
        await self.meeting.close()

    def lost(self) -> None:
        """Its node is gone, and nothing more can be asked of it."""
        self.over = self.meeting.over = True
        self._ended("hang-up" if self.answered else "failed", None, None)

    def _ended(self, cause: Cause, recorded_s: float | None, quality: float | None) -> None:
        if not self._told_end:
            self._told_end = True
            self.around.say(Ended(self.id, cause, recorded_s, quality))
