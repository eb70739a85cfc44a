"""Real calls that are answered: who hears whom, what is recorded, and what is pressed."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator

import pytest

from callfloor.telephony.carrier import (
    AgentMissed,
    CarrierLostError,
    Ended,
    Joined,
    Left,
    ListenerLeft,
    MessagePlayed,
    Recorded,
)
from testbed import audio, scenarios
from testbed.bed import Bed
from tests.asterisk.exchange import WAITS_S, Exchange, exchange
from tests.asterisk.sound import about, hears, samples, seconds

pytestmark = pytest.mark.asterisk

AGENT, OTHER, SUPERVISOR = 71, 72, 73
AWAY, ENGAGED, LEAVES = 9000001, 9000002, 9000003


async def recording(at: Exchange, call: int, part: int = 0) -> bytes:
    return b"".join([piece async for piece in at.carrier.recording(call, part)])


async def lasts(at: Exchange, bed: Bed, call: int, part: int | str, least_s: float) -> None:
    """Wait until so much of a part is on the disk. Asterisk writes two seconds at a time."""
    path = bed.asterisk.node.recordings / f"cf-{call}-{part}.wav"
    await at.until(lambda: path.exists() and path.stat().st_size > least_s * 16_000)


async def a_second_passes(at: Exchange, call: int) -> None:
    """As long as a message takes: the parties talk on meanwhile."""
    before = at.of(call).count(MessagePlayed(call))
    at.carrier.play(call, "information")
    await at.until(lambda: at.of(call).count(MessagePlayed(call)) > before)


async def test_customer_and_agent_hear_each_other_and_both_are_recorded(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, record=True)
        await lasts(at, bed, call, 0, 1.0)
        ended = await at.hang_up(call)
        assert ended.recorded_s is not None
        content = await recording(at, call)
        assert seconds(content) == about(ended.recorded_s)
        sound = samples(content)
        assert hears(sound, audio.CUSTOMER_HZ)
        assert hears(sound, audio.AGENT_HZ)
        await at.carrier.forget_recording(call)
        with pytest.raises(CarrierLostError):
            await recording(at, call)
        await at.carrier.forget_recording(call)
        await at.until(lambda: not bed.asterisk.get("channels") and not bed.asterisk.get("bridges"))


async def test_each_side_can_be_recorded_for_itself(bed: Bed) -> None:
    async with exchange(bed, stereo=True) as at:
        call = await at.talking(AGENT, record=True)
        await lasts(at, bed, call, "0-out", 2.0)
        at.carrier.record(call, 1)
        await at.told(call, Recorded)
        at.carrier.play(call, "information")
        await at.told(call, MessagePlayed)
        ended = await at.hang_up(call)
        assert seconds(await recording(at, call, 1)) == about(ended.recorded_s)
        content = await recording(at, call)
        (told,) = [event for event in at.of(call) if isinstance(event, Recorded)]
        assert seconds(content) == about(told.seconds)
        left, right = samples(content, 0), samples(content, 1)
        assert (hears(left, audio.CUSTOMER_HZ), hears(left, audio.AGENT_HZ)) == (True, False)
        assert (hears(right, audio.CUSTOMER_HZ), hears(right, audio.AGENT_HZ)) == (False, True)
        for part in (0, 1):
            await at.carrier.forget_recording(call, part)
        await at.until(lambda: not bed.asterisk.get("channels"))
        assert not list(bed.asterisk.node.recordings.glob(f"cf-{call}-*"))


async def test_a_recording_is_read_from_the_folder_where_there_is_one(bed: Bed) -> None:
    async with exchange(bed, recordings=bed.asterisk.node.recordings) as at:
        call = await at.talking(AGENT, record=True)
        await lasts(at, bed, call, 0, 0.2)
        ended = await at.hang_up(call)
        assert seconds(await recording(at, call)) == about(ended.recorded_s)
        await at.carrier.forget_recording(call)
        assert not (bed.asterisk.node.recordings / f"cf-{call}-0.wav").exists()


@pytest.mark.parametrize("agent", [AWAY, ENGAGED])
async def test_an_agent_who_does_not_answer_is_missed_and_the_customer_stays(bed: Bed, agent: int) -> None:
    async with exchange(bed, agent_ring_s=1) as at:
        call = await at.answered()
        at.carrier.join(call, agent)
        assert (await at.told(call, AgentMissed)).agent == agent
        at.carrier.join(call, AGENT)
        assert (await at.told(call, Joined)).agent == AGENT
        await at.hang_up(call)


async def test_an_agent_who_hangs_up_leaves_and_the_customer_stays(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(LEAVES)
        assert (await at.told(call, Left)).agent == LEAVES
        at.carrier.join(call, AGENT)
        await at.until(lambda: Joined(call, AGENT) in at.of(call))
        await at.hang_up(call)


async def test_the_call_ends_for_everybody_when_the_customer_hangs_up(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, behaviour=scenarios.LEAVES, record=True)
        ended = await at.over(call)
        assert ended.cause == "hang-up"
        assert ended.recorded_s is not None
        assert at.of(call)[-1] is ended
        await at.until(lambda: not bed.asterisk.get("channels"))


async def test_a_customer_on_hold_is_not_recorded_and_hears_music(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, record=True)
        at.carrier.hold(call, True)
        at.carrier.record(call, 1)
        await lasts(at, bed, call, 1, 0.8)
        at.carrier.record(call, 2)
        at.carrier.hold(call, False)
        await lasts(at, bed, call, 2, 1.0)
        await at.hang_up(call)
        assert [event.part for event in at.of(call) if isinstance(event, Recorded)] == [0, 1]
        on_hold, after = samples(await recording(at, call, 1)), samples(await recording(at, call, 2))
        assert hears(on_hold, audio.AGENT_HZ)
        assert not hears(on_hold, audio.CUSTOMER_HZ)
        assert hears(after, audio.CUSTOMER_HZ)


async def test_a_part_ends_when_the_recording_is_stopped(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, record=True)
        await lasts(at, bed, call, 0, 0.2)
        at.carrier.stop_recording(call)
        told = await at.told(call, Recorded)
        assert (told.part, told.seconds > 1.0) == (0, True)
        assert [live.part for live in await at.carrier.calls()] == [1]
        assert (await at.hang_up(call)).recorded_s is None


async def hears_soon(bed: Bed, hertz: float) -> None:
    """Until the customer has heard this tone, and neither of the others, for half a second."""
    others = {audio.MUSIC_HZ, audio.AGENT_HZ} - {hertz}
    in_a_row = 0
    async with asyncio.timeout(WAITS_S):
        while in_a_row < 5:
            sound = await bed.ear.tenth()
            heard = hears(sound, hertz) and not any(hears(sound, other) for other in others)
            in_a_row = in_a_row + 1 if heard else 0


async def test_a_customer_whom_everybody_left_hears_music_until_somebody_comes(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, behaviour=scenarios.LISTENS)
        await hears_soon(bed, audio.AGENT_HZ)
        at.carrier.leave(call, AGENT)
        await hears_soon(bed, audio.MUSIC_HZ)
        at.carrier.join(call, OTHER)
        await hears_soon(bed, audio.AGENT_HZ)
        for _ in range(2):
            at.carrier.hold(call, True)
            await hears_soon(bed, audio.MUSIC_HZ)
            at.carrier.hold(call, False)
            await hears_soon(bed, audio.AGENT_HZ)
        await at.hang_up(call)


async def test_who_is_muted_is_not_heard(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, record=True)
        at.carrier.mute(call, AGENT, True)
        at.carrier.record(call, 1)
        await a_second_passes(at, call)
        at.carrier.mute(call, AGENT, False)
        at.carrier.record(call, 2)
        await a_second_passes(at, call)
        await at.hang_up(call)
        assert not hears(samples(await recording(at, call, 1)), audio.AGENT_HZ)
        assert hears(samples(await recording(at, call, 2)), audio.AGENT_HZ)


async def test_nothing_is_recorded_while_the_recording_is_paused(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT, record=True)
        await lasts(at, bed, call, 0, 0.5)
        at.carrier.pause_recording(call, True)
        # what happens meanwhile takes longer than what is recorded
        at.carrier.play(call, "information")
        await at.told(call, MessagePlayed)
        at.carrier.pause_recording(call, False)
        ended = await at.hang_up(call)
        assert ended.recorded_s is not None
        assert 2.0 <= ended.recorded_s < 3.0


async def test_a_call_is_transferred_by_an_agent_to_another_and_to_an_outside_number(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT)
        at.carrier.hold(call, True)
        at.carrier.join(call, OTHER)
        await at.until(lambda: Joined(call, OTHER) in at.of(call))
        at.carrier.leave(call, AGENT)
        at.carrier.hold(call, False)
        at.carrier.call_out(call, -1, scenarios.number(scenarios.RINGS), None, 5.0)
        await at.until(lambda: Joined(call, -1) in at.of(call))
        at.carrier.leave(call, OTHER)
        at.carrier.call_out(call, -2, scenarios.number(scenarios.BUSY), None, 5.0)
        await at.until(lambda: AgentMissed(call, -2) in at.of(call))
        at.carrier.call_out(call, -3, "not a number", None, 5.0)
        await at.until(lambda: AgentMissed(call, -3) in at.of(call))
        (live,) = await at.carrier.calls()
        assert (live.call, live.answered, live.agent) == (call, True, None)
        assert not any(isinstance(event, Left) for event in at.of(call))
        await at.hang_up(call)


async def test_a_phone_that_rings_stops_when_its_agent_is_taken_back(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.answered()
        at.carrier.join(call, AWAY)
        at.carrier.leave(call, AWAY)
        await at.until(lambda: len(bed.asterisk.get("channels")) == 1)
        await at.hang_up(call)
        assert not any(isinstance(event, AgentMissed) for event in at.of(call))


async def test_an_agents_phone_may_stay_connected_between_calls(bed: Bed) -> None:
    async with exchange(bed, kept_lines=True) as at:
        first, second = await at.talking(AGENT), await at.answered(record=True)
        (line,) = [each["id"] for each in bed.asterisk.get("channels") if each["id"].startswith("cf-line")]
        await at.hang_up(first)
        # the next call may come before Asterisk has tidied up after the one before
        at.carrier.join(second, AGENT)
        await at.told(second, Joined)
        await at.until(lambda: len(bed.asterisk.get("bridges")) == 1)
        assert {channel["id"] for channel in bed.asterisk.get("channels")} == {line, f"cf-{second}"}
        await lasts(at, bed, second, 0, 1.0)
        await at.hang_up(second)
        assert hears(samples(await recording(at, second)), audio.AGENT_HZ)
        bed.asterisk.command("channel request hangup all")
        await at.until(lambda: not bed.asterisk.get("channels"))
        third = await at.talking(AGENT)
        await at.hang_up(third)
        bed.asterisk.command("channel request hangup all")
        await at.until(lambda: not bed.asterisk.get("channels"))


async def test_a_supervisor_listens_whispers_and_takes_part(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT)

        def members() -> list[int]:
            return sorted(len(bridge["channels"]) for bridge in bed.asterisk.get("bridges"))

        at.carrier.listen_in(call, AGENT, SUPERVISOR, "monitor")
        await at.until(lambda: members() == [2, 2])
        at.carrier.listen_in(call, AGENT, SUPERVISOR, "whisper")
        await at.until(lambda: members() == [2, 2])
        at.carrier.listen_in(call, AGENT, SUPERVISOR, "barge")
        await at.until(lambda: members() in ([0, 3], [3]))
        at.carrier.listen_in(call, AGENT, SUPERVISOR, "monitor")
        await at.until(lambda: members() == [2, 2])
        at.carrier.stop_listening(call, SUPERVISOR)
        await at.until(lambda: members() == [2] and len(bed.asterisk.get("channels")) == 2)
        at.carrier.listen_in(call, AGENT, SUPERVISOR, "barge")
        await at.until(lambda: members() == [3])
        await at.hang_up(call)
        await at.until(lambda: not bed.asterisk.get("channels") and not bed.asterisk.get("bridges"))
        assert [type(event) for event in at.of(call)][-1] is Ended


@pytest.mark.parametrize("supervisor", [AWAY, ENGAGED, LEAVES])
async def test_a_supervisor_whose_phone_does_not_answer_or_hangs_up_listens_no_longer(
    bed: Bed, supervisor: int
) -> None:
    async with exchange(bed, agent_ring_s=1) as at:
        call = await at.talking(AGENT)
        at.carrier.listen_in(call, AGENT, supervisor, "monitor")
        await at.until(lambda: ListenerLeft(call, supervisor) in at.of(call))
        await at.until(lambda: len(bed.asterisk.get("bridges")) == 1 and len(bed.asterisk.get("channels")) == 2)
        assert [live.listeners for live in await at.carrier.calls()] == [()]
        await at.hang_up(call)


async def test_who_listens_is_found_and_taken_out_by_an_engine_that_begins(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT)
        at.carrier.listen_in(call, AGENT, SUPERVISOR, "whisper")
        await at.until(lambda: sorted(len(each["channels"]) for each in bed.asterisk.get("bridges")) == [2, 2])
    async with exchange(bed) as at:
        (live,) = await at.carrier.calls()
        assert (live.call, live.listeners) == (call, (SUPERVISOR,))
        at.carrier.stop_listening(call, SUPERVISOR)
        await at.until(lambda: len(bed.asterisk.get("bridges")) == 1 and len(bed.asterisk.get("channels")) == 2)
        assert [each.listeners for each in await at.carrier.calls()] == [()]
        await at.hang_up(call)


async def test_a_whisper_is_heard_by_the_agent_alone(bed: Bed) -> None:
    """The testbed's supervisor sounds as an agent does, so only silence in the customer's ear can be told."""
    async with exchange(bed) as at:
        call = await at.talking(AGENT, record=True)
        at.carrier.mute(call, AGENT, True)
        at.carrier.listen_in(call, AGENT, SUPERVISOR, "whisper")
        await at.until(lambda: len(bed.asterisk.get("bridges")) == 2)
        at.carrier.record(call, 1)
        await a_second_passes(at, call)
        at.carrier.listen_in(call, AGENT, SUPERVISOR, "barge")
        await at.until(lambda: any(len(bridge["channels"]) == 3 for bridge in bed.asterisk.get("bridges")))
        at.carrier.record(call, 2)
        await a_second_passes(at, call)
        await at.hang_up(call)
        assert not hears(samples(await recording(at, call, 1)), audio.AGENT_HZ)
        assert hears(samples(await recording(at, call, 2)), audio.AGENT_HZ)


async def test_keys_are_pressed_towards_the_customer(bed: Bed) -> None:
    async with exchange(bed) as at:
        call = await at.talking(AGENT)
        at.carrier.send_digits(call, "42#")
        at.carrier.send_digits(call, "call me")
        await at.until(lambda: bed.parties.pressed.endswith("42#"))
        await at.hang_up(call)


@pytest.mark.parametrize("message", ["information", "nonsense", "prompt:1/" + "0" * 64])
async def test_a_message_comes_to_its_end_also_when_it_cannot_be_played(bed: Bed, message: str) -> None:
    async with exchange(bed) as at:
        call = await at.answered()
        at.carrier.play(call, message)
        await at.told(call, MessagePlayed)
        await at.hang_up(call)
        assert len([event for event in at.of(call) if isinstance(event, MessagePlayed)]) == 1


async def one_word(_organisation: int, _hash: str) -> AsyncGenerator[bytes]:
    """A prompt of the media store."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(8_000))
    yield target.getvalue()


async def test_only_the_last_message_counts(bed: Bed) -> None:
    prompts = bed.asterisk.node.folder / "prompts"
    async with exchange(bed, store=one_word, information="sound:demo-congrats", prompts=prompts) as at:
        call = await at.answered()
        at.carrier.play(call, "information")
        at.carrier.play(call, "prompt:1/" + "a" * 64)
        await at.told(call, MessagePlayed)
        assert (prompts / f"1-{'a' * 64}.wav").exists()
        at.carrier.play(call, "information")
        at.carrier.stop_playing(call)
        at.carrier.play(call, "position:23")
        at.carrier.join(call, AGENT)
        await at.told(call, Joined)
        await at.hang_up(call)
        assert len([event for event in at.of(call) if isinstance(event, MessagePlayed)]) == 1
