"""`make demo-asterisk`: the demo's floor on a real Asterisk, with SIPp customers, agents and callers.

Nobody outside this machine is called: the trunk ends at SIPp.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Container
from itertools import cycle
from types import FrameType

from callfloor import samples
from callfloor.cli.demo import ORGANISATION, PERSON
from callfloor.rules.workflow.caller_script import parse_script
from testbed.bed import Bed, bed
from testbed.config import sipp

# None of the testbed's own.
PHONE = "demo-{agent}"
# Phones that SIPp plays are there for so many user ids.
MOST_AGENTS = 200
LOOK_S = 1.0
# Somebody calls one of the centre's numbers each so many seconds.
CALLS_EVERY_S = 10.0
# They listen to the menu, press a key, and hang up some time later.
CALLERS = tuple(parse_script(f"8s,{key}", 48.0) for key in "12")


def main(arguments: list[str]) -> int:
    """`callfloor demo` with these arguments, until it ends."""
    signal.signal(signal.SIGTERM, _stop)
    with bed() as made:
        asterisk = made.asterisk
        settings = {
            "CARRIER": "asterisk",
            "ASTERISK_URLS": asterisk.url,
            "ASTERISK_USER": asterisk.user,
            "ASTERISK_PASSWORD": asterisk.password,
            "ASTERISK_AGENT": f"PJSIP/{PHONE}",
            "PHONE_USER": PHONE,
            "PHONE_URL": f"ws://127.0.0.1:{asterisk.node.ports.http}/ws",
            "PHONE_SECRET": secrets.token_hex(16),
            "ASTERISK_INFORMATION": "sound:vm-goodbye",
            "ASTERISK_COUNTRY": "AU",
            "ASTERISK_PROMPTS": str(asterisk.node.folder / "prompts"),
        }
        print(f"Asterisk is up at {asterisk.url}, its files are in {asterisk.node.folder}", flush=True)
        print(f"Call by SIP: callfloor test call --sip 127.0.0.1:{asterisk.node.ports.sip} --number …", flush=True)
        environment = os.environ | {f"CALLFLOOR_{name}": value for name, value in settings.items()}
        asterisk.set_phones(_simulated(made, frozenset[str]()))
        demo = subprocess.Popen([sys.executable, "-m", "callfloor", "demo", *arguments], env=environment)
        try:
            _connect(made, demo, environment, arguments)
            _call(made, demo)
        except KeyboardInterrupt:
            # the demo has heard it too
            pass
        finally:
            if demo.poll() is None:
                demo.terminate()
            code = demo.wait()
    return code


def _simulated(made: Bed, but: Container[str]) -> str:
    """Phones of agents that SIPp plays, for as many as a demo has and more."""
    names = {PHONE.format(agent=number): number for number in range(1, MOST_AGENTS)}
    ports = made.asterisk.node.ports
    return "".join(sipp(name, number, ports) for name, number in names.items() if name not in but)


def _connect(made: Bed, demo: subprocess.Popen[bytes], environment: dict[str, str], arguments: list[str]) -> None:
    """Once the demo has its people, let the phone of whoever runs it be in the browser."""
    ask = [sys.executable, "-m", "callfloor", "asterisk", "phones", "--user", PERSON, "--organisation", ORGANISATION]
    ask += [each for at, each in enumerate(arguments) if "--data" in (each, arguments[at - 1] if at else "")]
    while demo.poll() is None:
        time.sleep(LOOK_S)
        found = subprocess.run(ask, env=environment, capture_output=True, text=True)
        name = re.search(r"^\[(.+)\]$", found.stdout, re.MULTILINE)
        if found.returncode == 0 and name is not None:
            made.asterisk.set_phones(_simulated(made, {name[1]}) + found.stdout)
            print(f"To take a call in the browser: sign in as {PERSON}, allow the microphone, press Ready.", flush=True)
            return


def _call(made: Bed, demo: subprocess.Popen[bytes]) -> None:
    """Call the centre's numbers in turn while the demo runs."""
    centre = tomllib.loads(samples.centre("demo"))
    found = [number for workflow in centre["workflows"] for number in workflow.get("numbers", [])]
    numbers, callers = cycle(found), cycle(CALLERS)
    while demo.poll() is None:
        time.sleep(CALLS_EVERY_S)
        if demo.poll() is None:
            made.parties.call(next(numbers), next(callers))


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
