"""Rules held against the floor of a database: written once, told once, by whichever process looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from asyncpg import Record

from callfloor.contract.alerts import AlertRule
from callfloor.contract.mailboxes import Account
from callfloor.jobs.watching.alerts import LOOK, Watch
from callfloor.mail.report_outbox import ReportOutbox
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts
from callfloor.store.figures.floor_alarms import Alarm, raise_alarm
from tests.api.desks import wait_in_queue
from tests.conftest import Centre
from tests.mail.post import make_mailbox
from tests.mail.servers import LOCAL, Taker, taking

START = datetime.now(UTC).replace(microsecond=0)
JO = "jo.lee@example.com"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
async def _alone(db: Database, centre: Centre) -> None:
    """No rules and alarms of earlier tests' organisations, and no engine that would be missed."""
    await db.execute("DELETE FROM alert_rules")
    await db.execute("DELETE FROM alert_watches")
    await db.execute("DELETE FROM floor_nodes")
    await db.execute("DELETE FROM floor_alarms")
    await db.execute("UPDATE alerts SET cleared_at = fired_at WHERE cleared_at IS NULL")
    await rule(db, centre, name="Led", kind="not-led", threshold=None, active=False)


async def rule(db: Database, centre: Centre, **given: Any) -> None:
    usual: dict[str, Any] = {"kind": "callers-waiting", "threshold": 1, "after_s": 10, "clear_s": 10}
    made = AlertRule(**{"name": "Waits"} | usual | given)
    await alerts.put_rule(db, centre.organisation, made, {"Support Inbound": centre.inbound})


async def found(db: Database, centre: Centre) -> list[Record]:
    return await alerts.page(db, centre.organisation, START, None, 0, None, None, 10)


async def hang_up(db: Database, centre: Centre, when: datetime) -> None:
    sql = "UPDATE activities SET left_queue_at = $2, hang_up_at = $2 WHERE organisation_id = $1"
    await db.execute(sql, centre.organisation, when)


async def test_two_processes_and_a_restart_write_an_alert_once_and_end_it(db: Database, centre: Centre) -> None:
    await rule(db, centre)
    await wait_in_queue(db, centre, at(-5))
    one, other = Watch(db), Watch(db)
    await asyncio.gather(one.round(at(0)), other.round(at(0)))
    assert one.looks + other.looks == 1
    # nobody looks again so soon
    await other.round(at(0) + LOOK / 2)
    assert one.looks + other.looks == 1
    assert await found(db, centre) == []
    # another process goes on from what was found
    await Watch(db).round(at(10))
    (alert,) = await found(db, centre)
    assert (alert["rule"], alert["about"], alert["value"]) == ("Waits", "Support Inbound", 1)
    assert (alert["fired_at"], alert["cleared_at"]) == (at(10), None)
    await Watch(db).round(at(20))
    await hang_up(db, centre, at(21))
    for seconds in (25, 30, 35):
        await Watch(db).round(at(seconds))
    (alert,) = await found(db, centre)
    assert alert["cleared_at"] == at(35)
    assert await db.fetchval("SELECT standings::text FROM alert_watches") == "{}"


async def test_a_rule_that_is_removed_or_switched_off_ends_its_alerts(db: Database, centre: Centre) -> None:
    await rule(db, centre, after_s=0)
    await rule(db, centre, name="Too", after_s=0, campaign="Support Inbound")
    await wait_in_queue(db, centre, at(-5))
    await Watch(db).round(at(0))
    assert [each["cleared_at"] for each in await found(db, centre)] == [None, None]
    await alerts.remove_rule(db, centre.organisation, "Waits")
    await rule(db, centre, name="Too", after_s=0, active=False)
    await Watch(db).round(at(10))
    assert [each["cleared_at"] for each in await found(db, centre)] == [at(10), at(10)]


async def test_what_the_destination_policy_did_is_an_alert_of_every_organisation(db: Database, centre: Centre) -> None:
    await rule(db, centre, active=False)
    await raise_alarm(db, centre.organisation, Alarm("near", "agent-calls-per-day", centre.agent), at(-1000))
    await raise_alarm(db, centre.organisation, Alarm("near", "agent-calls-per-day", centre.agent), at(-1))
    await Watch(db).round(at(0))
    (alert,) = await found(db, centre)
    assert (alert["kind"], alert["about"], alert["agent_id"]) == (
        "destinations", "near agent-calls-per-day", centre.agent
    )  # fmt: skip
    # an hour later it is of the past
    await Watch(db).round(at(5400))
    (alert,) = await found(db, centre)
    assert alert["cleared_at"] == at(5400)


@pytest.fixture
async def taker(db: Database, centre: Centre) -> AsyncIterator[Taker]:
    await db.execute("UPDATE users SET email_address = $2 WHERE user_id = $1", centre.user, JO)
    async with taking() as server:
        yield server


async def test_it_is_mailed_once_to_those_who_may_have_it_and_not_while_it_is_silenced(
    db: Database, centre: Centre, taker: Taker, tmp_path: Path
) -> None:
    mailbox = await make_mailbox(db, centre, send=Account("127.0.0.1", taker.port, tls="none"))
    outbox = ReportOutbox(db, "callfloor", tmp_path, LOCAL)
    await rule(db, centre, after_s=0, mailbox=mailbox.name, recipients=(JO, "gone@example.com"))
    await alerts.silence(db, centre.organisation, "Waits", at(15), centre.user)
    await wait_in_queue(db, centre, at(-5))
    await Watch(db).round(at(0))
    assert not await outbox.send_next(at(1))
    for seconds in (15, 25, 35):
        await Watch(db).round(at(seconds))
    while await outbox.send_next(at(36)):
        pass
    (mail,) = taker.taken
    assert mail.rcpt_tos == [JO]
    assert isinstance(mail.content, bytes)
    message = message_from_bytes(mail.content, policy=policy.default)
    assert message["Subject"] == "[warning] Support Inbound: 1 callers wait (limit 1)"
    assert "Rule: Waits" in message.get_content()
    assert not message.is_multipart()
