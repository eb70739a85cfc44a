"""A folder on an IMAP server. Blocking; a message is copied piece by piece, so that its size does not matter."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from imapclient import imap_utf7  # pyright: ignore[reportMissingTypeStubs]

from callfloor.contract.mailboxes import Account
from callfloor.mail.accounts import tls_context
from callfloor.mail.connector import Imap, MailConnector
from callfloor.mail.structure import MOST_HEADERS

TIMEOUT_S = 60.0
CHUNK = 1024 * 1024
# What a conversation can fail with: the server's refusals, a lost connection, and answers that are none.
FAILURES = (imaplib.IMAP4.error, OSError, ValueError, EOFError)

_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")


class Folder:
    """A folder that is open. `validity`: the UIDs of another validity have nothing to do with those of this one.

    `newest`: no message that was there when it was opened has a higher UID.
    """

    def __init__(self, client: imaplib.IMAP4, validity: int, newest: int | None) -> None:
        self._client, self.validity = client, validity
        self.newest = max(self.uids_after(0), default=0) if newest is None else newest

    def uids_after(self, last: int) -> list[int]:
        """UIDs of messages that came after that one, in order."""
        # a range to the last message always has the last one in it
        return [uid for uid in self._search("UID", f"{last + 1}:*") if uid > last]

    def unseen(self, first: int, last: int) -> list[int]:
        """UIDs from one to another of messages that nobody has looked at, in order."""
        return self._search("UNSEEN", "UID", f"{first}:{last}") if first <= last else []

    def _search(self, *what: str) -> list[int]:
        found = _done(self._client.uid("SEARCH", *what))
        numbers = b" ".join(each for each in found if isinstance(each, bytes))
        return sorted({int(each) for each in numbers.split()})

    def size(self, uid: int) -> int | None:
        """In bytes, as the server counts them; None: the message is gone."""
        for line, _ in self._fetched(uid, "RFC822.SIZE"):
            if (size := _SIZE.search(line)) is not None:
                return int(size[1])
        return None

    def copy(self, uid: int, file: BinaryIO, most: int) -> bool:
        """Write the message to the file; False: it has more bytes than `most`."""
        at = 0
        while piece := self._piece(uid, f"BODY.PEEK[]<{at}.{CHUNK}>"):
            file.write(piece)
            at += len(piece)
            if at > most:
                return False
            if len(piece) < CHUNK:
                break
        return True

    def headers(self, uid: int) -> bytes:
        """The message's headers and the empty line behind them, as far as they are read."""
        return self._piece(uid, f"BODY.PEEK[HEADER]<0.{MOST_HEADERS}>")

    def _piece(self, uid: int, what: str) -> bytes:
        for line, literal in self._fetched(uid, what):
            if b"BODY[" in line.upper():
                return literal
        return b""

    def _fetched(self, uid: int, what: str) -> Iterator[tuple[bytes, bytes]]:
        """Lines of the answer, each with the literal behind it."""
        for each in _done(self._client.uid("FETCH", str(uid), f"({what})")):
            # imaplib gives a pair for a line with a literal, else the line, or None for nothing
            if isinstance(each, tuple):
                yield cast("tuple[bytes, bytes]", each)
            elif isinstance(each, bytes):
                yield each, b""

    def mark_seen(self, uid: int) -> None:
        """Show others that the message was taken. Nothing depends on it but the first fetch of a new validity."""
        with suppress(imaplib.IMAP4.error):
            self._client.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Seen)")


@contextmanager
def folder(connector: MailConnector, account: Account, password: str | None) -> Generator[Folder]:
    """The account's folder, open. Raises one of `FAILURES`."""
    tls = tls_context() if account.tls == "implicit" else None
    client = Imap(connector, account.host, account.port, TIMEOUT_S, tls)
    try:
        if account.tls == "starttls":
            client.starttls(tls_context())
        _log_in(client, account.user or "", password or "")
        # names of folders are in a spelling of their own, RFC 3501, 5.1.3
        name = imap_utf7.encode(account.folder).replace(b"\\", b"\\\\").replace(b'"', b'\\"').decode("ascii")
        _done(client.select(f'"{name}"'))
        validity, following = _number(client, "UIDVALIDITY"), _number(client, "UIDNEXT")
        yield Folder(client, validity or 0, None if following is None else following - 1)
        with suppress(*FAILURES):
            client.logout()
    finally:
        with suppress(*FAILURES):
            client.shutdown()


def _number(client: imaplib.IMAP4, name: str) -> int | None:
    """What the server said about the folder when it was opened."""
    said: list[Any] = client.response(name)[1]
    return None if said[0] is None else int(said[0])


def _log_in(client: imaplib.IMAP4, user: str, password: str) -> None:
    if (user + password).isascii():
        client.login(user, password)
    else:
        client.authenticate("PLAIN", lambda _: f"\x00{user}\x00{password}".encode())


def _done(answer: tuple[str, list[Any]]) -> list[Any]:
    """The data of an answer. Raises `imaplib.IMAP4.error` for a refusal, without the server's words."""
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("the server refused a command")
    return answer[1]
