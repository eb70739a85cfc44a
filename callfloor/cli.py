"""Every command; each calls one function elsewhere. That is imported when the command runs, so that help is quick."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

app = typer.Typer(
    help="A self-hosted contact-centre platform on PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
token_app = typer.Typer(help="Tokens for the API.", no_args_is_help=True, rich_markup_mode=None)
db_app = typer.Typer(help="The database's schema.", no_args_is_help=True, rich_markup_mode=None)
certificate_app = typer.Typer(help="Erasure certificates.", no_args_is_help=True, rich_markup_mode=None)
evidence_app = typer.Typer(help="Why each attempt was allowed.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(token_app, name="token")
app.add_typer(db_app, name="db")
app.add_typer(certificate_app, name="certificate")
app.add_typer(evidence_app, name="evidence")
closure_app = typer.Typer(
    help="Emergency closure: callers are sent another way.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(closure_app, name="closure")
function_app = typer.Typer(help="HTTP functions of workflows.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(function_app, name="function")
dnc_app = typer.Typer(help="Numbers that must not be called.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(dnc_app, name="dnc")
asterisk_app = typer.Typer(help="The telephone network.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(asterisk_app, name="asterisk")

Data = Annotated[
    Path | None, typer.Option(help="Folder of the embedded database and the media [default: callfloor-data].")
]
DatabaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="PostgreSQL ≥ 15 to use instead of the embedded one.")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one [default: 8080].")]
Workers = Annotated[int | None, typer.Option(help="Processes that answer the API [default: 2].")]
ImportProcesses = Annotated[int | None, typer.Option(help="Processes that import leads [default: 1].")]
Connections = Annotated[int | None, typer.Option(help="Connections a process at most [default: 10].")]
Rate = Annotated[
    int | None, typer.Option(help="Requests a second of a token without a limit of its own [default: 100].")
]
MediaUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where media go: a folder or s3://bucket/prefix [default: DATA/media]."),
]
LogLevel = Annotated[
    str | None, typer.Option(help="Least level that is logged: debug, info, warning, error [default: info].")
]
Telephony = Annotated[
    Literal["simulated", "asterisk"] | None,
    typer.Option("--telephony", help="Who places the calls; for Asterisk, see docs/asterisk.md [default: simulated]."),
]
Organisation = Annotated[str | None, typer.Option(metavar="NAME", help="Needed only where there is more than one.")]
CentreFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A centre file.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"callfloor {version('callfloor')}")
        raise typer.Exit


@app.callback()
def callfloor(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    role: Annotated[Literal["all", "api", "floor", "jobs"], typer.Option(help="What this server does.")] = "all",
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    import_processes: ImportProcesses = None,
    database_connections: Connections = None,
    requests_per_second: Rate = None,
    media_url: MediaUrl = None,
    log_level: LogLevel = None,
    carrier: Telephony = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serve the API, dial and run the jobs, until SIGTERM or Ctrl-C."""
    from callfloor.commands import asterisk, session
    from callfloor.serve import serve

    settings = session.settings(
        host=host,
        port=port,
        workers=workers,
        import_processes=import_processes,
        database_connections=database_connections,
        requests_per_second=requests_per_second,
        media_url=media_url,
        log_level=log_level,
        carrier=carrier,
        data=data,
        database_url=database_url,
    )
    if settings.carrier == "asterisk":
        asterisk.setup_of(settings)
    serve(settings, role)


