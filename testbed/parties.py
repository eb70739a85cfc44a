"""SIPp processes: customers and agents who wait for calls, and callers who make them."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from callfloor.rules.workflow.caller_script import CallerScript, parse_script
from callfloor.telephony.sip_caller import scenario as caller_scenario
from testbed import scenarios
from testbed.asterisk import NotReady, unprivileged
from testbed.config import Node

READY_S = 10.0
POLL_S = 0.02
CALLER = "0491570156"


class Parties:
    """Whoever talks to one Asterisk."""

    def __init__(self, sipp: str, node: Node, sounds: Path) -> None:
        self._sipp, self._node, self._sounds = sipp, node, sounds
        self._as = unprivileged(node.prefix)
        self._control = itertools.cycle(node.ports.control)
        self._caller = itertools.cycle(node.ports.callers)
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Customers and agents, ready to be called."""
        ports = self._node.ports
        customers = scenarios.party(scenarios.CUSTOMERS, self._sounds)
        agents = scenarios.party(scenarios.AGENTS, self._sounds)
        self._answer("customers", customers, ports.customers, ports.customers_rtp)
        self._answer("agents", agents, ports.agents, ports.agents_rtp)

    def _answer(self, name: str, scenario: str, port: int, rtp: int) -> None:
        process = self._run(name, scenario, port, rtp, [])
        until = time.monotonic() + READY_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise NotReady(f"SIPp's {name} did not come up:\n{self._output(name).read_text()[-2_000:]}")
            time.sleep(POLL_S)

    def call(self, called: str, who: CallerScript | str = "", *, caller: str = CALLER) -> subprocess.Popen[bytes]:
        """One call that comes in. `who`: what the caller does, or just the keys that are pressed, one a half second.
        The process ends with the call, with 0 when it went as the scenario says."""
        if isinstance(who, str):
            who = parse_script(",".join(f"0.2s,{key}" for key in who), None)
        port = next(self._caller)
        more = ["-m", "1", "-r", "100", "-key", "caller", caller, f"127.0.0.1:{self._node.ports.sip}"]
        scenario = caller_scenario(called, who, self._sounds / "customer.ulaw")
        rtp = self._node.ports.callers_rtp + 8 * (port - self._node.ports.callers[0])
        return self._run(f"caller-{port}", scenario, port, rtp, more)

    @property
    def pressed(self) -> str:
        """Every key that was pressed towards customers."""
        file = self._node.folder / "customers.pressed"
        return re.sub(r"Signal= *|\s", "", file.read_text()) if file.exists() else ""

    def _run(self, name: str, scenario: str, port: int, rtp: int, more: list[str]) -> subprocess.Popen[bytes]:
        file = self._node.folder / f"{name}.xml"
        file.write_text(scenario)
        where = ["-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(rtp)]
        pressed = ["-trace_logs", "-log_file", str(self._node.folder / f"{name}.pressed")]
        ear = ["-key", "ear", str(self._node.ports.ear)]
        control = ["-cp", str(next(self._control)), "-nostdin"]
        command = [*self._as, self._sipp, "-sf", str(file), *where, *control, *ear, *pressed, *more]
        with self._output(name).open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self._node.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._running.append(process)
        return process

    def _output(self, name: str) -> Path:
        return self._node.folder / f"{name}.output"

    def stop(self) -> None:
        for process in self._running:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._running.clear()


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return False
    return True
