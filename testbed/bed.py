"""Asterisk, customers and agents together."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from testbed.asterisk import Asterisk
from testbed.ear import Ear
from testbed.fetch import fetch
from testbed.parties import Parties
from testbed.ports import Ports
from testbed.programs import need


@dataclass(frozen=True, slots=True)
class Bed:
    asterisk: Asterisk
    parties: Parties
    ear: Ear

    def crash(self) -> None:
        """Asterisk dies. Its parties would talk on into ports that it uses again when it is back: they go with it."""
        self.asterisk.kill()
        self.parties.stop()

    def restart(self) -> None:
        self.asterisk.start()
        self.parties.start()


@contextmanager
def bed() -> Generator[Bed]:
    """A testbed at work; all of it is gone afterwards. Raises `Missing`, `NotReady`, `NoFreePorts`."""
    prefix, sipp = fetch(), need("sip-tester", "sipp")
    with ExitStack() as stack:
        ports = stack.enter_context(Ports())
        ear = stack.enter_context(Ear(ports.ear))
        asterisk = Asterisk(prefix, ports)
        stack.callback(asterisk.stop)
        parties = Parties(sipp, asterisk.node, asterisk.sounds)
        stack.callback(parties.stop)
        asterisk.start()
        parties.start()
        yield Bed(asterisk, parties, ear)
