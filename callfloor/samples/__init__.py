"""A sample centre and generated sample leads, all with numbers of the ranges reserved for fiction."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from email.message import EmailMessage
from importlib.resources import files
from pathlib import Path
from typing import TextIO

_FIRST = ("Ava", "Noah", "Isla", "Leo", "Mia", "Jack", "Zoe", "Omar", "Priya", "Liam", "Yuki", "Ana")
_LAST = ("Nguyen", "Smith", "Patel", "Garcia", "Kowalski", "Brown", "Okafor", "Rossi", "Larsen", "Khan")
_ZONES = ("Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Perth", "")
# ACMA: mobile numbers for use in creative works
_MOBILES = (
    "0491570006",
    "0491570156",
    "0491570157",
    "0491570158",
    "0491570159",
    "0491570313",
    "0491570737",
    "0491570266",
)
COLUMNS = ("customerKey", "phone1", "phone2", "timezone", "firstName", "lastName", "plan")
# One row in so many is wrong on purpose, so that the report of an import has something to show.
WRONG_EVERY = 100
SAMPLE_LEADS = 20


# What customers write to the demo's centre: from, subject, text.
LETTERS = (
    ("ava.brown@example.com", "Where is my invoice?", "Hello,\n\nthe invoice of May has not come. Please send it.\n"),
    ("noah.khan@example.com", "Change of address", "We move on the first. Which form do I need?\n\nNoah"),
    ("isla.rossi@example.com", "Thank you", "Your colleague was a great help on the phone yesterday.\n"),
)


def letters() -> list[EmailMessage]:
    """E-mails to the demo's mailbox; the same each time."""
    made: list[EmailMessage] = []
    for number, (sender, subject, text) in enumerate(LETTERS):
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = sender, "care@example.com", subject
        letter["Date"] = "Mon, 02 Nov 2026 09:00:00 +1100"
        letter["Message-ID"] = f"<letter-{number}@example.com>"
        letter.set_content(text)
        if number == 0:
            letter.add_attachment(b"Invoice 1001\n", maintype="text", subtype="plain", filename="last-invoice.txt")
        made.append(letter)
    return made


def centre(name: str = "centre") -> str:
    """The text of a sample centre file: `centre` to start from, or the demo's."""
    return (files("callfloor.samples") / f"{name}.toml").read_text("utf-8")


def text(name: str) -> str:
    """The text of `centre.toml`, `leads.csv` or `scenario.toml`."""
    if name == "leads.csv":
        file = io.StringIO(newline="")
        _write(file, SAMPLE_LEADS)
        return file.getvalue()
    return (files("callfloor.samples") / name).read_text("utf-8")


def fiction_number(number: int) -> str:
    """An Australian number of the ranges that ACMA keeps for fiction; distinct for the first 40,000."""
    prefix = ("025550", "035550", "075550", "085550")[number // 10_000 % 4]
    return f"{prefix}{number % 10_000:04d}"


def rows(count: int, seed: int = 1) -> Iterator[dict[str, str]]:
    """Leads as CSV rows, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - sample data
    for number in range(count):
        row = {
            "customerKey": str(10_000_001 + number),
            "phone1": fiction_number(number),
            "phone2": chance.choice(_MOBILES) if chance.random() < 0.3 else "",
            "timezone": chance.choice(_ZONES),
            "firstName": chance.choice(_FIRST),
            "lastName": chance.choice(_LAST),
            "plan": chance.choice(("basic", "silver", "gold")),
        }
        if number % WRONG_EVERY == WRONG_EVERY - 1:
            row |= {"phone1": "12"} if number % (2 * WRONG_EVERY) == WRONG_EVERY - 1 else {"timezone": "Mars/Olympus"}
        yield row


def write_csv(path: Path, count: int, seed: int = 1) -> None:
    """Write sample leads as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        _write(file, count, seed)


def _write(file: TextIO, count: int, seed: int = 1) -> None:
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows(count, seed))
