"""Campaign statistics equal a count over the activities and attempts that the API shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.contract.codes import DialStatus
from callfloor.store.agents import agents
from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.factories import answer, inbound_call
from tests.store.call_day import CallDay, add_leads, new_attempt, put_agents

PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def nearest(total: int, of: int) -> int:
    """Halves up."""
    return (2 * total + of) // (2 * of)


async def statistics(centre: Centre, direction: str, period: str | None = None) -> dict[str, Any]:
    campaign = centre.inbound if direction == "inbound" else centre.outbound
    query = "" if period is None else f"?period={period}"
    answer = await centre.client.get(f"/campaign/{campaign}/statistics/{direction}{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def every(centre: Centre, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    uri: str | None = f"/platform-api/v3.0{path}"
    while uri is not None:
        page = (await centre.client.get(f"http://callfloor.test{uri}")).json()
        items += page["items"]
        uri = page["metadata"]["nextUri"]
    return items


def recount_inbound(calls: list[dict[str, Any]], shown: dict[str, Any], period: timedelta) -> dict[str, Any]:
    """What the figures must be, from nothing but the activities' own fields."""
    now = when(shown["timestamp"])

    def since(begin: datetime) -> list[dict[str, Any]]:
        return [call for call in calls if when(call["timestamps"]["created"]) >= begin]

    created = since(now - period)
    waits: list[int] = []
    for call in calls:
        joined, waited = call["timestamps"]["joinQueue"], call["durations"]["queue"]
        if joined is None or when(joined) < now - period:
            continue
        waits.append(waited if waited is not None else max(0, int((now - when(joined)).total_seconds())))
    waiting = [call for call in calls if call["activityStatusName"] == "In Queue"]
    handled_s, handled = _handling(created)
    if not handled:
        handled_s, handled = _handling(since(now - timedelta(days=1)))
    working = shown["agents"]["loggedIn"] - shown["agents"]["paused"]
    estimate: int | None = None
    if working and shown["agents"]["ready"] and not waiting:
        estimate = 0
    elif working and handled:
        estimate = nearest((len(waiting) + 1) * handled_s, handled * working)
    return {
        "maxCallWaitingTime": max(waits, default=0),
        "averageWaitingTime": nearest(sum(waits), len(waits)) if waits else 0,
        "estimatedCallWaitingTime": estimate,
        "callsWaiting": len(waiting),
        "callsReceived": len([call for call in created if _came_here(call)]),
        "callsMissed": sum(call["activityStatusName"] == "Missed" for call in created),
        "callsOverflowed": sum(call["activityStatusName"] == "Overflowed" for call in created),
        "callsToVoicemail": sum(call["activityStatusName"] == "Voicemail" for call in created),
        "callsAbandonedInWorkflow": sum(call["activityStatusId"] == 4 for call in created),
        "callsAbandonedInQueue": sum(call["activityStatusId"] == 5 for call in created),
        "serviceLevel": _service_level(calls, now, period, shown["serviceLevelSeconds"]),
    }


def _came_here(call: dict[str, Any]) -> bool:
    """As a call, or from an agent or another queue into this one; who only comes back came before."""
    if call["parentActivityId"] is None:
        return True
    return call["timestamps"]["joinQueue"] is not None and call["legType"] != "return"


def _handling(calls: list[dict[str, Any]]) -> tuple[int, int]:
    """Seconds that agents were busy with calls that are over, and how many calls; who helps adds time, no call."""
    seconds = count = 0
    for call in calls:
        if call["agentId"] is not None and call["durations"]["interaction"] is not None:
            seconds += call["durations"]["interaction"]
            count += call["legType"] != "consult"
    return seconds, count


def _service_level(calls: list[dict[str, Any]], now: datetime, period: timedelta, within_s: float) -> float | None:
    in_time = late = 0
    for call in calls:
        joined, waited = call["timestamps"]["joinQueue"], call["durations"]["queue"]
        if joined is None or when(joined) < now - period:
            continue
        if waited is None:
            waited = int((now - when(joined)).total_seconds())
        in_time += call["timestamps"]["answered"] is not None and waited <= within_s
        late += waited > within_s or call["activityStatusName"] == "Missed"
    return round(in_time / (in_time + late), 4) if in_time + late else None


