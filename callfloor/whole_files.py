"""Files that have their names only when they are whole."""

from __future__ import annotations

import tempfile
from pathlib import Path


def begun(path: Path) -> tuple[int, Path]:
    """A hidden file beside `path`, for its owner alone, that is to take its name: its handle, and its name until then.

    Raises `OSError`, which names `path` and not the file that nobody asked for.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        error.filename = str(path)
        raise
    return handle, Path(name)
