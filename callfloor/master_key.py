"""The installation's master key, under which the keys of organisations stand in the database: out of a setting, else
out of a file of the data folder, which is made where there is none."""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from callfloor.ownership import as_its_folder
from callfloor.rules.privacy.wrapping import KEY_BYTES, KeyUnusable, fingerprint, parse
from callfloor.settings import Settings

log = structlog.get_logger("callfloor.keys")

FILE = "master.key"


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """`current` wraps; all of `known`, by id, unwrap."""

    current: str
    known: Mapping[str, bytes] = field(repr=False)

    @property
    def key(self) -> bytes:
        return self.known[self.current]


def _of(keys: list[bytes]) -> MasterKeys:
    known = {fingerprint(key): key for key in keys}
    return MasterKeys(fingerprint(keys[0]), known)


def read(settings: Settings) -> MasterKeys | None:
    """The keys of the setting, the first of which is the current one, else those of the file; None: there are none.

    Raises `KeyUnusable`.
    """
    if settings.master_key:
        try:
            return _of([parse(each) for each in settings.master_key.split(",")])
        except KeyUnusable as error:
            raise KeyUnusable(f"{Settings.option('master_key')}: a key {error}") from error
    path = settings.data / FILE
    try:
        with path.open(encoding="ascii") as file:
            _close_to_others(file.fileno(), path)
            lines = file.read().split()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(f"{path} cannot be read: it holds the master key, and belongs to the backup") from error
    try:
        return _of([parse(each) for each in lines])
    except (KeyUnusable, IndexError) as error:
        raise KeyUnusable(f"{path} holds no master key: put the one of the backup there") from error


def _close_to_others(handle: int, path: Path) -> None:
    """A copy of the backup is as open as whoever made it left it, and the data folder may be passed through."""
    found = os.fstat(handle)
    mode = stat.S_IMODE(found.st_mode)
    if not mode & 0o077:
        return
    if os.geteuid() not in (0, found.st_uid):
        log.warning("master-key-open", file=str(path), mode=f"{mode:04o}", remedy="chmod 600")
        return
    os.fchmod(handle, 0o600)
    log.warning("master-key-closed", file=str(path), was=f"{mode:04o}", now="0600")


def make(settings: Settings) -> MasterKeys:
    """Make the file, for its owner alone; or take the one that another process has made meanwhile.

    It is whole and on the disk before it has its name, so that nothing is ever wrapped under a key that is lost.
    """
    folder = settings.data
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{FILE}.{secrets.token_hex(8)}"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            as_its_folder(file.fileno(), folder)
        with suppress(FileExistsError):
            os.link(part, folder / FILE)
        _sync(folder)
    finally:
        part.unlink(missing_ok=True)
    made = read(settings)
    if made is None:
        raise KeyUnusable(f"{folder / FILE} was taken away while it was made")
    return made


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


_process: list[MasterKeys] = []


def use(keys: MasterKeys) -> None:
    """From now on these are the process's."""
    _process[:] = [keys]


def current() -> MasterKeys:
    """The process's. Raises `KeyUnusable` where there are none."""
    if not _process:
        raise KeyUnusable(
            f"there is no master key: put the {FILE} of the backup into the data folder, or set CALLFLOOR_MASTER_KEY"
        )
    return _process[0]
