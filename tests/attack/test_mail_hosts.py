"""Hosts of mail servers, named by who administers a centre, do not lead into the server's own network."""

from __future__ import annotations

import io
import socket
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from callfloor.app.media import open_media
from callfloor.contract.mailboxes import Account, Tls
from callfloor.mail.connector import HostRefused, MailConnector
from callfloor.mail.fetcher import Fetcher
from callfloor.mail.readers import Readers
from callfloor.mail.transmit import Outcome, transmit
from callfloor.rules.values.addresses import may_be_reached
from callfloor.settings import Settings, networks
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.mail.post import make_mailbox

# forms of addresses inside, as a name server or a number in a file may give them
INSIDE = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "::127.0.0.1",
)  # fmt: skip
HOSTS = ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "::1", "::ffff:127.0.0.1")


class Listening:
    """A server inside that nobody may reach, and that counts who does."""

    def __init__(self, listening: socket.socket) -> None:
        self._socket = listening
        self.port: int = listening.getsockname()[1]

    @property
    def reached(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@contextmanager
def listening() -> Generator[Listening]:
    # of both families, so that each form of the address would get through
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as bound:
        bound.setblocking(False)
        yield Listening(bound)


@pytest.fixture
async def inside() -> AsyncIterator[Listening]:
    with listening() as found:
        yield found


def resolving(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: list(addresses)


@pytest.mark.parametrize("address", INSIDE)
def test_no_form_of_an_address_inside_is_a_way_out(address: str) -> None:
    assert not may_be_reached([address], ())
    # one that is public beside it does not help
    for addresses in ((address, "8.8.8.8"), ("8.8.8.8", address)):
        with pytest.raises(HostRefused):
            MailConnector(resolve=resolving(*addresses)).connect("mail.example.com", 25, 1.0)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_an_answer_is_not_given_up_inside(inside: Listening, host: str, tls: Tls) -> None:
    account = Account(host, inside.port, tls=tls)
    outcome = transmit(MailConnector(), account, None, "callfloor", "a@example.com", "b@example.com", io.BytesIO(b"x"))
    assert outcome in (Outcome("later", fault="HostRefused"), Outcome("later", fault="gaierror"))
    assert not inside.reached


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
async def test_a_mailbox_is_not_fetched_inside(
    inside: Listening, tls: Tls, db: Database, centre: Centre, settings: Settings, tmp_path: Path, readers: Readers
) -> None:
    (tmp_path / "secret").write_text("secret")
    account = Account("localhost", inside.port, "care", "secret", tls=tls)
    mailbox = await make_mailbox(db, centre, receive="imap", imap=account)
    with pytest.raises(HostRefused):
        await Fetcher(db, open_media(settings), 1_000, readers, tmp_path, MailConnector()).fetch(mailbox)
    assert not inside.reached


def test_a_network_that_the_operator_names_is_reached_and_its_neighbour_is_not(inside: Listening) -> None:
    own = networks("127.0.0.1")
    MailConnector(own).connect("127.0.0.1", inside.port, 5.0).close()
    assert inside.reached
    assert may_be_reached(["::ffff:127.0.0.1", "8.8.8.8"], own)
    assert not may_be_reached(["127.0.0.2"], own)
    assert not may_be_reached(["10.0.0.1"], own)


def test_a_name_is_resolved_once_so_that_it_cannot_change_its_mind(inside: Listening) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    MailConnector(networks("127.0.0.1"), resolve).connect("rebinding.invalid", inside.port, 5.0).close()
    assert asked == ["rebinding.invalid"]
    assert inside.reached


def test_the_next_address_is_tried_where_one_is_closed(inside: Listening) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))
        connector = MailConnector(networks("127.0.0.0/8"), resolving("127.0.0.2", "127.0.0.1"))
        with listening() as other:
            connector.connect("mail.example.com", other.port, 5.0).close()
            assert other.reached
