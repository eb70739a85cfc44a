"""What each command records in the audit, as operations of the APIs declare it: one table, which a test holds against
the commands that there are; and the one place that records.

A command that changes an organisation names its actions; every other says why there is nothing to record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

from callfloor.centre.entries import DONE
from callfloor.centre.plan import Kind
from callfloor.cli.session import shell_actor
from callfloor.rules.audit.entries import Entry
from callfloor.store.audit import entries
from callfloor.store.db.pool import Database

_READS = "reads alone"
_SERVES = "starts processes, which record what they do"
_FILES = "works on files, without a database"
_WHOLE = "is of the installation, and of no organisation"
_OVER_HTTP = "asks over HTTP; the operations record"

COMMANDS: Mapping[str, Sequence[str] | str] = {
    # an entry for each change, as `/admin/v1` records them
    "apply": tuple(f"{kind.replace(' ', '-')}.{done}" for kind in get_args(Kind) for done in DONE.values()),
    "asterisk check": _READS,
    "asterisk phones": _READS,
    "audit export": _READS,
    "audit list": _READS,
    "audit verify": _READS,
    "campaign explain": _READS,
    "campaign start": ("campaign.start",),
    "campaign stop": ("campaign.stop", "campaign.stopAtOnce"),
    "certificate key": _READS,
    "certificate verify": _FILES,
    "closure off": ("closure.open",),
    "closure on": ("closure.close",),
    "closure show": _READS,
    "db adopt": _WHOLE,
    "db distribute": _WHOLE,
    "db dump": _READS,
    "db grant": _WHOLE,
    "db load": _WHOLE,
    "db migrate": _WHOLE,
    "db status": _READS,
    "demo": _SERVES,
    "desk": _OVER_HTTP,
    "dnc add": ("do-not-call.add",),
    "dnc check": _READS,
    "dnc import": ("do-not-call.import",),
    "dnc list": _READS,
    "dnc registers": _READS,
    "dnc remove": ("do-not-call.lift",),
    "evidence export": _READS,
    "evidence heads": _READS,
    "evidence verify": _FILES,
    "export": _READS,
    "function key": ("key.rotate",),
    "hold lift": ("hold.lift",),
    "hold list": _READS,
    "hold place": ("hold.place",),
    "import": _OVER_HTTP,
    "key list": _READS,
    "key rewrap": _WHOLE,
    "key rotate": ("key.rotate",),
    "media encrypt": _WHOLE,
    "media verify": _READS,
    "retention run": ("retention.run",),
    "retention show": _READS,
    "sample": _FILES,
    "serve": _SERVES,
    "simulate": _FILES,
    "test call": _SERVES,
    "token create": ("token.create",),
    "token list": _READS,
    "token revoke": ("token.revoke",),
    "user create": ("user.create", "password.link", "password.set"),
    "user disable": ("user.update",),
    "user enable": ("user.update",),
    "user list": _READS,
    "user password": ("password.link", "password.set"),
    "user reset-factors": ("factor.reset",),
    "work": _SERVES,
}
_ACTIONS = frozenset(action for each in COMMANDS.values() if not isinstance(each, str) for action in each)


async def record(db: Database, organisation: int, *said: Entry) -> None:
    """Record what a command did, in the transaction that does it."""
    for each in said:
        if each.action not in _ACTIONS:
            raise AssertionError(f"no command declares {each.action}")
    await entries.record(db, organisation, shell_actor(), datetime.now(UTC), said)
