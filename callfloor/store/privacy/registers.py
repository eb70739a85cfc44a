"""National do-not-call registers, and when the organisation last washed its numbers against each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.rules.dialling.register_wash import Register
from callfloor.store.db.pool import Database
from callfloor.store.setup import campaigns
from callfloor.store.setup.campaigns import CampaignSetup

WASHED_SQL = """
INSERT INTO do_not_call_registers AS r (organisation_id, name, last_washed_at) VALUES ($1, $2, $3)
ON CONFLICT (organisation_id, name) DO UPDATE SET last_washed_at = greatest(r.last_washed_at, excluded.last_washed_at)
RETURNING last_washed_at"""
EVERY_SQL = "SELECT name, last_washed_at FROM do_not_call_registers WHERE organisation_id = $1 ORDER BY name"


async def washed(db: Database, organisation: int, name: str, at: datetime) -> datetime:
    """Numbers were washed against the register at `at`; returns when that was last."""
    return await db.fetchval(WASHED_SQL, organisation, name, at)


async def every(db: Database, organisation: int) -> list[Record]:
    """The registers against which the organisation has washed numbers: name, last_washed_at."""
    return await db.fetch(EVERY_SQL, organisation)


@dataclass(frozen=True, slots=True)
class Washed:
    """A register, the last wash against it (None: never), and the outbound campaigns whose regime asks for it."""

    name: str
    last: datetime | None
    asking: Sequence[CampaignSetup]

    @classmethod
    def of(cls, setup: CampaignSetup) -> Washed:
        """As one campaign whose regime asks for a register sees it."""
        wash = setup.facts.wash
        if wash is None:
            raise ValueError("the campaign's regime asks for no register")
        return cls(wash.register.name, wash.last, [setup])

    @property
    def strictest(self) -> Register | None:
        """How the strictest of these regimes looks at it; None: no campaign asks for it."""
        asked = [each.regime.register for each in self.asking if each.regime.register is not None]
        return min(asked, key=lambda each: each.refuses_after, default=None)


async def washes(db: Database, organisation: int) -> list[Washed]:
    """Every register that was washed against or that a campaign's regime asks for, by name."""
    known: dict[str, datetime] = {row["name"]: row["last_washed_at"] for row in await every(db, organisation)}
    asking: dict[str, list[CampaignSetup]] = {name: [] for name in known}
    for setup in await campaigns.of(db, organisation):
        if setup.mode is not None and setup.facts.wash is not None:
            asking.setdefault(setup.facts.wash.register.name, []).append(setup)
    return [Washed(name, known.get(name), asking[name]) for name in sorted(asking)]
