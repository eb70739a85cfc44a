"""Answers on their way to a server that takes them, refuses them, or goes away in the middle."""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor.app.media import open_media
from callfloor.contract.mailboxes import Account
from callfloor.errors import Unavailable
from callfloor.mail import outbox as outbox_module
from callfloor.mail.compose import compose
from callfloor.mail.message import read
from callfloor.mail.outbox import GIVEN_UP_AFTER, LEASE, Outbox
from callfloor.media.blobs import Blobs
from callfloor.rules.values.retries import rest_after
from callfloor.settings import Settings
from callfloor.store.calls.activities import Message
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.email import answers, emails
from callfloor.store.email import outbox as outgoing
from callfloor.store.email.answers import NewAttachment
from callfloor.store.email.mailboxes import StoredMailbox
from callfloor.store.email.outbox import Content, File
from tests.conftest import Centre
from tests.mail.post import JANE, Letters, later, make_mailbox
from tests.mail.servers import LOCAL, Taker, self_signed, server_tls, taking


@dataclass
class Desk:
    """An agent who answers letters."""

    db: Database
    blobs: Blobs
    centre: Centre
    taker: Taker
    mailbox: StoredMailbox
    letters: Letters
    outbox: Outbox

    async def answer(self, text: str, *files: tuple[str, str, bytes], **letter: Any) -> int:
        org, agent = self.centre.organisation, self.centre.agent
        came = await self.letters.come(later(0), **letter)
        await emails.take(self.db, org, [self.centre.inbound], agent, later(1))
        added: list[NewAttachment] = []
        for name, kind, content in files:
            blob = await self.blobs.put(org, content)
            added.append(NewAttachment(StoredContent(blob.sha256, blob.size), kind, name))
        return await answers.answer(self.db, org, came.activity_id, agent, text, added, later(2))

    async def delivery(self, sent: int) -> str | None:
        found = await emails.read(self.db, self.centre.organisation, sent)
        assert found is not None
        return found.delivery

    def taken(self) -> list[EmailMessage]:
        contents = [envelope.original_content or b"" for envelope in self.taker.taken]
        return [email.message_from_bytes(content, policy=email.policy.default) for content in contents]  # type: ignore[misc]


@pytest.fixture
async def desk(db: Database, centre: Centre, settings: Settings, tmp_path: Path) -> AsyncIterator[Desk]:
    # what is to be sent is everybody's: other tests leave some
    await db.execute("DELETE FROM outgoing_mail")
    blobs = open_media(settings)
    async with taking() as taker:
        mailbox = await make_mailbox(db, centre, send=Account("127.0.0.1", taker.port, tls="none"))
        yield Desk(
            db, blobs, centre, taker, mailbox, Letters(db, mailbox), Outbox(db, blobs, "callfloor", tmp_path, LOCAL)
        )


async def test_an_answer_arrives_as_it_was_written(desk: Desk) -> None:
    text = "Grüße,\n.\n..dots, and = signs\n" + "a very long line " * 30 + "\nFrom here\n"
    files = ("Rechnung für Jane, lang genug für mehr als eine Zeile.pdf", "application/pdf", bytes(range(256)) * 500)
    sent = await desk.answer(
        text, files, ("a.eml", "message/rfc822", b"Subject: x\r\n\r\n"), ancestors=["<0@example.com>"]
    )
    assert await desk.outbox.send_next(later(2))
    assert await desk.delivery(sent) == "sent"
    (envelope,), (message,) = desk.taker.taken, desk.taken()
    assert (envelope.mail_from, envelope.rcpt_tos) == (desk.mailbox.address, [JANE])
    assert message.defects == []
    body = message.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
    first, second = message.iter_attachments()
    assert (first.get_filename(), first.get_content_type()) == (files[0], files[1])
    assert first.get_content() == files[2]
    assert second.get_content_type() == "application/octet-stream"
    letter = f"<1.{desk.mailbox.mailbox_id}@example.com>"
    assert message["Subject"] == "Re: Letter 1"
    assert message["In-Reply-To"] == letter
    assert message["References"].split() == ["<0@example.com>", letter]
    assert (message["From"], message["To"]) == (desk.mailbox.address, JANE)
    assert (message["Auto-Submitted"], message["X-Loop"]) == ("no", desk.mailbox.address)
    read_ = await emails.read(desk.db, desk.centre.organisation, sent)
    assert read_ is not None
    assert read_.message is not None
    assert message["Message-ID"] == read_.message.message_id
    assert not await desk.outbox.send_next(later(10_000))


