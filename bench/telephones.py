"""The floor with real calls: how many calls a second the driver places, how many recorded talks there are at once, and
what becomes of each. The testbed's Asterisk, SIPp as customers and agents, embedded PostgreSQL as it comes."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import time
import wave
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import httpx2
import msgspec
from asyncpg import Record

from bench.dialling import percentile
from bench.floor import FOLDER, Served, ToolMissing, served, show
from callfloor.clock import LoopClock
from callfloor.contract.codes import DialStatus
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import Ari, AriEvent, AriNode
from callfloor.telephony.asterisk.carrier import AsteriskCarrier
from callfloor.telephony.asterisk.setup import Setup
from callfloor.telephony.carrier import Answered, CallId, CarrierEvent, Cause, Ended, Line
from testbed import scenarios
from testbed.bed import Bed, bed
from testbed.programs import Missing

A_SECOND, SECONDS, HANGS_UP_S = 50, 20, 1.0
AGENT = "PJSIP/{agent}@agents"
# So many calls an agent takes; a call and its wrap-up are over after half a minute.
EACH, CALL_S = 4, 30.0
# Agents who begin one after another within the time of one call end their calls one after another too. As some dial or
# wrap up meanwhile, there are more of them.
SPREAD_S, MORE = 22.0, 1.3
SAMPLE_S, POLL_S = 0.5, 0.02
# How long a recording that is late is waited for: what was not fetched at first is looked for twice in 20 s.
LATE_S = 60.0
# The observer's own application, and the one event that it hears.
OBSERVER, GONE = "bench", "ChannelDestroyed"
NO_TALK = (DialStatus.ANSWERING_MACHINE, DialStatus.TELCO_ERROR)


class CallsLost(RuntimeError):
    """Calls without an end, or talks without a recording."""


def _node(bed: Bed) -> AriNode:
    return AriNode(bed.asterisk.url, bed.asterisk.user, bed.asterisk.password)


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


# The driver alone


async def _originated(bed: Bed) -> int:
    """How many calls were not answered and ended."""
    loop, total, done = asyncio.get_running_loop(), A_SECOND * SECONDS, asyncio.Event()
    asked, took, ended = dict[CallId, float](), list[float](), dict[CallId, Cause]()
    async with AsteriskCarrier(Setup((_node(bed),), agent=AGENT), LoopClock(loop)) as carrier:

        def dial(call: CallId) -> None:
            asked[call] = loop.time()
            number = scenarios.number(scenarios.SILENT, call)
            carrier.originate(Line(call, number, None, 20.0, detect_machines=False, record=False))

        def hear(event: CarrierEvent) -> None:
            if isinstance(event, Answered):
                took.append(1000 * (loop.time() - asked[event.call]))
                loop.call_later(HANGS_UP_S, carrier.hang_up, event.call)
            elif isinstance(event, Ended):
                ended[event.call] = event.cause
                if len(ended) == total:
                    done.set()

        carrier.listen(hear)
        while not all(node.connected for node in carrier.nodes):  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        for number in range(total):
            loop.call_later(number / A_SECOND, partial(dial, number + 1))
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS + 60):
                await done.wait()
    whole = sum(cause == "hang-up" for cause in ended.values())
    show(
        f"{A_SECOND} calls a second for {SECONDS} s, each answered and hung up {HANGS_UP_S:.0f} s later",
        f"{whole:,} of {total:,}; command → answered p50 {percentile(took, 0.5):.0f} ms,"
        f" p95 {percentile(took, 0.95):.0f} ms",
        _load(),
    )
    return total - whole


# The whole product


async def _prepare(db: Database, given: Served, agents: int) -> list[int]:
    """A campaign that records and looks for machines, as it does by default, and agents, who are returned. It dials
    as soon as one of them is ready."""
    await db.execute(
        "UPDATE campaigns SET dialling = $3 WHERE organisation_id = $1 AND campaign_id = $2",
        *(given.organisation, given.outbound, msgspec.json.encode({"regime": "none"}).decode()),
    )
    new = [
        leads.NewLead(
            organisation_id=given.organisation, list_id=given.list_id, data=msgspec.Raw(b"{}"), status_code=0,
            phone1=scenarios.number(scenarios.TALKS, number),
        )
        for number in range(EACH * agents)
    ]  # fmt: skip
    await leads.insert_many(db, new)
    people: list[int] = []
    for number in range(agents):
        agent = await db.fetchval(
            "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
            " VALUES ($1, 'agent', $2, 'Jane', 'Doe') RETURNING user_id",
            *(given.organisation, f"jane.{number}"),
        )
        await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", given.organisation, given.outbound, agent)
        people.append(agent)
    return people


async def _ready(db: Database, given: Served, people: Sequence[int], within_s: float) -> None:
    for agent in people:
        await db.execute(
            "INSERT INTO agent_states (organisation_id, agent_id, state, since) VALUES ($1, $2, 'ready', $3)",
            *(given.organisation, agent, datetime.now(UTC)),
        )
        await asyncio.sleep(within_s / len(people))


class Observer:
    """What can be seen from outside: when a customer's phone went down, the most talks at once, and when each
    activity's recording was downloaded and how long it is."""

    def __init__(self, db: Database, given: Served, ari: Ari) -> None:
        self._db, self._given, self._ari = db, given, ari
        self.gone: dict[CallId, float] = {}
        self.most = 0
        self.downloaded: dict[int, tuple[float, float]] = {}

    async def watch(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ari.listen(OBSERVER, self._hear, self._subscribe, lambda: None))
            group.create_task(self._count())
            group.create_task(self._download())

    async def _subscribe(self) -> None:
        await self._ari.request("PUT", f"applications/{OBSERVER}/eventFilter", body={"allowed": [{"type": GONE}]})
        # every channel
        await self._ari.post(f"applications/{OBSERVER}/subscription", eventSource="channel:")

    def _hear(self, event: AriEvent) -> None:
        name = names.read(event.channel.id) if event.channel is not None and event.type == GONE else None
        if name is not None and name.kind == "customer":
            self.gone[name.call] = time.time()

    async def _count(self) -> None:
        while True:
            bridges = await self._ari.bridges()
            self.most = max(self.most, sum(len(bridge.channels) > 1 for bridge in bridges))
            await asyncio.sleep(SAMPLE_S)

    async def _download(self) -> None:
        """Every recording through the API, as soon as there is one."""
        last = 0
        async with (
            httpx2.AsyncClient(base_url=self._given.api, headers=self._given.headers, timeout=30) as http,
            asyncio.TaskGroup() as group,
        ):
            while True:
                rows = await self._db.fetch(
                    "SELECT media_id, activity_id FROM media WHERE organisation_id = $1 AND media_id > $2"
                    " AND kind = 'recording' ORDER BY media_id",
                    *(self._given.organisation, last),
                )
                for row in rows:
                    last = row["media_id"]
                    group.create_task(self._get(http, last, row["activity_id"]))
                await asyncio.sleep(POLL_S)

    async def _get(self, http: httpx2.AsyncClient, media: int, activity: int) -> None:
        answer = await http.get(f"/media/{media}")
        at = time.time()
        with wave.open(io.BytesIO(answer.raise_for_status().content)) as sound:
            self.downloaded[activity] = at, sound.getnframes() / sound.getframerate()


