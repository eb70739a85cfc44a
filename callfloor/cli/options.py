"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from callfloor.cli.files import read_argument

Data = Annotated[
    Path | None, typer.Option(help="Folder of the embedded database and the media [default: callfloor-data].")
]
DatabaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="PostgreSQL ≥ 15 to use instead of the embedded one.")
]
User = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="User that it becomes when root starts it; root: stays root "
        "[default: callfloor, else whose database it is, else postgres or nobody].",
    ),
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
CentreFile = Annotated[Path, read_argument("A centre file.")]
