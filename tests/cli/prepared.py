"""A `callfloor` that is loaded already and waits to be given its command: each is a process of its own, by fork.

Loading the program takes up to two seconds of a processor, some three hundred times in these tests. What a fork cannot
show is how a process begins: tests/cli/test_frame.py starts whole ones.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

WAITS_S = 120.0
LARGEST = 1 << 17
# what commands load when they run
LOADED = (
    "callfloor.app.telephony",
    "callfloor.centre",
    "callfloor.cli.session",
    "callfloor.preflight",
    "callfloor.serve",
)


@cache
def _waiting() -> socket.socket:
    """The process that waits, at the other end. It ends with ours."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.prepared", str(its.fileno())],
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with this environment, in our folder."""
    told, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with told, its, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        asked = json.dumps([arguments, environment, os.getcwd()]).encode()
        socket.send_fds(_waiting(), [asked], [its.fileno(), out.fileno(), err.fileno()])
        its.close()
        told.settimeout(WAITS_S)
        status = told.recv(16)
        assert status, "the process that waited for commands is gone"
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(
            arguments, int(status), out.read().decode("utf-8"), err.read().decode("utf-8")
        )


def _command(given: bytes, out: int, err: int) -> None:
    """Be the command: what follows is the process as `python -m callfloor` begins it."""
    arguments, environment, folder = json.loads(given)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, 256)
    random.seed()
    sys.argv = ["callfloor", *arguments]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        importlib.import_module("callfloor.__main__").main()
    except SystemExit as end:
        sys.stderr.flush()
        # the interpreter would take all apart that it shares with who waits
        os._exit(end.code if isinstance(end.code, int) else 1)


def _wait(control: socket.socket) -> None:
    """Serve commands until who asks is gone; each has a process that waits for it and tells its status."""
    for name in LOADED:
        importlib.import_module(name)
    # a collection in a fork would copy what both have
    gc.collect()
    gc.freeze()
    # nobody waits for those that wait
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        given, fds, _, _ = socket.recv_fds(control, LARGEST, 3)
        if not given:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            command = os.fork()
            if command == 0:
                _command(given, fds[1], fds[2])
                return
            _, status = os.waitpid(command, 0)
            os.write(fds[0], str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    _wait(socket.socket(fileno=int(sys.argv[1])))
