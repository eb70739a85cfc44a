"""Recordings that nobody fetched when their call ended are fetched later, once, for the leg that they are of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from callfloor.contract.codes import LeadStatus
from callfloor.contract.workflows import Hangup, Voicemail
from callfloor.contract.workspace import CompleteTransfer, Dial, HangUp, WrapUp
from callfloor.engine import engine
from callfloor.engine.recordings import fetch
from callfloor.engine.recordings.fetch import Recordings
from callfloor.settings import Settings
from callfloor.store.calls import legs as inbound
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import CallId
from callfloor.telephony.simulated.behaviour import Behaviour
from callfloor.telephony.simulated.carrier import SimulatedCarrier
from tests.conftest import Centre, alone
from tests.engine.books import equals, states
from tests.engine.test_inbound import (
    CALLER,
    PATIENT,
    QUEUE,
    calls,
    consulted,
    exchange,
    own,
    pause,
    status,
    steady,
    switch_on,
)
from tests.engine.test_recovery import another
from tests.store.call_day import add_leads
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")
__all__ = ["own"]

MESSAGE = Voicemail(name="message", prompt="after the tone", campaign="Support Inbound", next="bye")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SWEEP_S", 0.1)


@pytest.fixture
def nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The media store takes nothing in, as when its disk is full, until the end of the context of the patch."""

    async def fails(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("callfloor.media.blobs.Blobs.put", fails)
        patch.setattr(fetch, "FIRST_REST_S", 0.001)
        yield patch


async def media_of(db: Database, centre: Centre) -> list[tuple[int, str]]:
    rows = await db.fetch(
        "SELECT activity_id, kind FROM media WHERE organisation_id = $1 ORDER BY activity_id", centre.organisation
    )
    return [(row["activity_id"], row["kind"]) for row in rows]


async def kept(carrier: SimulatedCarrier) -> int:
    return len(await carrier.kept_recordings())


async def of_talks(centre: Centre) -> list[str | None]:
    return [call["recordingStatus"] for call in await calls(centre)]


async def test_each_leg_of_a_call_that_ended_without_an_engine_gets_its_part(
    centre: Centre, own: Database, settings: Settings, nothing_is_stored: pytest.MonkeyPatch
) -> None:
    async with exchange(centre, own, settings, QUEUE) as (up, number, agents):
        has_it, _ = await consulted(centre, up, number, agents)
        assert await up.do(has_it, CompleteTransfer()) is None
        await until(lambda: equals(status(centre, 3), ["Answered"] * 3))
        (live,) = await up.carrier.calls()
        await up.stop()
        up.carrier.hang_up(live.call)
        await until(lambda: equals(kept(up.carrier), 2))
        nothing_is_stored.undo()
        async with another(up, settings):
            await until(lambda: equals(kept(up.carrier), 0))
            await until(lambda: equals(of_talks(centre), ["enabled", None, "enabled"]))
    legs = [call["activityId"] for call in await calls(centre) if call["legType"] != "consult"]
    assert await media_of(own, centre) == [(leg, "recording") for leg in legs]


async def test_a_lead_is_as_new_as_the_desk_though_the_sound_is_not_stored_yet(
    centre: Centre, own: Database, settings: Settings, nothing_is_stored: pytest.MonkeyPatch
) -> None:
    (lead_id,) = await add_leads(own, centre, 1)
    nothing_is_stored.setattr(fetch, "FIRST_REST_S", 3600.0)
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, (agent,)):
        await pause(centre, up, agent)
        await switch_on(centre, own, up)
        up.carrier.behaviour = Behaviour(live=1.0, answer_s=steady(0.1), talk_s=steady(600))
        assert await up.do(agent, Dial(centre.outbound, "0491 570 156", lead_id)) is None
        await until(lambda: equals(states(own, centre), {"on-call"}))
        assert await up.do(agent, HangUp()) is None
        assert await up.do(agent, WrapUp(lead_status=LeadStatus.COMPLETED)) is None
        shown = "SELECT status_code FROM leads WHERE lead_id = $1 AND in_flight_attempt_id IS NULL"
        await until(lambda: equals(own.fetchval(shown, lead_id), LeadStatus.COMPLETED))
        assert await kept(up.carrier) == 1


