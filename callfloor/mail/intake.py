"""Keeping a message: its files into the media store, all else into the database. Durable when it returns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

import structlog

from callfloor.mail.decode import Body
from callfloor.mail.message import Found, ParsedMessage
from callfloor.media.blobs import Blobs
from callfloor.media.errors import BlobMissing
from callfloor.rules.privacy.identifiers import MANY
from callfloor.store.calls import media
from callfloor.store.calls.activities import Message
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.faults import UNSTORABLE
from callfloor.store.db.pool import Database
from callfloor.store.email import arrivals
from callfloor.store.email.arrivals import Arrival, Arrived, ArrivedFile
from callfloor.store.email.mailboxes import StoredMailbox

log = structlog.get_logger("callfloor.mail")


class Intake:
    """Stores one message for each mailbox that it is for; its files once an organisation."""

    def __init__(self, db: Database, blobs: Blobs, parsed: ParsedMessage) -> None:
        self._db, self._blobs, self._parsed = db, blobs, parsed
        self._put_for: dict[tuple[int, bool], list[tuple[Found, ArrivedFile]]] = {}

    async def keep(self, mailbox: StoredMailbox, at: datetime) -> Arrived:
        """Store the message once. Its file must stay open meanwhile.

        Raises `Problem`, `OSError` or `BlobUnreadable` when database or media store fail: then nothing was stored, and
        the message is to be kept by whoever has it.
        """
        known = await arrivals.known(self._db, mailbox, self._parsed.digest)
        if known is not None:
            return Arrived(known, new=False)
        try:
            return await self._keep(mailbox, self._parsed, at, bare=False)
        except UNSTORABLE as error:
            # something in it cannot be stored in its place: better as it came than not at all
            log.error("message-unreadable", organisation=mailbox.organisation, kind=type(error).__name__)
            return await self._keep(mailbox, _bare(self._parsed), at, bare=True)

    async def _keep(self, mailbox: StoredMailbox, parsed: ParsedMessage, at: datetime, *, bare: bool) -> Arrived:
        kept = await self._files(mailbox.organisation, parsed, bare=bare)
        async with self._db.transaction():
            await _hold(self._db, self._blobs, mailbox.organisation, kept)
            return await arrivals.arrive(self._db, mailbox, _arrival(parsed, [arrived for _, arrived in kept]), at)

    async def _files(self, organisation: int, parsed: ParsedMessage, *, bare: bool) -> list[tuple[Found, ArrivedFile]]:
        known = self._put_for.get((organisation, bare))
        if known is not None:
            return known
        kept = [(file, await _put(self._blobs, organisation, file)) for file in parsed.files]
        if parsed.damaged or any(file.body.damaged for file in parsed.files):
            # whatever was not understood is still there to be looked at
            kept.append((parsed.original, await _put(self._blobs, organisation, parsed.original)))
        self._put_for[organisation, bare] = kept
        return kept


def _bare(parsed: ParsedMessage) -> ParsedMessage:
    """The message without anything that was read in it."""
    nothing = Message(None, None, None, None, None)
    return replace(
        parsed, message=nothing, sender=None, reply_to=None, cc=None, ancestors=[], loops=[], reported=None,
        failed=False, body_text="", identifiers=[MANY], files=[], damaged=True,
    )  # fmt: skip


def _arrival(parsed: ParsedMessage, files: list[ArrivedFile]) -> Arrival:
    return Arrival(
        message=parsed.message,
        sender=parsed.sender,
        digest=parsed.digest,
        reply_to=parsed.reply_to,
        cc=parsed.cc,
        ancestors=parsed.ancestors,
        loops=parsed.loops,
        automatic=parsed.automatic,
        reported=parsed.reported,
        failed=parsed.failed,
        body_text=parsed.body_text,
        identifiers=parsed.identifiers,
        files=files,
    )


async def _put(blobs: Blobs, organisation: int, file: Found) -> ArrivedFile:
    async with aclosing(_pieces(file.body)) as pieces:
        blob = await blobs.put(organisation, pieces)
    return ArrivedFile(StoredContent(blob.sha256, blob.size), file.content_type, file.file_name, file.html, file.copy)


async def _pieces(body: Body) -> AsyncGenerator[bytes]:
    pieces = iter(body)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


async def _hold(db: Database, blobs: Blobs, organisation: int, kept: list[tuple[Found, ArrivedFile]]) -> None:
    """Keep the contents from being destroyed until the transaction ends; in one order, as others do.

    A deletion of the same content that was pending before we put it may have been carried out after.
    """
    for sha256, (file, _) in sorted({arrived.content.sha256: (file, arrived) for file, arrived in kept}.items()):
        await media.lock_content(db, organisation, sha256)
        try:
            async with aclosing(await blobs.open(organisation, sha256, 0, 1)) as chunks:
                async for _ in chunks:
                    break
        except BlobMissing:
            await _put(blobs, organisation, file)