@app.command()
def work(
    import_processes: ImportProcesses = None,
    media_url: MediaUrl = None,
    log_level: LogLevel = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run the jobs only: serve --role jobs."""
    from callfloor.commands import session
    from callfloor.serve import serve

    settings = session.settings(
        import_processes=import_processes,
        media_url=media_url,
        log_level=log_level,
        data=data,
        database_url=database_url,
    )
    serve(settings, "jobs")


@app.command()
def demo(
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serve a sample centre, with leads imported through the API."""
    from callfloor.commands import session
    from callfloor.demo import demo

    demo(session.settings(host=host, port=port, workers=workers, data=data, database_url=database_url))


@app.command()
def apply(
    file: CentreFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes and write nothing.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make an organisation what its centre file says."""
    from callfloor.commands import centres, session

    centres.apply_file(session.settings(data=data, database_url=database_url), file, dry_run=dry_run)


@app.command()
def export(
    prompts: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", file_okay=False, help="Write the WAV files that it names there."),
    ] = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write an organisation as a centre file to standard output."""
    from callfloor.commands import centres, session

    centres.export(session.settings(data=data, database_url=database_url), organisation, prompts)


@app.command("import")
def import_leads(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV, JSON or NDJSON.")],
    list_id: Annotated[
        int | None,
        typer.Option("--list", min=1, max=2**63 - 1, metavar="ID", help="List of the rows that name no listId."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The server [default: CALLFLOOR_URL, else http://127.0.0.1:8080].")
    ] = None,
    token: Annotated[str | None, typer.Option(help="A token with leads:write [default: CALLFLOOR_TOKEN].")] = None,
    on_duplicate: Annotated[
        Literal["insert", "skip", "update"],
        typer.Option(help="What to do with a customerKey that the list has already."),
    ] = "insert",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row and write nothing.")] = False,
    errors: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Where to write the rows that were wrong.")
    ] = None,
    format: Annotated[
        Literal["csv", "json", "ndjson"] | None, typer.Option(help="[default: by the file's name].")
    ] = None,
) -> None:
    """Import leads through the API of a running server."""
    from callfloor.commands import session
    from callfloor.import_client import import_file

    settings = session.settings(url=url, token=token)
    code = import_file(
        file,
        list_id=list_id,
        url=settings.url,
        token=settings.token,
        on_duplicate=on_duplicate,
        dry_run=dry_run,
        errors_to=errors,
        format=format,
    )
    raise typer.Exit(code)


@app.command()
def simulate(
    file: Annotated[
        Path, typer.Argument(metavar="SCENARIO.toml", exists=True, dir_okay=False, help="What the day is like.")
    ],
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="What is drawn by chance; the same gives the same.")] = 1,
    runs: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Days, each with the next seed [default: one].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; an array with --runs.")] = False,
) -> None:
    """Simulate a day of a centre with the floor that serves real calls. Needs no server and no database."""
    from callfloor.commands import simulate

    simulate.run(file, seed, runs, as_json=as_json)


@app.command()
def desk(
    url: Annotated[
        str | None, typer.Option(help="The server [default: CALLFLOOR_URL, else http://127.0.0.1:8080].")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="A token that signs an agent in [default: CALLFLOOR_TOKEN].")
    ] = None,
) -> None:
    """Work at an agent's desk in this terminal, through the API of a running server."""
    from callfloor.commands import desk, session

    desk.run(session.settings(url=url, token=token))


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
    expires: Annotated[str | None, typer.Option(help="Life: 12h, 90d or 4w [default: for ever].")] = None,
    rate_limit: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Requests a second [default: the server's].")
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a token and print it. It cannot be shown again."""
    from callfloor.commands import session, tokens

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
    from callfloor.commands import session, tokens

    tokens.show(session.settings(data=data, database_url=database_url), organisation, as_json=as_json)


@token_app.command("revoke")
def revoke_token(
    token_id: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1)],
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a token, at once in every server."""
    from callfloor.commands import session, tokens

    tokens.revoke(session.settings(data=data, database_url=database_url), organisation, token_id)


@db_app.command("migrate")
def migrate(data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database to this version."""
    from callfloor.commands import databases, session

    databases.migrate_database(session.settings(data=data, database_url=database_url))


@db_app.command("status")
def status(data: Data = None, database_url: DatabaseUrl = None) -> None:
    """List the migrations and when each was applied."""
    from callfloor.commands import databases, session

    databases.show_status(session.settings(data=data, database_url=database_url))


@certificate_app.command("verify")
def verify_certificate(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The certificate.")],
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The public key that must have signed it."),
    ] = None,
) -> None:
    """Check an erasure certificate. Needs no server and no database."""
    from callfloor.commands import certificates

    certificates.verify(file, key)


@certificate_app.command("key")
def certificate_key(organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Print the public key that checks an organisation's certificates."""
    from callfloor.commands import certificates, session

    certificates.show_key(session.settings(data=data, database_url=database_url), organisation)


@evidence_app.command("export")
def export_evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="What to write (NDJSON).")],
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day, in UTC [default: from the beginning].")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last day, in UTC [default: up to now].")
    ] = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the evidence of all attempts of some days to a file. It holds personal data."""
    from callfloor.commands import evidence, session

    evidence.export(session.settings(data=data, database_url=database_url), organisation, first, last, file)


@evidence_app.command("verify")
def verify_evidence(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The evidence.")],
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The public key that must have signed it."),
    ] = None,
) -> None:
    """Check a file of evidence. Needs no server and no database."""
    from callfloor.commands import evidence

    evidence.verify(file, key)


OfCampaign = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The list of this campaign [default: that of the whole organisation]."),
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
    from callfloor.commands import dnc, session

    settings = session.settings(data=data, database_url=database_url)
    dnc.add(settings, organisation, campaign, numbers, reason, expires)


@dnc_app.command("remove")
def remove_dnc(
    numbers: Numbers,
    campaign: OfCampaign = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let numbers be called again."""
    from callfloor.commands import dnc, session

    dnc.remove(session.settings(data=data, database_url=database_url), organisation, campaign, numbers)


