"""What a server or a command does with keys before it works: have the master key, and wrap what stands in clear."""

from __future__ import annotations

import structlog

from callfloor import master_key
from callfloor.rules.privacy.wrapping import KeyUnusable
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys

log = structlog.get_logger("callfloor.keys")


async def prepare(settings: Settings, db: Database, *, needed: bool = True) -> int:
    """Have the master key, made where nothing is wrapped under another yet. Returns how many organisations had keys in
    clear. `needed` False: where it is missing, only what asks for a key fails. Raises `KeyUnusable`."""
    found, wrapped_under = master_key.read(settings), await keys.masters(db)
    if found is None and wrapped_under and not needed:
        return 0
    if found is None and wrapped_under:
        raise KeyUnusable(
            f"there is no master key, and keys are wrapped under {', '.join(wrapped_under)}: put the "
            f"{master_key.FILE} of the backup, or of the host that made them, into {settings.data}, or set "
            "CALLFLOOR_MASTER_KEY (docs/operations.md)"
        )
    if found is None:
        found = master_key.make(settings)
        log.warning("master-key-made", file=str(settings.data / master_key.FILE), remedy="it belongs to the backup")
    missing = [each for each in wrapped_under if each not in found.known]
    if missing and needed:
        raise KeyUnusable(
            f"keys are wrapped under master key {', '.join(missing)}, and this host has "
            f"{', '.join(found.known)}: give it the one that wrapped them (docs/operations.md)"
        )
    master_key.use(found)
    return await keys.wrap_plain(db)
