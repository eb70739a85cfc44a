"""What root's server gives to the user that it becomes: the data folder and the media store, as they were left.

Whoever owns a folder may have put links into it, and root would follow them to anything. So each file is opened below
a folder that is open, never through a link, and changed by what was opened; a link, and a file that has another name
somewhere, are refused. Only what Callfloor itself puts into its folders is looked at.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from callfloor.media.blobs import folder_of
from callfloor.postgres.cluster import StartStopped
from callfloor.postgres.service_user import ServiceUser
from callfloor.settings import Settings, SettingsError

CLUSTER = "postgres"
# Names in a data folder that are ours.
_OURS = re.compile(r"postgres(\.new|-socket|\.log|\.users|\.lock|\.password(\.new)?)?|media|secrets|prompts|"
                   r"(\.|)master\.key(\.[0-9a-f]+)?|serve-(api|floor|jobs)\.lock")  # fmt: skip
# Of these, those by which a folder is known to be one: a "media" is in other folders too.
_SURE = re.compile(r"postgres\.(lock|users|password)|master\.key|serve-(api|floor|jobs)\.lock")
# In a media store from its beginning on.
_STORE = ".temporary"
DEEPEST = 32
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FOLDER = _OPEN | os.O_DIRECTORY


class Handover:
    """`stopped`: asked at every folder whether to leave the rest."""

    def __init__(self, user: ServiceUser, stopped: Callable[[], bool]) -> None:
        self._user, self._stopped = user, stopped

    def give(self, settings: Settings) -> None:
        """Give the data folder, made where it is missing, and a media folder elsewhere. Paths are whole.

        Raises `SettingsError`, `StartStopped`.
        """
        self._give_data(settings.data)
        media = folder_of(settings.media_location)
        if media is not None and media != settings.data / "media":
            self._give_media(media)

    def _give_data(self, path: Path) -> None:
        with self._faults("data", path), _opened("data", path) as folder:
            names = set(os.listdir(folder)) - {"lost+found"}
            strange = names and not any(_SURE.fullmatch(name) for name in names)
            if strange and os.fstat(folder).st_uid != self._user.uid:
                raise SettingsError(
                    "data",
                    f"{path} holds other things and no data of Callfloor: root gives its data folder to "
                    f"{self._user.name}; name one that is empty or not there yet",
                )
            ours = sorted(name for name in names if _OURS.fullmatch(name))
            if CLUSTER in ours and os.stat(CLUSTER, dir_fd=folder, follow_symlinks=False).st_uid == self._user.uid:
                # PostgreSQL ran as this user, and its own links lead where it may go
                ours.remove(CLUSTER)
            elif CLUSTER in ours:
                self._nobody_uses(folder, path)
            for name in ours:
                self._give("data", folder, name, path / name, 0)
            self._user.give(folder)

    def _give_media(self, path: Path) -> None:
        with self._faults("media_url", path), _opened("media_url", path) as folder:
            names = os.listdir(folder)
            if names and _STORE not in names:
                # no store: whether it can be one is seen by whoever opens it
                return
            self._give_all("media_url", folder, path, 0)
            self._user.give(folder)

    def _give_all(self, setting: str, folder: int, path: Path, depth: int) -> None:
        if self._stopped():
            raise StartStopped(f"the handing over of {path} was stopped")
        if depth > DEEPEST:
            raise SettingsError(setting, f"{path} lies too deep for a folder of ours: remove it")
        with os.scandir(folder) as entries:
            # what root may leave alone is not opened
            others = [each.name for each in entries if not self._is_given_file(each)]
        for name in others:
            self._give(setting, folder, name, path / name, depth + 1)

    def _is_given_file(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_file(follow_symlinks=False):
            return False
        return entry.stat(follow_symlinks=False).st_uid == self._user.uid

    def _give(self, setting: str, folder: int, name: str, path: Path, depth: int) -> None:
        """Give one entry of a folder that is open, and all below it: the folder itself last, so that a run that was
        cut off is taken up again."""
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            raise SettingsError(
                setting,
                f"{path} is a symbolic link, which root does not follow: put what it leads to in its place, or start "
                f"the server as {self._user.name}",
            )
        if stat.S_ISDIR(found.st_mode):
            opened = os.open(name, _OPEN_FOLDER, dir_fd=folder)
            try:
                self._give_all(setting, opened, path, depth)
                self._user.give(opened)
            finally:
                os.close(opened)
        elif stat.S_ISREG(found.st_mode) and found.st_uid != self._user.uid:
            # what took its place meanwhile must not make us wait
            opened = os.open(name, _OPEN | os.O_NONBLOCK, dir_fd=folder)
            try:
                if os.fstat(opened).st_nlink > 1:
                    raise SettingsError(
                        setting, f"{path} has another name elsewhere (a hard link), whose file root does not give away"
                    )
                self._user.give(opened)
            finally:
                os.close(opened)

    def _nobody_uses(self, folder: int, path: Path) -> None:
        try:
            users = os.open("postgres.users", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = ServiceUser.of(os.stat(CLUSTER, dir_fd=folder, follow_symlinks=False).st_uid)
            raise SettingsError(
                "user", f"the database in {path} is in use as {owner.name}'s: stop what uses it, or name {owner.name}"
            ) from error
        finally:
            os.close(users)

    @contextmanager
    def _faults(self, setting: str, path: Path) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise SettingsError(
                setting, f"{error.filename or path} cannot be given to {self._user.name} ({error.strerror})"
            ) from error


@contextmanager
def _opened(setting: str, path: Path) -> Generator[int]:
    for part in (path, *path.parents):
        # links of root's own, such as /var/run, lead where root wants
        if part.is_symlink() and (part == path or part.lstat().st_uid != 0):
            raise SettingsError(setting, f"{part} is a symbolic link: name the folder itself")
    path.mkdir(0o700, parents=True, exist_ok=True)
    opened = os.open(path, _OPEN_FOLDER)
    try:
        yield opened
    finally:
        os.close(opened)