async def test_what_goes_out_and_comes_back_in_is_a_loop(desk: Desk) -> None:
    await desk.answer("Hello")
    await desk.outbox.send_next(later(2))
    back = read(io.BytesIO(desk.taker.taken[0].original_content or b""), JANE)
    assert back.loops == [desk.mailbox.address]
    arrived = await desk.letters.come(later(5), loops=back.loops)
    assert arrived.automatic == "loop"


async def test_a_refusal_for_now_is_tried_again_later_and_one_for_ever_is_a_bounce(desk: Desk) -> None:
    sent = await desk.answer("Hello")
    desk.taker.to_recipients += ["451 later", "550 nobody"]
    now = datetime.now(UTC)
    assert await desk.outbox.send_next(now)
    assert await desk.delivery(sent) == "waiting"
    # not before its time
    assert not await desk.outbox.send_next(now)
    assert await desk.outbox.send_next(now + timedelta(minutes=2))
    assert await desk.delivery(sent) == "bounced"
    assert not await desk.outbox.send_next(now + timedelta(days=9))
    assert desk.taker.taken == []
    row = await desk.db.fetchrow("SELECT reply_code, tries FROM outgoing_mail WHERE activity_id = $1", sent)
    assert tuple(row or ()) == (550, 2)


async def test_a_server_that_hangs_up_after_the_message_gets_the_same_message_again(desk: Desk) -> None:
    sent = await desk.answer("Hello")
    desk.taker.to_messages += ["close", "421 going down"]
    now = datetime.now(UTC)
    for minutes in (0, 2, 10):
        assert await desk.outbox.send_next(now + timedelta(minutes=minutes))
    assert await desk.delivery(sent) == "sent"
    contents = {envelope.original_content for envelope in desk.taker.taken}
    # whoever took it before knows it by its Message-ID
    assert len(desk.taker.taken) == 3
    assert len(contents) == 1


async def test_a_sender_that_dies_in_the_middle_leaves_what_another_sends(desk: Desk) -> None:
    sent = await desk.answer("Hello")
    now = datetime.now(UTC)
    claimed = await outgoing.claim(desk.db, now, LEASE)
    assert claimed is not None
    assert await desk.delivery(sent) == "sending"
    assert not await desk.outbox.send_next(now + LEASE / 2)
    assert await desk.outbox.send_next(now + LEASE)
    assert await desk.delivery(sent) == "sent"
    assert not await outgoing.again(desk.db, claimed, None, now)
    assert len(desk.taker.taken) == 1


async def test_two_senders_at_once_send_it_once(desk: Desk, tmp_path: Path) -> None:
    sent = [await desk.answer(f"Hello {number}", sender=f"{number}@example.com") for number in range(4)]
    other = Outbox(desk.db, desk.blobs, "other", tmp_path, LOCAL)
    await asyncio.gather(*(each.send_next(later(3)) for each in (desk.outbox, other) for _ in range(4)))
    assert {await desk.delivery(each) for each in sent} == {"sent"}
    assert len(desk.taker.taken) == 4


async def test_an_erased_answer_is_not_sent(desk: Desk) -> None:
    await desk.answer("Hello")
    erased = await desk.centre.client.delete("/customer", params={"emailAddress": JANE})
    assert erased.json()["emailData"]["messages"] == 2
    assert not await desk.outbox.send_next(later(1000))
    assert desk.taker.taken == []


async def test_after_days_it_is_given_up(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    sent = await desk.answer("Hello")
    desk.taker.to_recipients += ["451 later"] * 2
    assert await desk.outbox.send_next(later(2) + GIVEN_UP_AFTER)
    assert await desk.delivery(sent) == "waiting"
    assert await desk.outbox.send_next(later(2) + GIVEN_UP_AFTER + timedelta(hours=1))
    assert await desk.delivery(sent) == "bounced"
    output = capfd.readouterr()
    assert "answer-bounced" in output.out + output.err
    assert JANE not in output.out + output.err
    assert [rest_after(tries) for tries in (1, 2, 3, 99)] == [
        timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4), timedelta(hours=4),
    ]  # fmt: skip


