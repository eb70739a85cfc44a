"""HTTP functions against a real server that answers in every wrong way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from callfloor.contract.workflows import FunctionAnswer, FunctionRequest
from callfloor.engine.workflow_functions import LARGEST_ANSWER, Functions
from callfloor.rules.values.addresses import is_public
from callfloor.rules.workflow.workflow_events import CallFunction, FunctionAnswered, FunctionFailed
from callfloor.store.privacy.keys import Key

KEY = b"k" * 32
NOW = 1_764_000_000.0
REQUEST = FunctionRequest(
    workflow="Main", step="ask", call="call-1", caller="+61255500300", called="+61255500200", digits="12",
    priority=None, skills={"german": 3}, variables={"account": "7"},
)  # fmt: skip


@dataclass
class Server:
    """Answers every request with the same bytes, and remembers what it was sent."""

    answer: bytes = b""
    silent: bool = False
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list[tuple[dict[str, str], bytes]])
    port: int = 0

    def says(self, body: bytes, status: str = "200 OK", **headers: str) -> None:
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {status}", *lines, f"content-length: {len(body)}", "", ""])
        self.answer = head.encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in head[1:] if line}
            self.heard.append((headers, await reader.readexactly(int(headers["content-length"]))))
            if self.silent:
                await reader.read()
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    listening = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = listening.sockets[0].getsockname()[1]
    yield found
    listening.close()


def resolving(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


async def ask(url: str, timeout_s: float = 5.0, **options: Any) -> FunctionAnswered | FunctionFailed:
    functions = Functions(lambda: NOW, **{"private_addresses": True, **options})
    try:
        return await functions.call(CallFunction(4, url, timeout_s, REQUEST), Key("known", KEY))
    finally:
        await functions.aclose()


async def test_what_is_sent_is_signed_and_what_is_answered_is_taken(server: Server) -> None:
    server.says(b'{"priority": 5, "skills": {"gold": 2}, "variables": {"tier": "gold"}, "next": "vip", "more": 1}')
    given = await ask(f"http://localhost:{server.port}/route?secret=1")
    answer = FunctionAnswer(priority=5, skills={"gold": 2}, variables={"tier": "gold"}, next="vip")
    assert given == FunctionAnswered(4, answer)
    ((headers, body),) = server.heard
    assert json.loads(body) == {
        "workflow": "Main", "step": "ask", "call": "call-1", "caller": "+61255500300", "called": "+61255500200",
        "digits": "12", "priority": None, "skills": {"german": 3}, "variables": {"account": "7"},
    }  # fmt: skip
    assert headers["host"] == f"localhost:{server.port}"
    assert headers["webhook-timestamp"] == "1764000000"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


async def test_no_two_messages_have_the_same_id(server: Server) -> None:
    server.says(b"{}")
    for _ in range(2):
        assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionAnswered(4, FunctionAnswer())
    assert server.heard[0][0]["webhook-id"] != server.heard[1][0]["webhook-id"]


async def test_an_answer_without_content_changes_nothing(server: Server) -> None:
    server.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionAnswered(4, FunctionAnswer())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", "200 OK"),
        (b"{", "200 OK"),
        (b"[]", "200 OK"),
        (b'{"priority": 1001}', "200 OK"),
        (b'{"priority": true}', "200 OK"),
        (b'{"skills": {"german": 11}}', "200 OK"),
        (b'{"skills": {"": 1}}', "200 OK"),
        (b'{"variables": {"a": 1}}', "200 OK"),
        (b'{"variables": {"a": "' + b"x" * 501 + b'"}}', "200 OK"),
        (b'{"next": ""}', "200 OK"),
        (b"\xff", "200 OK"),
        (b'{"more": ' + b"[" * 10000, "200 OK"),
        (b"{}", "201 Created"),
        (b"{}", "404 Not Found"),
        (b"{}", "500 Internal Server Error"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_a_failure(server: Server, body: bytes, status: str) -> None:
    server.says(body, status)
    assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionFailed(4)


async def test_redirects_are_not_followed(server: Server) -> None:
    server.says(b"{}", "307 Temporary Redirect", location=f"http://127.0.0.1:{server.port}/there")
    assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionFailed(4)
    assert len(server.heard) == 1


async def test_no_more_is_read_than_an_answer_needs(server: Server) -> None:
    padding = b" " * (LARGEST_ANSWER - 2)
    server.says(b"{}" + padding)
    assert isinstance(await ask(f"http://127.0.0.1:{server.port}/"), FunctionAnswered)
    server.says(b"{}" + padding + b" ")
    assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionFailed(4)
    # one that would never end
    server.answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1000\r\n" + b" " * 4096 + b"\r\n"
    server.answer += (b"1000\r\n" + b" " * 4096 + b"\r\n") * 64
    assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionFailed(4)


async def test_a_compressed_answer_is_refused(server: Server) -> None:
    server.says(b"\x1f\x8b", content_encoding="gzip")
    assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionFailed(4)
    assert server.heard[0][0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncont"])
async def test_a_server_that_breaks_off_is_a_failure(server: Server, answer: bytes) -> None:
    server.answer = answer
    assert await ask(f"http://127.0.0.1:{server.port}/") == FunctionFailed(4)


async def test_a_server_that_says_nothing_is_given_up(server: Server) -> None:
    server.silent = True
    assert await ask(f"http://127.0.0.1:{server.port}/", 0.05) == FunctionFailed(4)


async def test_a_name_server_that_says_nothing_is_given_up() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return await asyncio.Future[list[str]]()

    assert await ask("http://crm.example.com/", 0.05, resolve=resolve) == FunctionFailed(4)


async def test_a_name_without_an_address_is_a_failure() -> None:
    assert await ask("http://crm.example.com/", resolve=resolving()) == FunctionFailed(4)
    assert await ask("http://nothing.invalid/") == FunctionFailed(4)


async def test_the_next_address_is_asked_where_one_is_closed(server: Server) -> None:
    server.says(b"{}")
    # nobody listens at the first
    given = await ask(f"http://crm.example.com:{server.port}/", resolve=resolving("127.0.0.2", "127.0.0.1"))
    assert given == FunctionAnswered(4, FunctionAnswer())
    assert server.heard[0][0]["host"] == f"crm.example.com:{server.port}"


# Addresses that are not public


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_the_floor_s_own_network_is_not_asked(server: Server, host: str) -> None:
    server.says(b"{}")
    assert await ask(f"http://{host}:{server.port}/", private_addresses=False) == FunctionFailed(4)
    assert server.heard == []


async def test_a_name_with_one_private_address_is_not_asked_at_all(server: Server) -> None:
    server.says(b"{}")
    url = f"http://crm.example.com:{server.port}/"
    for addresses in (("127.0.0.1",), ("192.0.2.1", "127.0.0.1"), ("127.0.0.1", "8.8.8.8")):
        assert await ask(url, private_addresses=False, resolve=resolving(*addresses)) == FunctionFailed(4)
    assert server.heard == []


async def test_a_name_is_resolved_once_so_that_it_cannot_change_its_mind(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.says(b"{}")
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    # nobody can look the name up again behind our back: it does not exist
    monkeypatch.setattr("callfloor.rules.values.addresses.is_public", lambda address: address == "127.0.0.1")
    url = f"http://rebinding.invalid:{server.port}/"
    assert await ask(url, private_addresses=False, resolve=resolve) == FunctionAnswered(4, FunctionAnswer())
    assert asked == ["rebinding.invalid"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("127.8.8.8", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("fec0::1", False),
        ("feff:ffff::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b:1::1", False),
        ("2001:db8::1", False),
        ("3fff::1", False),
        ("100::1", False),
        ("2002:a01:203::", False),
        ("192.0.0.8", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


# TLS


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


async def test_the_certificate_must_be_that_of_the_name(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "crm.example.com")
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    found = Server()
    found.says(b"{}")
    listening = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=own)
    port = listening.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=str(certificate))
    try:
        here = {"resolve": resolving("127.0.0.1"), "verify": trusting}
        assert isinstance(await ask(f"https://crm.example.com:{port}/", **here), FunctionAnswered)
        assert await ask(f"https://other.example.com:{port}/", **here) == FunctionFailed(4)
        assert await ask(f"https://crm.example.com:{port}/", resolve=resolving("127.0.0.1")) == FunctionFailed(4)
    finally:
        listening.close()
