"""`callfloor closure` and `callfloor function`: what is done to workflows while callers come in."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

from callfloor.cli import recorded, session
from callfloor.cli.failures import CommandError, harmless
from callfloor.contract.workflows import Workflow
from callfloor.rules.audit.entries import Entry
from callfloor.rules.values.names import unknown
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.rules.workflow.closing import closing
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.setup import workflows
from callfloor.store.setup.workflows import EVERY_WORKFLOW, Routes


async def _workflow(db: Database, organisation: int, name: str | None) -> int:
    """The id of a workflow; None: every one. Raises `CommandError`."""
    if name is None:
        return EVERY_WORKFLOW
    known = await workflows.ids(db, organisation)
    if name not in known:
        raise CommandError(f"--workflow {harmless(name)}: {unknown(name, known)}")
    return known[name]


def _said(action: str, workflow_id: int) -> Entry:
    return Entry(action, "closure", () if workflow_id == EVERY_WORKFLOW else (workflow_id,))


def close(settings: Settings, organisation: str | None, name: str | None) -> None:
    """Send callers the way of an emergency, in one workflow or in all. Raises `CommandError`."""

    async def work(db: Database) -> None:
        row = await session.organisation(db, organisation)
        number = row["organisation_id"]
        workflow_id = await _workflow(db, number, name)
        async with db.transaction():
            done = await workflows.close(db, number, workflow_id, datetime.now(UTC))
            if done:
                await recorded.record(db, number, _said("closure.close", workflow_id))
        what = harmless(f"workflow {name}" if name else f"every workflow of {row['name']}")
        print(f"{what} is closed" if done else f"{what} was closed already")
        routes = (await workflows.load(db)).get(number)
        for line in () if routes is None else meaning(routes, name):
            print(harmless(line))

    session.run(settings, work)


def meaning(routes: Routes, name: str | None) -> Iterator[str]:
    """What a closure does to the callers of each number; `name`: of one workflow, which a campaign may have too."""
    numbers: dict[tuple[str, int], list[str]] = {}
    of: dict[tuple[str, int], Workflow] = {}
    for number, each in routes.by_number.items():
        key = each.workflow.name, each.workflow_id or 0
        if name is None or (name == each.workflow.name and each.workflow_id is not None):
            numbers.setdefault(key, []).append(number)
            of[key] = each.workflow
    for key, workflow in sorted(of.items(), key=lambda each: each[0]):
        means = closing(workflow)
        said = f"{', '.join(sorted(numbers[key]))} ({workflow.name}): "
        if means.refused:
            yield f"{said}calls are refused, since no schedule step says where they would go"
        elif means.left_open:
            yield f"{said}NOT closed on every way: no schedule step comes before {', '.join(means.left_open)}"
        else:
            yield f"{said}callers go the emergency way of its schedules"


def reopen(settings: Settings, organisation: str | None, name: str | None) -> None:
    """End a closure. Raises `CommandError`."""

    async def work(db: Database) -> None:
        row = await session.organisation(db, organisation)
        number = row["organisation_id"]
        workflow_id = await _workflow(db, number, name)
        async with db.transaction():
            done = await workflows.reopen(db, number, workflow_id)
            if done:
                await recorded.record(db, number, _said("closure.open", workflow_id))
        left = await workflows.closures(db, number)
        what = harmless(f"the closure of workflow {name}" if name else f"the closure of all workflows of {row['name']}")
        print(f"{what} is over" if done else f"{what}: there was none")
        if name and left and left[0]["workflow_id"] == EVERY_WORKFLOW:
            print("but every workflow is closed: callfloor closure off")
        elif not name and left:
            print(harmless(f"still closed by themselves: {', '.join(str(each['name']) for each in left)}"))

    session.run(settings, work)


def show(settings: Settings, organisation: str | None) -> None:
    """Print what is closed by hand, and since when."""

    async def work(db: Database) -> None:
        row = await session.organisation(db, organisation)
        closed = await workflows.closures(db, row["organisation_id"])
        if not closed:
            print("nothing is closed by hand")
        for each in closed:
            since = format_timestamp(each["closed_at"], zone(row["timezone"]))
            what = "every workflow" if each["workflow_id"] == EVERY_WORKFLOW else f"workflow {each['name']}"
            print(harmless(f"{what}, since {since}"))

    session.run(settings, work)


def function_key(settings: Settings, organisation: str | None, *, renew: bool) -> None:
    """Print the key that signs what HTTP functions are sent, as Standard Webhooks write it; `renew`: a new one."""

    async def work(db: Database) -> None:
        number = (await session.organisation(db, organisation))["organisation_id"]
        if renew:
            async with db.transaction():
                made = await keys.rotate(db, number, "function", datetime.now(UTC))
                await recorded.record(db, number, Entry("key.rotate", "key", (), made.id, {"purpose": "function"}))
        key = await keys.current(db, number, "function")
        print(f"whsec_{base64.b64encode(key.secret).decode()}")

    session.run(settings, work)
