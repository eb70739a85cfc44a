"""Callers that a tester scripts, on a floor that runs: `callfloor test call` asks by NOTIFY, the engine answers.

The message itself is the notification, unlike everywhere else: a caller who is lost is one more try for the tester, who
is told that nobody answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import asyncpg
import msgspec

from callfloor.rules.workflow.caller_script import CallerScript, ScriptError, parse_script
from callfloor.store.db.pool import LOST
from callfloor.telephony.carrier import Carrier
from callfloor.telephony.simulated.carrier import SimulatedCarrier

CALLS, ANSWERS = "callfloor_test_calls", "callfloor_test_answers"
NOTIFY_SQL = "SELECT pg_notify($1, $2)"
AGAIN_S = 1.0
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

    def __init__(self, dsn: str, carrier: Carrier, numbers: Callable[[], Sequence[str]]) -> None:
        self._dsn, self._carrier, self._numbers = dsn, carrier, numbers
        self._answering: set[asyncio.Task[Any]] = set()

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            try:
                connection = await asyncpg.connect(self._dsn, timeout=5)
                gone = asyncio.Event()
                try:
                    connection.add_termination_listener(lambda _, gone=gone: gone.set())
                    await connection.add_listener(CALLS, self._hear)
                    await gone.wait()
                finally:
                    await connection.close(timeout=1)
            except LOST:
                await asyncio.sleep(AGAIN_S)

    def _hear(self, connection: Any, _pid: int, _channel: str, payload: object) -> None:
        try:
            call = _CALL.decode(str(payload))
        except msgspec.MsgspecError:
            return
        answer = self._place(call)
        if answer is not None:
            told = msgspec.json.encode(Answered(call.id, answer)).decode()
            task = asyncio.create_task(connection.execute(NOTIFY_SQL, ANSWERS, told))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

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


@asynccontextmanager
async def listening(calls: ScriptedCalls) -> AsyncGenerator[None, None]:
    task = asyncio.create_task(calls.listen())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
