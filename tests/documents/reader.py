"""A reader of the documents at a shell: types what stands there, fills in what is left open, stops what runs on."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.documents.blocks import Block, Command

BIN = Path(sys.executable).parent
LONGEST_S = 120.0
_EXPORT = re.compile(r"export (?P<settings>.*)")
_ASSIGNED = re.compile(r"(\w+)=('[^']*'|\"[^\"]*\"|\S+)")
_UUID = re.compile(r'"importId": ?"([0-9a-f-]{36})"|([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})')
TOKEN = re.compile(r"cf_\w[\w-]+")
ADDRESS = re.compile(r"http://[\d.]+:\d+")


class Reader:
    """`folder`: where the commands are typed. `address`, `token`: of the server that runs there, if one does."""

    def __init__(self, folder: Path, address: str = "", token: str = "") -> None:
        self._folder, self.address, self.token = folder, address, token
        self._servers: list[subprocess.Popen[str]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CALLFLOOR_")},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "CALLFLOOR_PORT": "0",
        }
        self._said = ""

    def types(self, block: Block) -> None:
        """All of a block, in order. Raises `AssertionError` for what does not do what is said of it."""
        for command in block.commands:
            self._type(block, command)

    def _type(self, block: Block, command: Command) -> None:
        text = self._filled_in(command.text)
        if self.address:
            self.environment["CALLFLOOR_URL"] = self.address
        if text.startswith("callfloor serve"):
            self._serve(text)
        elif re.search(r"\bcallfloor desk\b", text):
            self._sit_down(text)
        elif exported := _EXPORT.fullmatch(text):
            for name, value in _ASSIGNED.findall(exported["settings"]):
                self.environment[name] = value.strip("'\"")
        else:
            ran = subprocess.run(
                ["bash", "-o", "pipefail", "-c", text],
                cwd=self._folder, env=self.environment, capture_output=True, text=True, timeout=LONGEST_S,
            )  # fmt: skip
            said = f"{block.name}: {command.text}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"
            assert ran.returncode in command.codes, f"exit code {ran.returncode}: {said}"
            self._said = ran.stdout
            if text.startswith("callfloor token create") and (found := TOKEN.search(ran.stdout)):
                self.token = found[0]
                self.environment["CALLFLOOR_TOKEN"] = self.token

    def _filled_in(self, text: str) -> str:
        """What a reader puts in the place of `cf_…`, `UUID` and the usual port."""
        if "UUID" in text:
            found = _UUID.search(self._said)
            assert found, f"no id was said for {text}: {self._said}"
            text = text.replace("UUID", found[1] or found[2])
        if self.address:
            text = text.replace("http://127.0.0.1:8080", self.address)
        text = text.replace("cf_…", self.token)
        # an answer that is a problem is none that is promised
        return re.sub(r"\bcurl -s\b", "curl -sS --fail-with-body", text)

    def _serve(self, text: str) -> None:
        server = subprocess.Popen(
            ["bash", "-c", f"exec {text}"],
            cwd=self._folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._servers.append(server)
        assert server.stdout is not None
        line = server.stdout.readline()
        found = ADDRESS.search(line)
        assert found, f"{text} said {line!r}"
        self.address = found[0]

    def _sit_down(self, text: str) -> None:
        """At a desk in a terminal, until something is shown there; then leave."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self._folder)
            os.execvpe("bash", ["bash", "-c", text], self.environment)
        shown, until, code = b"", time.monotonic() + LONGEST_S, None
        with suppress(OSError):
            while time.monotonic() < until and code is None:
                if select.select([terminal], [], [], 0.2)[0]:
                    shown += os.read(terminal, 1 << 16)
                if len(shown) > 200:
                    os.write(terminal, b"q")
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(status) == 0, shown.decode(errors="replace")[-1000:]

    def leaves(self) -> None:
        """Ctrl-C for all that runs on; each must stop well."""
        for server in self._servers:
            server.send_signal(signal.SIGINT)
        for server in self._servers:
            server.communicate(timeout=60)
        codes = [server.returncode for server in self._servers]
        self._servers.clear()
        assert set(codes) <= {0}, codes
