"""Room on the disks that a server writes to: what is full, what soon will be, and how an error of the kind is told."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from callfloor.errors import NoSpace
from callfloor.settings import Settings

log = structlog.get_logger("callfloor.serve")

DATABASE, MEDIA, SPOOL = "database", "media folder", "spool"
# PostgreSQL adds to its log in pieces of this size, and stops when it cannot (bytes).
FULL = 16 * 1024 * 1024
WATCH_S = 15.0
# No block, no quota, and no larger file is left.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: BaseException | None) -> bool:
    """Whether the error, or what caused it, is that nothing more can be written."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__
    return False


def no_space(where: str) -> NoSpace:
    return NoSpace(f"No space is left on the disk of the {where}; nothing was written.", headers={"Retry-After": "60"})


@contextmanager
def writing(where: str) -> Generator[None]:
    """What is written inside goes there. Raises `NoSpace` when there is no room for it."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise no_space(where) from error


class Disks:
    """The disks of some places, by their names. Disks of other machines are not seen."""

    def __init__(self, places: Mapping[str, Path], low: int) -> None:
        """`low`: bytes under which room is short."""
        self._places, self._low = dict(places), low

    @classmethod
    def of(cls, settings: Settings) -> Disks:
        """Where a server with these settings writes: the embedded database, a media folder, and bodies on their way."""
        places = {SPOOL: Path(tempfile.gettempdir())}
        if settings.database_url is None:
            places[DATABASE] = settings.data
        if "://" not in settings.media_location:
            places[MEDIA] = Path(settings.media_location)
        return cls(places, settings.low_disk_megabytes * 1_000_000)

    def full(self) -> list[str]:
        """The places where nothing more should be written."""
        return [name for name, room in self.rooms().items() if room < FULL]

    def low(self) -> dict[str, int]:
        """The places that are short of room, or full, with the bytes left."""
        return {name: room for name, room in self.rooms().items() if room < max(self._low, FULL)}

    def rooms(self) -> dict[str, int]:
        """The places, with the bytes left."""
        return {name: _room(path) for name, path in sorted(self._places.items())}


async def watch(disks: Disks, stopping: asyncio.Event, every_s: float = WATCH_S) -> None:
    """Warn of disks before they are full, and say when they are; once each time that it changes, until `stopping`."""
    said = {"full": list[str](), "low": list[str]()}
    while not stopping.is_set():
        full, low = await asyncio.to_thread(disks.full), await asyncio.to_thread(disks.low)
        now = {"full": full, "low": sorted(low)}
        if now != said:
            say = log.error if full else log.warning if low else log.info
            rooms = {name: left // 1_000_000 for name, left in low.items()}
            say("disk-full" if full else "disk-low" if low else "disk-room", full=full, megabytes_left=rooms)
        said = now
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every_s)


def _room(path: Path) -> int:
    """Bytes left to a user who is not root. A file system without a free inode has none."""
    for each in (path, *path.absolute().parents):
        try:
            found = os.statvfs(each)
        except OSError:
            continue
        return 0 if found.f_files and not found.f_favail else found.f_bavail * found.f_frsize
    return 0
