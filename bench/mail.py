"""One plain message beside a hundred hostile ones: how much later than alone it is accepted."""

from __future__ import annotations

import asyncio
import multiprocessing
import smtplib
import socket
import threading
import time
from contextlib import suppress
from multiprocessing.synchronize import Barrier

from bench.floor import Served, served, show
from callfloor.contract.mailboxes import Mailbox
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes
from tests.attack.hostile_mail import messages

ADDRESS = "bench@example.com"
SENDER = "jane@example.com"
PLAIN = b"From: jane@example.com\r\nSubject: Plain\r\nMessage-ID: <%d@example.com>\r\n\r\nHello %d\r\n"
# what took minutes when the standard library read it
WORST = ("2,000 parts", "2,000 parts with long headers", "400 parts of 8 kB headers", "three quotation marks in From")
ROUNDS = 5


async def _mailbox(given: Served) -> None:
    db = await Database.connect(given.dsn, size=2)
    try:
        row = await db.fetchrow("SELECT name FROM campaigns WHERE campaign_id = $1", given.inbound)
        assert row is not None
        mailbox = Mailbox("Bench", ADDRESS, row["name"], receive="smtp")
        await mailboxes.put(db, given.organisation, mailbox, {row["name"]: given.inbound})
    finally:
        await db.close()


def _until_it_listens(port: int) -> None:
    while True:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=30):
            return
        time.sleep(0.1)


def _send(port: int, content: bytes) -> float:
    """Seconds from the first command to the answer to the message."""
    begun = time.monotonic()
    with smtplib.SMTP("127.0.0.1", port, timeout=300) as client:
        client.sendmail(SENDER, ADDRESS, content)
        return time.monotonic() - begun


def _attack(port: int, hostile: list[bytes], ready: Barrier) -> None:
    """Send each message by a client of its own, all at once."""
    clients = threading.Barrier(len(hostile) + 1)

    def attack(content: bytes) -> None:
        with suppress(smtplib.SMTPException, OSError), smtplib.SMTP("127.0.0.1", port, timeout=300) as client:
            clients.wait()
            client.sendmail(SENDER, ADDRESS, content)

    threads = [threading.Thread(target=attack, args=(content,)) for content in hostile]
    for thread in threads:
        thread.start()
    clients.wait()
    ready.wait()
    for thread in threads:
        thread.join()


def _beside(port: int, hostile: list[bytes], number: int) -> float:
    """Seconds of a plain message while a process beside us sends the hostile ones."""
    ready = multiprocessing.Barrier(2)
    attacker = multiprocessing.Process(target=_attack, args=(port, hostile, ready))
    attacker.start()
    ready.wait()
    took = _send(port, PLAIN % (number, number))
    attacker.join()
    return took


def run(size: int) -> None:
    """Print a row for the whole corpus and one for each of the worst messages, each a hundred at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with served("mail", CALLFLOOR_SMTP_PORT=str(port)) as given:
        asyncio.run(_mailbox(given))
        number = int(time.time()) * 1000
        _until_it_listens(port)
        corpus = messages()
        mixed = [content for content in corpus.values() if len(content) < 2_000_000]
        rows = {"all kinds": (mixed * size)[:size]} | {name: [corpus[name]] * size for name in WORST}
        for name, hostile in rows.items():
            alone, beside = list[float](), list[float]()
            for _ in range(ROUNDS):
                number += 2
                fresh = [content + b"\r\n%d" % (number * 1000 + at) for at, content in enumerate(hostile)]
                alone.append(_send(port, PLAIN % (number, number)))
                beside.append(_beside(port, fresh, number + 1))
            later = sorted(b - a for a, b in zip(alone, beside, strict=True))
            show(
                f"{size} x {name}", f"{max(beside):.2f} s", f"{max(alone):.2f} s", f"later by at most {later[-1]:.2f} s"
            )
