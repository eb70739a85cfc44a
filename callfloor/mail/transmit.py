"""One conversation with the server that takes our answers. Blocking."""

from __future__ import annotations

import base64
import smtplib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Literal

from callfloor.contract.mailboxes import Account
from callfloor.mail.accounts import tls_context
from callfloor.mail.connector import MailConnector, Smtp, SmtpTls

# For each answer of the server, in seconds; RFC 5321 §4.5.3.2 asks for ten minutes after the final dot.
TIMEOUT_S = 60.0
DOT_TIMEOUT_S = 600.0
CHUNK = 256 * 1024
# Refusals of us, not of the message: a password that was not taken, or is asked for.
_OF_US = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`later`: not now, or nobody knows. `refused`: never. `code`: the server's (RFC 5321); `fault`: our side's."""

    kind: Literal["sent", "later", "refused"]
    code: int | None = None
    fault: str | None = None


class _Answered(Exception):
    """The server answered something else than was hoped for."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def transmit(
    connector: MailConnector,
    account: Account,
    password: str | None,
    name: str,
    sender: str,
    recipient: str,
    file: BinaryIO,
) -> Outcome:
    """Give up a message, of which the file holds all. `name`: what we call ourselves; `connector`: how
    servers are reached."""
    try:
        with _connected(connector, account, password, name) as client:
            try:
                _send(client, sender, recipient, file)
            except _Answered as answered:
                refused = answered.code >= 500 and answered.code not in _OF_US
                return Outcome("refused" if refused else "later", answered.code)
            return Outcome("sent", 250)
    except smtplib.SMTPResponseException as error:
        # before there was a message: the fault is ours or the server's, not the recipient's
        return Outcome("later", error.smtp_code, type(error).__name__)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Outcome("later", None, type(error).__name__)


@contextmanager
def _connected(connector: MailConnector, account: Account, password: str | None, name: str) -> Generator[smtplib.SMTP]:
    where = connector, account.host, account.port, name, TIMEOUT_S
    client = SmtpTls(*where, tls_context()) if account.tls == "implicit" else Smtp(*where)
    try:
        if account.tls == "starttls":
            client.starttls(context=tls_context())
        client.ehlo_or_helo_if_needed()
        if account.user is not None and password is not None:
            _log_in(client, account.user, password)
        yield client
        # the message is theirs, or refused: how the conversation ends changes nothing
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
    finally:
        client.close()


def _log_in(client: smtplib.SMTP, user: str, password: str) -> None:
    if (user + password).isascii():
        client.login(user, password)
        return
    # smtplib knows ASCII only
    secret = base64.b64encode(f"\x00{user}\x00{password}".encode()).decode()
    code, answer = client.docmd("AUTH", f"PLAIN {secret}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _send(client: smtplib.SMTP, sender: str, recipient: str, file: BinaryIO) -> None:
    size = file.seek(0, 2)
    options = [f"SIZE={size}"] if client.has_extn("size") else []
    if not (sender + recipient).isascii():
        if not client.has_extn("smtputf8"):
            # no server behind this one would understand the address
            raise _Answered(553)
        client.command_encoding = "utf-8"
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    _expect(client.mail(sender, options)[0], 250)
    _expect(client.rcpt(recipient)[0], 250, 251)
    _expect(client.docmd("DATA")[0], 354)
    for piece in _stuffed(file):
        client.send(piece)
    if client.sock is not None:
        client.sock.settimeout(DOT_TIMEOUT_S)
    client.send(b".\r\n")
    _expect(client.getreply()[0], 250)


def _expect(code: int, *hoped: int) -> None:
    if code not in hoped:
        raise _Answered(code)


def _stuffed(file: BinaryIO) -> Iterator[bytes]:
    """The message with a dot more before lines that begin with one; it ends with a line break."""
    file.seek(0)
    held = b"\r\n"
    first = True
    while piece := file.read(CHUNK):
        whole = held + piece
        # a line break may be cut in two by the end of the piece
        tail = 2 if whole.endswith(b"\r\n") else int(whole.endswith(b"\r"))
        given = whole[: len(whole) - tail].replace(b"\r\n.", b"\r\n..")
        held = whole[len(whole) - tail :]
        if given:
            yield given[2:] if first else given
            first = False
    yield held if held.endswith(b"\r\n") else held + b"\r\n"
