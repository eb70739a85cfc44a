"""The sockets of a server, which its parent binds: before it gives root up, and once for all its processes' lives."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from callfloor.settings import Settings, SettingsError
from callfloor.supervision import ServeError

Role = Literal["all", "api", "floor", "jobs"]
# Where each listens that is given no port: those without the API answer for health and metrics alone. Where several of
# a role share a machine, the others take any port that is free.
PORTS: dict[Role, int] = {"floor": 8081, "jobs": 8082}
# Clients that wait until they are let in.
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Sockets:
    """`http`: of the API, or of health and metrics alone. `smtp`: None where no e-mail is received."""

    http: socket.socket
    smtp: socket.socket | None

    @property
    def address(self) -> str:
        """Of the first, as a URL."""
        host, port = self.http.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def listening(settings: Settings, role: Role) -> Generator[Sockets]:
    """Bind what the role listens on. Raises `ServeError`, `SettingsError` for what cannot be had."""
    with _http(settings, role) as http:
        # accepted connections inherit it; an answer's head and body must not wait for each other
        http.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        smtp = bind_smtp(settings) if role in ("all", "jobs") else None
        try:
            yield Sockets(http, smtp)
        finally:
            if smtp is not None:
                smtp.close()


def _http(settings: Settings, role: Role) -> socket.socket:
    host, port = settings.host, settings.port
    usual = PORTS.get(role) if "port" not in settings.model_fields_set else None
    try:
        return _bind(host, port) if usual is None else _bind_near(host, usual)
    except OSError as error:
        raise ServeError(
            f"cannot listen on {host}:{port if usual is None else usual} ({_why(error)}): {_remedy(error)}"
        ) from error


def bind_smtp(settings: Settings) -> socket.socket | None:
    """Where e-mail is received; None: nowhere. Raises `SettingsError`."""
    if settings.smtp_port is None:
        return None
    try:
        return _bind(settings.smtp_host, settings.smtp_port)
    except OSError as error:
        raise SettingsError(
            "smtp_port",
            f"cannot listen on {settings.smtp_host}:{settings.smtp_port} ({_why(error)}): give a free port, "
            "from 1024 on unless this user may take those below",
        ) from error


def _why(error: OSError) -> str:
    # what create_server says repeats the address
    return os.strerror(error.errno) if error.errno else str(error)


def _remedy(error: OSError) -> str:
    choose = "hoose a port with --port or CALLFLOOR_PORT"
    if error.errno == errno.EADDRINUSE:
        return f"is another server running? C{choose}"
    if error.errno == errno.EACCES:
        return f"this user may not take a port below 1024. C{choose}, or put a proxy in front (docs/operations.md)"
    return f"c{choose}, an address of this machine with --host or CALLFLOOR_HOST"


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _bind_near(host: str, port: int) -> socket.socket:
    try:
        return _bind(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return _bind(host, 0)
