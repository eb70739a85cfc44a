"""Messages that arrive by SMTP, in real conversations."""

from __future__ import annotations

import asyncio
import base64
import email.policy
import secrets
import smtplib
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor.app.media import open_media
from callfloor.mail.data import Unstuffed, until_end
from callfloor.mail.listener import MailHandler, listening
from callfloor.mail.readers import Readers
from callfloor.media.blobs import Blobs
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.email import emails
from callfloor.store.email.emails import Email
from callfloor.store.email.mailboxes import StoredMailbox
from callfloor.store.setup import storage
from tests.conftest import Centre
from tests.mail.post import JANE, make_mailbox
from tests.mail.servers import self_signed


@dataclass
class Server:
    db: Database
    blobs: Blobs
    centre: Centre
    mailbox: StoredMailbox
    port: int

    async def talk(self, conversation: Callable[[smtplib.SMTP], Any]) -> Any:
        def run() -> Any:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                return conversation(client)

        return await asyncio.to_thread(run)

    async def send(self, content: bytes, sender: str = JANE, to: str | None = None) -> Any:
        return await self.talk(lambda client: client.sendmail(sender, to or self.mailbox.address, content))

    async def came(self) -> list[Email]:
        rows = await self.db.fetch(
            "SELECT activity_id FROM emails WHERE organisation_id = $1 ORDER BY activity_id", self.centre.organisation
        )
        found = [await emails.read(self.db, self.centre.organisation, row["activity_id"]) for row in rows]
        return [each for each in found if each is not None]

    async def content(self, media_id: int) -> bytes:
        sha256 = await self.db.fetchval("SELECT sha256 FROM media WHERE media_id = $1", media_id)
        return b"".join([piece async for piece in await self.blobs.open(self.centre.organisation, sha256)])


@pytest.fixture
def smtp_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"smtp_port": 0})


@pytest.fixture
async def server(db: Database, centre: Centre, smtp_settings: Settings, readers: Readers) -> AsyncIterator[Server]:
    blobs = open_media(smtp_settings)
    async with listening(db, blobs, smtp_settings, readers) as port:
        assert port is not None
        yield Server(db, blobs, centre, await make_mailbox(db, centre), port)


def message(**headers: str) -> EmailMessage:
    made = EmailMessage(policy=email.policy.SMTP)
    given = {"From": f"Jane <{JANE}>", "To": "care", "Subject": "Hello", "Message-ID": "<1@example.com>"}
    for name, value in (given | {key.replace("_", "-"): value for key, value in headers.items()}).items():
        made[name] = value
    made.set_content("A line.\n.\n..two dots\nthe end\n")
    return made


async def test_a_message_waits_for_an_agent_once_it_was_accepted(server: Server) -> None:
    made = message()
    made.add_attachment(b"%PDF" * 1000, maintype="application", subtype="pdf", filename="Bill.pdf")
    assert await server.send(made.as_bytes()) == {}
    (waiting,) = await emails.waiting(server.db, server.centre.organisation, server.centre.inbound)
    (came,) = await server.came()
    assert came.activity_id == waiting.activity_id
    assert came.body_text == "A line.\n.\n..two dots\nthe end\n"
    (bill,) = came.attachments
    assert (bill.file_name, bill.content_type, bill.size) == ("Bill.pdf", "application/pdf", 4000)
    assert await server.content(bill.media_id) == b"%PDF" * 1000
    shown = (await server.centre.client.get(f"/activities/{came.activity_id}")).json()
    assert shown["type"] == "email.inbound"
    assert shown["data"]["from"] == f"Jane <{JANE}>"
    assert shown["data"]["attachments"][0]["fileName"] == "Bill.pdf"
    # once more, as after a lost answer: it is there already
    assert await server.send(made.as_bytes()) == {}
    assert len(await server.came()) == 1


