"""Callers that a tester scripts, on a floor that runs: `callfloor test call` asks by NOTIFY, the engine answers.

The message itself is the notification, unlike everywhere else: a caller who is lost is one more try for the tester, who
is told that nobody answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from callfloor.errors import Problem
from callfloor.rules.workflow.caller_script import CallerScript, ScriptError, parse_script
from callfloor.store.db.listen import NOTIFY_SQL, Listener
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import Carrier
from callfloor.telephony.simulated.carrier import SimulatedCarrier

CALLS, ANSWERS = "callfloor_test_calls", "callfloor_test_answers"
Answer = Literal["calling", "real-carrier", "wrong-keys"]


class ScriptedCall(msgspec.Struct, frozen=True):
    """`number`: that is called (E.164); `caller` None: withheld. `keys`: as `parse_script` takes them."""

    id: str
    number: str
    caller: str | None
    keys: str
    hang_up_s: float | None


class Answered(msgspec.Struct, frozen=True):
    id: str
    answer: Answer


_CALL = msgspec.json.Decoder(ScriptedCall)


class ScriptedCalls:
    """`numbers`: those that this engine's floor answers now; calls to others are another engine's."""

    def __init__(self, dsn: str, db: Database, carrier: Carrier, numbers: Callable[[], Sequence[str]]) -> None:
        self._db, self._carrier, self._numbers = db, carrier, numbers
        self._answering: set[asyncio.Task[None]] = set()
        self.listener = Listener(dsn, "test calls", {CALLS: self._hear})

    def _hear(self, message: str) -> None:
        try:
            call = _CALL.decode(message)
        except msgspec.MsgspecError:
            return
        answer = self._place(call)
        if answer is not None:
            task = asyncio.create_task(self._tell(Answered(call.id, answer)))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _tell(self, answer: Answered) -> None:
        # without an answer the tester tries again
        with suppress(Problem):
            await self._db.execute(NOTIFY_SQL, ANSWERS, msgspec.json.encode(answer).decode())

    def _place(self, call: ScriptedCall) -> Answer | None:
        if call.number not in self._numbers():
            return None
        if not isinstance(self._carrier, SimulatedCarrier):
            return "real-carrier"
        try:
            script: CallerScript = parse_script(call.keys, call.hang_up_s)
        except ScriptError:
            return "wrong-keys"
        self._carrier.call_in(call.number, call.caller, script=script)
        return "calling"
