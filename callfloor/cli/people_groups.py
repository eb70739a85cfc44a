"""Commands about people: `callfloor user create` and the like."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from callfloor.cli.options import Data, DatabaseUrl, Organisation

user_app = typer.Typer(help="People who sign in.", no_args_is_help=True, rich_markup_mode=None)

Username = Annotated[str, typer.Argument(metavar="NAME", help="The username.")]
FromStdin = Annotated[
    bool,
    typer.Option("--stdin", help="Read the password from standard input [default: print a link to choose one by]."),
]


@user_app.command("create")
def create_user(
    username: Username,
    first_name: Annotated[str, typer.Option(help="First name.")],
    last_name: Annotated[str, typer.Option(help="Last name.")] = "",
    user_type: Annotated[
        Literal["agent", "user"], typer.Option("--type", help="agent: takes calls; user: everybody else.")
    ] = "user",
    roles: Annotated[
        list[str] | None, typer.Option("--role", metavar="ROLE", help="agent, supervisor, administrator and others.")
    ] = None,
    stdin: FromStdin = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a user, and print a link by which it chooses its password, once, within 72 hours."""
    from callfloor.cli import session, users

    settings = session.settings(data=data, database_url=database_url)
    source = "stdin" if stdin else "link"
    users.create(settings, organisation, username, user_type, (first_name, last_name), roles or [], source)


@user_app.command("password")
def set_user_password(
    username: Username,
    stdin: FromStdin = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a link by which a user chooses another password; the present one stays until then."""
    from callfloor.cli import session, users

    settings = session.settings(data=data, database_url=database_url)
    users.set_password(settings, organisation, username, "stdin" if stdin else "link")


@user_app.command("disable")
def disable_user(
    username: Username, organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None
) -> None:
    """Close an account: sessions and tokens of the user end at once."""
    from callfloor.cli import session, users

    users.switch(session.settings(data=data, database_url=database_url), organisation, username, active=False)


@user_app.command("enable")
def enable_user(
    username: Username, organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None
) -> None:
    """Open an account again."""
    from callfloor.cli import session, users

    users.switch(session.settings(data=data, database_url=database_url), organisation, username, active=True)


@user_app.command("reset-factors")
def reset_user_factors(
    username: Username, organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None
) -> None:
    """Forget a user's second factors and recovery codes, such as of somebody who lost them."""
    from callfloor.cli import session, users

    users.reset_factors(session.settings(data=data, database_url=database_url), organisation, username)


@user_app.command("list")
def list_users(
    organisation: Organisation = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List users and agents: id, name, type, roles, state, whether a password is set, open sessions."""
    from callfloor.cli import session, users

    users.show(session.settings(data=data, database_url=database_url), organisation, as_json=as_json)
