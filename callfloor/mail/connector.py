"""Connections to mail servers that a mailbox names. Blocking.

Whoever describes a mailbox chooses the host, so that it may not lead into the network that the server runs in, unless
the operator says so: the name is resolved once, all its addresses are looked at, and the connection
goes to one of them.
"""

from __future__ import annotations

import imaplib
import smtplib
import socket
from collections.abc import Callable
from ssl import SSLContext

from callfloor.rules.values.addresses import Networks, may_be_reached

# From host and port to addresses.
Resolve = Callable[[str, int], list[str]]


class HostRefused(OSError):
    """The name has an address that is neither public nor in a network that is allowed. Names no address."""


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class MailConnector:
    """`own`: networks that mail servers may be in although they are not public."""

    def __init__(self, own: Networks = (), resolve: Resolve = _look_up) -> None:
        self._own, self._resolve = own, resolve

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connection to the first address that answers. Raises `HostRefused`, `OSError`."""
        addresses = self._resolve(host, port)
        if not addresses:
            raise HostRefused("the mail server's name has no address")
        if not may_be_reached(addresses, self._own):
            raise HostRefused("the mail server's address is not a public one")
        for address in addresses[:-1]:
            try:
                return socket.create_connection((address, port), timeout_s)
            except OSError:
                continue
        return socket.create_connection((addresses[-1], port), timeout_s)


class Smtp(smtplib.SMTP):
    """`smtplib`'s client, on a connection of ours."""

    def __init__(self, connector: MailConnector, host: str, port: int, name: str, timeout: float) -> None:
        self._connector = connector
        super().__init__(host, port, name, timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connector.connect(host, port, timeout)


class SmtpTls(Smtp):
    """The same under TLS from the first byte on."""

    def __init__(
        self, connector: MailConnector, host: str, port: int, name: str, timeout: float, context: SSLContext
    ) -> None:
        self._tls = context
        super().__init__(connector, host, port, name, timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._tls.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=host)


class Imap(imaplib.IMAP4):
    """`imaplib`'s client, on a connection of ours. `tls`: from the first byte on."""

    def __init__(self, connector: MailConnector, host: str, port: int, timeout: float, tls: SSLContext | None) -> None:
        self._connector, self._tls = connector, tls
        super().__init__(host, port, timeout)

    def _create_socket(self, timeout: float) -> socket.socket:
        found = self._connector.connect(self.host, self.port, timeout)
        return found if self._tls is None else self._tls.wrap_socket(found, server_hostname=self.host)
