"""A server of its own, as somebody starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-m", "callfloor"]


@contextmanager
def serving(data: Path, *options: str, **environment: str) -> Iterator[tuple[str, Path]]:
    """Run `callfloor serve` on the folder; its address and the file of its log. It must stop well."""
    given = os.environ | {"CALLFLOOR_PORT": "0"} | environment
    with tempfile.NamedTemporaryFile("w+") as log:
        command = [*COMMAND, "serve", *options, "--data", str(data)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=given, text=True)
        try:
            assert server.stdout is not None
            said = ""
            while (found := re.search(r"http://\S+", said)) is None:
                line = server.stdout.readline()
                assert line, Path(log.name).read_text()
                said += line
            yield found[0], Path(log.name)
        finally:
            server.terminate()
            server.communicate(timeout=60)
        assert server.returncode == 0


def run(data: Path, *arguments: str) -> str:
    """What another command says that is run on the folder meanwhile."""
    command = [*COMMAND, *arguments, "--data", str(data)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
