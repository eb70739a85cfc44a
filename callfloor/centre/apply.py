"""Applying a centre file to the database, and exporting one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

import msgspec
from asyncpg import Record

from callfloor.centre import mailboxes as boxes
from callfloor.centre import removing, sounds
from callfloor.centre.check import check, organisation_name
from callfloor.centre.plan import Change, diff
from callfloor.centre.source import CentreError, Source, parse
from callfloor.centre.tree import tree
from callfloor.centre.write import centre_file
from callfloor.contract.centre import Campaign, Centre, User
from callfloor.rules.audit.entries import SYSTEM, Actor
from callfloor.rules.dialling.callbacks import Moved
from callfloor.rules.privacy.retention import WHOLE_ORGANISATION
from callfloor.store.agents import requeue
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes
from callfloor.store.figures import alerts
from callfloor.store.people import teams, users
from callfloor.store.privacy import retention
from callfloor.store.setup import centres, organisations, prompts, workflows
from callfloor.telephony import speech


@dataclass(frozen=True, slots=True)
class Plan:
    """What a source would make of a centre. `before` None: there is none of that name yet. `source`: with what was read
    besides it."""

    source: Source
    organisation: int | None
    before: Centre | None
    after: Centre
    changes: tuple[Change, ...]

    @property
    def version(self) -> str:
        """Names the centre that the plan is for (`version_of`)."""
        return version_of(self.before)

    @property
    def plan_id(self) -> str:
        """Names the plan: another source or another centre has another, and so has one with other changes."""
        said = [self.version, self.source.tree, list(map(str, self.changes)), sorted(self.source.sounds.items())]
        return _digest(msgspec.json.encode(said, order="deterministic"))


def version_of(centre: Centre | None) -> str:
    """Names the state of a centre: another state has another."""
    said = None if centre is None else [tree(centre), [each.sha256 for each in centre.prompts.values()]]
    return _digest(msgspec.json.encode(said, order="deterministic"))


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


async def plan_of(db: Database, source: Source, base: Callable[[Centre], Centre] = lambda each: each) -> Plan:
    """The changes that a source asks for; nothing is written. `base` as of `apply_plan`. Raises `CentreError`."""
    source = await asyncio.to_thread(sounds.read, source)
    async with db.transaction():
        await centres.snapshot(db)
        return (await _planned(db, source, locked=False, base=base))[0]


async def apply_plan(
    db: Database,
    source: Source,
    allow: Callable[[Plan], None] = lambda _: None,
    base: Callable[[Centre], Centre] = lambda each: each,
    by: Actor = SYSTEM,
    words: sounds.Words | None = None,
) -> Plan:
    """Make the centre what the source says, in one transaction; returns what was done. `allow`: raises for a plan that
    must not be applied. `base`: the centre that the source changes, made of that which is there. `by`: who
    does it, which versions of workflows say. `words`: what was spoken beforehand; None: it is spoken here, before the
    lock that all who apply wait for is taken.

    Raises `CentreError`.
    """
    source = await asyncio.to_thread(sounds.read, source)
    if words is None:
        words = await words_for(db, source, base)
    async with db.transaction():
        await centres.lock(db)
        planned, stored = await _planned(db, source, locked=True, base=base, words=words)
        allow(planned)
        writer = _Writer(db, planned, stored, by, words)
        for change in planned.changes:
            await writer.write(change)
    return planned


async def apply(db: Database, source: Source, *, dry_run: bool = False, by: Actor = SYSTEM) -> list[Change]:
    """The changes of `apply_plan`, or with `dry_run` of `plan_of`. Raises `CentreError`."""
    return list((await (plan_of(db, source) if dry_run else apply_plan(db, source, by=by))).changes)


async def _planned(
    db: Database,
    source: Source,
    *,
    locked: bool,
    base: Callable[[Centre], Centre] = lambda each: each,
    words: sounds.Words | None = None,
) -> tuple[Plan, centres.Stored | None]:
    name = organisation_name(source)
    row = None if name is None else await organisations.named(db, name)
    stored = None if row is None else await centres.read(db, row, locked=locked)
    current = stored.centre if stored else None
    number = stored.organisation if stored else None
    changed = None if current is None else base(current)
    target = await asyncio.to_thread(check, source, changed)
    wanted = [each for workflow in target.workflows.values() for each in workflow.numbers]
    taken = await workflows.numbers_of_others(db, number, wanted)
    if taken:
        # says where they stand
        target = await asyncio.to_thread(check, source, changed, taken)
    addresses = [mailbox.address for mailbox in target.mailboxes.values()]
    boxes.refuse(source, target, await mailboxes.taken(db, number or 0, addresses))
    changes = diff(current, target)
    changes += await _now_spoken(db, number, changes, words)
    if stored is not None:
        await removing.refuse_used(db, stored, changes)
    return Plan(source, number, current, target, tuple(changes)), stored


async def _now_spoken(
    db: Database, organisation: int | None, changes: list[Change], words: sounds.Words | None
) -> list[Change]:
    """Prompts whose words could not be spoken when they were written, and can be now: where `words` are given, those
    that were."""
    if organisation is None or not speech.installed():
        return []
    changed = {change.key for change in changes if change.kind == "prompt"}
    stored = await prompts.every(db, organisation)
    silent = [
        name
        for name, each in stored.items()
        if not each.spoken and name not in changed and (words is None or sounds.are_spoken(each.prompt, words))
    ]
    return [Change("~", "prompt", name, details=("its words are spoken",)) for name in silent]


async def words_for(db: Database, source: Source, base: Callable[[Centre], Centre] = lambda each: each) -> sounds.Words:
    """What `apply_plan` needs spoken for a source. What is wrong with the source is not said here. Raises
    `CentreError` for words that cannot be spoken."""
    if "prompts" not in source.tree and not (speech.installed() and await unspoken(db, source)):
        return {}
    try:
        planned, _ = await _planned(db, source, locked=False, base=base)
    except CentreError:
        return {}
    wanted = (str(change.key) for change in planned.changes if change.kind == "prompt" and change.sign != "-")
    return await sounds.spoken(planned.after.prompts[name] for name in wanted)


async def unspoken(db: Database, source: Source) -> list[str]:
    """The prompts of the organisation that a file is about in whose place a tone is heard."""
    name = organisation_name(source)
    row = None if name is None else await organisations.named(db, name)
    stored = {} if row is None else await prompts.every(db, row["organisation_id"])
    return [prompt for prompt, each in stored.items() if not each.spoken]


async def apply_text(db: Database, text: str, file: str, *, dry_run: bool = False) -> list[Change]:
    """`apply` of a file's text; `file` is its name in mistakes."""
    return await apply(db, parse(text, file), dry_run=dry_run)


