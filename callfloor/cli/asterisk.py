"""`callfloor asterisk`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from callfloor.app.telephony import asterisk_setup
from callfloor.cli import session
from callfloor.cli.failures import FAILURE, CommandError, harmless
from callfloor.rules.people import phone_accounts
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import users
from callfloor.telephony.asterisk import advice
from callfloor.telephony.asterisk.ari import Ari
from callfloor.telephony.asterisk.check import Finding, check
from callfloor.telephony.asterisk.setup import Setup, SetupError


def check_nodes(settings: Settings) -> None:
    """Say of every node what it has and what it lacks. Raises `CommandError` when that is anything."""
    try:
        setup = asterisk_setup(settings)
    except SetupError as error:
        raise CommandError(f"{Settings.option(error.setting)}: {error}") from error
    found = asyncio.run(_check(setup))
    missing = 0
    for node, findings in found.items():
        print(f"{node}:")
        for finding in findings:
            missing += not finding.good
            print(f"  {'ok     ' if finding.good else 'MISSING'} {harmless(finding.text)}")
            for line in finding.lines.splitlines():
                print(f"            {line}")
    if missing:
        raise CommandError(f"{missing} thing{'' if missing == 1 else 's'} missing", FAILURE)


def phones(settings: Settings, organisation: str | None, username: str | None) -> None:
    """Print what pjsip.conf says of agents' phones in browsers. Raises `CommandError`."""
    secret = settings.phone_secret
    if secret is None:
        raise CommandError("CALLFLOOR_PHONE_SECRET is not set: the passwords follow from it")

    async def work(db: Database) -> list[str]:
        row = await session.organisation(db, organisation)
        found = [
            user
            for user in await users.overview(db, row["organisation_id"])
            if user["user_type"] == "agent" and user["account_active"] and username in (None, user["username"])
        ]
        if not found:
            raise CommandError(f"{row['name']} has no active agent{f' {username}' if username else ''}")
        return [settings.phone_user.format(agent=user["user_id"]) for user in found]

    for name in session.run(settings, work):
        print(advice.phone(name, phone_accounts.password(secret, name)), end="")


async def _check(setup: Setup) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for node in setup.nodes:
        async with Ari(node) as ari:
            found[node.name] = await check(ari, setup, datetime.now(UTC))
    return found
