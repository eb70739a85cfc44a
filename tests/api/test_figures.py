"""Figures of reports over HTTP: what is shown, what goes together, and whose they are."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import openpyxl
import pytest

from callfloor.contract.reports import Group
from callfloor.rules.figures import intervals
from callfloor.rules.figures.measures import GROUPS, groups_of, of_group
from callfloor.store.agents import agents
from callfloor.store.calls import activities
from callfloor.store.db.pool import Database
from callfloor.store.figures.report_counts import count_some
from callfloor.store.people import teams, tokens
from tests.conftest import Centre, client_for
from tests.factories import answer, inbound_call
from tests.store.call_day import put_agents
from tests.store.report_days import Story

FIGURES = "http://callfloor.test/reports/v1/figures"
# half past nine in Sydney
BEGIN = datetime(2026, 5, 3, 23, 30, tzinfo=UTC)
NOW = BEGIN + timedelta(days=2)
DAY = {"from": "2026-05-04", "to": "2026-05-05"}


async def asked(centre: Centre, **query: Any) -> Any:
    answer = await centre.client.get(FIGURES, params={**DAY, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(centre: Centre, **query: Any) -> dict[str, Any]:
    answer = await centre.client.get(FIGURES, params={**DAY, **query})
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"][0]


async def talk(
    db: Database, centre: Centre, agent: int, at: datetime, seconds: int, wrap_code: int | None = None
) -> None:
    """A caller waits ten seconds for an agent, is talked to and wrapped up within five."""
    org = centre.organisation
    leg = await inbound_call(db, org, centre.inbound, "+61491570156", "+61255501234", at)
    await activities.join_queue(db, org, leg, at)
    await answer(db, org, leg, agent, at + timedelta(seconds=10))
    over = at + timedelta(seconds=10 + seconds)
    await activities.hang_up(db, org, leg, over)
    await activities.wrap_up(db, org, leg, activities.WrapUp(wrap_code), over + timedelta(seconds=5))


async def test_a_day_by_the_hour_has_every_hour_and_adds_up(db: Database, centre: Centre) -> None:
    await talk(db, centre, centre.agent, BEGIN, 60)
    await talk(db, centre, centre.agent, BEGIN + timedelta(hours=3), 100)
    found = await asked(centre, interval="hour", measures="handled,talkTime,averageHandlingTime,serviceLevel")
    assert [row["begin"] for row in found["rows"][:2]] == ["2026-05-04T00:00:00+10:00", "2026-05-04T01:00:00+10:00"]
    assert len(found["rows"]) == 24
    assert found["rows"][9]["figures"] == {
        "handled": 1, "talkTime": 60, "averageHandlingTime": 65.0, "serviceLevel": 1.0,
    }  # fmt: skip
    assert found["rows"][0]["figures"]["averageHandlingTime"] is None
    assert found["total"] == {"handled": 2, "talkTime": 160, "averageHandlingTime": 85.0, "serviceLevel": 1.0}
    assert [each["name"] for each in found["measures"]] == list(found["total"])


async def test_a_day_that_the_clocks_make_longer_has_an_hour_more(centre: Centre) -> None:
    found = await asked(centre, **{"from": "2026-04-05", "to": "2026-04-06"}, interval="hour", measures="handled")
    hours = [row["begin"][11:] for row in found["rows"]]
    assert len(hours) == 25
    assert hours[2:4] == ["02:00:00+11:00", "02:00:00+10:00"]
    folded = await asked(centre, **{"from": "2026-04-05", "to": "2026-04-06"}, groupBy="hourOfDay", measures="handled")
    assert folded["rows"] == []


async def test_hours_of_the_day_are_added_up_over_days(db: Database, centre: Centre) -> None:
    for day in range(3):
        await talk(db, centre, centre.agent, BEGIN + timedelta(days=day), 60)
    found = await asked(centre, **{"from": "2026-05-01", "to": "2026-06-01"}, groupBy="hourOfDay", measures="handled")
    assert [(row["key"], row["figures"]["handled"]) for row in found["rows"]] == [(9, 3)]


@pytest.mark.parametrize("group", GROUPS)
async def test_what_goes_with_a_group_is_shown_and_the_rest_is_refused_with_what_does(
    centre: Centre, group: Group
) -> None:
    found = await asked(centre, groupBy=group)
    assert [each["name"] for each in found["measures"]] == of_group(group)
    everything = (await centre.client.get("http://callfloor.test/reports/v1/measures")).json()["measures"]
    for measure in (each for each in everything if group not in each["groups"]):
        error = await refused(centre, groupBy=group, measures=measure["name"])
        assert (error["code"], error["parameter"]) == ("not-with-group", "measures")
        assert of_group(group)[0] in error["message"]
    for measure in everything:
        assert tuple(measure["groups"]) == groups_of(measure["name"])


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ({"from": "2026-05-04T00:07:00"}, "from", "not-a-quarter"),
        ({"to": "2026-05-04T00:00:01"}, "to", "not-a-quarter"),
        ({"to": "2026-05-04"}, "to", "order"),
        ({"to": "2028-05-04"}, "to", "too-long"),
        ({"to": "2027-05-04", "interval": "quarter-hour"}, "interval", "too-many"),
        ({"groupBy": "hourOfDay", "interval": "day"}, "interval", "not-possible"),
        ({"measures": "handled,luck"}, "measures", "unknown"),
        ({"measures": ","}, "measures", "missing"),
        ({"campaignId": 2**62}, "campaignId", "not-found"),
        ({"agentId": 2**62}, "agentId", "not-found"),
        ({"teamId": 2**62}, "teamId", "not-found"),
        ({"zone": "campaign"}, "zone", "missing"),
    ],
)
async def test_what_cannot_be_is_named(centre: Centre, query: dict[str, Any], parameter: str, code: str) -> None:
    error = await refused(centre, **query)
    assert (error["parameter"], error["code"]) == (parameter, code)


async def test_an_agent_s_time_is_no_campaign_s(centre: Centre) -> None:
    error = await refused(centre, campaignId=centre.inbound, measures="occupancy")
    assert (error["parameter"], error["code"]) == ("measures", "not-with-filter")
    error = await refused(centre, agentId=centre.agent, measures="attempts")
    assert error["code"] == "not-with-filter"
    assert "occupancy" not in (await asked(centre, campaignId=centre.inbound))["total"]


async def test_time_and_its_parts_by_agent(db: Database, centre: Centre) -> None:
    own = db, centre.organisation, centre.agent
    await agents.make_ready(*own, BEGIN)
    await agents.show(*own, "on-call", None, BEGIN + timedelta(minutes=20), centre.inbound)
    await agents.show(*own, "paused", "lunch", BEGIN + timedelta(minutes=50))
    await agents.sign_out(*own, BEGIN + timedelta(minutes=70))
    found = await asked(
        centre, groupBy="agent", measures="signedIn,idle,onCall,paused,occupancy,utilisation,pausedByReason"
    )
    (row,) = found["rows"]
    assert (row["key"], row["name"]) == (centre.agent, "John Doe")
    assert row["figures"] == {
        "signedIn": 4200, "idle": 1200, "onCall": 1800, "paused": 1200, "occupancy": 0.6, "utilisation": 0.4286,
        "pausedByReason": [{"reason": "lunch", "seconds": 1200}],
    }  # fmt: skip
    quarters = await asked(centre, interval="quarter-hour", measures="signedIn")
    assert [row["figures"]["signedIn"] for row in quarters["rows"] if row["figures"]["signedIn"]] == [900] * 4 + [600]


async def put_team(
    db: Database, centre: Centre, name: str, leaders: list[int], members: list[int], since: datetime | None = None
) -> None:
    """Say who is in a team, since when; None: it has always been so."""
    await teams.put(db, centre.organisation, name, leaders, members)
    at = since or datetime(2020, 1, 1, tzinfo=UTC)
    for column in ("since", "until"):
        sql = f"UPDATE team_times SET {column} = $2 WHERE organisation_id = $1 AND {column} > now() - interval '1 hour'"
        await db.execute(sql, centre.organisation, at)


async def supervisor(db: Database, centre: Centre) -> httpx2.AsyncClient:
    scopes = ["reports:read", "workspace:supervise"]
    return client_for(
        centre.app, await tokens.create(db, centre.organisation, "supervisor", scopes, user_id=centre.user)
    )


async def test_a_supervisor_sees_its_own_teams_and_their_agents(db: Database, centre: Centre) -> None:
    others = await put_agents(db, centre, ["signed-out", "signed-out"], BEGIN)
    for agent in (centre.agent, *others):
        await talk(db, centre, agent, BEGIN, 30)
    await put_team(db, centre, "Day", [centre.user], [centre.agent])
    await put_team(db, centre, "Night", [], others)
    everyone = await asked(centre, groupBy="team", measures="handled")
    assert [(row["name"], row["figures"]["handled"]) for row in everyone["rows"]] == [("Day", 1), ("Night", 2)]
    async with await supervisor(db, centre) as client:
        for group, name in (("agent", "John Doe"), ("team", "Day")):
            found = (await client.get(FIGURES, params={**DAY, "groupBy": group, "measures": "handled"})).json()
            assert [(row["name"], row["figures"]["handled"]) for row in found["rows"]] == [(name, 1)]
            assert found["total"] == {"handled": 1}
        theirs = {**DAY, "agentId": others[0]}
        assert (await client.get(FIGURES, params=theirs)).json()["errors"][0]["parameter"] == "agentId"
        for agent, status in ((centre.agent, 200), (others[0], 404)):
            times = f"http://callfloor.test/reports/v1/agents/{agent}/times"
            assert (await client.get(times, params=DAY)).status_code == status
        # of no person
        found = (await client.get(FIGURES, params={**DAY, "groupBy": "queue", "measures": "handled"})).json()
        assert found["total"] == {"handled": 3}


async def test_who_is_in_two_teams_counts_in_each_and_once_in_all(db: Database, centre: Centre) -> None:
    await talk(db, centre, centre.agent, BEGIN, 30)
    for name in ("Early", "Late"):
        await put_team(db, centre, name, [], [centre.agent])
    found = await asked(centre, groupBy="team", measures="handled")
    assert [row["figures"]["handled"] for row in found["rows"]] == [1, 1]
    assert found["total"] == {"handled": 1}


async def test_a_team_has_what_its_agents_did_while_they_were_in_it(db: Database, centre: Centre) -> None:
    (other,) = await put_agents(db, centre, ["signed-out"], BEGIN)
    for hours in range(4):
        await talk(db, centre, centre.agent, BEGIN + timedelta(hours=hours), 30)
        await talk(db, centre, other, BEGIN + timedelta(hours=hours), 30)
    noon = BEGIN + timedelta(hours=2)
    await put_team(db, centre, "Day", [centre.user], [centre.agent, other])
    await put_team(db, centre, "Day", [centre.user], [centre.agent], noon)
    await put_team(db, centre, "Night", [], [other], noon)
    measures = {"measures": "handled,talkTime"}
    for counted in (False, True):
        while counted and await count_some(
            db, centre.organisation, ZoneInfo("Australia/Sydney"), NOW, intervals.floor(NOW), 60
        ):
            pass
        found = await asked(centre, groupBy="team", **measures)
        rows = {row["name"]: row["figures"]["handled"] for row in found["rows"]}
        assert (rows, found["total"]["handled"]) == ({"Day": 6, "Night": 2}, 8)
        for row in found["rows"]:
            assert await listed(centre.client, row["callsTemplate"], "handled") == row["figures"]["handled"]
            of = await asked(centre, teamId=row["key"], groupBy="agent", **measures)
            by_agent = {each["key"]: each["figures"]["handled"] for each in of["rows"]}
            assert by_agent == ({centre.agent: 4, other: 2} if row["name"] == "Day" else {other: 2})
            assert of["total"]["handled"] == row["figures"]["handled"]
    async with await supervisor(db, centre) as client:
        # whoever has left since is in the team's figures, and not in those of the supervisor's agents
        found = (await client.get(FIGURES, params={**DAY, "groupBy": "team", **measures})).json()
        assert [(row["name"], row["figures"]["handled"]) for row in found["rows"]] == [("Day", 6)]
        assert found["total"]["handled"] == 6
        assert await listed(client, found["rows"][0]["callsTemplate"], "handled") == 6
        found = (await client.get(FIGURES, params={**DAY, "groupBy": "agent", **measures})).json()
        assert {row["key"] for row in found["rows"]} == {centre.agent}
        night = (await teams.ids(db, centre.organisation))["Night"]
        answer = await client.get(FIGURES, params={**DAY, "teamId": night})
        assert answer.json()["errors"][0]["parameter"] == "teamId"


async def test_coming_and_going_within_a_quarter_hour_leaves_no_trace(db: Database, centre: Centre) -> None:
    org, agent = centre.organisation, centre.agent
    await teams.put(db, org, "Day", [], [agent])
    await db.execute("UPDATE team_times SET since = '2020-01-01' WHERE organisation_id = $1", org)
    await teams.put(db, org, "Day", [], [])
    assert await db.fetchval("SELECT until IS NOT NULL FROM team_times WHERE organisation_id = $1", org)
    await teams.put(db, org, "Day", [], [agent])
    await teams.put(db, org, "Night", [], [agent])
    await teams.put(db, org, "Night", [], [])
    (row,) = await db.fetch("SELECT * FROM team_times WHERE organisation_id = $1", org)
    assert (row["agent_id"], row["since"].year, row["until"]) == (agent, 2020, None)


async def test_another_organisation_sees_nothing_of_it(db: Database, centre: Centre, other_centre: Centre) -> None:
    await talk(db, centre, centre.agent, BEGIN, 30)
    await agents.make_ready(db, centre.organisation, centre.agent, BEGIN)
    for group in GROUPS:
        found = await asked(other_centre, groupBy=group)
        assert not any(value for value in found["total"].values()), group
    for name, value in (("campaignId", centre.inbound), ("agentId", centre.agent)):
        assert (await refused(other_centre, **{name: value}))["code"] == "not-found"


async def test_tables_hold_the_same_and_no_formula(db: Database, centre: Centre) -> None:
    await talk(db, centre, centre.agent, BEGIN, 60)
    await db.execute("UPDATE users SET first_name = '=1+1' WHERE user_id = $1", centre.agent)
    await agents.sign_in_paused(db, centre.organisation, centre.agent, BEGIN, "+lunch")
    await agents.sign_out(db, centre.organisation, centre.agent, BEGIN + timedelta(minutes=1))
    query = {**DAY, "groupBy": "agent", "measures": "handled,averageHandlingTime,pausedByReason"}
    shown = await asked(centre, **query)
    answer = await centre.client.get(FIGURES, params=query | {"format": "csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert 'filename="report-agent-2026-05-04-2026-05-05.csv"' in answer.headers["Content-Disposition"]
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert table[0][5:] == ["handled", "averageHandlingTime", "pausedByReason: +lunch"]
    assert table[1][2:4] == [str(centre.agent), "'=1+1 Doe"]
    assert [float(each) for each in table[1][5:]] == [1, shown["rows"][0]["figures"]["averageHandlingTime"], 60]
    assert table[2][2:] == ["total", "", "", "1", "65.0", "60"]
    by_accept = await centre.client.get(FIGURES, params=query, headers={"Accept": "text/csv"})
    assert by_accept.content == answer.content
    answer = await centre.client.get(FIGURES, params=query | {"format": "xlsx"})
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content))["Report"].iter_rows(values_only=True))
    assert rows[0][5:] == ("Handled", "Average handling time (s)", "Paused, by reason (s): +lunch")
    assert (str(rows[1][0]), rows[1][3], rows[1][5:]) == ("2026-05-04 00:00:00", "'=1+1 Doe", (1, 65, 60))


async def listed(client: httpx2.AsyncClient, template: str, measure: str) -> int:
    """How many are on all the pages of a row's link."""
    count, path = 0, template.replace("{&measure}", f"&measure={measure}&limit=7")
    while path:
        answer = await client.get(f"http://callfloor.test{path}")
        assert answer.status_code == 200, answer.text
        count += len({item["activityId"] for item in answer.json()["items"]})
        path = answer.json()["metadata"]["nextUri"]
    return count


async def test_each_figure_lists_what_it_counts(db: Database, centre: Centre) -> None:
    begin = BEGIN.replace(minute=0)
    story = await Story.of(db, centre, begin, begin + timedelta(hours=8), 3)
    await story.run_until(begin + timedelta(hours=9))
    period = {"from": begin.isoformat(), "to": (begin + timedelta(hours=9)).isoformat()}
    seen: set[str] = set()
    for group in GROUPS:
        found = await asked(centre, **period, groupBy=group)
        counts = [each["name"] for each in found["measures"] if each["calls"]]
        for row in found["rows"]:
            nobody = row["key"] is None and group not in ("none", "wrapCode")
            assert (row["callsTemplate"] is None) == (group == "hourOfDay" or nobody)
            for measure in counts if row["callsTemplate"] else ():
                count = row["figures"][measure]
                assert await listed(centre.client, row["callsTemplate"], measure) == count, (group, row, measure)
                seen |= {measure} if count else set()
    assert len(seen) > 18


async def test_only_what_counts_has_a_list(centre: Centre) -> None:
    for measure in ("talkTime", "luck"):
        answer = await centre.client.get("http://callfloor.test/reports/v1/calls", params=DAY | {"measure": measure})
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "measure")
