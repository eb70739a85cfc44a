"""What a centre file says of mailboxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

Receive = Literal["smtp", "imap", "none"]
Tls = Literal["starttls", "implicit", "none"]

DEFAULT_HOURLY_PER_SENDER = 20
INBOX = "INBOX"


class Account(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An account on a mail server. Its password is in a file or in an environment variable, and nowhere else.

    `tls`: `starttls` and `implicit` check the server's certificate. `folder` is IMAP's.
    """

    host: str
    port: int
    user: str | None = None
    password_file: str | None = None
    password_variable: str | None = None
    tls: Tls = "starttls"
    folder: str = INBOX


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address of ours. `campaign`: the name of the inbound campaign whose agents answer.

    `imap`: where its mail is fetched; `send`: where its answers are given up, None when it sends none.
    """

    name: str
    address: str
    campaign: str
    receive: Receive = "none"
    imap: Account | None = None
    send: Account | None = None
    hourly_per_sender: int = DEFAULT_HOURLY_PER_SENDER
    active: bool = True
