"""Whose it is what root makes in a folder of somebody else's: theirs, or their server could not read it."""

from __future__ import annotations

import os
from pathlib import Path


def as_its_folder(opened: int, folder: Path) -> None:
    """Give a file or folder that root made, and has open, to the owner of the folder that it was made in."""
    if os.geteuid() != 0:
        return
    found = folder.stat()
    if found.st_uid != 0:
        os.fchown(opened, found.st_uid, found.st_gid)