LEFT_SQL = """
SELECT (SELECT count(*) FROM leads WHERE organisation_id = $1 AND (attempts = 0 OR in_flight_attempt_id IS NOT NULL))
    + (SELECT count(*) FROM attempts WHERE organisation_id = $1 AND hang_up_at IS NULL)"""
TALKS_SQL = """
SELECT t.attempt_id, t.dial_status, t.connect_delay_ms, t.hang_up_at AS ended_at, a.activity_id, a.answered_at,
    a.hang_up_at
FROM attempts t JOIN activities a ON a.organisation_id = t.organisation_id AND a.activity_id = t.activity_id
WHERE t.organisation_id = $1"""


async def _talk(bed: Bed, given: Served, agents: int, within_s: float) -> int:
    """How many calls are lost. `within_s`: in which the agents begin one after another; 0: all at once."""
    db = await Database.connect(given.dsn, size=4)
    async with Ari(_node(bed)) as ari:
        seen = Observer(db, given, ari)
        watching = asyncio.create_task(seen.watch())
        people = await _prepare(db, given, agents)
        await _ready(db, given, people, within_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * EACH * CALL_S):
                while await db.fetchval(LEFT_SQL, given.organisation):  # noqa: ASYNC110 - others make them
                    await asyncio.sleep(SAMPLE_S)
        load = _load()
        rows = await db.fetch(TALKS_SQL, given.organisation)
        talks = [row for row in rows if row["answered_at"] is not None and row["hang_up_at"] is not None]
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_S):
                while not all(row["activity_id"] in seen.downloaded for row in talks):  # noqa: ASYNC110
                    await asyncio.sleep(SAMPLE_S)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            # raises what the observer failed at
            await watching
    await db.close()
    how = f"begin within {within_s:.0f} s" if within_s else "begin, and end their calls, together"
    others = Counter(DialStatus(row["dial_status"]).name for row in rows if row["dial_status"] != DialStatus.ANSWERED)
    what = f"{EACH * agents} calls for {agents} agents who {how}"
    _report(seen, talks, what, ", ".join([load, *(f"{count} {name}" for name, count in others.items())]))
    # a person is taken for a machine now and then, and a call may fail: these have an end that says so
    ended = sum(row["ended_at"] is not None and row["dial_status"] in NO_TALK for row in rows)
    return EACH * agents - ended - sum(row["activity_id"] in seen.downloaded for row in talks)


