"""An agent's phone in a real browser: it registers over a secure WebSocket, and its sound is WebRTC."""

from __future__ import annotations

import asyncio
import re
import wave
from array import array
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from callfloor.telephony.carrier import Joined, Left
from testbed import audio, scenarios
from testbed.bed import Bed
from testbed.config import BROWSER, BROWSER_AGENT
from tests.asterisk.exchange import Exchange, exchange
from tests.asterisk.sound import hears, samples
from tests.asterisk.test_conversations import hears_soon, lasts, recording
from tests.chromium import headless

pytestmark = pytest.mark.asterisk

PAGE = Path(__file__).with_name("phone.html")
DOCUMENT = Path(__file__).parents[2] / "docs/asterisk.md"
SAYS = re.compile(r'"phone: ([^"]*)"')
HEARS = re.compile(r"hears ([0-9]+) Hz")
# of the frequencies that the page tells apart
STEP_HZ = 6
# What each installation has of its own.
OWN = re.compile(r"^(bind|password|rtp_timeout|tlsbindaddr|tlscertfile|tlsprivatekey)=.*", re.MULTILINE)


class Phone:
    """A page in a browser. `said`: what it told so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self.lines: list[str] = []

    async def read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode(errors="replace"))
            self.said += SAYS.findall(self.lines[-1])

    async def says(self, at: Exchange, words: str) -> None:
        await at.until(lambda: words in self.said)

    async def hears(self, at: Exchange, hertz: float) -> None:
        await at.until(
            lambda: any(abs(int(told[1]) - hertz) <= STEP_HZ for words in self.said if (told := HEARS.fullmatch(words)))
        )

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def phone(bed: Bed, chromium: str, folder: Path) -> AsyncGenerator[Phone]:
    """An agent's browser. Its microphone hears the agents' tone."""
    microphone = folder / "agent.wav"
    with wave.open(str(microphone), "wb") as file:
        file.setparams((1, 2, audio.RATE, 0, "NONE", ""))
        file.writeframes(array("h", map(audio.decode, audio.tone(audio.AGENT_HZ, 1.0))).tobytes())
    address = f"wss://127.0.0.1:{bed.asterisk.node.ports.https}/ws"
    use = urlencode({"address": address, "user": BROWSER, "password": bed.asterisk.password})
    command = headless(
        chromium,
        folder / "profile",
        "--enable-logging=stderr",
        # the certificate is of our own making
        "--ignore-certificate-errors",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
        "--autoplay-policy=no-user-gesture-required",
        # sound goes from 127.0.0.1 to 127.0.0.1
        "--allow-loopback-in-peer-connection",
        # and nobody is asked for names by multicast
        "--disable-features=WebRtcHideLocalIpsWithMdns",
    )
    nothing, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, f"{PAGE.as_uri()}#{use}", stdin=nothing, stdout=nothing, stderr=pipe
    )
    made = Phone(process)
    reading = asyncio.create_task(made.read())
    try:
        yield made
    except TimeoutError as error:
        error.add_note(f"The phone said {made.said}, its browser:\n{''.join(made.lines[-30:])}")
        raise
    finally:
        await made.close()
        await reading


# it may have to be installed
@pytest.mark.timeout(600)
async def test_an_agent_in_a_browser_and_a_customer_hear_each_other(bed: Bed, chromium: str, tmp_path: Path) -> None:
    async with exchange(bed, agent="PJSIP/agent-{agent}") as at, phone(bed, chromium, tmp_path) as browser:
        await browser.says(at, "registered")
        call = await at.answered(scenarios.LISTENS, record=True)
        at.carrier.join(call, BROWSER_AGENT)
        await at.told(call, Joined)
        await hears_soon(bed, audio.AGENT_HZ)
        await browser.hears(at, audio.CUSTOMER_HZ)
        await lasts(at, bed, call, 0, 1.0)
        await at.hang_up(call)
        await browser.says(at, "over")
        sound = samples(await recording(at, call))
        assert hears(sound, audio.CUSTOMER_HZ)
        assert hears(sound, audio.AGENT_HZ)
        await at.carrier.forget_recording(call)
        # a browser that is closed says no goodbye: its silence ends the call for it, and the customer stays
        call = await at.talking(BROWSER_AGENT)
        await browser.close()
        await at.told(call, Left)
        await at.hang_up(call)


def documented(file: str) -> str:
    """What docs/asterisk.md says of a file in its section on browsers."""
    (lines,) = re.findall(r"## Agents in a browser\n.*?```ini\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    _, *parts = re.split(r"^; (\S+\.conf)\n", lines, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))[file]


@pytest.mark.parametrize("file", ["http.conf", "rtp.conf", "pjsip.conf"])
def test_the_browser_that_is_documented_is_the_one_that_is_tested(bed: Bed, file: str) -> None:
    words = re.sub(r" *;.*", "", documented(file))
    assert OWN.sub(r"\1", words) in OWN.sub(r"\1", (bed.asterisk.node.etc / file).read_text())