@dnc_app.command("check")
def check_dnc(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="International, or as written in the country.")],
    campaign: OfCampaign = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> int:
    """Say whether a number is blocked, and why. Exits with 3 when it is."""
    from callfloor.commands import dnc, session

    return dnc.check(session.settings(data=data, database_url=database_url), organisation, campaign, number)


@dnc_app.command("list")
def list_dnc(
    campaign: OfCampaign = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print every blocked number, of one campaign or of all lists."""
    from callfloor.commands import dnc, session

    dnc.show(session.settings(data=data, database_url=database_url), organisation, campaign, as_json=as_json)


@dnc_app.command("import")
def import_dnc(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: phone,reason,expires; - is standard input.")],
    campaign: OfCampaign = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave wrong lines out [default: refuse the whole file].")
    ] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Block the numbers of a CSV file. Wrong lines are told by line."""
    from callfloor.commands import dnc, session

    settings = session.settings(data=data, database_url=database_url)
    dnc.import_file(settings, organisation, campaign, file, skip_bad=skip_bad)


OfWorkflow = Annotated[str | None, typer.Option(metavar="NAME", help="Only this one [default: every workflow].")]


@closure_app.command("on")
def close_workflows(
    workflow: OfWorkflow = None, organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None
) -> None:
    """Send callers the way that schedules have for an emergency, until it is over."""
    from callfloor.commands import callers, session

    callers.close(session.settings(data=data, database_url=database_url), organisation, workflow)


@closure_app.command("off")
def open_workflows(
    workflow: OfWorkflow = None, organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None
) -> None:
    """End a closure."""
    from callfloor.commands import callers, session

    callers.reopen(session.settings(data=data, database_url=database_url), organisation, workflow)


@closure_app.command("show")
def show_closures(organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Print what is closed by hand."""
    from callfloor.commands import callers, session

    callers.show(session.settings(data=data, database_url=database_url), organisation)


@function_app.command("key")
def function_key(
    renew: Annotated[bool, typer.Option("--renew", help="Make a new one; the old one signs nothing more.")] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the secret that signs what HTTP functions are sent (standardwebhooks.com)."""
    from callfloor.commands import callers, session

    callers.function_key(session.settings(data=data, database_url=database_url), organisation, renew=renew)


@asterisk_app.command("check")
def check_asterisk() -> None:
    """Say what the Asterisk of the CALLFLOOR_ASTERISK_… settings lacks, and which lines to add."""
    from callfloor.commands import asterisk, session

    asterisk.check_nodes(session.settings())


def _stop(number: int, _frame: object) -> None:
    # an exception, so that the embedded server is released on the way out
    sys.exit(128 + number)


def _flush() -> bool:
    """Write what is left; False when nobody reads any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # the interpreter flushes again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def main() -> None:
    """Run the command of the command line. Errors are lines on standard error; never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _stop)
    try:
        code: int = app(prog_name="callfloor", standalone_mode=False) or 0
    except TyperException as error:
        said = error.format_message()
        # a group without a command says its help
        print(said if said.startswith("Usage:") else f"callfloor: {said}", file=sys.stderr)
        code = error.exit_code
    except Exception as error:
        from callfloor.commands.failures import explain

        explained = explain(error)
        if explained is None:
            raise
        lines, code = explained
        print("\n".join(lines), file=sys.stderr)
    if not _flush() and code == 0:
        code = 1
    sys.exit(code)