async def stored(db: Database, organisation: Record) -> centres.Stored:
    """The centre of an organisation (a row of `organisations.every`), as it is at one moment."""
    async with db.transaction():
        await centres.snapshot(db)
        return await centres.read(db, organisation)


async def export_text(db: Database, organisation: Record) -> str:
    """The centre file of an organisation (a row of `organisations.every`)."""
    return centre_file((await stored(db, organisation)).centre)


class _Writer:
    """Writes changes in the order in which `diff` gives them, so that what one needs is there."""

    def __init__(
        self, db: Database, planned: Plan, stored: centres.Stored | None, by: Actor, words: sounds.Words
    ) -> None:
        self._by, self._words = by, words
        self._db, self._source, self._target = db, planned.source, planned.after
        self._stored = stored
        self._organisation = stored.organisation if stored else 0
        self._users = dict(stored.users) if stored else {}
        self._campaigns = dict(stored.campaigns) if stored else {}
        self._lists = stored.lists if stored else {}
        self._now = datetime.now(UTC)

    async def write(self, change: Change) -> None:
        name = str(change.key)
        if change.sign == "-" and change.kind not in ("agent", "wrap code") and self._stored is not None:
            await removing.remove(self._db, self._stored, change)
            return
        match change.kind:
            case "organisation":
                await self._write_organisation(change)
            case "user":
                await self._write_user(change, self._target.users[name])
            case "campaign":
                await self._write_campaign(change, self._target.campaigns[name])
            case "lead status":
                code = int(change.key)
                description = self._target.lead_statuses[code]
                await centres.put_lead_status(self._db, self._organisation, code, description)
            case "strategy":
                await centres.put_strategy(self._db, self._organisation, self._target.strategies[name])
            case "mailbox":
                await mailboxes.put(self._db, self._organisation, self._target.mailboxes[name], self._campaigns)
            case "prompt":
                prompt = self._target.prompts[name]
                wav, spoken = sounds.of(prompt, self._source.sounds, self._words)
                await prompts.put(self._db, self._organisation, prompt, wav, spoken=spoken)
            case "workflow":
                put = workflows.insert if change.sign == "+" else workflows.update
                await put(self._db, self._organisation, self._target.workflows[name], self._by)
            case "role":
                await teams.put_role(self._db, self._organisation, name, self._target.roles[name].scopes)
            case "team":
                team = self._target.teams[name]
                leaders, members = ([self._users[each] for each in of] for of in (team.leaders, team.members))
                await teams.put(self._db, self._organisation, name, leaders, members)
            case "alert":
                await alerts.put_rule(self._db, self._organisation, self._target.alerts[name], self._campaigns)
            case "agent" | "wrap code" | "list":
                await self._write_inside(change, self._target.campaigns[str(change.campaign)])
            case _:
                assert_never(change.kind)

    async def _write_organisation(self, change: Change) -> None:
        new = self._target.organisation
        if change.sign == "+":
            self._organisation = await organisations.create(
                self._db,
                new.name,
                new.timezone,
                new.country,
                new.new_number_ranges,
                new.do_not_call,
                new.destinations,
                new.second_factor,
                new.desk_gone_s,
                new.tell_of_monitoring,
                new.report_recipients,
                new.single_sign_on,
            )
        else:
            given = new.timezone, new.country, new.new_number_ranges, new.do_not_call, new.destinations
            more = new.second_factor, new.desk_gone_s, new.tell_of_monitoring
            rest = new.report_recipients, new.single_sign_on
            await organisations.update(self._db, self._organisation, *given, *more, *rest)
        await retention.put_rules_of(self._db, self._organisation, WHOLE_ORGANISATION, new.retention)

    async def _write_user(self, change: Change, user: User) -> None:
        if change.sign == "+":
            self._users[user.username] = await centres.insert_user(self._db, self._organisation, user)
        else:
            number = self._users[user.username]
            await centres.update_user(self._db, self._organisation, number, user)
            if not user.account_active:
                await users.closed(self._db, self._organisation, number, self._now)

    async def _write_campaign(self, change: Change, campaign: Campaign) -> None:
        if change.sign == "+":
            self._campaigns[campaign.name] = await centres.insert_campaign(self._db, self._organisation, campaign)
        else:
            number = self._campaigns[campaign.name]
            await centres.update_campaign(self._db, self._organisation, number, campaign)
        where = self._db, self._organisation, self._campaigns[campaign.name]
        await retention.put_rules_of(*where, campaign.retention)

    async def _write_inside(self, change: Change, campaign: Campaign) -> None:
        where = (self._db, self._organisation, self._campaigns[campaign.name])
        name = str(change.key)
        match change.kind, change.sign:
            case "agent", "+":
                await centres.add_agent(*where, self._users[name])
            case "agent", _:
                await centres.remove_agent(*where, self._users[name])
                _, organisation, campaign_id = where
                why = Moved.LEFT_CAMPAIGN
                await requeue.of_agent(self._db, organisation, self._users[name], why, self._now, campaign_id)
            case "wrap code", "-":
                await centres.remove_wrap_code(*where, int(change.key))
            case "wrap code", _:
                await centres.put_wrap_code(*where, int(change.key), campaign.wrap_codes[int(change.key)])
            case "list", "+":
                await centres.insert_list(*where, campaign.lists[name])
            case _:
                list_id = self._lists[campaign.name, name]
                await centres.update_list(self._db, self._organisation, list_id, campaign.lists[name])
