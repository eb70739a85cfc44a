"""`callfloor certificate`."""

from __future__ import annotations

import base64
from pathlib import Path

from callfloor.cli import session
from callfloor.cli.failures import FAILURE, CommandError, harmless
from callfloor.rules.privacy.certificates import CertificateError, check
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations

LARGEST_FILE = 1024 * 1024


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise CommandError(f"{path} is larger than {LARGEST_FILE >> 20} MiB: it is not a certificate or key")
    return content


def verify(path: Path, key: Path | None) -> None:
    """Say whether an erasure certificate is what was signed. Needs no database. Raises `CommandError`."""
    try:
        expected = None if key is None else _read(key).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise CommandError(f"{key} holds no public key in base64") from error
    try:
        checked = check(_read(path), expected)
    except CertificateError as error:
        raise CommandError(f"{path}: {error}", FAILURE) from error
    print(harmless(f"valid: {checked}"))


def show_key(settings: Settings, organisation: str | None) -> None:
    """Print the public key of an organisation's certificates, in base64."""

    async def work(db: Database) -> bytes:
        row = await session.organisation(db, organisation)
        return await organisations.public_key(db, row["organisation_id"])

    print(base64.b64encode(session.run(settings, work)).decode())
