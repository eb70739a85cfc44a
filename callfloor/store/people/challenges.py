"""What is answered once by intent: challenges of passkeys, ways back from a provider."""

from __future__ import annotations

from datetime import datetime

from callfloor.store.db.pool import Database
from callfloor.store.people.callers import hash_of

SPEND_SQL = """
INSERT INTO spent_challenges (organisation_id, challenge_hash, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (organisation_id, challenge_hash) DO NOTHING RETURNING expires_at"""
EXPIRE_SQL = "DELETE FROM spent_challenges WHERE expires_at <= $1"


async def spend(db: Database, organisation: int, challenge: str, until: datetime) -> bool:
    """Take a challenge, once; False: it was answered before. `until`: when it is too old by itself."""
    return await db.fetchval(SPEND_SQL, organisation, hash_of(challenge), until) is not None


async def expire(db: Database, now: datetime) -> None:
    """Forget challenges that are too old by themselves."""
    await db.execute(EXPIRE_SQL, now)
