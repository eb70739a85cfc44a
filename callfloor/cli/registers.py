"""`callfloor dnc registers`: how old the last wash against each national register is."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from callfloor.cli import session
from callfloor.cli.failures import harmless
from callfloor.rules.dialling.register_wash import wash_state
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import registers
from callfloor.store.privacy.registers import Washed

OVERDUE = 3


class Shown(msgspec.Struct, rename="camel"):
    """`last_washed` None: never. `refuses_after_days` None: no campaign's regime asks for it."""

    register: str
    last_washed: str | None
    age_days: int | None
    refuses_after_days: int | None
    state: str | None
    campaigns: list[str]


def show(settings: Settings, organisation: str | None, *, as_json: bool) -> int:
    """Print a line a register; returns the exit code. Raises `CommandError`."""

    async def work(db: Database) -> int:
        row = await session.organisation(db, organisation)
        now, code = datetime.now(UTC), 0
        for each in await registers.washes(db, row["organisation_id"]):
            shown = _shown(each, row["timezone"], now)
            code = OVERDUE if shown.state == "overdue" else code
            print(msgspec.json.encode(shown).decode() if as_json else harmless(_line(shown)))
        return code

    return session.run(settings, work)


def _shown(washed: Washed, zone_name: str, now: datetime) -> Shown:
    strictest, last = washed.strictest, washed.last
    return Shown(
        washed.name,
        None if last is None else format_timestamp(last, zone(zone_name)),
        None if last is None else (now - last).days,
        None if strictest is None else strictest.refuses_after.days,
        None if strictest is None or last is None else wash_state(strictest, last, now),
        [each.name for each in washed.asking],
    )


def _line(shown: Shown) -> str:
    of = f"  ({', '.join(shown.campaigns)})" if shown.campaigns else "  (no campaign asks for it)"
    if shown.last_washed is None:
        return f"{shown.register}  never washed{of}"
    most = "" if shown.refuses_after_days is None else f" of at most {shown.refuses_after_days} days"
    state = "" if shown.state is None else f"  {shown.state.upper() if shown.state != 'fresh' else shown.state}"
    return f"{shown.register}  washed {shown.last_washed}, {shown.age_days} days ago{most}{state}{of}"
