"""Commands with subcommands: `callfloor token create`, `callfloor dnc add` and the like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callfloor.cli.database_groups import db_app
from callfloor.cli.options import Data, DatabaseUrl, MediaUrl, Organisation
from callfloor.cli.oversight import audit_app, hold_app, retention_app
from callfloor.cli.people_groups import user_app
from callfloor.cli.signatures import certificate_app, evidence_app, key_app

token_app = typer.Typer(help="Tokens for the API.", no_args_is_help=True, rich_markup_mode=None)
closure_app = typer.Typer(
    help="Emergency closure: callers are sent another way.", no_args_is_help=True, rich_markup_mode=None
)
campaign_app = typer.Typer(help="Campaigns, switched off and on.", no_args_is_help=True, rich_markup_mode=None)
function_app = typer.Typer(help="HTTP functions of workflows.", no_args_is_help=True, rich_markup_mode=None)
dnc_app = typer.Typer(help="Numbers that must not be called.", no_args_is_help=True, rich_markup_mode=None)
media_app = typer.Typer(help="Recordings and attachments in the store.", no_args_is_help=True, rich_markup_mode=None)
test_app = typer.Typer(help="Calls that a tester scripts.", no_args_is_help=True, rich_markup_mode=None)
asterisk_app = typer.Typer(help="The telephone network.", no_args_is_help=True, rich_markup_mode=None)

GROUPS = {
    "user": user_app,
    "token": token_app,
    "db": db_app,
    "certificate": certificate_app,
    "evidence": evidence_app,
    "audit": audit_app,
    "retention": retention_app,
    "hold": hold_app,
    "key": key_app,
    "campaign": campaign_app,
    "closure": closure_app,
    "function": function_app,
    "dnc": dnc_app,
    "media": media_app,
    "test": test_app,
    "asterisk": asterisk_app,
}


@token_app.command("create")
def create_token(
    name: Annotated[str | None, typer.Option(help="What the token is for [default with --user: the username].")] = None,
    scopes: Annotated[
        str | None,
        typer.Option(help="Scopes separated by commas, or all [default with --user: what a desk needs]."),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="The agent or user whom it signs in at a desk.")
    ] = None,
    organisation: Organisation = None,
    expires: Annotated[
        str | None, typer.Option(help="Life: 12h, 90d, 4w or never [default with --user: 90d, else never].")
    ] = None,
    rate_limit: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Requests a second [default: the server's].")
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a token and print it. It cannot be shown again."""
    from callfloor.cli import session, tokens

    settings = session.settings(data=data, database_url=database_url)
    tokens.create(settings, organisation, name, scopes, expires, rate_limit, user)


@token_app.command("list")
def list_tokens(
    organisation: Organisation = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List the tokens, without their secrets."""
    from callfloor.cli import session, tokens

    tokens.show(session.settings(data=data, database_url=database_url), organisation, as_json=as_json)


@token_app.command("revoke")
def revoke_token(
    token_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1)],
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a token, at once in every server."""
    from callfloor.cli import session, tokens

    tokens.revoke(session.settings(data=data, database_url=database_url), organisation, token_id)


OfCampaign = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The list of this campaign [default: that of the whole organisation]."),
]
OfRegister = Annotated[
    str | None, typer.Option("--register", metavar="NAME", help="What a national register returned, such as DNCR.")
]
Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER...", help="International, or as written in the country.")]


@dnc_app.command("add")
def add_dnc(
    numbers: Numbers,
    campaign: OfCampaign = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; shown by list and check.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day, or a time with its offset [default: for good].")
    ] = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Block numbers, from the next call on."""
    from callfloor.cli import do_not_call, session

    settings = session.settings(data=data, database_url=database_url)
    do_not_call.add(settings, organisation, campaign, numbers, reason, expires)


@dnc_app.command("remove")
def remove_dnc(
    numbers: Numbers,
    campaign: OfCampaign = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept as evidence.")] = None,
    register: OfRegister = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let numbers be called again; that they were blocked, and why no more, is kept."""
    from callfloor.cli import do_not_call, session

    settings = session.settings(data=data, database_url=database_url)
    do_not_call.remove(settings, organisation, campaign, numbers, reason, register)


@dnc_app.command("check")
def check_dnc(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="International, or as written in the country.")],
    campaign: OfCampaign = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Say whether a number is blocked, and why. Exits with 3 when it is."""
    from callfloor.cli import do_not_call, session

    return do_not_call.check(session.settings(data=data, database_url=database_url), organisation, campaign, number)


@dnc_app.command("list")
def list_dnc(
    campaign: OfCampaign = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print every blocked number, of one campaign or of all lists."""
    from callfloor.cli import do_not_call, session

    do_not_call.show(session.settings(data=data, database_url=database_url), organisation, campaign, as_json=as_json)


@dnc_app.command("import")
def import_dnc(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", allow_dash=True, help="CSV: phone,reason,expires; - is standard input.")
    ],
    campaign: OfCampaign = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave wrong lines out [default: refuse the whole file].")
    ] = False,
    register: OfRegister = None,
    new_register: Annotated[
        bool, typer.Option("--new-register", help="The register is one that no regime names and none was before.")
    ] = False,
    washed: Annotated[
        str | None, typer.Option(metavar="DAY", help="When the register answered [default: now]; with --register.")
    ] = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Block the numbers of a CSV file. Wrong lines are told by line. With --register it counts as a wash."""
    from callfloor.cli import do_not_call, session

    settings = session.settings(data=data, database_url=database_url)
    do_not_call.import_file(
        settings, organisation, campaign, file,
        skip_bad=skip_bad, register=register, new_register=new_register, washed=washed,
    )  # fmt: skip


@dnc_app.command("registers")
def list_registers(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Say when numbers were last washed against each national register. Exits with 3 when a wash is overdue."""
    from callfloor.cli import registers, session

    return registers.show(session.settings(data=data, database_url=database_url), organisation, as_json=as_json)


