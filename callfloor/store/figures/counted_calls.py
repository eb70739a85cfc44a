"""The legs and e-mails that a figure counts, by the same conditions as it counts them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.store.db.pool import Database
from callfloor.store.figures.definitions import (
    GIVEN_SOURCE,
    GIVEN_WHERE,
    LEG_SOURCE,
    LEGS,
    OF_LEG,
    WAITS,
    WAITS_SOURCE,
    was_in,
)

_SHOWN = "a.activity_id, a.created_at, a.type, a.campaign_id, a.agent_id, a.attempt_id"


def counted_sql(measure: str) -> str:
    """$2, $3 the period, an array of one each; $4 how many; $5 campaigns, $6 agents, $7 list, $8 wrap code, $9 dial
    status, $10 our number, null: whatever it is; $11, $12 behind which creation and id, null: the first; $13 teams that
    the agents were in then, null: any."""
    if measure in WAITS:
        # their conditions are of `w`, which has the activity's columns
        shown, source, where, of = _SHOWN.replace("a.", "w."), WAITS_SOURCE, f"({WAITS[measure]}) <> 0", OF_LEG
        keys = {name: key.replace("a.", "w.") for name, key in of.items() if not key.startswith("coalesce(t.")}
        alias = "w"
    elif measure == "transfers_out":
        shown, source, where, alias = _SHOWN, GIVEN_SOURCE, GIVEN_WHERE, "a"
        keys = {name: key.replace("a.", "p.") for name, key in OF_LEG.items() if name in ("campaign_id", "agent_id")}
    else:
        shown, source, where, keys, alias = _SHOWN, LEG_SOURCE, f"({LEGS[measure]}) <> 0", dict(OF_LEG), "a"
    conditions = [where, f"($5::bigint[] IS NULL OR {keys['campaign_id']} = ANY($5))"]
    conditions.append(f"($6::bigint[] IS NULL OR {keys['agent_id']} = ANY($6))")
    for number, name, kind in (
        (7, "list_id", "bigint"),
        (8, "wrap_code", "integer"),
        (9, "dial_status", "smallint"),
        (10, "number", "text"),
    ):
        # where it is not told, nothing is of it
        has = f"{keys[name]} = ${number}" if name in keys else "false"
        conditions.append(f"(${number}::{kind} IS NULL OR {has})")
    conditions.append(
        f"($11::timestamptz IS NULL OR ({alias}.created_at, {alias}.activity_id) < ($11::timestamptz, $12::bigint))"
    )
    at = "w.join_queue_at" if alias == "w" else "a.created_at"
    member = f"SELECT FROM team_times m WHERE {was_in('m', keys['agent_id'], at)} AND m.team_id = ANY($13)"
    conditions.append(f"$13::bigint[] IS NULL OR EXISTS ({member})")
    return f"""
SELECT {shown}
{source}
WHERE {" AND ".join(f"({each})" for each in conditions)}
ORDER BY {alias}.created_at DESC, {alias}.activity_id DESC LIMIT $4"""


# what counts one each; others are seconds or greatest ones
COUNTED = tuple(
    name
    for name in (*LEGS, *WAITS, "transfers_out")
    if not name.endswith(("_s", "_ms"))
)  # fmt: skip
STATEMENTS: Mapping[str, str] = {measure: counted_sql(measure) for measure in COUNTED}


@dataclass(frozen=True, slots=True)
class Of:
    """Whose calls; None: of anybody, or whatever it is. `teams`: that the agents were in then."""

    campaigns: Collection[int] | None = None
    agents: Collection[int] | None = None
    teams: Collection[int] | None = None
    list_id: int | None = None
    wrap_code: int | None = None
    dial_status: int | None = None
    number: str | None = None


async def page(
    db: Database,
    organisation: int,
    measure: str,
    period: tuple[datetime, datetime],
    of: Of,
    after: tuple[datetime, int] | None,
    count: int,
) -> list[Record]:
    """At most `count` of what `measure` (one of `COUNTED`) counts in a period, newest first."""
    return await db.fetch(
        STATEMENTS[measure],
        organisation,
        [period[0]],
        [period[1]],
        count,
        None if of.campaigns is None else list(of.campaigns),
        None if of.agents is None else list(of.agents),
        of.list_id,
        of.wrap_code,
        of.dial_status,
        of.number,
        *(after or (None, None)),
        None if of.teams is None else list(of.teams),
    )
