"""Files that commands are given: `-` means standard input where they read, and standard output where they write."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import typer

from callfloor.whole_files import begun

STDIN, STDOUT = Path("/dev/stdin"), Path("-")


def _or_input(path: Path | None) -> Path | None:
    return STDIN if path == STDOUT else path


def read_argument(help: str, metavar: str = "FILE") -> Any:
    """An argument that names a file to read."""
    said = f"{help} - is standard input."
    return typer.Argument(metavar=metavar, callback=_or_input, help=said, exists=True, dir_okay=False, allow_dash=True)


def read_option(help: str) -> Any:
    """An option that names a file to read."""
    said = f"{help} - is standard input."
    return typer.Option(metavar="FILE", callback=_or_input, help=said, exists=True, dir_okay=False, allow_dash=True)


def write_argument(help: str) -> Any:
    """An argument that names a file to write."""
    return typer.Argument(metavar="FILE", dir_okay=False, allow_dash=True, help=f"{help} - is standard output.")


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """A file that is there when it is whole, and that only its owner may read: it holds personal data. Or standard
    output, where whoever reads it has to look at the exit code."""
    if path == STDOUT:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    handle, part = begun(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def tell(path: Path, text: str) -> None:
    """Say what became of a file that was written: not among its content."""
    print(text, file=sys.stderr if path == STDOUT else sys.stdout)


def shown(path: Path) -> str:
    """As a message names it."""
    return "standard output" if path == STDOUT else str(path)


@contextmanager
def kept(path: Path) -> Generator[Path]:
    """The file, or what comes in by standard input in a file of its own: one that is read twice, or whose size is asked
    for."""
    if path != STDIN:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="callfloor-input-") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield Path(file.name)
