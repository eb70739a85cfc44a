"""The OS user that PostgreSQL runs as (it refuses root), and its way to the files it needs."""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NAMES = ("callfloor", "postgres", "nobody")  # root takes the first that exists


@dataclass(frozen=True, slots=True)
class ServiceUser:
    uid: int
    gid: int
    name: str

    @classmethod
    def choose(cls, owner: int | None) -> ServiceUser | None:
        """The user for a cluster of uid `owner` (None: there is no cluster yet). None: nobody can run it."""
        me = os.geteuid()
        if me != 0:
            return cls(me, os.getegid(), str(me)) if owner in (None, me) else None
        if owner == 0:
            return None
        if owner is not None:
            return cls.of(owner)
        return next(cls.usual(), None)

    @classmethod
    def of(cls, uid: int) -> ServiceUser:
        """The user of that number, who need not be in the system's list."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(uid, uid, str(uid))
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)

    @classmethod
    def named(cls, text: str) -> ServiceUser | None:
        """The user of that name, or number; None: there is none of that name."""
        with suppress(KeyError):
            entry = pwd.getpwnam(text)
            return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)
        return cls.of(int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else None

    @classmethod
    def usual(cls) -> Iterator[ServiceUser]:
        """Those of `NAMES` that there are, the best first."""
        return (user for name in NAMES if (user := cls.named(name)) is not None)

    def give(self, opened: int) -> None:
        """Make an open file or folder this user's, when we are root."""
        if os.geteuid() == 0 and os.fstat(opened).st_uid != self.uid:
            os.fchown(opened, self.uid, self.gid)

    def let_in(self, folders: Iterable[Path], programs: Path, notice: Callable[[str], None]) -> None:
        """As root, let this user reach `folders` and read all below `programs`; tell `notice` of each change.

        Others get the right to pass through a folder, never to list it.
        """
        if os.geteuid() != 0:
            return
        for part in dict.fromkeys(part for folder in folders for part in (folder, *folder.parents)):
            found = part.stat()
            if found.st_uid != self.uid and not found.st_mode & stat.S_IXOTH:
                part.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
                notice(f"Changed the mode of {part} (o+x): PostgreSQL runs as {self.name} and must pass it.")
        if sum([_share(tree) for tree in (programs, *programs.parent.parent.glob("*pgserver.libs"))]):
            notice(f"Changed modes below {programs} (o+rX): PostgreSQL runs as {self.name} and must read it.")


def _share(tree: Path) -> int:
    """Give others the owner's rights to read and execute; how many modes changed."""
    changed = 0
    for folder, _, files in os.walk(tree):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            wanted = mode | (mode & 0o500) >> 6
            if wanted != mode:
                os.chmod(path, wanted)
                changed += 1
    return changed
