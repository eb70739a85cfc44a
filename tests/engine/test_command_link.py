"""Commands reach the engine that has the agent, once, and are answered behind what they changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.contract.workspace import AnyCommand, AtHand, Hold, Mute, Refusal
from callfloor.store.agents import desk_commands, desk_events
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.engine.link import Linked
from tests.waiting import until

SOON = timedelta(seconds=30)
NO_CALL = Refusal(code="no-call", detail="There is no call.")


@pytest.fixture
async def link(dsn: str, db: Database, centre: Centre) -> AsyncGenerator[Linked]:
    linked = Linked(dsn, db, centre)
    yield linked
    await linked.stop()


async def ask(db: Database, centre: Centre, command: AnyCommand = Hold(on=True), agent: int | None = None) -> int:  # noqa: B008
    agent = agent or centre.agent
    return await desk_commands.ask(db, centre.organisation, agent, agent, command, key_hash=None, within=SOON)


def finished(db: Database, centre: Centre, command: int) -> Callable[[], Any]:
    async def look() -> desk_commands.Outcome | None:
        found = await desk_commands.outcome(db, centre.organisation, command)
        return found if found is not None and found.done else None

    return look


async def test_a_command_is_done_and_answered(db: Database, centre: Centre, link: Linked) -> None:
    command = await ask(db, centre)
    assert (await until(finished(db, centre, command))).refusal is None
    assert link.work.done == [(centre.agent, Hold(on=True))]


async def test_a_refusal_is_told(db: Database, centre: Centre, link: Linked) -> None:
    link.work.answer = lambda done: done(NO_CALL)
    command = await ask(db, centre)
    assert (await until(finished(db, centre, command))).refusal == NO_CALL


async def test_commands_of_an_agent_are_done_in_order(db: Database, centre: Centre, link: Linked) -> None:
    async with db.transaction():
        asked = [await ask(db, centre, Mute(on=bool(n % 2))) for n in range(30)]
    await until(finished(db, centre, asked[-1]))
    assert [command.on for _, command in link.work.done if isinstance(command, Mute)] == [
        bool(n % 2) for n in range(30)
    ]


async def test_what_a_command_changed_is_there_when_it_is_answered(db: Database, centre: Centre, link: Linked) -> None:
    org, agent = centre.organisation, centre.agent

    def later(done: Callable[[Refusal | None], None]) -> None:
        def change() -> None:
            at = datetime.now(UTC)
            link.journal.write(
                lambda: desk_events.publish(db, org, agent, "call.changed", AtHand(wrap_up_seconds=7), at)
            )
            done(None)

        asyncio.get_running_loop().call_soon(change)

    link.work.answer = later
    command = await ask(db, centre)
    await until(finished(db, centre, command))
    session = await desk_events.session(db, org, agent, datetime.now(UTC))
    assert session is not None
    assert session.sequence == 1


async def test_of_two_engines_that_both_have_the_agent_one_obeys(
    dsn: str, db: Database, centre: Centre, link: Linked
) -> None:
    other = Linked(dsn, db, centre)
    try:
        asked = [await ask(db, centre) for _ in range(20)]
        for command in asked:
            await until(finished(db, centre, command))
        assert len(link.work.done) + len(other.work.done) == 20
    finally:
        await other.stop()


async def test_a_command_for_somebody_elses_agent_is_left_alone(
    db: Database, centre: Centre, other_centre: Centre, link: Linked
) -> None:
    # an id that the floor knows, of an organisation that it does not belong to
    theirs = await ask(db, other_centre)
    wrong = await desk_commands.ask(
        db, other_centre.organisation, centre.agent, other_centre.agent, Hold(on=True), key_hash=None, within=SOON
    )
    await until(finished(db, centre, await ask(db, centre)))
    for command in (theirs, wrong):
        left = await desk_commands.outcome(db, other_centre.organisation, command)
        assert left == desk_commands.Outcome(False, False, None)
    assert len(link.work.done) == 1


async def test_a_command_that_nobody_knows_is_refused(db: Database, centre: Centre, link: Linked) -> None:
    await ask(db, centre, agent=centre.user)
    unknown = await db.fetchval(
        """INSERT INTO workspace_commands (organisation_id, agent_id, actor_id, command, expires_at)
        VALUES ($1, $2, $2, '{"action": "juggle"}', now() + interval '1 minute') RETURNING command_id""",
        centre.organisation, centre.agent,
    )  # fmt: skip
    # nobody was told of it: it is found all the same
    refusal = (await until(finished(db, centre, unknown))).refusal
    assert refusal is not None
    assert refusal.code == "unavailable"
    assert link.work.done == []


async def test_a_lost_connection_is_made_again(db: Database, centre: Centre, link: Linked) -> None:
    await until(finished(db, centre, await ask(db, centre)))
    ended = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'callfloor listener'"""
    assert await db.fetch(ended)
    await until(finished(db, centre, await ask(db, centre)))
    assert len(link.work.done) == 2
