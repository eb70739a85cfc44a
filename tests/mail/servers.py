"""Mail servers of the other side: one that takes messages, and one that is fetched from."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from callfloor.mail.connector import MailConnector
from callfloor.settings import networks

# these servers are on the machine itself
LOCAL = MailConnector(networks("127.0.0.0/8"))


@dataclass
class Taker:
    """Takes what is sent. `answers`: what it says to the next messages (RCPT, DATA) in place of 250."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list[Envelope])
    to_recipients: list[str] = field(default_factory=list[str])
    to_messages: list[str] = field(default_factory=list[str])
    # called when a message has come, before it is answered
    before_answer: Callable[[], object] = lambda: None

    async def handle_RCPT(self, _1: SMTP, _2: Session, envelope: Envelope, address: str, _3: list[str]) -> str:  # noqa: N802
        if self.to_recipients:
            return self.to_recipients.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        self.before_answer()
        answer = self.to_messages.pop(0) if self.to_messages else "250 OK"
        if answer == "close":
            assert server.transport is not None
            server.transport.close()
        return answer


@asynccontextmanager
async def taking(**options: object) -> AsyncIterator[Taker]:
    taker = Taker()
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(taker, hostname="taker", enable_SMTPUTF8=True, loop=loop, data_size_limit=10**9, **options)  # pyright: ignore

    server = await loop.create_server(connection, "127.0.0.1", 0)
    async with server:
        taker.port = server.sockets[0].getsockname()[1]
        yield taker


@dataclass
class Keeper:
    """An IMAP server with one folder, whose messages are by UID. It speaks what a fetcher needs of IMAP4rev1."""

    port: int = 0
    user: str = "care"
    password: str = "secret"
    validity: int = 7
    tells_next: bool = True
    messages: dict[int, bytes] = field(default_factory=dict[int, bytes])
    seen: set[int] = field(default_factory=set[int])
    commands: list[str] = field(default_factory=list[str])
    # a command that begins so is not answered: the connection ends
    dies_at: str | None = None

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"* OK ready\r\n")
            logged_in = False
            while line := (await reader.readline()).decode().rstrip("\r\n"):
                tag, _, command = line.partition(" ")
                self.commands.append(command)
                if self.dies_at is not None and command.startswith(self.dies_at):
                    return
                if command.startswith("LOGIN"):
                    logged_in = command in (
                        f'LOGIN {self.user} "{self.password}"',
                        f"LOGIN {self.user} {self.password}",
                    )
                    writer.write(f"{tag} {'OK' if logged_in else 'NO'} login\r\n".encode())
                    continue
                if command == "AUTHENTICATE PLAIN":
                    writer.write(b"+ \r\n")
                    given = base64.b64decode(await reader.readline()).decode()
                    logged_in = given == f"\x00{self.user}\x00{self.password}"
                    writer.write(f"{tag} {'OK' if logged_in else 'NO'} login\r\n".encode())
                    continue
                if not logged_in and not command.startswith(("CAPABILITY", "LOGOUT")):
                    writer.write(f"{tag} NO log in first\r\n".encode())
                    continue
                for answer in self.answers(command):
                    writer.write(answer)
                writer.write(f"{tag} OK done\r\n".encode())
                await writer.drain()
                if command == "LOGOUT":
                    return
        except ConnectionError:
            pass
        finally:
            writer.close()

    def answers(self, command: str) -> list[bytes]:
        words = command.split(" ")
        match words[:2]:
            case ["CAPABILITY"]:
                return [b"* CAPABILITY IMAP4rev1\r\n"]
            case ["SELECT", '"INBOX"']:
                lines = [f"* {len(self.messages)} EXISTS", f"* OK [UIDVALIDITY {self.validity}] valid"]
                if self.tells_next:
                    lines.append(f"* OK [UIDNEXT {max(self.messages, default=0) + 1}] next")
                return [f"{line}\r\n".encode() for line in lines]
            case ["UID", "SEARCH"]:
                uids = self.found(words[2:])
                return [b"* SEARCH" + b"".join(f" {uid}".encode() for uid in uids) + b"\r\n"]
            case ["UID", "FETCH"]:
                return self.fetched(int(words[2]), " ".join(words[3:]))
            case ["UID", "STORE"]:
                self.seen.add(int(words[2]))
                return []
            case _:
                return []

    def found(self, what: list[str]) -> list[int]:
        if what[0] == "UNSEEN":
            first, _, last = what[2].partition(":")
            return [uid for uid in self.messages if int(first) <= uid <= int(last) and uid not in self.seen]
        first = int(what[1].partition(":")[0])
        # a range that begins behind the last message is one from the last message
        return [uid for uid in self.messages if uid >= min(first, max(self.messages, default=0))]

    def fetched(self, uid: int, what: str) -> list[bytes]:
        content = self.messages.get(uid)
        if content is None:
            return []
        if what == "(RFC822.SIZE)":
            return [f"* 1 FETCH (RFC822.SIZE {len(content)} UID {uid})\r\n".encode()]
        if what == "(BODY.PEEK[HEADER])":
            part, name = content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", "BODY[HEADER]"
        else:
            start, length = (int(each) for each in what.partition("<")[2].rstrip(">)").split("."))
            part, name = content[start : start + length], f"BODY[]<{start}>"
        # flags of another message may come in between
        return [
            b"* 9 FETCH (FLAGS (\\Seen))\r\n",
            f"* 1 FETCH (UID {uid} {name} {{{len(part)}}}\r\n".encode() + part + b")\r\n",
        ]


@asynccontextmanager
async def keeping(tls: ssl.SSLContext | None = None) -> AsyncIterator[Keeper]:
    keeper = Keeper()
    server = await asyncio.start_server(keeper.talk, "127.0.0.1", 0, ssl=tls)
    async with server:
        keeper.port = server.sockets[0].getsockname()[1]
        yield keeper


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return paths


def server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
