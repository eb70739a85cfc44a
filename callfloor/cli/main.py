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

from callfloor.cli import examples
from callfloor.cli.files import read_argument
from callfloor.cli.groups import GROUPS
from callfloor.cli.options import (
    CentreFile,
    Connections,
    Data,
    DatabaseUrl,
    Host,
    ImportProcesses,
    LogLevel,
    MediaUrl,
    Organisation,
    Port,
    Rate,
    Telephony,
    User,
    Workers,
)

app = typer.Typer(
    help="A self-hosted contact-centre platform on PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


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
    user: User = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serve the API, dial and run the jobs, until SIGTERM or Ctrl-C."""
    from callfloor.cli import session
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
        user=user,
        database_url=database_url,
    )
    serve(settings, role)


@app.command()
def work(
    import_processes: ImportProcesses = None,
    media_url: MediaUrl = None,
    log_level: LogLevel = None,
    data: Data = None,
    user: User = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run the jobs only: serve --role jobs."""
    from callfloor.cli import session
    from callfloor.serve import serve

    settings = session.settings(
        import_processes=import_processes,
        media_url=media_url,
        log_level=log_level,
        data=data,
        user=user,
        database_url=database_url,
    )
    serve(settings, "jobs")


@app.command()
def demo(
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    data: Data = None,
    user: User = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serve a sample centre, with leads imported through the API."""
    from callfloor.cli import session
    from callfloor.cli.demo import demo

    given = session.settings(host=host, port=port, workers=workers, data=data, user=user, database_url=database_url)
    demo(given)


@app.command()
def apply(
    file: CentreFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes and write nothing.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make an organisation what its centre file says."""
    from callfloor.cli import centres, session

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
    from callfloor.cli import centres, session

    centres.export(session.settings(data=data, database_url=database_url), organisation, prompts)


@app.command("import")
def import_leads(
    file: Annotated[Path, read_argument("CSV, XLSX, JSON or NDJSON.")],
    list_id: Annotated[
        int | None,
        typer.Option("--list", min=1, max=2**63 - 1, metavar="ID", help="List of the rows that name no listId."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=FIELD,…",
            help="What columns become, where their names do not say it; - leaves one out, leadData.NAME keeps it.",
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="Between the cells of CSV, such as semicolon or tab [default: found]."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of CSV, such as windows-1252 [default: found].")] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook [default: its first].")] = None,
    url: Annotated[
        str | None, typer.Option(help="The server [default: CALLFLOOR_URL, else http://127.0.0.1:8080].")
    ] = None,
    token: Annotated[str | None, typer.Option(help="A token with leads:write [default: CALLFLOOR_TOKEN].")] = None,
    on_duplicate: Annotated[
        Literal["insert", "skip", "update", "updateOnly"],
        typer.Option(help="What to do with a customerKey that the list has already; updateOnly adds no leads."),
    ] = "insert",
    on_duplicate_phone: Annotated[
        Literal["insert", "skip", "update"], typer.Option(help="What to do with a phone that another lead has.")
    ] = "insert",
    duplicate_phone_in: Annotated[
        Literal["list", "campaign", "organisation"], typer.Option(help="Where that lead is looked for.")
    ] = "list",
    empty_clears: Annotated[
        bool, typer.Option("--empty-clears", help="An empty cell clears what the lead has, with update.")
    ] = False,
    lift_do_not_call: Annotated[
        bool, typer.Option("--lift-do-not-call", help="Rows may give leads of status Do Not Call another one.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row and write nothing.")] = False,
    errors: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", allow_dash=True, help="Where to write wrong rows; - is standard output."),
    ] = None,
    format: Annotated[
        Literal["csv", "xlsx", "json", "ndjson"] | None, typer.Option(help="[default: by the file's name].")
    ] = None,
) -> None:
    """Import leads through the API of a running server.

    Exits with 0 when every row is fine, 3 when some were invalid (the others are imported), 1 when the import failed or
    was refused, 2 for a wrong option.
    """
    from callfloor.cli import session
    from callfloor.cli.import_client import Wanted, import_file

    settings = session.settings(url=url, token=token)
    wanted = Wanted(
        list_id=list_id,
        map=",".join(columns or ()) or None,
        delimiter=delimiter,
        encoding=encoding,
        sheet=sheet,
        on_duplicate=on_duplicate,
        on_duplicate_phone=on_duplicate_phone,
        duplicate_phone_in=duplicate_phone_in,
        empty_clears=empty_clears,
        lift_do_not_call=lift_do_not_call,
        dry_run=dry_run,
    )
    code = import_file(file, wanted, url=settings.url, token=settings.token, errors_to=errors, format=format)
    raise typer.Exit(code)


@app.command()
def simulate(
    file: Annotated[Path, read_argument("What the day is like.", "SCENARIO.toml")],
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="What is drawn by chance; the same gives the same.")] = 1,
    runs: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Days, each with the next seed [default: one].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; an array with --runs.")] = False,
) -> None:
    """Simulate a day of a centre with the floor that serves real calls. Needs no server and no database."""
    from callfloor.cli import simulate

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
    from callfloor.cli import desk, session

    desk.run(session.settings(url=url, token=token))


@app.command()
def sample(
    name: Annotated[Literal["centre.toml", "leads.csv", "scenario.toml"], typer.Argument(help="Which file.")],
) -> None:
    """Print a sample file to begin with: a centre, leads, or a day to simulate."""
    from callfloor import samples

    print(samples.text(name), end="")


examples.show_in(app)


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
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        code: int = app(prog_name="callfloor", standalone_mode=False) or 0
    except TyperException as error:
        said = error.format_message()
        # a group without a command says its help
        print(said if said.startswith("Usage:") else f"callfloor: {said}", file=sys.stderr)
        code = error.exit_code
    except Exception as error:
        from callfloor.cli.failures import say

        said_code = say(error)
        if said_code is None:
            raise
        code = said_code
    if not _flush() and code == 0:
        code = 1
    sys.exit(code)
