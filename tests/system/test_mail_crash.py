"""kill -9 of the mail process with messages on their way in and out: what was accepted is there, once."""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callfloor.contract.mailboxes import Account, Mailbox
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db.pool import Database
from callfloor.store.email import answers, emails, mailboxes
from callfloor.store.setup import organisations
from tests.mail.servers import taking
from tests.system.test_crash import Server, prepared
from tests.waiting import until

MESSAGES = 12
ADDRESS = "care@example.com"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return bound.getsockname()[1]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    chosen = free_port()
    monkeypatch.setenv("CALLFLOOR_SMTP_PORT", str(chosen))
    monkeypatch.setenv("CALLFLOOR_MAIL_PRIVATE_NETWORKS", "127.0.0.1")
    return chosen


@pytest.fixture
def server(port: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="cf-mail-") as folder:
        Path(folder).chmod(0o755)
        made = Server(Path(folder) / "data")
        yield made
        if made.process is not None:
            made.stop()


def mail_process(server: Server) -> int:
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in server.children()}
    return next(pid for pid, command in commands.items() if b"\0mail\0" in command)


def send_one(port: int, number: int) -> bool:
    """Whether the server took it."""
    content = f"From: {number}@example.com\r\nMessage-ID: <{number}@example.com>\r\nSubject: {number}\r\n\r\nHello\r\n"
    attachment = f"Content-Type: application/pdf\r\n{content}{'x' * 70_000}"
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail(f"{number}@example.com", ADDRESS, attachment.encode())
    except (OSError, smtplib.SMTPException):
        return False
    return True


async def test_what_was_accepted_is_there_once_and_what_was_answered_goes_out(server: Server, port: int) -> None:
    await prepared(server.data)
    await asyncio.to_thread(server.start)
    embedded = await asyncio.to_thread(EmbeddedServer.start_or_join, server.data)
    db = await Database.connect(embedded.dsn, size=2)
    try:
        async with taking() as taker:
            (row,) = await organisations.every(db)
            org: int = row["organisation_id"]
            insert = (
                "INSERT INTO campaigns (organisation_id, name, direction, timezone) VALUES ($1, 'S', 'inbound', 'UTC')"
            )
            campaign = await db.fetchval(f"{insert} RETURNING campaign_id", org)
            account = Account("127.0.0.1", taker.port, tls="none")
            await mailboxes.put(db, org, Mailbox("Care", ADDRESS, "S", "smtp", send=account), {"S": campaign})

            for number in range(MESSAGES):

                async def taken(number: int = number) -> bool:
                    return await asyncio.to_thread(send_one, port, number)

                if number == 5:
                    sending = asyncio.create_task(taken())
                    os.kill(mail_process(server), signal.SIGKILL)
                    await sending
                # as any server does that was not told that its message was taken
                await until(taken)
            subjects = await db.fetch("SELECT email ->> 'subject' AS s FROM activities WHERE type = 'email.inbound'")
            assert sorted(int(row["s"]) for row in subjects) == list(range(MESSAGES))
            assert await db.fetchval("SELECT count(*) FROM media WHERE kind = 'attachment'") == MESSAGES

            # an answer, and the process killed between the message and the word that it was taken
            agent = await db.fetchval(
                "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
                " VALUES ($1, 'agent', 'a', 'A', 'B') RETURNING user_id",
                org,
            )
            mail = mail_process(server)
            taker.before_answer = lambda: os.kill(mail, signal.SIGKILL) if len(taker.taken) == 1 else None
            now = datetime.now(UTC)
            letter = await emails.take(db, org, [campaign], agent, now)
            assert letter is not None
            answer = await answers.answer(db, org, letter.activity_id, agent, "Gladly.", [], now)

            async def begun() -> bool:
                return len(taker.taken) == 1

            await until(begun)
            # in place of waiting until the claim of the dead process runs out
            await db.execute("UPDATE outgoing_mail SET next_try_at = now()")

            async def sent() -> bool:
                read = await emails.read(db, org, answer)
                return read is not None and read.delivery == "sent"

            await until(sent)
            first, second = taker.taken
            assert first.original_content == second.original_content
    finally:
        await db.close()
        await asyncio.to_thread(embedded.release)
    assert await asyncio.to_thread(server.stop) == 0
    log = server.log.read_text()
    assert "message-came" in log
    assert "@example.com" not in log
