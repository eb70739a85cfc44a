"""A database into a file and back, by PostgreSQL's own pg_dump and pg_restore."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, unquote, urlsplit

from callfloor.postgres.server import binaries
from callfloor.whole_files import begun

Progress = Callable[[str], None]
_TABLE = re.compile(r'(?:dumping contents of table|processing data for table) "(?:public\.)?([^"]+)"')
# What a program says last is why it failed; statements and rows are never among it.
_ERROR = re.compile(r"(?:(?:pg_(?:dump|restore)|psql): (?:error|detail|hint)|psql:\S+: (?:ERROR|FATAL)): +(.*)")


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


def _run(program: str, dsn: str, arguments: list[str], progress: Progress) -> None:
    with (
        _service(dsn) as environment,
        subprocess.Popen(  # noqa: S603 - a program of the wheel, no shell
            [str(binaries() / program), "--verbose", "--no-password", *arguments],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        ) as running,
    ):
        said = _heard(running.stderr, progress)
    if running.returncode != 0:
        raise DumpError(f"{program} failed: {said[0] if said else _ended(running.returncode)}")


def _ended(code: int) -> str:
    """What a program's exit code says that said nothing itself."""
    if code == -signal.SIGPIPE:
        return "who was to read it ended before it was whole"
    return f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with code {code}"


_DUMP = ["--format=custom", "--no-owner", "--no-acl", "--dbname=service=callfloor"]


def dump(dsn: str, path: Path | None, progress: Progress) -> None:
    """Write the database, as it is at one moment, to a file that is there when it is whole, for its owner alone; None:
    to standard output. `progress` is told of each table. Raises `DumpError`, `OSError`."""
    if path is None:
        _run("pg_dump", dsn, _DUMP, progress)
        return
    handle, part = begun(path)
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
    script = ["--verbose", "--no-owner", "--no-acl", "--file=-", *(() if path is None else (str(path),))]
    with (
        _service(dsn) as environment,
        subprocess.Popen(  # noqa: S603 - a program of the wheel, no shell
            [str(binaries() / "pg_restore"), *script],
            stdin=None if path is None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        ) as reading,
        subprocess.Popen(  # noqa: S603 - as above
            [str(binaries() / "psql"), *_APPLY],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        ) as applying,
        ThreadPoolExecutor(2) as listening,
    ):
        of_reading = listening.submit(_heard, reading.stderr, progress)
        of_applying = listening.submit(_heard, applying.stderr, progress)
        _pass_on(reading, applying)
        # what was refused tells more than that nobody reads on
        said = [*of_applying.result(), *of_reading.result()]
    if reading.returncode != 0 or applying.returncode != 0:
        raise DumpError(f"the dump could not be loaded: {said[0] if said else 'it was cut off'}")


# Not --single-transaction: that commits what came when the rest is cut off.
_APPLY = ["-X", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--dbname=service=callfloor", "--file=-"]
# Of what a newer PostgreSQL's programs write: a setting that servers before 17 do not know, and a mark that only a
# superuser may set, which costs one who is none a little speed.
_NOT_FOR_ALL = re.compile(rb"^SET transaction_timeout = .*;$| LEAKPROOF(?= |$)", re.MULTILINE)
_FIRST_ROWS = b"COPY "


def _pass_on(reading: subprocess.Popen[bytes], applying: subprocess.Popen[bytes]) -> None:
    """Give the script of one program to the other, in a transaction that is only ended when it is whole."""
    script, out = reading.stdout, applying.stdin
    if script is None or out is None:
        raise TypeError("both programs are given pipes")
    try:
        out.write(b"BEGIN;\n")
        for line in script:
            if line.startswith(_FIRST_ROWS):
                out.write(line)
                break
            out.write(_NOT_FOR_ALL.sub(b"", line))
        shutil.copyfileobj(script, out, 1 << 20)
        if reading.wait() == 0:
            out.write(b"COMMIT;\n")
        out.close()
    except BrokenPipeError:
        # it refused something, and says so
        with suppress(BrokenPipeError):
            out.close()
        script.close()


def _heard(said: IO[bytes] | None, progress: Progress) -> list[str]:
    """Tell of tables; what a program says of errors."""
    errors: list[str] = []
    for line in said or ():
        text = line.decode("utf-8", "replace")
        if table := _TABLE.search(text):
            progress(table[1])
        elif error := _ERROR.match(text):
            errors.append(error[1].strip())
    return errors
