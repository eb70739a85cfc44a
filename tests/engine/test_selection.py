"""What the dialler dials, out of the database, and that it is what the explanation says."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from asyncpg import Record

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.contract.workspace import Refusal
from callfloor.engine.campaigns import CampaignSettings, plan_of
from callfloor.engine.leads.explain import Explained, explain
from callfloor.engine.leads.selection import Selection
from callfloor.floor.plan import CampaignKey, Claimed, Preview
from callfloor.floor.ports.records import Claim
from callfloor.rules.evidence.packing import unpack
from callfloor.store.calls import attempts
from callfloor.store.db import leases
from callfloor.store.db.pool import Database
from callfloor.store.leads import dial_order
from callfloor.store.privacy import do_not_call
from callfloor.store.setup import campaigns
from tests.conftest import Centre
from tests.store.call_day import add_leads

NUMBERS = ("+61491570006", "+61491570156", "+61491570157", "+61491570158", "+12025550123", "+447700900123", None)
ZONES = (None, None, "Australia/Perth", "Europe/London", "America/New_York", "Pacific/Auckland")
# Wednesday noon in Sydney
NOON = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)


class Dialler:
    """Selection as an engine that leads the campaign uses it, its calls over at once."""

    def __init__(self, db: Database, centre: Centre, engine: UUID) -> None:
        self._db, self._centre, self._engine = db, centre, engine
        self.key = CampaignKey(centre.organisation, centre.outbound)
        self._campaigns: dict[CampaignKey, CampaignSettings] = {}
        self._selection = Selection(db, engine, self._campaigns, lambda _: {})

    async def open(self, at: datetime) -> CampaignSettings:
        setup = await campaigns.get(self._db, *self.key)
        assert setup is not None
        self._campaigns[self.key] = CampaignSettings(setup, plan_of(setup))
        await leases.take(self._db, *self.key, self._engine, at)
        return self._campaigns[self.key]

    async def claim(
        self, count: int, at: datetime, agents: Sequence[int] | None = None, *, reserved: bool = False
    ) -> list[Claimed]:
        """`agents`: who is free; None: everybody."""
        settings = self._campaigns[self.key]
        free = sorted(settings.setup.agents) if agents is None else agents
        claim = Claim(settings.plan, count, free, reserved, None)
        return await self._selection.claim(claim, at.timestamp())

    async def over(self, call: Claimed, status: DialStatus, at: datetime) -> None:
        """The call ends."""
        record = await attempts.lead_record(self._db, self.key.organisation, call.call, status)
        ended = self._selection.ended(self.key, status, record, at)
        await attempts.finish(self._db, self.key.organisation, call.call, ended, at)

    async def preview(self, agent: int, at: datetime) -> Preview | None:
        return await self._selection.preview(self._campaigns[self.key].plan, agent, at.timestamp())

    async def start(self, lead: Preview, agent: int, at: datetime) -> Claimed | Refusal:
        return await self._selection.start(self._campaigns[self.key].plan, lead, agent, at.timestamp())

    async def skip(self, lead: Preview, agent: int, at: datetime, *, keep_promise: bool = False) -> None:
        plan = self._campaigns[self.key].plan
        await self._selection.skip(plan, lead, agent, "not suitable", at.timestamp(), keep_promise=keep_promise)

    async def by_hand(self, number: str, agent: int, lead: int, at: datetime) -> Claimed:
        plan = self._campaigns[self.key].plan
        placed = await self._selection.by_hand(plan, agent, number, lead, at.timestamp())
        assert isinstance(placed, Claimed)
        return placed

    async def every(self, at: datetime) -> list[int]:
        """The leads that the dialler dials at one moment, one after the other, until there is none."""
        found: list[int] = []
        while claimed := await self.claim(1, at):
            found += [each.lead for each in claimed]
        return found


@pytest.fixture
async def dialler(db: Database, centre: Centre) -> Dialler:
    return Dialler(db, centre, uuid4())


async def explanation(db: Database, centre: Centre, lead_id: int, at: datetime) -> Explained:
    found = await explain(db, centre.organisation, lead_id, at)
    assert found is not None
    return found


async def set_dialling(db: Database, centre: Centre, **settings: object) -> None:
    await db.execute(
        "UPDATE campaigns SET dialling = $3 WHERE organisation_id = $1 AND campaign_id = $2",
        *(centre.organisation, centre.outbound, msgspec.json.encode({"regime": "none"} | settings).decode()),
    )


async def random_campaign(db: Database, centre: Centre, luck: random.Random) -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    hours = luck.choice([None, {day: [luck.choice(["08:00-20:00", "20:00-02:00", "09:30-12:00"])] for day in days}])
    await db.execute(
        "UPDATE campaigns SET calling_hours = $3, max_attempts = $4, timezone = $5"
        " WHERE organisation_id = $1 AND campaign_id = $2",
        *(centre.organisation, centre.outbound, None if hours is None else msgspec.json.encode(hours).decode()),
        *(luck.choice([2, 10]), luck.choice(["Australia/Sydney", "Europe/London"])),
    )
    settings: dict[str, object] = {"regime": luck.choice(["none", "AU", "US"])}
    if luck.random() < 0.5:
        settings |= {"maxAttemptsPerDay": luck.choice([1, 2])}
    if luck.random() < 0.5:
        settings |= {"maxAttemptsPerNumber": luck.choice([1, 2])}
    if luck.random() < 0.5:
        settings |= {"strategy": "hard"}
        outcomes = {
            LeadStatus.BUSY: {"recycleMinutes": 5, "priority": luck.randint(-2, 3)},
            LeadStatus.NO_ANSWER: {"recycleMinutes": None},
            LeadStatus.NEW: {"recycleMinutes": 0, "priority": luck.randint(-2, 3)},
        }
        await db.execute(
            "INSERT INTO strategies (organisation_id, name, outcomes) VALUES ($1, 'hard', $2)",
            *(centre.organisation, msgspec.json.encode(outcomes).decode()),
        )
    await set_dialling(db, centre, **settings)


async def random_leads(db: Database, centre: Centre, luck: random.Random, at: datetime) -> list[int]:
    lists = [centre.list_id]
    for weight in (luck.randint(0, 5), luck.randint(1, 5)):
        lists.append(
            await db.fetchval(
                "INSERT INTO lists (organisation_id, campaign_id, name, weight, in_dialler)"
                " VALUES ($1, $2, $3, $4, $5) RETURNING list_id",
                *(centre.organisation, centre.outbound, f"List {len(lists) + 1}", weight, luck.random() < 0.8),
            )
        )
    ids: list[int] = []
    for list_id in lists:
        ids += await add_leads(db, centre, 14, list_id=list_id)
    statuses = [int(each) for each in LeadStatus if each is not LeadStatus.COMPLETED]
    numbers = unlike(luck)
    given: list[str] = []
    for lead_id in ids:
        # a lead may have a number twice, another lead may not: it would wait for this one's call
        phones = luck.choices([next(numbers), next(numbers), None], k=3)
        given += [phone for phone in phones if phone is not None]
        due = luck.choice([None, None, timedelta(hours=-3), timedelta(hours=-1), timedelta(minutes=40)])
        tried = [luck.choice([0, 0, 1, 2]) for _ in range(3)]
        await db.execute(
            """UPDATE leads SET status_code = $3, phone1 = $4, phone2 = $5, phone3 = $6, timezone = $7,
                next_attempt_at = $8, agent_id = $9, phone1_attempts = $10, phone2_attempts = $11,
                phone3_attempts = $12, attempts = $13, phone1_dial_status = $14, abandoned_at = $15
            WHERE organisation_id = $1 AND lead_id = $2""",
            *(centre.organisation, lead_id, luck.choice([0, 0, 0, *statuses]), *phones),
            *(luck.choice(ZONES), None if due is None else at + due, luck.choice([None, None, centre.agent])),
            *(*tried, sum(tried), luck.choice([None, DialStatus.DISCONNECTED]) if tried[0] else None),
            luck.choice([None, None, at - timedelta(hours=1)]),
        )
    key = await db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", centre.organisation)
    for number in luck.sample(given, 8):
        await do_not_call.add(db, centre.organisation, key, number, at)
    return ids


def unlike(luck: random.Random) -> Iterator[str]:
    """Numbers kept for fiction in three countries, no two alike."""
    kinds = [
        iter([f"+6125550{number:04d}" for number in range(1000)]),
        iter([f"+44770090{number:04d}" for number in range(1000)]),
        iter([f"+1202555{number:04d}" for number in range(100, 200)]),
    ]
    while True:
        yield next(luck.choice(kinds))


@pytest.mark.parametrize("seed", range(16))
async def test_what_is_explained_is_what_is_dialled_in_its_order(
    db: Database, centre: Centre, dialler: Dialler, seed: int
) -> None:
    luck = random.Random(seed)
    at = NOON + timedelta(minutes=luck.randrange(0, 7 * 24 * 60))
    await random_campaign(db, centre, luck)
    ids = await random_leads(db, centre, luck, at)
    await dialler.open(at)
    said = {lead_id: await explanation(db, centre, lead_id, at) for lead_id in ids}
    lists = {
        row["lead_id"]: row["list_id"]
        for row in await db.fetch("SELECT lead_id, list_id FROM leads WHERE organisation_id = $1", centre.organisation)
    }
    later = sorted({each.verdict.next_dial_at for each in said.values() if each.verdict.next_dial_at} - {at})
    dialled = await dialler.every(at)
    assert set(dialled) == {lead_id for lead_id, each in said.items() if each.verdict.dialable}
    for list_id in set(lists.values()):
        order = [lead_id for lead_id in dialled if lists[lead_id] == list_id]
        assert [said[lead_id].position for lead_id in order] == list(range(1, len(order) + 1))
    if later:
        # at the next time that was told for a lead, and not a second before
        assert await dialled_at(db, centre, later[0] - timedelta(seconds=1)) == []
        due = {lead_id for lead_id, each in said.items() if each.verdict.next_dial_at == later[0]}
        assert due <= set(await dialled_at(db, centre, later[0]))


async def dialled_at(db: Database, centre: Centre, at: datetime) -> list[int]:
    dialler = Dialler(db, centre, uuid4())
    await dialler.open(at)
    return await dialler.every(at)


async def test_lists_are_dialled_by_their_weight(db: Database, centre: Centre, dialler: Dialler) -> None:
    lists = {centre.list_id: 1}
    for weight in (3, 6):
        lists[
            await db.fetchval(
                "INSERT INTO lists (organisation_id, campaign_id, name, weight) VALUES ($1, $2, $3, $4)"
                " RETURNING list_id",
                *(centre.organisation, centre.outbound, f"List {weight}", weight),
            )
        ] = weight
    of: dict[int, int] = {}
    for list_id in lists:
        of |= dict.fromkeys(await add_leads(db, centre, 60, list_id=list_id), list_id)
    await db.execute("UPDATE lists SET weight = 1 WHERE list_id = $1", centre.list_id)
    await dialler.open(NOON)
    counts = dict.fromkeys(lists, 0)
    for round_ in range(1, 11):
        for claimed in await dialler.claim(10, NOON):
            counts[of[claimed.lead]] += 1
        assert all(abs(counts[each] - round_ * lists[each]) <= 1 for each in lists)
        if round_ * 6 >= 60:
            break


async def test_leads_far_behind_many_that_sleep_are_found(db: Database, centre: Centre, dialler: Dialler) -> None:
    await set_dialling(db, centre, regime="AU")
    ids = await add_leads(db, centre, 3000)
    await db.execute("UPDATE leads SET timezone = 'Europe/London' WHERE lead_id = ANY($1::bigint[])", ids[:-2])
    await db.execute("UPDATE leads SET timezone = 'Australia/Sydney' WHERE lead_id = ANY($1::bigint[])", ids[-2:])
    await dialler.open(NOON)
    assert [each.lead for each in await dialler.claim(5, NOON)] == ids[-2:]


async def test_two_engines_that_both_believe_to_lead_dial_no_lead_twice(db: Database, centre: Centre) -> None:
    ids = await add_leads(db, centre, 40)
    first, second = Dialler(db, centre, uuid4()), Dialler(db, centre, uuid4())
    await first.open(NOON)
    await second.open(NOON)
    # the fence: only who took the lease last may write
    assert await first.claim(10, NOON) == []
    assert await second.every(NOON) == ids


async def test_a_lead_that_changes_between_judgement_and_attempt_is_left(
    db: Database, centre: Centre, dialler: Dialler
) -> None:
    ids = await add_leads(db, centre, 3)
    await dialler.open(NOON)
    await attempts.start(
        db,
        centre.organisation,
        [attempts.NewAttempt(campaign_id=centre.outbound, lead_id=ids[0], phone_index=1, phone_number="+61491570156",
                             mode="progressive")],
        NOON,
    )  # fmt: skip
    assert [each.lead for each in await dialler.claim(5, NOON)] == ids[1:]


async def test_due_callbacks_come_first_and_an_agent_s_own_only_to_that_agent(
    db: Database, centre: Centre, dialler: Dialler
) -> None:
    fresh, queue, own, later = await add_leads(db, centre, 4)
    for lead_id, status, due, agent in (
        (queue, LeadStatus.CALLBACK_QUEUE, NOON - timedelta(minutes=5), None),
        (own, LeadStatus.CALLBACK_AGENT, NOON - timedelta(minutes=10), centre.agent),
        (later, LeadStatus.CALLBACK_QUEUE, NOON + timedelta(minutes=5), None),
    ):
        await db.execute(
            "UPDATE leads SET status_code = $2, next_attempt_at = $3, agent_id = $4 WHERE lead_id = $1",
            *(lead_id, status, due, agent),
        )
    await dialler.open(NOON)
    # its agent is not free: the callback waits, the others do not
    assert [each.lead for each in await dialler.claim(1, NOON, [])] == [queue]
    (call,) = await dialler.claim(1, NOON, [centre.agent])
    assert (call.lead, call.agent) == (own, centre.agent)
    assert [each.lead for each in await dialler.claim(5, NOON, [centre.agent])] == [fresh]


async def test_phones_are_tried_in_turn_and_one_that_is_gone_no_more(
    db: Database, centre: Centre, dialler: Dialler
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    numbers = ("+61491570156", "+61491570157", "+61491570158")
    await db.execute("UPDATE leads SET phone1 = $2, phone2 = $3, phone3 = $4 WHERE lead_id = $1", lead_id, *numbers)
    await dialler.open(NOON)
    at, dialled = NOON, list[str]()
    for status in (DialStatus.NO_ANSWER, DialStatus.DISCONNECTED, DialStatus.BUSY, DialStatus.NO_ANSWER):
        (call,) = await dialler.claim(1, at)
        dialled.append(call.number)
        await dialler.over(call, status, at + timedelta(seconds=20))
        at += timedelta(hours=2)
    assert dialled == [numbers[0], numbers[1], numbers[2], numbers[0]]
    (call,) = await dialler.claim(1, at)
    assert call.number == numbers[2]


async def test_a_lead_that_is_skipped_rests_as_the_strategy_of_its_own_list_says(
    db: Database, centre: Centre, dialler: Dialler
) -> None:
    outcomes = {LeadStatus.NO_RESULT: {"recycleMinutes": 7}}
    await db.execute(
        "INSERT INTO strategies (organisation_id, name, outcomes) VALUES ($1, 'soft', $2)",
        *(centre.organisation, msgspec.json.encode(outcomes).decode()),
    )
    other = await db.fetchval(
        "INSERT INTO lists (organisation_id, campaign_id, name, strategy) VALUES ($1, $2, 'Soft', 'soft')"
        " RETURNING list_id",
        *(centre.organisation, centre.outbound),
    )
    (lead_id,) = await add_leads(db, centre, 1, list_id=other)
    await dialler.open(NOON)
    lead = await dialler.preview(centre.agent, NOON)
    assert lead is not None
    assert await dialler.preview(centre.agent, NOON) is None, "nobody else looks at it meanwhile"
    await dialler.skip(lead, centre.agent, NOON)
    due = await db.fetchval("SELECT next_attempt_at FROM leads WHERE lead_id = $1", lead_id)
    assert due == NOON + timedelta(minutes=7)


@pytest.mark.parametrize("status", [LeadStatus.CALLBACK_QUEUE, LeadStatus.CALLBACK_AGENT, LeadStatus.NEW])
async def test_a_callback_whose_agent_goes_is_due_when_it_was_promised(
    db: Database, centre: Centre, dialler: Dialler, status: LeadStatus
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    agent = centre.agent if status is LeadStatus.CALLBACK_AGENT else None
    promised = NOON - timedelta(minutes=3)
    await db.execute(
        "UPDATE leads SET status_code = $2, agent_id = $3, next_attempt_at = $4 WHERE lead_id = $1",
        *(lead_id, status, agent, promised),
    )
    await dialler.open(NOON)
    lead = await dialler.preview(centre.agent, NOON)
    assert lead is not None
    await dialler.skip(lead, centre.agent, NOON, keep_promise=True)
    due = await db.fetchval("SELECT next_attempt_at FROM leads WHERE lead_id = $1", lead_id)
    assert due == (NOON + timedelta(minutes=30) if status is LeadStatus.NEW else promised)
    again = await dialler.preview(centre.agent, NOON + timedelta(seconds=1))
    assert (again is None) is (status is LeadStatus.NEW)


KEPT, LATER, DIALLED = "kept", "kept, a little later", "as any other call"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("status", [LeadStatus.CALLBACK_QUEUE, LeadStatus.CALLBACK_AGENT])
@pytest.mark.parametrize(
    ("due", "ended", "becomes"),
    [
        # the engine died before it was placed, its agent left, lines were let go
        (-HOUR, DialStatus.CANCELLED, KEPT),
        (-HOUR, DialStatus.REFUSED, KEPT),
        (-HOUR, DialStatus.TELCO_ERROR, LATER),
        (-HOUR, DialStatus.NO_ANSWER, DIALLED),
        (-HOUR, DialStatus.BUSY, DIALLED),
        (-HOUR, DialStatus.ANSWERED, DIALLED),
        # called by hand before the time that was promised
        (HOUR, DialStatus.NO_ANSWER, KEPT),
        (HOUR, DialStatus.ANSWERING_MACHINE, KEPT),
        (HOUR, DialStatus.CANCELLED, KEPT),
        (HOUR, DialStatus.ANSWERED, DIALLED),
    ],
)
async def test_a_callback_about_which_nobody_was_spoken_to_is_kept(
    db: Database,
    centre: Centre,
    dialler: Dialler,
    status: LeadStatus,
    due: timedelta,
    ended: DialStatus,
    becomes: str,
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    agent = centre.agent if status is LeadStatus.CALLBACK_AGENT else None
    await db.execute(
        "UPDATE leads SET status_code = $2, agent_id = $3, next_attempt_at = $4 WHERE lead_id = $1",
        *(lead_id, status, agent, NOON + due),
    )
    await dialler.open(NOON)
    if due > timedelta():
        call = await dialler.by_hand("+61491570156", centre.agent, lead_id, NOON)
    else:
        (call,) = await dialler.claim(1, NOON)
    at = NOON + timedelta(seconds=20)
    if ended is DialStatus.ANSWERED:
        await attempts.answered(db, centre.organisation, call.call, NOON)
        await attempts.connected(db, centre.organisation, call.call, centre.agent, NOON)
    await dialler.over(call, ended, at)
    row = await db.fetchrow("SELECT * FROM leads WHERE lead_id = $1", lead_id)
    assert row is not None
    assert row["last_dial_status"] == ended
    if becomes == DIALLED:
        assert row["status_code"] not in (LeadStatus.CALLBACK_QUEUE, LeadStatus.CALLBACK_AGENT)
        return
    later = timedelta(minutes=5, seconds=20) if becomes == LATER else due
    assert (row["status_code"], row["agent_id"], row["next_attempt_at"]) == (status, agent, NOON + later)
    assert row["completed_at"] is None
    dialled = await dialler.claim(1, max(at, NOON + later), reserved=status is LeadStatus.CALLBACK_AGENT)
    assert [each.lead for each in dialled] == [lead_id], "it is dialled again"


async def test_a_callback_that_is_kept_is_the_queue_s_when_its_agent_is_gone(
    db: Database, centre: Centre, dialler: Dialler
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    await db.execute(
        "UPDATE leads SET status_code = 10, agent_id = $2, next_attempt_at = $3 WHERE lead_id = $1",
        *(lead_id, centre.agent, NOON),
    )
    await dialler.open(NOON)
    (call,) = await dialler.claim(1, NOON)
    await db.execute("UPDATE users SET account_active = false WHERE user_id = $1", centre.agent)
    await dialler.over(call, DialStatus.CANCELLED, NOON)
    row = await db.fetchrow("SELECT status_code, agent_id, next_attempt_at FROM leads WHERE lead_id = $1", lead_id)
    assert row is not None
    assert tuple(row.values()) == (LeadStatus.CALLBACK_QUEUE, None, NOON)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE leads SET completed_at = now() WHERE lead_id = $1", "completed"),
        ("UPDATE leads SET status_code = 11 WHERE lead_id = $1", "do-not-call|Do Not Call"),
        ("UPDATE leads SET next_attempt_at = '2099-01-01' WHERE lead_id = $1", "2099"),
        ("UPDATE leads SET phone1 = NULL WHERE lead_id = $1", "phone"),
        ("DELETE FROM leads WHERE lead_id = $1", "gone"),
        ("UPDATE lists l SET in_dialler = false FROM leads e WHERE e.lead_id = $1 AND l.list_id = e.list_id", "list"),
        (None, "do-not-call"),
    ],
)
async def test_a_lead_that_is_accepted_and_may_not_be_called_any_more_is_refused_with_the_reason(
    db: Database, centre: Centre, dialler: Dialler, change: str | None, why: str
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    await dialler.open(NOON)
    lead = await dialler.preview(centre.agent, NOON)
    assert lead is not None
    if change is None:
        key = await do_not_call.key(db, centre.organisation)
        await do_not_call.add(db, centre.organisation, key, "+61491570156", NOON)
    else:
        await db.execute(change, lead_id)
    await dialler.open(NOON)
    refused = await dialler.start(lead, centre.agent, NOON)
    assert isinstance(refused, Refusal)
    assert refused.code == "refused-number"
    assert re.search(why, refused.detail), refused.detail


async def test_a_regime_keeps_the_holidays_of_its_own_country(db: Database, centre: Centre, dialler: Dialler) -> None:
    """An Australian centre that calls into the United Kingdom."""
    await set_dialling(db, centre, regime="GB")
    setup = (await dialler.open(NOON)).setup
    assert (setup.facts.holidays, setup.facts.abandoned_rest) == ("GB", timedelta(hours=72))
    await set_dialling(db, centre, regime="AU")
    assert (await dialler.open(NOON)).setup.facts.holidays == "AU"
    await set_dialling(db, centre, regime="US")
    assert (await dialler.open(NOON)).setup.facts.holidays is None


async def test_the_evidence_of_an_attempt_says_why_it_was_allowed(
    db: Database, centre: Centre, dialler: Dialler
) -> None:
    await set_dialling(db, centre, regime="AU", maxAttemptsPerDay=2)
    (lead_id,) = await add_leads(db, centre, 1)
    await db.execute("UPDATE leads SET timezone = 'Australia/Perth' WHERE lead_id = $1", lead_id)
    await dialler.open(NOON)
    (call,) = await dialler.claim(1, NOON)
    row = await db.fetchrow("SELECT packed FROM evidence WHERE attempt_id = $1", call.call)
    assert row is not None
    said = msgspec.json.decode(unpack(row["packed"]))
    assert said["localTimes"]["Australia/Perth"].startswith("2026-11-18T09:00:00+08:00")
    assert "Australia/Perth" in said["rules"]["contact-window"]
    assert said["doNotCallCheckedAt"].startswith("2026-11-18T01:00:00")
    assert (said["attemptsBefore"], said["maxAttemptsPerDay"], said["maxAttemptsPerNumber"]) == (0, 2, None)
    assert (said["regime"], said["agentReserved"], said["pacing"]) == ("AU", False, None)
    assert call.number not in unpack(row["packed"])


async def test_a_number_that_is_blocked_while_leads_are_chosen_is_passed_over(
    db: Database, centre: Centre, dialler: Dialler, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = await add_leads(db, centre, 3)
    settings = await dialler.open(NOON)
    held = dial_order.lock_unchanged
    (blocked,) = await db.fetch("SELECT phone1 FROM leads WHERE lead_id = $1", leads[0])

    async def lock_unchanged(database: Database, organisation: int, rows: Sequence[Record]) -> frozenset[int]:
        """The moment between the judgement and the attempt."""
        await do_not_call.add(database, organisation, settings.setup.hash_key, blocked["phone1"], NOON)
        return await held(database, organisation, rows)

    monkeypatch.setattr(dial_order, "lock_unchanged", lock_unchanged)
    assert [each.lead for each in await dialler.claim(3, NOON)] == leads[1:]
    monkeypatch.undo()
    assert await dialler.every(NOON) == []