def recount_outbound(
    calls: list[dict[str, Any]], legs: dict[int, dict[str, Any]], shown: dict[str, Any], period: timedelta
) -> dict[str, Any]:
    begin = when(shown["timestamp"]) - period
    dialled = [c for c in calls if c["type"] != "call.manual" and when(c["timestamps"]["dialled"]) >= begin]
    live = sum(call["dialStatusId"] in (1, 7) for call in dialled)
    abandoned = sum(call["dialStatusId"] == 7 for call in dialled)
    delays = [legs[call["activityId"]]["connectDelayMs"] for call in dialled]
    known = [delay for delay in delays if delay is not None]
    return {
        "mode": "progressive",
        "linesInUse": sum(call["timestamps"]["hangUp"] is None for call in calls),
        "attempts": len(dialled),
        "liveAnswers": live,
        "abandoned": abandoned,
        "abandonmentRate": round(abandoned / live, 4) if live else None,
        "averageConnectDelayMs": nearest(sum(known), len(known)) if known else None,
    }


OPENED = {
    "inbound": {
        "callsReceived": "callsReceived",
        "callsMissed": "callsMissed",
        "callsOverflowed": "callsOverflowed",
        "callsToVoicemail": "callsToVoicemail",
        "callsAbandonedInWorkflow": "callsAbandonedInWorkflow",
        "callsAbandonedInQueue": "callsAbandonedInQueue",
    },
    "outbound": {"attempts": "attempts", "liveAnswers": "liveAnswers", "abandoned": "abandoned"},
}


async def open_figures(centre: Centre) -> None:
    """As many calls stand behind each figure of a campaign's page as it says."""
    for direction, campaign in (("inbound", centre.inbound), ("outbound", centre.outbound)):
        for period, length in PERIODS.items():
            shown = await statistics(centre, direction, period)
            figures = shown if direction == "inbound" else shown["dialler"]
            end = when(shown["timestamp"])
            of = {
                "campaignId": str(campaign),
                "from": (end - length).isoformat(),
                "to": (end + timedelta(seconds=1)).isoformat(),
                "limit": "1000",
            }
            for name, measure in OPENED[direction].items():
                answer = await centre.client.get(
                    "http://callfloor.test/reports/v1/calls", params={"measure": measure} | of
                )
                assert len(answer.json()["items"]) == figures[name], (direction, period, name)


async def compare(centre: Centre) -> dict[str, int]:
    """Every figure of both directions and periods against a recount; returns the day's largest, so that the test
    can see that there was something to count."""
    largest: dict[str, int] = {}
    for period, length in PERIODS.items():
        shown = await statistics(centre, "inbound", period)
        items = await every(centre, f"/activities?limit=1000&activityType=call.inbound&campaignId={centre.inbound}")
        expected = recount_inbound([item["data"] for item in items], shown, length)
        assert {name: shown[name] for name in expected} == expected, period
        for name, value in expected.items():
            largest[name] = max(largest.get(name, 0), value if isinstance(value, int) else 0)
        shown = await statistics(centre, "outbound", period)
        calls = await every(centre, f"/dialler/calls?limit=1000&campaignId={centre.outbound}")
        legs = await every(centre, f"/activities?limit=1000&campaignId={centre.outbound}")
        by_id = {leg["data"]["activityId"]: leg["data"] for leg in legs}
        expected = recount_outbound(calls, by_id, shown, length)
        assert shown["dialler"] == expected, period
        for name, value in expected.items():
            largest[name] = max(largest.get(name, 0), value if isinstance(value, int) else 0)
    return largest