def _report(seen: Observer, talks: Sequence[Record], what: str, besides: str) -> None:
    recorded = [row for row in talks if row["activity_id"] in seen.downloaded]
    delays = [row["connect_delay_ms"] for row in talks]
    off, off_there, noted, late = list[float](), list[float](), list[float](), list[float]()
    for row in recorded:
        at, seconds = seen.downloaded[row["activity_id"]]
        answered, hung_up = row["answered_at"].timestamp(), row["hang_up_at"].timestamp()
        off.append(1000 * abs(seconds - (hung_up - answered)))
        if (gone := seen.gone.get(row["attempt_id"])) is not None:
            off_there.append(1000 * abs(seconds - (gone - answered)))
            noted.append(1000 * max(0.0, hung_up - gone))
            late.append(1000 * (at - gone))
    show(what, f"{len(talks)} talks, {len(recorded)} recordings, at most {seen.most} recorded bridges at once", besides)
    show("person there → agent joined", _spread(delays), "connect delay in the books")
    show("recording against talk time", _spread(off), "activity answered → hung up, in the books")
    show("recording against talk time", _spread(off_there), "activity answered → end of the customer's channel")
    show("customer hung up → time of it in the books", _spread(noted), "from the end of the customer's channel")
    show("customer hung up → recording downloaded", _spread(late), "to the last byte of the WAV over the API")


def _spread(values: Sequence[float]) -> str:
    return (
        f"p50 {percentile(values, 0.5):,.0f} ms, p99 {percentile(values, 0.99):,.0f} ms,"
        f" largest {max(values, default=float('nan')):,.0f} ms of {len(values):,}"
    )


def _served(agents: int, within_s: float) -> int:
    with bed() as made:
        shutil.rmtree(FOLDER / "telephones", ignore_errors=True)
        settings = {
            "CARRIER": "asterisk",
            "ASTERISK_URLS": made.asterisk.url,
            "ASTERISK_USER": made.asterisk.user,
            "ASTERISK_PASSWORD": made.asterisk.password,
            "ASTERISK_AGENT": AGENT,
            "ASTERISK_INFORMATION": "sound:vm-goodbye",
            "SIMULATED_AGENTS": "true",
            # they wrap up within a second or so
            "CARRIER_PACE": "10",
        }
        with served("telephones", **{f"CALLFLOOR_{name}": value for name, value in settings.items()}) as given:
            return asyncio.run(_talk(made, given, agents, within_s))


def run(size: int) -> None:
    """`size`: recorded bridges at once."""
    try:
        # SIPp takes new ports for each call: each row has one of its own
        with bed() as made:
            lost = asyncio.run(_originated(made))
        lost += _served(round(MORE * size), SPREAD_S) + _served(size, 0.0)
    except Missing as error:
        raise ToolMissing(str(error)) from error
    if lost:
        raise CallsLost(f"{lost} calls have no end or no recording")
