"""A database into a file and back, by PostgreSQL's own pg_dump and pg_restore."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from callfloor.postgres.server import binaries

Progress = Callable[[str], None]
_TABLE = re.compile(r'(?:dumping contents of table|processing data for table) "(?:public\.)?([^"]+)"')
# What a program says last is why it failed; statements and rows are never among it.
_ERROR = re.compile(r"pg_(?:dump|restore): (?:error|detail|hint): (.*)")


class DumpError(RuntimeError):
    """A dump cannot be written or read; the message says why."""


@contextmanager
def _service(dsn: str) -> Generator[dict[str, str]]:
    """The environment of a program that is to reach the database: a password on its command line could be read by
    everybody on the machine."""
    parts = urlsplit(dsn)
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    hosts = [each for each in place.split(",") if each]
    given = {
        "user": unquote(name),
        "password": unquote(password),
        "dbname": unquote(parts.path.removeprefix("/")),
        "host": ",".join(each.rpartition(":")[0] if re.search(r":[0-9]*$", each) else each for each in hosts),
        "port": ",".join(each.rpartition(":")[2] if re.search(r":[0-9]+$", each) else "5432" for each in hosts),
    } | dict(parse_qsl(parts.query))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="callfloor-service-") as file:
        file.write("[callfloor]\n" + "".join(f"{key}={value}\n" for key, value in given.items() if value))
        file.flush()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        yield kept | {"PGSERVICEFILE": file.name, "PGSERVICE": "callfloor", "LC_ALL": "C"}


def _run(program: str, dsn: str, arguments: list[str], progress: Progress, *, fed: bool = False) -> None:
    """`fed`: it reads our own standard input."""
    with (
        _service(dsn) as environment,
        subprocess.Popen(  # noqa: S603 - a program of the wheel, no shell
            [str(binaries() / program), "--verbose", "--no-password", *arguments],
            stdin=None if fed else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        ) as running,
    ):
        said: list[str] = []
        for line in running.stderr or ():
            if table := _TABLE.search(line):
                progress(table[1])
            elif error := _ERROR.match(line):
                said.append(error[1].strip())
    if running.returncode != 0:
        raise DumpError(f"{program} failed: {said[0] if said else f'it ended with code {running.returncode}'}")


_DUMP = ["--format=custom", "--no-owner", "--no-acl", "--dbname=service=callfloor"]


def dump(dsn: str, path: Path | None, progress: Progress) -> None:
    """Write the database, as it is at one moment, to a file that is there when it is whole, for its owner alone; None:
    to standard output. `progress` is told of each table. Raises `DumpError`, `OSError`."""
    if path is None:
        _run("pg_dump", dsn, _DUMP, progress)
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        os.close(handle)
        _run("pg_dump", dsn, [*_DUMP, f"--file={part}"], progress)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(dsn: str, path: Path | None, progress: Progress) -> None:
    """Fill an empty database from a dump, whole or not at all; None: from standard input. Raises `DumpError`."""
    arguments = [
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        "--no-acl",
        "--dbname=service=callfloor",
        *(() if path is None else (str(path),)),
    ]
    _run("pg_restore", dsn, arguments, progress, fed=path is None)