@pytest.mark.parametrize("seed", range(4))
async def test_the_figures_of_a_day_equal_a_count_over_its_calls_at_every_moment(
    db: Database, centre: Centre, seed: int
) -> None:
    # whole minutes: a seed's day is then the same day whenever it runs, and has each of the figures below
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    begin = now - timedelta(hours=26)
    day = CallDay(db, centre, begin, now, seed)
    day.plan(110, await add_leads(db, centre, 60))
    await put_agents(db, centre, ["ready", "paused", "on-call"], now)
    moments: list[dict[str, int]] = []
    for share in (0.2, 0.5, 0.9, 0.97, 0.99, 1.0):
        await day.run_until(begin + (now - begin) * share)
        moments.append(await compare(centre))
        if share in (0.9, 1.0):
            await open_figures(centre)
    # the test compares something: every figure was above zero at one of the moments
    for name in (
        "callsWaiting", "callsReceived", "callsAbandonedInQueue", "linesInUse",
        "callsAbandonedInWorkflow", "abandoned", "averageConnectDelayMs", "callsMissed", "callsOverflowed",
        "callsToVoicemail",
    ):  # fmt: skip
        assert any(found[name] > 0 for found in moments), name
    await day.run_until(now + timedelta(hours=1))
    await compare(centre)


async def test_a_campaign_without_calls_has_zeros(centre: Centre) -> None:
    shown = await statistics(centre, "inbound")
    moment = shown.pop("timestamp")
    assert abs(datetime.now(UTC) - when(moment)) < timedelta(minutes=1)
    assert moment.endswith(("+10:00", "+11:00"))
    assert shown == {
        "campaignId": centre.inbound,
        "campaignName": "Support Inbound",
        "maxCallWaitingTime": 0,
        "averageWaitingTime": 0,
        "estimatedCallWaitingTime": None,
        "agents": {"loggedIn": 0, "ready": 0, "dialling": 0, "onCall": 0, "onWrap": 0, "paused": 0},
        "callsWaiting": 0,
        "callsReceived": 0,
        "callsAbandonedInWorkflow": 0,
        "callsAbandonedInQueue": 0,
        "callsMissed": 0,
        "callsOverflowed": 0,
        "callsToVoicemail": 0,
        "serviceLevelSeconds": 20.0,
        "serviceLevel": None,
        "timezone": "Australia/Sydney",
    }


async def test_outbound_figures_show_every_field_of_the_contract(db: Database, centre: Centre) -> None:
    ids = await add_leads(db, centre, 3)
    second = (await centre.client.post("/leads/lists", json={"listName": "Two", "campaignId": centre.outbound})).json()
    await centre.client.patch(f"/leads/lists/{second['listId']}", json={"inDialler": False, "weight": 5})
    await centre.client.put(f"/leads/{ids[2]}", json={"isCompleted": True})
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
    (call,) = await attempts.start(db, centre.organisation, [new_attempt(centre, ids[0])], now)
    assert call is not None
    shown = await statistics(centre, "outbound")
    assert when(shown["lists"][0].pop("lastDialledTimestamp")) == now
    created, updated = shown.pop("createdDate"), shown.pop("lastUpdated")
    assert created == updated
    assert when(created) <= when(shown.pop("timestamp"))
    assert shown == {
        "campaignId": centre.outbound,
        "campaignName": "Support Outbound",
        "agents": {"loggedIn": 0, "ready": 0, "dialling": 0, "onCall": 0, "onWrap": 0, "paused": 0},
        "isActive": True,
        "lists": [
            {
                "listId": centre.list_id,
                "listName": "List One",
                "inDialler": True,
                "weight": 1,
                "leads": 3,
                "dialable": 2,
                "completed": 1,
            },
            {
                "listId": second["listId"],
                "listName": "Two",
                "inDialler": False,
                "weight": 5,
                "leads": 0,
                "dialable": 0,
                "completed": 0,
                "lastDialledTimestamp": None,
            },
        ],
        "dialler": {
            "mode": "progressive",
            "linesInUse": 1,
            "attempts": 1,
            "liveAnswers": 0,
            "abandoned": 0,
            "abandonmentRate": None,
            "averageConnectDelayMs": None,
        },
        "registerWash": None,
        "timezone": "Australia/Sydney",
    }


