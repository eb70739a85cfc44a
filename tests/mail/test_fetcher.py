"""Mailboxes on an IMAP server: each message is taken once, wherever a fetch is cut off."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pytest
from structlog.testing import capture_logs

from callfloor.app.media import open_media
from callfloor.contract.mailboxes import Account
from callfloor.mail import imap
from callfloor.mail.accounts import SecretMissing
from callfloor.mail.fetcher import Fetcher
from callfloor.mail.message import ParsedMessage, read
from callfloor.mail.readers import Readers
from callfloor.mail.worker import Rounds
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.email import arrivals, emails, mailboxes
from callfloor.store.email.emails import Email
from callfloor.store.email.mailboxes import StoredMailbox
from tests.conftest import Centre
from tests.mail.post import make_mailbox
from tests.mail.servers import LOCAL, Keeper, keeping, self_signed, server_tls


@dataclass
class Fetching:
    db: Database
    centre: Centre
    keeper: Keeper
    mailbox: StoredMailbox
    fetcher: Fetcher

    async def fetch(self) -> int:
        return await self.fetcher.fetch(self.mailbox)

    async def came(self) -> list[Email]:
        org = self.centre.organisation
        rows = await self.db.fetch("SELECT activity_id FROM emails WHERE organisation_id = $1 ORDER BY 1", org)
        return [found for row in rows if (found := await emails.read(self.db, org, row["activity_id"])) is not None]

    async def subjects(self) -> list[str | None]:
        return [each.message and each.message.subject for each in await self.came()]


def message(number: int, body: bytes = b"Hello\r\n") -> bytes:
    head = f"From: jane{number}@example.com\r\nSubject: Letter {number}\r\nMessage-ID: <{number}@example.com>\r\n\r\n"
    return head.encode() + body


@pytest.fixture
async def fetching(
    db: Database, centre: Centre, settings: Settings, tmp_path: Path, readers: Readers
) -> AsyncIterator[Fetching]:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    async with keeping() as keeper:
        account = Account("127.0.0.1", keeper.port, "care", "secret", tls="none")
        mailbox = await make_mailbox(db, centre, receive="imap", imap=account)
        yield Fetching(
            db, centre, keeper, mailbox, Fetcher(db, open_media(settings), 1_000_000, readers, tmp_path, LOCAL)
        )


async def test_what_is_new_is_taken_and_what_others_saw_before_we_came_is_not(fetching: Fetching) -> None:
    keeper = fetching.keeper
    assert await fetching.fetch() == 0
    keeper.messages |= {number: message(number) for number in (3, 4)}
    assert await fetching.fetch() == 2
    assert await fetching.fetch() == 0
    assert keeper.seen == {3, 4}
    # what somebody looks at before we do is taken all the same
    keeper.messages[9] = message(9)
    keeper.seen.add(9)
    assert await fetching.fetch() == 1
    assert await fetching.subjects() == ["Letter 3", "Letter 4", "Letter 9"]
    assert len(await emails.waiting(fetching.db, fetching.centre.organisation, fetching.centre.inbound)) == 3


@pytest.mark.parametrize("tells_next", [True, False])
async def test_of_a_folder_with_a_past_only_the_unseen_is_taken(fetching: Fetching, tells_next: bool) -> None:
    fetching.keeper.tells_next = tells_next
    fetching.keeper.messages |= {number: message(number) for number in range(1, 7)}
    fetching.keeper.seen |= {1, 3, 6}
    fetching.keeper.dies_at = "UID FETCH 4"
    with pytest.raises(imap.FAILURES):
        await fetching.fetch()
    fetching.keeper.dies_at = None
    assert await fetching.fetch() == 2
    assert await fetching.subjects() == ["Letter 2", "Letter 4", "Letter 5"]
    assert await fetching.fetch() == 0


async def test_messages_that_are_numbered_anew_are_not_taken_again(fetching: Fetching) -> None:
    fetching.keeper.messages |= {1: message(1), 2: message(2)}
    await fetching.fetch()
    fetching.keeper.validity = 8
    fetching.keeper.messages = {101: message(1), 102: message(2), 103: message(3)}
    fetching.keeper.seen = {101}
    # the second lost its mark, but is known
    assert await fetching.fetch() == 1
    assert await fetching.subjects() == ["Letter 1", "Letter 2", "Letter 3"]


@pytest.mark.parametrize("where", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH 2", "UID FETCH 2 (BODY", "UID STORE 1"])
async def test_a_connection_that_is_lost_loses_and_doubles_nothing(fetching: Fetching, where: str) -> None:
    fetching.keeper.messages |= {number: message(number) for number in (1, 2, 3)}
    fetching.keeper.dies_at = where
    with pytest.raises(imap.FAILURES):
        await fetching.fetch()
    fetching.keeper.dies_at = None
    await fetching.fetch()
    assert await fetching.subjects() == ["Letter 1", "Letter 2", "Letter 3"]


@pytest.mark.parametrize("point", ["before", "after"])
async def test_a_crash_around_the_commit_loses_and_doubles_nothing(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    class Crash(Exception):
        pass

    async def crashing(*given: Any) -> Any:
        if point == "after":
            await arrive(*given)
        raise Crash

    async def uncommitted(*given: Any) -> Any:
        raise Crash

    arrive = arrivals.arrive
    fetching.keeper.messages |= {1: message(1), 2: message(2)}
    if point == "before":
        # in the transaction that stores it
        monkeypatch.setattr(arrivals, "arrive", crashing)
    else:
        monkeypatch.setattr(mailboxes, "advance", uncommitted)
    with pytest.raises(Crash):
        await fetching.fetch()
    assert len(await fetching.came()) == (0 if point == "before" else 1)
    monkeypatch.undo()
    await fetching.fetch()
    assert await fetching.subjects() == ["Letter 1", "Letter 2"]
    assert await fetching.fetch() == 0


async def test_two_who_fetch_at_once_take_each_message_once(fetching: Fetching) -> None:
    fetching.keeper.messages |= {number: message(number) for number in range(1, 6)}
    counts = await asyncio.gather(*(fetching.fetch() for _ in range(3)))
    assert sum(counts) == 5
    assert sorted(map(str, await fetching.subjects())) == [f"Letter {number}" for number in range(1, 6)]


async def test_a_large_message_comes_in_pieces_and_too_large_a_one_is_told_of(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "CHUNK", 1000)
    line = b"x" * 70 + b"\r\n"
    fetching.keeper.messages |= {1: message(1, line * 100), 2: message(2, line * 20_000), 3: message(3)}
    assert await fetching.fetch() == 3
    whole, told, after = await fetching.came()
    assert whole.body_text == (line * 100).decode().replace("\r\n", "\n")
    assert told.body_text is not None
    assert "1,000,000 bytes" in told.body_text
    assert told.message is not None
    assert (told.message.subject, told.message.from_) == ("Letter 2", "jane2@example.com")
    assert after.body_text == "Hello\n"


async def test_a_message_that_cannot_be_stored_as_read_is_stored_as_it_came(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unclean(readers: Readers, file: BinaryIO, sender: str | None = None) -> ParsedMessage:
        # a text that PostgreSQL refuses, should one ever pass
        found = read(file, sender)
        return replace(found, body_text=found.body_text.replace("NUL", "\x00"))

    monkeypatch.setattr(Readers, "read", unclean)
    fetching.keeper.messages |= {1: message(1, b"NUL here"), 2: message(2)}
    assert await fetching.fetch() == 2
    bare, after = await fetching.came()
    assert [each.file_name for each in bare.attachments] == ["original.eml"]
    assert bare.body_text == ""
    assert after.body_text == "Hello\n"


async def test_a_folder_is_opened_in_private(
    fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    async with keeping(server_tls(certificate, key)) as keeper:
        keeper.messages[1] = message(1)
        account = Account("localhost", keeper.port, "care", str(tmp_path / "secret"), tls="implicit")
        mailbox = await make_mailbox(fetching.db, fetching.centre, receive="imap", imap=account)
        with pytest.raises(ssl.SSLCertVerificationError):
            await fetching.fetcher.fetch(mailbox)
        assert keeper.commands == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await fetching.fetcher.fetch(mailbox) == 1


async def test_a_wrong_password_is_told_without_it(fetching: Fetching, tmp_path: Path) -> None:
    fetching.keeper.password = "pässword"
    (tmp_path / "secret").write_text("pässword\n")
    assert await fetching.fetch() == 0
    assert fetching.keeper.commands[-1] == "LOGOUT"
    fetching.keeper.password = "changed"
    with pytest.raises(imap.FAILURES):
        await fetching.fetch()
    (tmp_path / "secret").write_text("secret\n")
    with pytest.raises(imap.FAILURES) as refused:
        await fetching.fetch()
    assert "secret" not in str(refused.value)
    (tmp_path / "secret").unlink()
    with pytest.raises(SecretMissing):
        await fetching.fetch()


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("INBOX", '"INBOX"'),
        ("Entwürfe", '"Entw&APw-rfe"'),
        ("Поддержка", '"&BB8EPgQ0BDQENQRABDYEOgQw-"'),
        ("受信箱", '"&U9dP4Xux-"'),
        ("Sales & Care", '"Sales &- Care"'),
        ('a "b" \\c', '"a \\"b\\" \\\\c"'),
    ],
)
async def test_a_folder_of_any_name_is_opened(fetching: Fetching, name: str, sent: str) -> None:
    account = msgspec.structs.replace(fetching.mailbox.imap, folder=name) if fetching.mailbox.imap else None
    await fetching.fetcher.fetch(replace(fetching.mailbox, imap=account))
    assert f"SELECT {sent}" in fetching.keeper.commands


async def test_a_mailbox_without_its_password_is_logged_with_where_it_was_looked_for(
    fetching: Fetching, tmp_path: Path
) -> None:
    (tmp_path / "secret").unlink()
    with capture_logs() as logs:
        await Rounds(fetching.db, fetching.fetcher).fetch(fetching.mailbox)
    assert [(each["event"], each["kind"]) for each in logs] == [("fetch-failed", "SecretMissing")]
    assert logs[0]["reason"].startswith(f"the file {tmp_path}/secret cannot be read")
