"""`callfloor certificate`."""

from __future__ import annotations

import base64
from pathlib import Path

from callfloor.cli import session
from callfloor.cli.failures import FAILURE, UNKNOWN, CommandError, harmless
from callfloor.rules.privacy.certificates import CertificateError, check
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys

LARGEST_FILE = 1024 * 1024


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise CommandError(f"{path} is larger than {LARGEST_FILE >> 20} MiB: it is not a certificate or key")
    return content


def verify(path: Path, key: Path | None) -> None:
    """Say whether an erasure certificate is what was signed, by a key (or one of several, a line each). Needs no
    database. Raises `CommandError`, also for one that is whole when nobody says whose it is to be."""
    try:
        expected = None if key is None else _read(key).decode("ascii").split()
    except UnicodeDecodeError as error:
        raise CommandError(f"{key} holds no public key in base64") from error
    try:
        checked = check(_read(path), expected)
    except CertificateError as error:
        raise CommandError(f"{path}: {error}", FAILURE) from error
    if expected is None:
        print(harmless(f"whole, but not known whose: {checked}"))
        raise CommandError("say whose it is to be: --key FILE, of callfloor certificate key", UNKNOWN)
    print(harmless(f"valid: {checked}"))


def show_key(settings: Settings, organisation: str | None, *, every: bool) -> None:
    """Print the public key of an organisation's certificates, in base64. `every`: and those that signed before it."""

    async def work(db: Database) -> list[bytes]:
        row = await session.organisation(db, organisation)
        return await keys.public(db, row["organisation_id"])

    found = session.run(settings, work)
    for each in found if every else found[:1]:
        print(base64.b64encode(each).decode())
