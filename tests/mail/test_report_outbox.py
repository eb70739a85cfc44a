"""Saved reports by e-mail: noted once, made by what the owner sees, and sent to each recipient once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from asyncpg import Record

from callfloor.contract.mailboxes import Account
from callfloor.contract.reports import Figures, SavedQuery
from callfloor.contract.saved_reports import SavedReportBody, Schedule
from callfloor.jobs.reporting import sending
from callfloor.jobs.reporting.question import Report
from callfloor.jobs.reporting.sending import LEASE, MOST_TRIES, send_due
from callfloor.jobs.reporting.viewer import Viewer
from callfloor.mail.report_outbox import MOST_TRIES as MOST_SENDS
from callfloor.mail.report_outbox import ReportOutbox
from callfloor.store.db.pool import Database
from callfloor.store.figures import report_deliveries, saved_reports
from tests.conftest import Centre
from tests.mail.post import make_mailbox
from tests.mail.servers import LOCAL, Taker, taking

DUE = datetime(2026, 5, 4, 21, 30, tzinfo=UTC)
NOW = DUE + timedelta(seconds=5)
JO, SAM = "jo.lee@example.com", "sam.roe@example.com"


@dataclass
class Post:
    db: Database
    centre: Centre
    taker: Taker
    outbox: ReportOutbox
    mailbox: str

    async def save(self, *recipients: str, owner: int | None = None) -> int:
        schedule = Schedule(
            every="day", time="07:30", format="csv", mailbox=self.mailbox, recipients=list(recipients or (JO,))
        )
        body = SavedReportBody(
            name="Agents = yesterday", query=SavedQuery(period="yesterday", group_by="agent"), schedule=schedule
        )
        return await saved_reports.insert(self.db, self.centre.organisation, owner, body, DUE, DUE)

    async def due(self, now: datetime = NOW) -> None:
        while await send_due(self.db, now):
            pass

    async def deliveries(self, report: int) -> list[Record]:
        return await report_deliveries.page(self.db, self.centre.organisation, report, 0, 10)


@pytest.fixture
async def post(db: Database, centre: Centre, tmp_path: Path) -> AsyncIterator[Post]:
    await db.execute("UPDATE users SET email_address = $2 WHERE user_id = $1", centre.user, JO)
    await db.execute("UPDATE users SET email_address = $2 WHERE user_id = $1", centre.agent, SAM)
    # of earlier tests
    await db.execute("DELETE FROM saved_reports")
    async with taking() as taker:
        mailbox = await make_mailbox(db, centre, send=Account("127.0.0.1", taker.port, tls="none"))
        yield Post(db, centre, taker, ReportOutbox(db, "callfloor", tmp_path, LOCAL), mailbox.name)


async def test_a_report_is_sent_with_its_file_to_each_recipient(post: Post) -> None:
    report = await post.save(JO, SAM)
    await post.due(DUE - timedelta(seconds=1))
    assert await post.deliveries(report) == []
    await post.due()
    assert await post.outbox.send_next(NOW)
    assert not await post.outbox.send_next(NOW)
    assert [each.rcpt_tos for each in post.taker.taken] == [[JO], [SAM]]
    content = post.taker.taken[0].content
    assert isinstance(content, bytes)
    message = message_from_bytes(content, policy=policy.default)
    assert (message["Subject"], message["Auto-Submitted"]) == ("Agents = yesterday", "auto-generated")
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == (
        "report-agent-2026-05-04-2026-05-05.csv", "text/csv",
    )  # fmt: skip
    assert "handled" in attached.get_content()
    (delivery,) = await post.deliveries(report)
    assert (delivery["state"], delivery["sent_to"], delivery["reason"]) == ("sent", [JO, SAM], None)
    assert await post.db.fetchval("SELECT count(file) FROM report_deliveries") == 0


async def test_many_processes_send_it_once(post: Post, tmp_path: Path) -> None:
    report = await post.save()
    await asyncio.gather(*(send_due(post.db, NOW) for _ in range(6)))
    await post.due()
    other = ReportOutbox(post.db, "other", tmp_path, LOCAL)
    await asyncio.gather(*(each.send_next(NOW) for each in (post.outbox, other) for _ in range(3)))
    assert len(post.taker.taken) == 1
    assert len(await post.deliveries(report)) == 1
    row = await saved_reports.get(post.db, post.centre.organisation, None, report)
    assert row is not None
    assert row["next_at"] == DUE + timedelta(days=1)


async def test_after_days_of_nothing_running_it_is_sent_once(post: Post) -> None:
    report = await post.save()
    late = DUE + timedelta(days=4, minutes=3)
    await post.due(late)
    (delivery,) = await post.deliveries(report)
    assert delivery["due_at"] == DUE
    row = await saved_reports.get(post.db, post.centre.organisation, None, report)
    assert row is not None
    assert row["next_at"] == DUE + timedelta(days=5)


async def test_a_process_that_died_in_between_is_followed_by_another(post: Post) -> None:
    report = await post.save()
    await post.due(DUE - timedelta(seconds=1))
    # noted and claimed, and then nothing more
    for organisation, each in await report_deliveries.due_reports(post.db, NOW):
        assert each == report
        async with post.db.transaction():
            row = await report_deliveries.locked(post.db, organisation, each, NOW)
            assert row is not None
            schedule = saved_reports.schedule_of(row)
            assert schedule is not None
            await report_deliveries.add(post.db, organisation, each, row, schedule, DUE + timedelta(days=1), NOW)
    dead = await report_deliveries.claim(post.db, "waiting", NOW, LEASE)
    assert dead is not None
    await post.due()
    assert (await post.deliveries(report))[0]["state"] == "waiting"
    await post.due(NOW + LEASE)
    assert (await post.deliveries(report))[0]["state"] == "ready"
    # and what it would still do counts for nothing
    assert not await report_deliveries.made(post.db, dead, "x.csv", b"", NOW)


async def test_who_has_it_does_not_get_it_again(post: Post) -> None:
    report = await post.save(JO, SAM)
    await post.due()
    post.taker.to_messages = ["250 OK", "451 later"]
    assert await post.outbox.send_next(NOW)
    (delivery,) = await post.deliveries(report)
    assert (delivery["state"], delivery["sent_to"]) == ("ready", [JO])
    assert "451" in delivery["reason"]
    assert await post.outbox.send_next(datetime.now(UTC) + timedelta(minutes=5))
    assert [each.rcpt_tos for each in post.taker.taken] == [[JO], [SAM], [SAM]]
    first, second = (each.content for each in post.taker.taken[1:])
    assert first == second
    assert (await post.deliveries(report))[0]["state"] == "sent"


async def test_what_is_refused_is_shown_and_not_tried_again(post: Post) -> None:
    report = await post.save(JO, SAM)
    await post.due()
    post.taker.to_recipients = ["550 no such user"]
    assert await post.outbox.send_next(NOW)
    (delivery,) = await post.deliveries(report)
    assert (delivery["state"], delivery["sent_to"]) == ("failed", [SAM])
    assert "550" in delivery["reason"]
    assert not await post.outbox.send_next(datetime.now(UTC) + timedelta(days=2))


async def test_it_is_given_up_after_so_many_tries(post: Post) -> None:
    report = await post.save()
    await post.due()
    post.taker.to_messages = ["451 later"] * (MOST_SENDS + 5)
    at = datetime.now(UTC)
    for _ in range(MOST_SENDS):
        at += timedelta(days=1)
        assert await post.outbox.send_next(at)
    assert not await post.outbox.send_next(at + timedelta(days=9))
    (delivery,) = await post.deliveries(report)
    assert (delivery["state"], delivery["tries"]) == ("failed", MOST_SENDS)
    assert MOST_TRIES < MOST_SENDS


async def lose_address(post: Post) -> None:
    await post.db.execute("UPDATE users SET account_active = false WHERE user_id = $1", post.centre.agent)


async def lose_owner(post: Post) -> None:
    await post.db.execute("UPDATE users SET account_active = false WHERE user_id = $1", post.centre.user)


async def lose_role(post: Post) -> None:
    await post.db.execute("UPDATE users SET roles = '{integrator}' WHERE user_id = $1", post.centre.user)


@pytest.mark.parametrize(
    ("happens", "said"),
    [(lose_address, "recipients"), (lose_owner, "may not read"), (lose_role, "may not read")],
)
async def test_what_cannot_be_made_any_more_says_why(post: Post, happens: Any, said: str) -> None:
    await post.db.execute("UPDATE users SET roles = '{supervisor}' WHERE user_id = $1", post.centre.user)
    report = await post.save(SAM, owner=post.centre.user)
    await happens(post)
    await post.due()
    (delivery,) = await post.deliveries(report)
    assert delivery["state"] == "failed"
    assert said in delivery["reason"]
    assert not await post.outbox.send_next(NOW)


async def test_a_report_that_ends_the_process_is_given_up(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    report = await post.save()

    async def fault(*_: Any) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(sending, "file_of", fault)
    for number in range(MOST_TRIES):
        with pytest.raises(ZeroDivisionError):
            await send_due(post.db, NOW + LEASE * number)
    await post.due(NOW + LEASE * MOST_TRIES)
    (delivery,) = await post.deliveries(report)
    assert (delivery["state"], delivery["tries"]) == ("failed", MOST_TRIES + 1)
    assert "ended each time" in delivery["reason"]


async def test_a_report_that_is_deleted_is_not_sent(post: Post) -> None:
    report = await post.save()
    await post.due()
    await saved_reports.delete(post.db, post.centre.organisation, report)
    assert not await post.outbox.send_next(NOW)
    assert post.taker.taken == []


@pytest.mark.parametrize("odd", ["j\u00f6@example.com", "a..b@example.com", "a@example.com@example.net"])
async def test_an_address_that_e_mail_has_no_form_for_keeps_nobody_else_waiting(post: Post, odd: str) -> None:
    report = await post.save(odd, JO)
    await post.db.execute("UPDATE users SET email_address = $2 WHERE user_id = $1", post.centre.agent, odd)
    await post.due()
    assert await post.outbox.send_next(NOW)
    assert [each.rcpt_tos for each in post.taker.taken] == [[JO]]
    (delivery,) = await post.deliveries(report)
    assert (delivery["state"], delivery["sent_to"]) == ("failed", [JO])
    assert "cannot stand in an e-mail" in delivery["reason"]


async def test_a_report_that_is_deleted_while_it_is_sent_stops_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await post.save()
    await post.due()
    claim = report_deliveries.claim

    async def deleted(db: Database, *given: Any) -> Any:
        claimed = await claim(db, *given)
        await saved_reports.delete(db, post.centre.organisation, report)
        return claimed

    monkeypatch.setattr(report_deliveries, "claim", deleted)
    assert await post.outbox.send_next(NOW)
    assert post.taker.taken == []


async def test_a_report_that_the_database_refuses_is_not_tried_again_and_keeps_nobody_waiting(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, other = await post.save(), await post.save(SAM)
    figures = sending.figures_of

    async def refuses(viewer: Viewer, report: Report) -> Figures:
        (delivery,) = await post.deliveries(refused)
        if delivery["tries"] == 1 and delivery["state"] == "waiting":
            raise asyncpg.InvalidParameterValueError("no")
        return await figures(viewer, report)

    monkeypatch.setattr(sending, "figures_of", refuses)
    await post.due()
    states = [(await post.deliveries(each))[0]["state"] for each in (refused, other)]
    assert states == ["failed", "ready"]
    await post.due(NOW + 2 * LEASE)
    assert (await post.deliveries(refused))[0]["tries"] == 1
