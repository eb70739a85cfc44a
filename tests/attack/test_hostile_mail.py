"""A stranger's e-mail costs what others can bear: it is read in bounds, once for all recipients, and apart."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.app.media import open_media
from callfloor.mail.listener import listening
from callfloor.mail.message import ParsedMessage, read
from callfloor.mail.readers import Readers, Turns
from callfloor.mail.structure import MOST_HEADERS, MOST_PARTS, scan
from callfloor.media.blobs import Blobs
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.attack.hostile_mail import messages
from tests.conftest import Centre
from tests.mail.post import JANE, make_mailbox
from tests.mail.test_listener import Server

HOSTILE = messages()


@pytest.fixture(scope="module")
def hurried() -> Iterator[Readers]:
    """Readers that give a message a second of processor time, begun ones on top."""
    made = Readers(processes=2, most_s=1)
    yield made
    made.close()


async def _read(readers: Readers, content: bytes) -> ParsedMessage:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        letter = await readers.read(file, JANE)
        assert b"".join(letter.original.body) == content
        return letter


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_message_takes_two_seconds_of_a_processor(hurried: Readers, name: str) -> None:
    assert (await _read(hurried, HOSTILE[name])).excess not in ("time", "memory", "fault")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_message_has_more_parts_headers_or_files_than_mail_has(name: str) -> None:
    file = io.BytesIO(HOSTILE[name])
    structure = scan(file)
    assert len(structure.parts) <= MOST_PARTS
    kept = [structure.headers, *(part.headers for part in structure.parts)]
    assert sum(len(key) + len(str(value)) for headers in kept for key, value in headers.raw_items()) <= MOST_HEADERS
    letter = read(file, JANE)
    assert len(letter.files) <= (0 if letter.excess else MOST_PARTS)
    assert (letter.excess is None) or ("It is attached as it came" in letter.body_text and letter.damaged)


def test_what_was_too_much_is_said_and_what_came_first_is_shown() -> None:
    many = b"Subject: many\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello\r\n"
    letter = read(io.BytesIO(many + b"--x\r\n\r\n" * 200), JANE)
    assert (letter.excess, letter.message.subject) == ("parts", "many")
    assert letter.body_text.startswith("[This message has more than 100 parts. It is attached as it came.]\n\nHello")
    long = b"Subject: long\r\n" + b"X-Y: z\r\n" * 5_000 + b"\r\nHello"
    letter = read(io.BytesIO(long), JANE)
    assert (letter.excess, letter.message.subject) == ("headers", "long")
    told = "[This message has more than 256 KiB or 4,000 lines of headers. It is attached as it came.]"
    assert letter.body_text == f"{told}\n\nHello"
    # an erasure looks into what was not read
    assert letter.identifiers == ["*"]


async def test_a_message_that_takes_too_long_is_kept_as_it_came_and_holds_up_nobody(hurried: Readers) -> None:
    endless = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"\n" * 40_000_000
    late, soon = await asyncio.gather(_read(hurried, endless), _read(hurried, b"Subject: soon\r\n\r\nHello"))
    assert (late.excess, late.body_text) == (
        "time",
        "[This message takes too long to read. It is attached as it came.]",
    )
    assert (soon.message.subject, soon.excess) == ("soon", None)
    # the next process reads as if nothing had been
    assert [(await _read(hurried, b"Subject: next\r\n\r\n")).message.subject for _ in range(3)] == ["next"] * 3


async def test_a_message_is_read_once_for_a_hundred_recipients(
    db: Database, centre: Centre, settings: Settings, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str | None] = []
    puts: list[int] = []
    read_, put = Readers.read, Blobs.put

    async def counted(self: Readers, file: BinaryIO, sender: str | None = None) -> ParsedMessage:
        reads.append(sender)
        return await read_(self, file, sender)

    async def counted_put(self: Blobs, organisation: int, *given: object) -> object:
        puts.append(organisation)
        return await put(self, organisation, *given)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Readers, "read", counted)
    monkeypatch.setattr(Blobs, "put", counted_put)
    with_smtp = settings.model_copy(update={"smtp_port": 0})
    mailboxes = [await make_mailbox(db, centre) for _ in range(100)]
    blobs = open_media(with_smtp)
    async with listening(db, blobs, with_smtp, readers) as port:
        assert port is not None
        server = Server(db, blobs, centre, mailboxes[0], port)
        to = [mailbox.address for mailbox in mailboxes]
        content = HOSTILE["2,000 parts"]
        await server.talk(lambda client: client.sendmail(JANE, to, content))
        came = await server.came()
    assert len(came) == 100
    assert reads == [JANE]
    assert puts == [centre.organisation]
    assert all([each.file_name for each in email.attachments] == ["original.eml"] for email in came)


@given(st.lists(st.floats(0.001, 50), min_size=1, max_size=30), st.integers(1, 4))
async def test_of_those_who_wait_the_cheapest_goes_first(costs: list[float], at_once: int) -> None:
    turns, order = Turns(at_once), list[float]()
    first = asyncio.Event()

    async def hold() -> None:
        async with turns.turn(0):
            await first.wait()

    async def take(cost: float) -> None:
        async with turns.turn(cost):
            order.append(cost)

    held = [asyncio.create_task(hold()) for _ in range(at_once)]
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(take(cost)) for cost in costs]
    gone = asyncio.create_task(take(0.0005))
    await asyncio.sleep(0)
    gone.cancel()
    first.set()
    await asyncio.gather(*held, *waiting)
    # they came within a moment; who costs much less than another was before it
    assert all(earlier <= later + 0.2 for earlier, later in pairwise(order))
    assert sorted(order) == sorted(costs)
