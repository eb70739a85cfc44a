"""Commands of those who watch over a centre: audit, retention, legal holds."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from callfloor.cli.options import Data, DatabaseUrl, Organisation
from callfloor.cli.signatures import FirstDay, LastDay

audit_app = typer.Typer(help="Who did what.", no_args_is_help=True, rich_markup_mode=None)
retention_app = typer.Typer(help="How long what is kept.", no_args_is_help=True, rich_markup_mode=None)
hold_app = typer.Typer(help="What is kept whatever retention says.", no_args_is_help=True, rich_markup_mode=None)

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


@retention_app.command("run")
def run_retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete what is older than the rules allow. A server with jobs does it once a day."""
    from callfloor.cli import retention, session

    retention.run(session.settings(data=data, database_url=database_url), organisation, dry_run=dry_run)


@retention_app.command("show")
def show_retention(organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Show the rules, and what the last runs deleted."""
    from callfloor.cli import retention, session

    retention.show(session.settings(data=data, database_url=database_url), organisation)


@hold_app.command("place")
def place_hold(
    object_type: Annotated[Literal["lead", "call", "campaign"], typer.Argument(metavar="KIND", help="What is held.")],
    object_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="Its id; of a call its first activity.")],
    reason: Annotated[str, typer.Option(help="Why, such as the number of a case.")],
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Keep a lead with its calls, a call, or all of a campaign."""
    from callfloor.cli import retention, session

    given = session.settings(data=data, database_url=database_url)
    retention.place(given, organisation, object_type, object_id, reason)


@hold_app.command("lift")
def lift_hold(
    hold_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="Of the hold.")],
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let what was held go when it is due."""
    from callfloor.cli import retention, session

    retention.lift(session.settings(data=data, database_url=database_url), organisation, hold_id)


@hold_app.command("list")
def list_holds(organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """List the holds that stand."""
    from callfloor.cli import retention, session

    retention.holds(session.settings(data=data, database_url=database_url), organisation)
