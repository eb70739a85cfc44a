"""Why nobody is dialled: the dialler's own judgement of a campaign's leads, counted by the first rule that keeps each
out. Of many leads some are judged, taken by chance."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from callfloor.engine.campaigns import plan_of
from callfloor.engine.leads.candidates import Page, read_page
from callfloor.rules.dialling.eligibility import first_failing_rule
from callfloor.rules.dialling.not_dialling import DiallingNow, Obstacle, obstacles
from callfloor.store.db.pool import Database
from callfloor.store.figures import dialling_now
from callfloor.store.leads import samples
from callfloor.store.setup import campaigns
from callfloor.store.setup.campaigns import CampaignSetup

K = TypeVar("K")

# So many leads are judged one by one; of more than these, about so many.
JUDGED = 1000
HOURS = 24
_HOUR = timedelta(hours=1)
COMPLETED = "completion"
# half the width of an interval that has the truth in it in 95 of 100 cases, in standard deviations
_SURE = 1.96


@dataclass(frozen=True, slots=True)
class CampaignExplained:
    """`leads`: all of the campaign's, `completed` of them. `judged`: how many of the others were looked at; `one_in`:
    of how many each stands for. `kept_out`: leads by the first rule that keeps them out, most first; the parts and
    `dialable` add up to `leads`. `opens`: how many become dialable, by the hour that they do in (UTC, its beginning),
    of those that only the clock keeps out; `later`: after these hours. `margin`: of a share of the leads that are not
    completed, so far off it may be (95 of 100 times); 0: all were judged. `zone`: the campaign's."""

    name: str
    leads: int
    completed: int
    judged: int
    one_in: int
    dialable: int
    kept_out: tuple[tuple[str, int], ...]
    opens: tuple[tuple[datetime, int], ...]
    later: int
    margin: float
    standing: DiallingNow
    waits: tuple[Obstacle, ...]
    zone: str


async def explain_campaign(
    db: Database, organisation: int, campaign_id: int, now: datetime, judged: int = JUDGED
) -> CampaignExplained | None:
    """None: no such campaign. `judged`: about so many leads are judged at most."""
    setup = await campaigns.get(db, organisation, campaign_id)
    if setup is None:
        return None
    lists = list(setup.lists)
    leads, completed = await samples.counts(db, organisation, lists)
    one_in = 1 if leads - completed <= judged else math.ceil((leads - completed) / judged)
    rows = await (
        samples.every(db, organisation, lists) if one_in == 1 else samples.some(db, organisation, lists, one_in)
    )
    page = await read_page(db, setup, rows, now)
    verdicts = await asyncio.to_thread(_judged, setup, page, now)
    if one_in == 1:
        # leads that came or went since they were counted
        completed, leads = leads - len(rows) if leads > len(rows) else 0, max(leads, len(rows))
    firsts = Counter(rule for rule, _ in verdicts)
    scaled = _scaled(firsts, leads - completed)
    dialable = scaled.pop(None, 0)
    if completed:
        scaled[COMPLETED] = completed
    of_hour = _scaled(_hours(verdicts, now), leads - completed, len(verdicts))
    pacing = plan_of(setup).pacing
    standing = await dialling_now.standing(db, setup, pacing.abandonment_cap, pacing.window_s, now)
    return CampaignExplained(
        name=setup.name,
        leads=leads,
        completed=completed,
        judged=len(verdicts),
        one_in=one_in,
        dialable=dialable,
        kept_out=tuple(sorted(((rule, count) for rule, count in scaled.items() if rule), key=lambda each: -each[1])),
        opens=tuple(sorted((hour, count) for hour, count in of_hour.items() if hour is not None)),
        later=of_hour.get(None, 0),
        margin=0.0 if one_in == 1 or not verdicts else _SURE * 0.5 / math.sqrt(len(verdicts)),
        standing=standing,
        waits=obstacles(setup.facts, setup.mode, standing, dialable, now),
        zone=setup.facts.zone,
    )


# The first rule that keeps a lead out, and when it is dialled next.
_Judged = tuple[str | None, datetime | None]


def _judged(setup: CampaignSetup, page: Page, now: datetime) -> list[_Judged]:
    found: list[_Judged] = []
    for row in page.rows:
        facts, blocked = page.facts(row)
        of_list = setup.lists[row["list_id"]].facts
        found.append(first_failing_rule(facts, of_list, setup.facts, blocked, now, agents=setup.agents))
    return found


def _hours(verdicts: Iterable[_Judged], now: datetime) -> Counter[datetime | None]:
    """Leads that only the clock keeps out, by the hour in which it lets them in; None: later."""
    found: Counter[datetime | None] = Counter()
    for rule, at in verdicts:
        if rule is not None and at is not None:
            hour = at.replace(minute=0, second=0, microsecond=0)
            found[hour if at < now + HOURS * _HOUR else None] += 1
    return found


def _scaled(counted: Counter[K], to: int, of: int | None = None) -> dict[K, int]:
    """Shares of a whole, as whole numbers that add up where the counted ones do."""
    whole = sum(counted.values()) if of is None else of
    if not whole:
        return {}
    exact = {key: count * to / whole for key, count in counted.items()}
    found = {key: math.floor(each) for key, each in exact.items()}
    short = round(sum(exact.values())) - sum(found.values())
    for key in sorted(exact, key=lambda each: found[each] - exact[each])[:short]:
        found[key] += 1
    return found
