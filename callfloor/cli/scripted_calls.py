"""`callfloor test call`: callers whom a tester scripts, on a server that runs with the simulated carrier."""

from __future__ import annotations

import asyncio
import secrets

import asyncpg
import msgspec

from callfloor.cli import session, sip_calls
from callfloor.cli.failures import CommandError
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.rules.workflow.caller_script import ScriptError, parse_script
from callfloor.settings import Settings
from callfloor.simulation.scripted_calls import ANSWERS, CALLS, Answered, ScriptedCall
from callfloor.store.db.listen import NOTIFY_SQL

ANSWERED_S = 5.0
_REFUSED = {
    "real-carrier": "this server places real calls: call it by SIP, with --sip HOST:PORT of its SIP server",
    "wrong-keys": "this server does not know such keys: it is of another version",
}
_ANSWER = msgspec.json.Decoder(Answered)


def call(
    settings: Settings,
    number: str,
    caller: str | None,
    keys: str,
    hang_up_after: float | None,
    repeat: int,
    every: float,
    sip: str | None = None,
) -> None:
    """Have somebody call a number, `repeat` times, `every` so many seconds. `sip`: by a real call to that SIP server.
    Raises `CommandError`."""
    try:
        script = parse_script(keys, hang_up_after)
    except ScriptError as error:
        raise CommandError(f"--keys {error}") from error
    called = _number("--number", number)
    calling = None if caller is None else _number("--from", caller)
    if sip is not None:
        sip_calls.call(sip, called, calling, script, repeat, every)
        return
    with session.database(settings) as dsn:
        asyncio.run(_call(dsn, called, calling, keys, hang_up_after, repeat, every))


def _number(option: str, given: str) -> str:
    try:
        return normalise(given, "")
    except PhoneError as error:
        raise CommandError(f"{option} {error}") from error


async def _call(
    dsn: str, number: str, caller: str | None, keys: str, hang_up_after: float | None, repeat: int, every: float
) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    answers: asyncio.Queue[Answered] = asyncio.Queue()

    def hear(*notification: object) -> None:
        answers.put_nowait(_ANSWER.decode(str(notification[-1])))

    try:
        await connection.add_listener(ANSWERS, hear)
        for turn in range(repeat):
            if turn:
                await asyncio.sleep(every)
            asked = ScriptedCall(secrets.token_hex(8), number, caller, keys, hang_up_after)
            await connection.execute(NOTIFY_SQL, CALLS, msgspec.json.encode(asked).decode())
            answer = await _answer(answers, asked.id)
            if answer != "calling":
                raise CommandError(_REFUSED[answer])
            print(f"call {turn + 1} of {repeat}")
    finally:
        await connection.close(timeout=1)


async def _answer(answers: asyncio.Queue[Answered], wanted: str) -> str:
    try:
        async with asyncio.timeout(ANSWERED_S):
            while (answer := await answers.get()).id != wanted:
                continue
    except TimeoutError as error:
        raise CommandError(
            "no floor answers that number: is the server running, and does a workflow or inbound campaign have it?"
        ) from error
    return answer.answer
