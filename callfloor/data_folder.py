"""The data folder: nobody but its owner looks into it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import structlog

log = structlog.get_logger("callfloor.data")

PRIVATE = 0o700
# Others may pass through to what they are given inside, and see no names.
PASSABLE = 0o711


def make(folder: Path, *, passable: bool = False) -> None:
    """Make the folder where it is missing, and close it to others where it is open; raises `OSError`.

    `passable`: another user is given a folder inside, as PostgreSQL is when root starts it, or Asterisk its prompts.
    """
    wanted = PASSABLE if passable or os.geteuid() == 0 else PRIVATE
    folder.mkdir(wanted, parents=True, exist_ok=True)
    found = folder.stat()
    mode = stat.S_IMODE(found.st_mode)
    if not mode & 0o777 & ~PASSABLE:
        return
    if found.st_uid != os.geteuid():
        log.warning("data-folder-open", folder=str(folder), mode=f"{mode:04o}")
        return
    folder.chmod(wanted)
    log.warning("data-folder-closed", folder=str(folder), was=f"{mode:04o}", now=f"{wanted:04o}")
