"""Prompts, and their sound: WAV of 8 kHz, 16 bit, mono, by the SHA-256 of its bytes.

A carrier is told a prompt as `prompt:ORGANISATION/SHA256`, which is the same sound for ever.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from asyncpg import Record

from callfloor.contract.workflows import Sound
from callfloor.rules.values.sound_files import apart
from callfloor.store.db.pool import Database

_MESSAGE = re.compile(r"prompt:([1-9][0-9]{0,18})/([0-9a-f]{64})", re.ASCII)

EVERY_SQL = "SELECT name, text, language, file, sha256, spoken FROM prompts WHERE organisation_id = $1 ORDER BY name"
PUT_SOUND_SQL = """
INSERT INTO sounds (organisation_id, sha256, content) VALUES ($1, $2, $3)
ON CONFLICT (organisation_id, sha256) DO UPDATE SET stored_at = excluded.stored_at"""
PUT_SQL = """
INSERT INTO prompts (organisation_id, name, text, language, file, sha256, spoken) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (organisation_id, name) DO UPDATE SET text = excluded.text, language = excluded.language,
    file = excluded.file, sha256 = excluded.sha256, spoken = excluded.spoken"""
FORGET_SOUNDS_SQL = """
DELETE FROM sounds s WHERE s.organisation_id = $1 AND s.stored_at < now() - interval '1 day'
    AND NOT EXISTS (SELECT FROM prompts p WHERE p.organisation_id = $1 AND p.sha256 = s.sha256)"""
SOUND_SQL = "SELECT content FROM sounds WHERE organisation_id = $1 AND sha256 = $2"


@dataclass(frozen=True, slots=True)
class Stored:
    """`sha256`: of the sound. `spoken` False: it is a tone in the place of words."""

    prompt: Sound
    sha256: str
    spoken: bool


def message_id(organisation: int, sha256: str) -> str:
    """What a carrier is told to play."""
    return f"prompt:{organisation}/{sha256}"


async def sound(db: Database, message: str) -> bytes | None:
    """The WAV file behind a message id; None: it is of another kind, or there is none."""
    form = _MESSAGE.fullmatch(message)
    return None if form is None else await db.fetchval(SOUND_SQL, int(form[1]), form[2])


async def every(db: Database, organisation: int) -> dict[str, Stored]:
    """An organisation's prompts by name."""
    rows = await db.fetch(EVERY_SQL, organisation)
    prompts = apart({row["name"]: _prompt(row) for row in rows})
    return {row["name"]: Stored(prompts[row["name"]], row["sha256"], row["spoken"]) for row in rows}


def _prompt(row: Record) -> Sound:
    sha256 = None if row["file"] is None else row["sha256"]
    return Sound(name=row["name"], text=row["text"], language=row["language"], file=row["file"], sha256=sha256)


async def put(db: Database, organisation: int, prompt: Sound, wav: bytes, *, spoken: bool = True) -> None:
    """Add a prompt, or change it. In the caller's transaction."""
    sha256 = hashlib.sha256(wav).hexdigest()
    await db.execute(PUT_SOUND_SQL, organisation, sha256, wav)
    await db.execute(PUT_SQL, organisation, *_words(prompt), prompt.file, sha256, spoken)
    await db.execute(FORGET_SOUNDS_SQL, organisation)


def _words(prompt: Sound) -> tuple[object, ...]:
    return prompt.name, prompt.text, prompt.language