async def test_a_dialled_call_and_a_message_are_found_again(
    centre: Centre, own: Database, settings: Settings, nothing_is_stored: pytest.MonkeyPatch
) -> None:
    (lead_id,) = await add_leads(own, centre, 1)
    steps = (MESSAGE, Hangup(name="bye"))
    async with exchange(centre, own, settings, *steps, agents=1) as (up, number, (agent,)):
        await pause(centre, up, agent)
        await switch_on(centre, own, up)
        up.carrier.behaviour = Behaviour(live=1.0, answer_s=steady(0.1), talk_s=steady(600))
        await switch_on(centre, own, up)
        assert await up.do(agent, Dial(centre.outbound, "0491 570 156", lead_id)) is None
        await until(lambda: equals(states(own, centre), {"on-call"}))
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(kept(up.carrier), 1))
        await up.stop()
        (talk,) = [each.call for each in await up.carrier.calls() if each.agent is not None]
        up.carrier.hang_up(talk)
        await until(lambda: equals(kept(up.carrier), 2))
        # nobody had been told of the message
        await own.execute("DELETE FROM tasks WHERE organisation_id = $1", centre.organisation)
        nothing_is_stored.undo()
        async with another(up, settings):
            await until(lambda: equals(kept(up.carrier), 0))
    assert {kind for _, kind in await media_of(own, centre)} == {"recording", "voicemail"}
    tasks = "SELECT count(*) FROM tasks WHERE organisation_id = $1 AND kind = 'voicemail'"
    assert await own.fetchval(tasks, centre.organisation) == 1


async def test_a_full_disk_delays_a_recording(
    centre: Centre, own: Database, settings: Settings, nothing_is_stored: pytest.MonkeyPatch
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre), ["Answered"]))
        assert await up.do(agent, HangUp()) is None
        await until(lambda: equals(of_talks(centre), ["failed"]))
        assert await kept(up.carrier) == 1
        nothing_is_stored.undo()
        await until(lambda: equals(of_talks(centre), ["enabled"]))
        await until(lambda: equals(kept(up.carrier), 0))
    assert len(await media_of(own, centre)) == 1


async def test_what_is_stored_already_is_not_stored_again(
    centre: Centre, own: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        monkeypatch.setattr(Recordings, "forget", _forgets_nothing)
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre), ["Answered"]))
        assert await up.do(agent, HangUp()) is None
        await until(lambda: equals(of_talks(centre), ["enabled"]))
        monkeypatch.undo()
        monkeypatch.setattr(engine, "SWEEP_S", 0.1)
        await until(lambda: equals(kept(up.carrier), 0))
        # a call that nobody here knows is left alone
        up.carrier._recordings[10**15, 0] = 1.0
        organisations = [centre.organisation]
        assert await inbound.recorded_leg(own, organisations, 10**15, 0) is None
    assert len(await media_of(own, centre)) == 1


async def _forgets_nothing(_self: Recordings, _call: CallId, _part: int = 0) -> None:
    pass


async def test_a_recording_that_is_cut_off_is_not_taken_for_whole(
    centre: Centre, own: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SimulatedCarrier.recording

    async def half(self: SimulatedCarrier, call: CallId, part: int = 0) -> AsyncIterator[bytes]:
        async for piece in whole(self, call, part):
            yield piece[: len(piece) // 2 * 2 - 2]

    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        with monkeypatch.context() as patch:
            patch.setattr(SimulatedCarrier, "recording", half)
            patch.setattr(fetch, "FIRST_REST_S", 0.001)
            up.carrier.call_in(number, CALLER, PATIENT)
            await until(lambda: equals(status(centre), ["Answered"]))
            assert await up.do(agent, HangUp()) is None
            await until(lambda: equals(of_talks(centre), ["failed"]))
        await until(lambda: equals(of_talks(centre), ["enabled"]))
