"""Passwords in files: only those of one folder, whatever a centre file names."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

LONGEST = 4096
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class SecretFileError(LookupError):
    """The file is none of the folder's, or cannot be read. The message names the place, never what stands there."""


def is_name(text: str) -> bool:
    """Whether it is the name of a file, and no way to another folder."""
    return _NAME.fullmatch(text) is not None


def read(folder: Path, named: str) -> str:
    """The first line of a file of the folder, which is named alone or with the folder. Raises `SecretFileError`.

    No link is followed, neither of the file nor of the folder, and nobody else may be able to write there.
    """
    folder = folder.absolute()
    if not is_name(named):
        given = Path(named)
        if not given.is_absolute() or given.parent != folder or not is_name(given.name):
            raise SecretFileError(f"the file {named} is not in the folder of secrets, {folder}")
        named = given.name
    try:
        return _read(folder, named).decode().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SecretFileError(f"the file {folder / named} cannot be read: {why}") from error


def _read(folder: Path, name: str) -> bytes:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(opened).st_mode & 0o022:
            raise SecretFileError(f"others can write into the folder of secrets, {folder}: chmod 700 it")
        # a FIFO would let us wait
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened)
    finally:
        os.close(opened)
    with os.fdopen(file, "rb") as content:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST:
            raise SecretFileError(f"the file {folder / name} is no file of at most {LONGEST} bytes")
        return content.read(LONGEST)
