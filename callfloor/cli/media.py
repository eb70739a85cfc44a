"""`callfloor media`: recordings and attachments as they lie in the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress

from callfloor.app.media import open_media
from callfloor.cli import session
from callfloor.cli.failures import FAILURE, CommandError
from callfloor.jobs import media as jobs
from callfloor.media.blobs import Blobs
from callfloor.settings import Settings
from callfloor.store.calls import media
from callfloor.store.db.pool import Database

# Faults that are named one by one.
MOST_NAMED = 100


@dataclass
class _Seen:
    right: int = 0
    wrong: int = 0


def verify(settings: Settings) -> None:
    """Read every recording and attachment and hold it against its SHA-256. Raises `CommandError` for any fault."""
    seen = session.run(settings, lambda db: _walked(db, settings, jobs.verify, "checking"))
    if seen.wrong:
        raise CommandError(f"{seen.wrong} of {seen.right + seen.wrong} are not what was stored", FAILURE)
    print(f"{seen.right} checked, all of them as they were stored")


def encrypt(settings: Settings) -> None:
    """Encrypt what was stored before there was a key. Raises `CommandError`."""
    if not settings.media_key:
        raise CommandError("set CALLFLOOR_MEDIA_KEY to the key that everything is to be encrypted with")
    seen = session.run(settings, lambda db: _walked(db, settings, jobs.encrypt, "encrypting"))
    if seen.wrong:
        raise CommandError(f"{seen.wrong} stay in plain: see callfloor media verify", FAILURE)
    print(f"{seen.right} encrypted; from now on nothing in plain is served")


async def _walked(
    db: Database, settings: Settings, work: Callable[[Database, Blobs], AsyncGenerator[jobs.Verdict]], doing: str
) -> _Seen:
    console = Console(stderr=True)
    seen = _Seen()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(doing, total=await media.count_contents(db))
        async for verdict in work(db, open_media(settings)):
            progress.advance(task)
            if verdict.fault is None:
                seen.right += 1
                continue
            seen.wrong += 1
            if seen.wrong <= MOST_NAMED:
                what = "bytes" if verdict.media_id is None else f"media {verdict.media_id}"
                print(f"organisation {verdict.organisation}, {what}: {verdict.fault}")
    return seen
