"""The mail process as a whole: in by SMTP and IMAP, out by SMTP."""

from __future__ import annotations

import asyncio
import smtplib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callfloor.app.media import open_media
from callfloor.contract.mailboxes import Account
from callfloor.mail.worker import work
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.email import answers, emails
from tests.conftest import Centre
from tests.mail.post import JANE, make_mailbox
from tests.mail.servers import keeping, taking
from tests.waiting import until


@asynccontextmanager
async def working(dsn: str, settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    here = settings.model_copy(update={"mail_private_networks": "127.0.0.1"})
    task = asyncio.create_task(work(dsn, open_media(settings), here, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return bound.getsockname()[1]


async def test_letters_come_in_both_ways_and_an_answer_goes_out(
    db: Database, dsn: str, centre: Centre, settings: Settings, tmp_path: Path
) -> None:
    await db.execute("DELETE FROM outgoing_mail")
    (tmp_path / "secret").write_text("secret")
    open_ = settings.model_copy(update={"smtp_port": free_port(), "secrets": tmp_path})
    async with taking() as taker, keeping() as keeper:
        keeper.messages[1] = b"From: bob@example.com\r\nSubject: fetched\r\n\r\nHello\r\n"
        account = Account("127.0.0.1", keeper.port, "care", str(tmp_path / "secret"), tls="none")
        await make_mailbox(db, centre, receive="imap", imap=account)
        mailbox = await make_mailbox(db, centre, send=Account("127.0.0.1", taker.port, tls="none"))
        async with working(dsn, open_):

            def send() -> bool:
                try:
                    with smtplib.SMTP("127.0.0.1", open_.smtp_port or 0, timeout=10) as client:
                        client.sendmail(JANE, mailbox.address, b"From: jane@example.com\r\nSubject: sent\r\n\r\nHello")
                except OSError:
                    return False
                return True

            await until(lambda: asyncio.to_thread(send))

            async def both() -> bool:
                waiting = await emails.waiting(db, centre.organisation, centre.inbound)
                return {each.subject for each in waiting} == {"sent", "fetched"}

            await until(both)
            now = datetime.now(UTC)
            by_subject = {each.subject: each for each in await emails.waiting(db, centre.organisation, centre.inbound)}
            letter = by_subject["sent"].activity_id
            org, agent = centre.organisation, centre.agent
            await emails.take(db, org, [centre.inbound], agent, now, activity_id=letter)
            answer = await answers.answer(db, org, letter, agent, "Gladly.", [], now)

            async def sent() -> bool:
                read = await emails.read(db, org, answer)
                return read is not None and read.delivery == "sent"

            await until(sent)
            assert [envelope.rcpt_tos for envelope in taker.taken] == [[JANE]]


async def test_a_port_that_is_taken_is_told_and_the_rest_goes_on(
    dsn: str, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        async with working(dsn, settings.model_copy(update={"smtp_port": bound.getsockname()[1]})):
            heard: list[str] = []

            async def told() -> bool:
                heard.append(capfd.readouterr().out)
                return "smtp-cannot-listen" in "".join(heard)

            await until(told)
