"""The locked versions, as the lock file has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.lock"
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Package:
    """`name` as PyPI compares names (PEP 503); `hashes`: SHA-256 of each file that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def packages(lock: Path = LOCK) -> list[Package]:
    """Every package of a lock file, in order. Raises `ValueError` for a line that is no pinned version."""
    found: list[Package] = []
    for entry in lock.read_text("utf-8").replace("\\\n", " ").splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        pinned = _PINNED.match(entry)
        if pinned is None:
            raise ValueError(f"{lock.name} has a line that pins no version: {entry[:60]}")
        found.append(Package(normalised(pinned[1]), pinned[2], tuple(_HASH.findall(entry))))
    return found
