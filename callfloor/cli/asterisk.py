"""`callfloor asterisk`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from callfloor.app import asterisk_setup
from callfloor.cli.failures import FAILURE, CommandError, harmless
from callfloor.settings import Settings
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


async def _check(setup: Setup) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for node in setup.nodes:
        async with Ari(node) as ari:
            found[node.name] = await check(ari, setup, datetime.now(UTC))
    return found
