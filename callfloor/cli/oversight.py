"""Commands of those who watch over a centre: the audit."""

from __future__ import annotations

from typing import Annotated

import typer

from callfloor.cli.options import Data, DatabaseUrl, Organisation
from callfloor.cli.signatures import FirstDay, LastDay

audit_app = typer.Typer(help="Who did what.", no_args_is_help=True, rich_markup_mode=None)

Action = Annotated[
    str | None, typer.Option(help="Only this action, such as lead.read; a group of them, such as lead, has all.")
]
ObjectType = Annotated[str | None, typer.Option("--object", metavar="TYPE", help="Only of this kind, such as lead.")]
ObjectId = Annotated[int | None, typer.Option("--id", min=1, help="Only of what has this id.")]


@audit_app.command("list")
def list_audit(
    count: Annotated[int, typer.Option("--count", min=1, max=10_000, help="How many at most.")] = 50,
    first: FirstDay = None,
    last: LastDay = None,
    action: Action = None,
    object_type: ObjectType = None,
    object_id: ObjectId = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List the newest entries of the audit, one a line."""
    from callfloor.cli import audit, session

    which = audit.wanted(first, last, action, object_type, object_id)
    audit.show(session.settings(data=data, database_url=database_url), organisation, which, count)


@audit_app.command("export")
def export_audit(
    first: FirstDay = None,
    last: LastDay = None,
    action: Action = None,
    object_type: ObjectType = None,
    object_id: ObjectId = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print entries of the audit as JSON Lines, newest first. They hold nothing of customers but ids."""
    from callfloor.cli import audit, session

    which = audit.wanted(first, last, action, object_type, object_id)
    audit.export(session.settings(data=data, database_url=database_url), organisation, which)


@audit_app.command("verify")
def verify_audit(organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Check that nothing of the audit was changed, removed or moved. Ends with 1, and names it, when something was."""
    from callfloor.cli import audit, session

    audit.verify(session.settings(data=data, database_url=database_url), organisation)
