"""`callfloor test call --sip`: callers whom SIPp plays, to a SIP server that is there."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from callfloor.cli.failures import FAILURE, CommandError
from callfloor.rules.workflow.caller_script import CallerScript
from callfloor.telephony import sip_caller

WITHHELD = "anonymous"
# SIPp hears and talks on several ports above the first.
MEDIA_PORTS = 8
# What SIPp says that it met in place of what its scenario expects.
_RECEIVED = re.compile(r"received '(?:SIP/2\.0 )?([^\r\n']+)")


def call(server: str, number: str, caller: str | None, script: CallerScript, repeat: int, every: float) -> None:
    """Call `number` at `server` (host:port), `repeat` times, `every` so many seconds, and wait until all calls are
    over. Raises `CommandError`."""
    sipp = shutil.which("sipp")
    if sipp is None:
        raise CommandError("sipp is not installed: it places the calls (Debian, Ubuntu: apt install sip-tester)")
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise CommandError(f"--sip must be HOST:PORT of a SIP server, such as 127.0.0.1:5060, not {server}")
    running: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []
    with tempfile.TemporaryDirectory(prefix="callfloor-sip-") as folder:
        sound = Path(folder) / "tone.ulaw"
        sound.write_bytes(sip_caller.tone())
        file = Path(folder) / "caller.xml"
        file.write_text(sip_caller.scenario(number, script, sound))
        command = [sipp, "-sf", str(file), "-m", "1", "-key", "caller", caller or WITHHELD, "-nostdin"]
        try:
            for turn in range(repeat):
                if turn:
                    time.sleep(every)
                running.append(_start([*command, *_ports(host), f"{host}:{port}"], Path(folder)))
                print(f"call {turn + 1} of {repeat}", flush=True)
            failed = [said for process, output in running if (said := _failure(process, output)) is not None]
        finally:
            for process, output in running:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                output.close()
    if failed:
        raise CommandError(f"{len(failed)} of {repeat} calls did not go as scripted: {failed[0]}", FAILURE)


def _start(command: list[str], folder: Path) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    output = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 – closed with the process
    process = subprocess.Popen(  # noqa: S603 – sipp, with what was checked
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    return process, output


def _failure(process: subprocess.Popen[bytes], output: IO[bytes]) -> str | None:
    """Why a call went otherwise, when it is over; None: it did not."""
    if process.wait() == 0:
        return None
    output.seek(0)
    said = _RECEIVED.search(output.read().decode(errors="replace"))
    if said is None:
        return "nobody answers there by SIP"
    return "it ended before its script" if said[1].startswith("BYE") else f"the server says {said[1]}"


def _ports(host: str) -> list[str]:
    """Ports for a call, free a moment ago, at the address from which the server is reached."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        address: str = probe.getsockname()[0]
    signalling, media = _free(address, 1), _free(address, MEDIA_PORTS)
    return ["-i", address, "-p", str(signalling), "-mi", address, "-mp", str(media)]


def _free(address: str, count: int) -> int:
    """The first (even) of so many UDP ports in a row."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind((address, 0))
            port: int = first.getsockname()[1]
        if port % 2 == 0 and port + count < 65536 and all(_is_free(address, port + n) for n in range(count)):
            return port


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
