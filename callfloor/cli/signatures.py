"""Commands about what is signed: certificates, evidence, and the keys that sign them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from callfloor.cli.files import read_argument, read_option, write_argument
from callfloor.cli.options import Data, DatabaseUrl, Organisation

certificate_app = typer.Typer(help="Erasure certificates.", no_args_is_help=True, rich_markup_mode=None)
evidence_app = typer.Typer(help="Why each attempt was allowed.", no_args_is_help=True, rich_markup_mode=None)
key_app = typer.Typer(
    help="Keys that sign certificates, evidence and what HTTP functions are sent.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FirstDay = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="First day, in UTC [default: from the beginning].")
]
LastDay = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day, in UTC [default: up to now].")]
PublicKey = Annotated[
    Path | None,
    read_option("The public key that must have signed it."),
]


@certificate_app.command("verify")
def verify_certificate(
    file: Annotated[Path, read_argument("The certificate.")],
    key: PublicKey = None,
) -> None:
    """Check an erasure certificate. Needs no server and no database. Without --key it ends with 3: whole, but not known
    whose."""
    from callfloor.cli import certificates

    certificates.verify(file, key)


@certificate_app.command("key")
def certificate_key(
    every: Annotated[bool, typer.Option("--all", help="Those that signed before it, too.")] = False,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the public key that checks an organisation's certificates and evidence."""
    from callfloor.cli import certificates, session

    certificates.show_key(session.settings(data=data, database_url=database_url), organisation, every=every)


@evidence_app.command("export")
def export_evidence(
    file: Annotated[Path, write_argument("What to write (NDJSON).")],
    first: FirstDay = None,
    last: LastDay = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the evidence of all attempts of some days to a file. It holds personal data."""
    from callfloor.cli import evidence, session

    evidence.export(session.settings(data=data, database_url=database_url), organisation, first, last, file)


@evidence_app.command("verify")
def verify_evidence(
    file: Annotated[Path, read_argument("The evidence.")],
    key: PublicKey = None,
    heads: Annotated[
        Path | None,
        read_option("Heads that were given away, which it must agree with."),
    ] = None,
) -> None:
    """Check a file of evidence. Needs no server and no database. Without --key it ends with 3: whole, but not known
    whose."""
    from callfloor.cli import evidence

    evidence.verify(file, key, heads)


@evidence_app.command("heads")
def evidence_heads(
    file: Annotated[Path, write_argument("What to write (NDJSON).")],
    first: FirstDay = None,
    last: LastDay = None,
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write what each signed day ends with to a file to give away: later nobody can write another history. It holds no
    personal data."""
    from callfloor.cli import evidence, session

    evidence.heads(session.settings(data=data, database_url=database_url), organisation, first, last, file)


@key_app.command("list")
def list_keys(organisation: Organisation = None, data: Data = None, database_url: DatabaseUrl = None) -> None:
    """List the keys that an organisation signs with and signed with before, by their ids."""
    from callfloor.cli import keys, session

    keys.show(session.settings(data=data, database_url=database_url), organisation)


@key_app.command("rotate")
def rotate_key(
    purpose: Annotated[
        Literal["signing", "function"],
        typer.Option(help="signing: certificates and evidence; function: what HTTP functions are sent."),
    ] = "signing",
    organisation: Organisation = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a new key. The old one signs nothing more; what it signed can still be checked."""
    from callfloor.cli import keys, session

    keys.rotate(session.settings(data=data, database_url=database_url), organisation, purpose)


@key_app.command("rewrap")
def rewrap_keys(data: Data = None, database_url: DatabaseUrl = None) -> None:
    """Put the keys of all organisations under the first of the master keys that are given."""
    from callfloor.cli import keys, session

    keys.rewrap(session.settings(data=data, database_url=database_url))
