"""`make demo-asterisk`: the demo's floor on a real Asterisk, with SIPp customers, agents and callers.

Nobody outside this machine is called: the trunk ends at SIPp.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from itertools import cycle
from types import FrameType

from callfloor import samples
from callfloor.rules.workflow.caller_script import parse_script
from testbed.bed import Bed, bed

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
            "ASTERISK_AGENT": "PJSIP/{agent}@agents",
            "ASTERISK_INFORMATION": "sound:vm-goodbye",
            "ASTERISK_COUNTRY": "AU",
            "ASTERISK_PROMPTS": str(asterisk.node.folder / "prompts"),
        }
        print(f"Asterisk is up at {asterisk.url}, its files are in {asterisk.node.folder}", flush=True)
        print(f"Call by SIP: callfloor test call --sip 127.0.0.1:{asterisk.node.ports.sip} --number …", flush=True)
        environment = os.environ | {f"CALLFLOOR_{name}": value for name, value in settings.items()}
        demo = subprocess.Popen([sys.executable, "-m", "callfloor", "demo", *arguments], env=environment)
        try:
            _call(made, demo)
        except KeyboardInterrupt:
            # the demo has heard it too
            pass
        finally:
            if demo.poll() is None:
                demo.terminate()
            code = demo.wait()
    return code


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