async def test_only_our_mailboxes_take_mail(server: Server, db: Database, centre: Centre) -> None:
    fetched = await make_mailbox(db, centre, receive="none")
    resting = await make_mailbox(db, centre, active=False)
    unknown = ["nobody@example.com", "no address", fetched.address, resting.address]

    def conversation(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        assert client.has_extn("size")
        client.mail(JANE)
        codes = [client.rcpt(each)[0] for each in unknown]
        return [*codes, client.docmd("DATA")[0], client.rcpt(server.mailbox.address.upper())[0]]

    assert await server.talk(conversation) == [550, 550, 550, 550, 503, 250]
    assert await server.came() == []


async def test_a_message_for_several_mailboxes_comes_to_each(server: Server, other_centre: Centre) -> None:
    second = await make_mailbox(server.db, server.centre)
    theirs = await make_mailbox(server.db, other_centre)
    to = [server.mailbox.address, second.address, theirs.address, server.mailbox.address]
    await server.talk(lambda client: client.sendmail(JANE, to, message().as_bytes()))
    assert len(await server.came()) == 2
    assert len(await emails.waiting(server.db, other_centre.organisation, other_centre.inbound)) == 1


async def test_too_large_a_message_is_refused_before_and_while_it_comes(
    db: Database, centre: Centre, smtp_settings: Settings, readers: Readers
) -> None:
    small = smtp_settings.model_copy(update={"smtp_megabytes": 1})
    async with listening(db, open_media(small), small, readers) as port:
        assert port is not None
        server = Server(db, open_media(small), centre, await make_mailbox(db, centre), port)

        def said(client: smtplib.SMTP) -> int:
            client.ehlo()
            return client.mail(JANE, ["SIZE=1000001"])[0]

        def unsaid(client: smtplib.SMTP) -> tuple[int, int]:
            client.ehlo()
            client.mail(JANE)
            client.rcpt(server.mailbox.address)
            refused = client.data(b"x" * 3_000_000)[0]
            client.mail(JANE)
            client.rcpt(server.mailbox.address)
            return refused, client.data(message().as_bytes())[0]

        assert await server.talk(said) == 552
        # the conversation goes on afterwards
        assert await server.talk(unsaid) == (552, 250)
        assert len(await server.came()) == 1


async def test_bounces_and_machines_are_kept_and_nobody_is_asked_to_answer(server: Server) -> None:
    await server.send(message(Message_ID="<b@example.com>").as_bytes(), sender="")
    await server.send(message(Message_ID="<a@example.com>", Auto_Submitted="auto-replied").as_bytes())
    await server.send(message(Message_ID="<l@example.com>", X_Loop=server.mailbox.address).as_bytes())
    assert [each.automatic for each in await server.came()] == ["bounce", "auto-submitted", "loop"]
    assert await emails.waiting(server.db, server.centre.organisation, server.centre.inbound) == []


async def test_lines_without_end_and_an_empty_message_are_taken(server: Server) -> None:
    def conversation(client: smtplib.SMTP) -> list[int]:
        codes: list[int] = []
        for content in (b"", b".", b"Subject: x\r\n\r\n" + b"y" * 400_000):
            client.ehlo()
            client.mail(JANE)
            client.rcpt(server.mailbox.address)
            codes.append(client.data(content)[0])
        # commands that are sent together with the end of a message
        client.mail(JANE)
        client.rcpt(server.mailbox.address)
        client.docmd("DATA")
        client.send(b"Subject: last\r\n\r\nline\n.\nno end\r\n.\r\nNOOP\r\n")
        return [*codes, client.getreply()[0], client.getreply()[0]]

    assert await server.talk(conversation) == [250] * 5
    came = await server.came()
    assert [each.body_text for each in came[2:]] == ["y" * 400_000 + "\n", "line\n.\nno end\n"]


async def test_what_cannot_be_stored_now_is_to_be_sent_again(
    server: Server, smtp_settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    made = message()
    made.add_attachment(b"x", maintype="application", subtype="pdf", filename="Bill.pdf")
    monkeypatch.setattr(Blobs, "put", full)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await server.send(made.as_bytes())
    assert refused.value.smtp_code == 451
    assert await server.came() == []
    monkeypatch.undo()
    await server.send(made.as_bytes())
    assert len(await server.came()) == 1
    output = capfd.readouterr()
    assert "message-waits" in output.out + output.err
    assert JANE not in output.out + output.err


async def test_who_keeps_as_much_as_may_be_is_sent_no_more_and_others_are(
    server: Server, db: Database, other_centre: Centre, smtp_settings: Settings
) -> None:
    other = await make_mailbox(db, other_centre)
    await storage.say(
        db, server.centre.organisation, datetime.now(UTC),
        storage.Kept(dict.fromkeys(storage.PARTS, 0), smtp_settings.organisation_storage_bytes),
    )  # fmt: skip
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await server.send(message().as_bytes())
    ((code, said),) = refused.value.recipients.values()
    assert (code, said.startswith(b"4.2.2")) == (452, True)
    await server.send(message().as_bytes(), to=other.address)
    await storage.say(
        db, server.centre.organisation, datetime.now(UTC), storage.Kept(dict.fromkeys(storage.PARTS, 0), 0)
    )
    await server.send(message().as_bytes())
    assert len(await server.came()) == 1


def peak_memory() -> int:
    """The most that this process used since the last call, in bytes."""
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")]
    Path("/proc/self/clear_refs").write_text("5")
    return int(line.split()[1]) * 1024


async def test_an_attachment_of_50_mb_takes_no_memory(server: Server) -> None:
    million = secrets.token_bytes(999_999)
    encoded = base64.encodebytes(million).replace(b"\n", b"\r\n")
    head = (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello\r\n--x\r\nContent-Type: application/zip\r\n"
    )

    def conversation(client: smtplib.SMTP) -> int:
        client.ehlo()
        client.mail(JANE)
        client.rcpt(server.mailbox.address)
        client.docmd("DATA")
        client.send(head + b"Content-Transfer-Encoding: base64\r\n\r\n")
        for _ in range(50):
            client.send(encoded)
        client.send(b"--x--\r\n.\r\n")
        return client.getreply()[0]

    before = peak_memory()
    before = peak_memory()
    assert await server.talk(conversation) == 250
    assert peak_memory() - before < 25_000_000
    (came,) = await server.came()
    assert came.body_text == "Hello"
    assert [each.size for each in came.attachments] == [50 * 999_999]


async def test_a_message_for_which_there_is_no_room_ends_the_conversation(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = partial(Path("/dev/full").open, "w+b", buffering=0)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full())

    def conversation(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo()
        client.mail(JANE)
        client.rcpt(server.mailbox.address)
        client.docmd("DATA")
        client.send(b"Subject: x\r\n\r\n" + b"NOOP\r\n" * 50 + b".\r\n")
        code = client.getreply()[0]
        assert client.file is not None
        return code, client.file.read()

    assert await server.talk(conversation) == (421, b"")
    monkeypatch.undo()
    assert await server.came() == []


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for command in ("EHLO x", f"MAIL FROM:<{JANE}>", f"RCPT TO:<{server.mailbox.address}>", "DATA"):
        while (await reader.readline())[3:4] == b"-":
            pass
        writer.write(command.encode() + b"\r\n")
    while not (await reader.readline()).startswith(b"354"):
        pass
    writer.write(b"Subject: half\r\n\r\nof a message")
    await writer.drain()
    writer.close()
    await server.send(message().as_bytes())
    assert [each.message and each.message.subject for each in await server.came()] == ["Hello"]


async def test_a_conversation_can_be_made_private(
    db: Database, centre: Centre, smtp_settings: Settings, tmp_path: Path, readers: Readers
) -> None:
    certificate, key = self_signed(tmp_path)
    private = smtp_settings.model_copy(update={"smtp_certificate": certificate, "smtp_certificate_key": key})
    async with listening(db, open_media(private), private, readers) as port:
        assert port is not None
        server = Server(db, open_media(private), centre, await make_mailbox(db, centre), port)

        def conversation(client: smtplib.SMTP) -> None:
            context = ssl.create_default_context(cafile=str(certificate))
            context.check_hostname = False
            client.starttls(context=context)
            client.sendmail(JANE, server.mailbox.address, message().as_bytes())

        await server.talk(conversation)
        assert len(await server.came()) == 1


_LINES = st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"..", b"x", b"\r\n."]), max_size=30).map(b"".join)


@given(_LINES, st.lists(st.integers(1, 7), min_size=1, max_size=9))
@settings(max_examples=150)
async def test_a_message_is_what_was_sent_wherever_the_network_cuts_it(content: bytes, cuts: list[int]) -> None:
    plain = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in plain.split(b"\r\n"))
    reader = asyncio.StreamReader(limit=8)
    sent = stuffed + b".\r\nNOOP\r\n"

    async def feed() -> None:
        at, number = 0, 0
        while at < len(sent):
            step = cuts[number % len(cuts)]
            reader.feed_data(sent[at : at + step])
            at, number = at + step, number + 1
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.create_task(feed())
    lines = Unstuffed()
    received = b"".join([lines.take(piece) async for piece in until_end(reader)]) + lines.rest()
    assert received == plain
    assert await reader.read() == b"NOOP\r\n"
    await feeding


def test_the_handler_has_what_the_server_looks_for() -> None:
    assert {name for name in vars(MailHandler) if name.startswith("handle_")} == {"handle_RCPT", "handle_exception"}