async def test_agents_are_counted_by_their_state(db: Database, centre: Centre, other_centre: Centre) -> None:
    now = datetime.now(UTC)
    states: list[agents.AgentState] = ["ready", "ready", "dialling", "on-call", "on-wrap", "paused", "signed-out"]
    await put_agents(db, centre, states, now)
    await put_agents(db, other_centre, ["ready"], now)
    for direction in ("inbound", "outbound"):
        assert (await statistics(centre, direction))["agents"] == {
            "loggedIn": 6,
            "ready": 2,
            "dialling": 1,
            "onCall": 1,
            "onWrap": 1,
            "paused": 1,
        }


async def test_the_abandonment_rate_is_over_persons_who_answered(db: Database, centre: Centre) -> None:
    org, now = centre.organisation, datetime.now(UTC)
    calls = await attempts.start(db, org, [new_attempt(centre, lead) for lead in await add_leads(db, centre, 5)], now)
    ends = [DialStatus.ANSWERED, DialStatus.ANSWERED, DialStatus.ABANDONED, DialStatus.ANSWERING_MACHINE]
    for call, end in zip(calls, [*ends, DialStatus.BUSY], strict=True):
        assert call is not None
        await attempts.answered(db, org, call.attempt_id, now)
        await attempts.finish(db, org, call.attempt_id, attempts.Ended(end), now)
    dialler = (await statistics(centre, "outbound"))["dialler"]
    assert (dialler["attempts"], dialler["liveAnswers"], dialler["abandoned"]) == (5, 3, 1)
    assert dialler["abandonmentRate"] == 0.3333


async def test_the_estimated_wait_follows_queue_agents_and_handling_time(db: Database, centre: Centre) -> None:
    org, now = centre.organisation, datetime.now(UTC)

    async def call_at(at: datetime) -> int:
        leg = await inbound_call(db, org, centre.inbound, None, None, at)
        await activities.join_queue(db, org, leg, at)
        return leg

    async def estimate(period: str = "hour") -> int | None:
        return (await statistics(centre, "inbound", period))["estimatedCallWaitingTime"]

    first, second, _ = await put_agents(db, centre, ["on-call", "on-wrap", "paused"], now)
    # no call was handled within a day: nothing to estimate from
    assert await estimate() is None
    yesterday = await call_at(now - timedelta(hours=5))
    await answer(db, org, yesterday, first, now - timedelta(hours=5))
    await activities.hang_up(db, org, yesterday, now - timedelta(hours=5) + timedelta(seconds=100))
    assert await estimate() == 50
    waiting = await call_at(now - timedelta(seconds=30))
    assert await estimate() == 100
    await agents.show(db, org, second, "ready", None, now)
    assert await estimate() == 100
    await answer(db, org, waiting, first, now)
    assert await estimate() == 0
    await agents.show(db, org, second, "on-call", None, now)
    await activities.hang_up(db, org, waiting, now + timedelta(seconds=20))
    assert await estimate() == 10
    assert await estimate("day") == 30
    for agent in (first, second):
        await agents.show(db, org, agent, "signed-out", None, now)
    assert await estimate() is None


@pytest.mark.parametrize(("asked", "is_"), [("inbound", "outbound"), ("outbound", "inbound")])
async def test_figures_of_the_wrong_direction_are_refused_saying_which_it_is(
    centre: Centre, asked: str, is_: str
) -> None:
    campaign = centre.outbound if is_ == "outbound" else centre.inbound
    answer = await centre.client.get(f"/campaign/{campaign}/statistics/{asked}")
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/wrong-direction")
    assert is_ in answer.json()["detail"]


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
async def test_an_unknown_campaign_has_no_figures(centre: Centre, other_centre: Centre, direction: str) -> None:
    pick: Callable[[Centre], int] = lambda c: c.inbound if direction == "inbound" else c.outbound  # noqa: E731
    for campaign in (2**40, pick(other_centre)):
        answer = await centre.client.get(f"/campaign/{campaign}/statistics/{direction}")
        assert answer.status_code == 404


async def test_an_unknown_period_is_refused(centre: Centre) -> None:
    answer = await centre.client.get(f"/campaign/{centre.inbound}/statistics/inbound?period=week")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "period"
    assert (await centre.client.get(f"/campaign/{centre.inbound}/statistics/inbound?period=")).status_code == 200
