"""Asterisk as a process of ours: started as nobody where we are root, ready when it answers by its own name."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from testbed import audio, config
from testbed.fetch import loader
from testbed.ports import Ports

NOBODY = 65_534
READY_S = 30.0
STOP_S = 10.0
POLL_S = 0.02


class NotReady(Exception):
    """A program of the testbed did not come up. The text has what it said."""


def unprivileged(prefix: Path) -> list[str]:
    """What goes before a command so that it ends with us, and has no rights where we have all."""
    ends_with_us = ["setpriv", "--pdeathsig", "KILL"]
    nobody = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    if os.geteuid() == 0 and subprocess.run([*nobody, "test", "-x", loader(prefix)[0]]).returncode == 0:
        # a change of user would take the signal back, so it comes second
        return [*nobody, *ends_with_us]
    return ends_with_us


class Asterisk:
    """One node. `kill` and `start` again are what a crash looks like; `stop` removes everything."""

    def __init__(self, prefix: Path, ports: Ports) -> None:
        folder = Path(tempfile.mkdtemp(prefix="callfloor-testbed-"))
        self.node = config.Node(prefix, folder, ports, f"testbed-{secrets.token_hex(4)}", secrets.token_hex(8))
        self._process: subprocess.Popen[bytes] | None = None
        self._as = unprivileged(prefix)
        config.write(self.node)
        self.sounds = folder / "sounds"
        for name in ("sounds", "music"):
            (folder / name).mkdir()
        audio.write(self.sounds)
        shutil.copy(self.sounds / "music.ulaw", folder / "music")
        if "--reuid" in self._as:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.node.ports.http}/ari"

    @property
    def user(self) -> str:
        return config.USER

    @property
    def password(self) -> str:
        return self.node.password

    def set_phones(self, lines: str) -> None:
        """What pjsip.conf says besides, in place of what it said before, while it runs."""
        (self.node.etc / "phones.conf").write_text(lines)
        self.command("module reload res_pjsip.so")

    def start(self) -> None:
        """Start it and wait until it answers. Raises `NotReady`."""
        command = [*self._as, *loader(self.node.prefix), "-C", str(self.node.etc / "asterisk.conf"), "-f"]
        with (self.node.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        until = time.monotonic() + READY_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                said = self.said()
                self.kill()
                raise NotReady(f"Asterisk did not come up:\n{said}")
            time.sleep(POLL_S)

    def said(self) -> str:
        """The end of what it wrote about itself."""
        files = (self.node.folder / "output", self.node.folder / "log/messages")
        return "\n".join(file.read_text(errors="replace")[-3_000:] for file in files if file.exists())

    def _answers(self) -> bool:
        """Whether this Asterisk answers, and not another one on the same port."""
        with contextlib.suppress(OSError, ValueError):
            return self.get("asterisk/info")["config"]["name"] == self.node.name
        return False

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def ask(self, method: str, path: str, **query: str) -> Any:
        """A request to its REST interface."""
        request = urllib.request.Request(f"{self.url}/{path}?{urllib.parse.urlencode(query)}", method=method)
        secret = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        with urllib.request.urlopen(request, timeout=5) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def command(self, line: str) -> str:
        """Run a line of its console."""
        words = [*self._as, *loader(self.node.prefix), "-C", str(self.node.etc / "asterisk.conf"), "-rx", line]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
        self.kill()
        shutil.rmtree(self.node.folder, ignore_errors=True)
