"""`callfloor demo`, as the README promises it: an address, a token, three lines to try, and data that stay."""

from __future__ import annotations

import asyncio
import io
import shlex
import tempfile
import wave
from functools import partial
from pathlib import Path

import httpx2

from callfloor.cli.demo import LEADS
from callfloor.samples import WRONG_EVERY
from tests.demo_server import demo
from tests.waiting import until

GOOD = LEADS["List One"] - LEADS["List One"] // WRONG_EVERY


def value(lines: list[str], name: str) -> str:
    return next(line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: "))


def leads(lines: list[str]) -> int:
    headers = {"Authorization": f"Bearer {value(lines, 'token')}"}
    with httpx2.Client(base_url=value(lines, "address") + "/platform-api/v3.0", headers=headers) as client:
        listed = client.get("/leads/lists").json()["items"]
        figures = client.get(f"/campaign/{listed[0]['campaignId']}/statistics/outbound").json()
        return sum(each["leads"] for each in figures["lists"])


def answer(command: list[str]) -> httpx2.Response:
    """What a printed curl line gets."""
    header = command[command.index("-H") + 1].partition(": ")
    return httpx2.get(command[-1], headers={header[0]: header[2]}).raise_for_status()


def every_mode_dials(lines: list[str]) -> None:
    """The demo's campaigns, one in each mode, place calls that agents take."""
    headers = {"Authorization": f"Bearer {value(lines, 'token')}"}
    with httpx2.Client(base_url=value(lines, "address") + "/platform-api/v3.0", headers=headers) as client:
        campaigns = {item["campaignId"] for item in client.get("/leads/lists").raise_for_status().json()["items"]}
        assert len(campaigns) == 3
        for campaign in sorted(campaigns):
            asyncio.run(until(partial(_answered, client, campaign)))


async def _answered(client: httpx2.Client, campaign: int) -> bool:
    # a server that is asked too often says so, and is asked again
    calls = client.get("/dialler/calls", params={"campaignId": campaign}).raise_for_status().json()["items"]
    return any(call["dialStatusName"] == "Answered" for call in calls)


def takes_calls_and_letters(lines: list[str], command: list[str]) -> None:
    """People call and write, and the queue's figures say so."""
    asyncio.run(until(partial(_received, command)))
    headers = {"Authorization": f"Bearer {value(lines, 'token')}"}
    with httpx2.Client(base_url=value(lines, "address") + "/platform-api/v3.0", headers=headers) as client:
        letters = client.get("/activities", params={"activityType": "email.inbound"}).raise_for_status().json()["items"]
        assert len(letters) == 3


async def _received(command: list[str]) -> bool:
    return answer(command).json()["callsReceived"] > 0


def listen(command: list[str]) -> None:
    """The recording of a call is a sound file with something in it."""
    sound = answer(command)
    assert sound.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(sound.content)) as opened:
        assert opened.getnframes() > 0
        assert len(set(opened.readframes(1000))) > 10


def signs_in(sign_in: list[str], me: list[str]) -> None:
    """A person signs in with the password that is printed, and is then known by the cookie."""
    with httpx2.Client(headers={"Content-Type": "application/json"}) as browser:
        told = browser.post(sign_in[-1], content=sign_in[sign_in.index("-d") + 1]).raise_for_status().json()
        assert told["stage"] == "signed-in"
        assert browser.get(me[-1]).raise_for_status().json() == told["me"]


def counts(command: list[str]) -> None:
    """The floor dials: the figures grow while one looks."""
    first = answer(command).json()["dialler"]
    assert first["attempts"] > 0
    while answer(command).json()["dialler"]["attempts"] == first["attempts"]:
        pass


def test_the_demo_imports_serves_and_keeps_its_data() -> None:
    with tempfile.TemporaryDirectory(prefix="cf-demo-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with demo(data) as lines:
            assert leads(lines) == GOOD
            commands = [shlex.split(line) for line in lines if line.startswith("curl")]
            sign_in, me = (command for command in commands if "cookie" in command)
            signs_in(sign_in, me)
            commands = [command for command in commands if "cookie" not in command]
            assert len(commands) == 7
            (queue,) = [command for command in commands if command[-1].endswith("/statistics/inbound")]
            takes_calls_and_letters(lines, queue)
            listen(commands[-1])
            counts(commands[0])
            every_mode_dials(lines)
            first_token = value(lines, "token")
        with demo(data) as again:
            assert not any(line.startswith("importing") for line in again)
            assert leads(again) == GOOD
            # the token of the earlier start is revoked
            headers = {"Authorization": f"Bearer {first_token}"}
            refused = httpx2.get(f"{value(again, 'address')}/platform-api/v3.0/users", headers=headers)
            assert refused.status_code == 401