@test_app.command("call")
def call_in_test(
    number: Annotated[str, typer.Option("--number", metavar="NUMBER", help="That is called, with + and country code.")],
    caller: Annotated[
        str | None, typer.Option("--from", metavar="NUMBER", help="Who calls [default: withheld].")
    ] = None,
    keys: Annotated[
        str, typer.Option("--keys", metavar="KEYS", help="Keys and pauses from the answer on, such as 1,2s,#.")
    ] = "",
    hang_up_after: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="After the answer [default: as simulated callers do].")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, max=10_000, help="So many calls.")] = 1,
    every: Annotated[float, typer.Option(min=0.0, max=3600.0, help="Seconds between two calls.")] = 1.0,
    sip: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Call that SIP server (Asterisk), by sipp, instead.")
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Have somebody call one of our numbers, on a running server with the simulated carrier."""
    from callfloor.cli import scripted_calls, session

    settings = session.settings(data=data, database_url=database_url)
    scripted_calls.call(settings, number, caller, keys, hang_up_after, repeat, every, sip)


OfWorkflow = Annotated[str | None, typer.Option(metavar="NAME", help="Only this one [default: every workflow].")]


@closure_app.command("on")
def close_workflows(
    workflow: OfWorkflow = None, organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None
) -> None:
    """Send callers the way that schedules have for an emergency, until it is over."""
    from callfloor.cli import closures, session

    closures.close(session.settings(data=data, database_url=database_url), organisation, workflow)


@closure_app.command("off")
def open_workflows(
    workflow: OfWorkflow = None, organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None
) -> None:
    """End a closure."""
    from callfloor.cli import closures, session

    closures.reopen(session.settings(data=data, database_url=database_url), organisation, workflow)


@closure_app.command("show")
def show_closures(organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Print what is closed by hand."""
    from callfloor.cli import closures, session

    closures.show(session.settings(data=data, database_url=database_url), organisation)


SwitchedCampaign = Annotated[str, typer.Argument(metavar="NAME", help="The campaign, as the centre file names it.")]
OnlySay = Annotated[bool, typer.Option("--dry-run", help="Change nothing, and say what would be touched.")]


@campaign_app.command("stop")
def stop_campaign(
    campaign: SwitchedCampaign,
    now: Annotated[bool, typer.Option("--now", help="Let ringing lines go, and send waiting callers on.")] = False,
    dry_run: OnlySay = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Switch a campaign off, within a second or two: nobody more is dialled, no new caller is taken.

    Calls that are up go on to their end. Also active = false in the centre file; callfloor campaign start ends it.
    """
    from callfloor.cli import campaigns, session

    settings = session.settings(data=data, database_url=database_url)
    campaigns.stop(settings, organisation, campaign, now=now, dry_run=dry_run)


@campaign_app.command("explain")
def explain_campaign(
    campaign: SwitchedCampaign,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say why nobody, or not more, is dialled.

    Counts the leads by the first rule that keeps each out, says when how many may be dialled, and what is waited for.
    """
    from callfloor.cli import campaigns, session

    campaigns.explain(session.settings(data=data, database_url=database_url), organisation, campaign)


@campaign_app.command("start")
def start_campaign(
    campaign: SwitchedCampaign,
    dry_run: OnlySay = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Switch a campaign on."""
    from callfloor.cli import campaigns, session

    settings = session.settings(data=data, database_url=database_url)
    campaigns.start(settings, organisation, campaign, dry_run=dry_run)


@function_app.command("key")
def function_key(
    renew: Annotated[bool, typer.Option("--renew", help="Make a new one; the old one signs nothing more.")] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the secret that signs what HTTP functions are sent (standardwebhooks.com)."""
    from callfloor.cli import closures, session

    closures.function_key(session.settings(data=data, database_url=database_url), organisation, renew=renew)


@asterisk_app.command("check")
def check_asterisk() -> None:
    """Say what the Asterisk of the CALLFLOOR_ASTERISK_… settings lacks, and which lines to add."""
    from callfloor.cli import asterisk, session

    asterisk.check_nodes(session.settings())


@asterisk_app.command("phones")
def show_phones(
    username: Annotated[str | None, typer.Option("--user", help="Of this agent alone.")] = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the sections of pjsip.conf for agents' phones in browsers, with their passwords."""
    from callfloor.cli import asterisk, session

    asterisk.phones(session.settings(data=data, database_url=database_url), organisation, username)


@media_app.command("verify")
def verify_media(data: Data = None, database_url: DatabaseUrl = None, media_url: MediaUrl = None) -> None:
    """Read every recording and attachment and hold it against the SHA-256 that it was stored under.

    Exit code 1 when one is changed, missing or unreadable; each is named. Safe beside a running server.
    """
    from callfloor.cli import media, session

    media.verify(session.settings(data=data, database_url=database_url, media_url=media_url))


@media_app.command("encrypt")
def encrypt_media(data: Data = None, database_url: DatabaseUrl = None, media_url: MediaUrl = None) -> None:
    """Encrypt what was stored before CALLFLOOR_MEDIA_KEY was set, and serve nothing in plain from then on.

    May be stopped and run again. Restart the servers with the key first.
    """
    from callfloor.cli import media, session

    media.encrypt(session.settings(data=data, database_url=database_url, media_url=media_url))
