"""An agent's phone in a browser: SIP over a secure WebSocket. Its sound (DTLS) needs a module that is not there."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from testbed.bed import Bed
from testbed.config import BROWSER, BROWSER_AGENT
from tests.asterisk.exchange import Exchange, exchange

pytestmark = pytest.mark.asterisk

REALM, NONCE = re.compile(r'realm="([^"]*)"'), re.compile(r'nonce="([^"]*)"')
URI = "sip:127.0.0.1"


def register(number: int, authorization: str = "") -> str:
    return (
        f"REGISTER {URI} SIP/2.0\r\n"
        f"Via: SIP/2.0/WSS browser.invalid;branch=z9hG4bK{number}\r\n"
        f"From: <sip:{BROWSER}@127.0.0.1>;tag=1\r\n"
        f"To: <sip:{BROWSER}@127.0.0.1>\r\n"
        "Call-ID: browser-test\r\n"
        f"CSeq: {number} REGISTER\r\n"
        f"Contact: <sip:{BROWSER}@browser.invalid;transport=ws>\r\n"
        "Max-Forwards: 70\r\nExpires: 60\r\n"
        f"{authorization}Content-Length: 0\r\n\r\n"
    )


def digest(challenge: str, password: str) -> str:
    """RFC 2617, without quality of protection where it is not asked for."""
    realm, nonce = REALM.search(challenge), NONCE.search(challenge)
    assert realm is not None
    assert nonce is not None
    first = hashlib.md5(f"{BROWSER}:{realm[1]}:{password}".encode()).hexdigest()
    second = hashlib.md5(f"REGISTER:{URI}".encode()).hexdigest()
    extra, middle = "", nonce[1]
    if "qop=" in challenge:
        extra, middle = ', qop=auth, nc=00000001, cnonce="c"', f"{nonce[1]}:00000001:c:auth"
    answer = hashlib.md5(f"{first}:{middle}:{second}".encode()).hexdigest()
    return (
        f'Authorization: Digest username="{BROWSER}", realm="{realm[1]}", nonce="{nonce[1]}", uri="{URI}", '
        f'algorithm=MD5, response="{answer}"{extra}\r\n'
    )


async def heard(phone: ClientConnection) -> str:
    said = await phone.recv()
    return said if isinstance(said, str) else said.decode()


async def test_a_phone_registers_over_a_secure_websocket_and_is_called(bed: Bed) -> None:
    trusted = ssl.create_default_context(cafile=str(bed.asterisk.node.certificate))
    address = f"wss://127.0.0.1:{bed.asterisk.node.ports.https}/ws"
    async with (
        asyncio.timeout(30),
        connect(address, subprotocols=[Subprotocol("sip")], ssl=trusted, close_timeout=0.1) as phone,
        exchange(bed, agent="PJSIP/browser-{agent}") as at,
    ):
        await phone.send(register(1))
        challenge = await heard(phone)
        assert challenge.startswith("SIP/2.0 401")
        await phone.send(register(2, digest(challenge, bed.asterisk.password)))
        assert (await heard(phone)).startswith("SIP/2.0 200")
        await _is_called(at, phone)


async def _is_called(at: Exchange, phone: ClientConnection) -> None:
    call = await at.answered()
    at.carrier.join(call, BROWSER_AGENT)
    said = await heard(phone)
    while not said.startswith("INVITE"):
        said = await heard(phone)
    assert f"sip:{BROWSER}@" in said.split("\r\n", 1)[0]
    await at.hang_up(call)
