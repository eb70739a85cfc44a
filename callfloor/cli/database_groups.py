"""`callfloor db …`: the schema, back-ups, roles, nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callfloor.cli.files import read_argument, write_argument
from callfloor.cli.options import Data, DatabaseUrl

db_app = typer.Typer(help="The database: schema, backup, restore.", no_args_is_help=True, rich_markup_mode=None)


@db_app.command("migrate")
def migrate(data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database to this version."""
    from callfloor.cli import databases, session

    databases.migrate_database(session.settings(data=data, database_url=database_url))


@db_app.command("status")
def status(data: Data = None, database_url: DatabaseUrl = None) -> None:
    """List the migrations and when each was applied."""
    from callfloor.cli import databases, session

    databases.show_status(session.settings(data=data, database_url=database_url))


@db_app.command("distribute")
def distribute_database(
    shards: Annotated[
        int, typer.Option(min=1, max=10_000, help="Into so many parts; later nodes take whole ones. For good.")
    ] = 32,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which tables would be placed where.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Spread the tables over the nodes of a PostgreSQL with Citus, an organisation's rows together. May be repeated."""
    from callfloor.cli import databases, session

    databases.distribute(session.settings(data=data, database_url=database_url), shards, dry_run)


@db_app.command("dump")
def dump_database(
    file: Annotated[Path, write_argument("What to write.")],
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Back the database up into a file, while it is in use. It holds personal data."""
    from callfloor.cli import databases, session

    databases.dump(session.settings(data=data, database_url=database_url), file)


@db_app.command("load")
def load_database(
    file: Annotated[Path, read_argument("A file of db dump.")],
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Fill an empty database from a backup. It does not dial before callfloor db adopt."""
    from callfloor.cli import databases, session

    databases.load(session.settings(data=data, database_url=database_url), file)


@db_app.command("adopt")
def adopt_database(data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Let a restored or copied installation dial and exchange e-mail, which the original must not do any more."""
    from callfloor.cli import databases, session

    databases.adopt(session.settings(data=data, database_url=database_url))


@db_app.command("grant")
def grant_database(
    data: Data = None,
    database_url: DatabaseUrl = None,
    *,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print what an administrator has to do first, and do nothing.")
    ] = False,
) -> None:
    """Make the two roles that the application connects as, and print their addresses. As the owner of the tables."""
    from callfloor.cli import databases, session

    settings = session.settings(data=data, database_url=database_url)
    if sql:
        databases.show_roles()
    else:
        databases.grant(settings)