async def test_no_server_no_password_and_no_privacy_are_waited_out(desk: Desk, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    sent = await desk.answer("Hello")
    wrong = [
        Account("127.0.0.1", 1, tls="none"),
        Account("127.0.0.1", desk.taker.port, "care", str(tmp_path / "missing"), tls="none"),
        Account("127.0.0.1", desk.taker.port, "care", None, "CALLFLOOR_SECRET_MISSING", tls="none"),
        # it offers no STARTTLS, so nothing is said to it
        Account("127.0.0.1", desk.taker.port),
    ]
    for number, account in enumerate(wrong):
        encoded = msgspec.json.encode(account).decode()
        await desk.db.execute(
            "UPDATE mailboxes SET send = $1::text::jsonb WHERE mailbox_id = $2", encoded, desk.mailbox.mailbox_id
        )
        assert await desk.outbox.send_next(now + timedelta(hours=number))
        assert await desk.delivery(sent) == "waiting"
    assert desk.taker.taken == []


@pytest.mark.parametrize("password", ["secret", "pässword"])
async def test_a_password_is_said_in_private_to_the_server_that_is_meant(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    certificate, key = self_signed(tmp_path)
    said: list[tuple[bytes, bytes]] = []

    def check(_1: object, _2: object, _3: object, _4: str, given: Any) -> AuthResult:
        said.append((given.login, given.password))
        return AuthResult(success=True)

    private = {"tls_context": server_tls(certificate, key), "authenticator": check, "auth_required": True}
    monkeypatch.setenv("CALLFLOOR_SECRET_CARE", password)
    now = datetime.now(UTC)
    sent = await desk.answer("Hello")
    async with taking(require_starttls=True, **private) as taker:
        for number, (host, trusted, delivery) in enumerate(
            (
                ("localhost", False, "waiting"),
                # the certificate is for another name
                ("127.0.0.1", True, "waiting"),
                ("localhost", True, "sent"),
            )
        ):
            if trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            account = Account(host, taker.port, "care", None, "CALLFLOOR_SECRET_CARE")
            encoded = msgspec.json.encode(account).decode()
            where = encoded, desk.mailbox.mailbox_id
            await desk.db.execute("UPDATE mailboxes SET send = $1::text::jsonb WHERE mailbox_id = $2", *where)
            assert await desk.outbox.send_next(now + timedelta(hours=number))
            assert await desk.delivery(sent) == delivery
        assert said == [(b"care", password.encode())]
        assert len(taker.taken) == 1


async def test_what_was_sent_is_noted_when_the_database_is_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = await desk.answer("Hello")
    real, fails = outgoing.sent, [Unavailable("away")] * 3

    async def flaky(*given: Any) -> bool:
        if fails:
            raise fails.pop()
        return await real(*given)

    monkeypatch.setattr(outgoing, "sent", flaky)
    monkeypatch.setattr(outbox_module, "SETTLE_REST_S", 0)
    assert await desk.outbox.send_next(later(2))
    assert await desk.delivery(sent) == "sent"


_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(_ANY, _ANY, _ANY, st.lists(_ANY, max_size=3), _ANY)
@settings(max_examples=150)
async def test_no_field_begins_another_header(
    subject: str, own: str, other: str, ancestors: list[str], name: str
) -> None:
    injected = f"{subject}\r\nBcc: evil@example.com\r\n\r\nbody"
    message = Message(injected, f"<{own}\r\nBcc: x>", f"<{other}\nBcc: x>", "care@example.com", JANE)

    class OneFile:
        async def open(self, *_: object) -> Any:
            async def pieces() -> AsyncIterator[bytes]:
                yield b"content"

            return pieces()

    file = io.BytesIO()
    content = Content(
        message, [f"<{each}\r\nBcc: x>" for each in ancestors], "text", [File("", 7, "a\r\nb/c", name + "\r\nBcc: x")]
    )
    now = datetime.now(UTC)
    await compose(file, content, "care@example.com", JANE, now, OneFile(), 1)  # type: ignore[arg-type]
    made = email.message_from_bytes(file.getvalue(), policy=email.policy.compat32)
    assert {name.lower() for name in made} <= {
        "date", "from", "to", "subject", "message-id", "in-reply-to", "references", "auto-submitted", "mime-version",
        "x-auto-response-suppress", "x-loop", "content-type",
    }  # fmt: skip
    assert made.get_all("bcc") is None
    payload = made.get_payload()
    assert isinstance(payload, list)
    assert len(payload) == 2
    with pytest.raises(ValueError, match="character"):
        await compose(io.BytesIO(), content, "care@example.com", f"{JANE}\r\nBcc: x@example.com", now, OneFile(), 1)  # type: ignore[arg-type]
