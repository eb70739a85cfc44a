"""Mailboxes in a centre file: checked, and merged with what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from callfloor.centre import toml, values
from callfloor.centre.lines import Path
from callfloor.centre.secrets import secret_file, secret_variable
from callfloor.centre.source import Report, Source
from callfloor.centre.values import WRONG, Table, Wrong
from callfloor.contract.centre import Campaign, Centre
from callfloor.contract.mailboxes import Account, Mailbox, Tls
from callfloor.rules.privacy.identifiers import EmailError, normalise_email
from callfloor.rules.values.names import unknown

# The key of a centre file and the attribute behind it, in the order in which they are written.
MAILBOX = {
    "name": "name",
    "address": "address",
    "campaign": "campaign",
    "active": "active",
    "receive": "receive",
    "hourlyPerSender": "hourly_per_sender",
    "imap": "imap",
    "send": "send",
}
_TABLES = ("imap", "send")
_PORTS: Mapping[tuple[str, Tls], int] = {
    ("imap", "implicit"): 993,
    ("imap", "starttls"): 143,
    ("imap", "none"): 143,
    ("send", "implicit"): 465,
    ("send", "starttls"): 587,
    ("send", "none"): 25,
}
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _address(report: Report, path: Path, value: object) -> str | Wrong:
    found = values.text(report, path, value)
    if found is WRONG:
        return WRONG
    try:
        return normalise_email(found)
    except EmailError as error:
        report.wrong(path, str(error))
        return WRONG


_SEND: dict[str, values.Check] = {
    "host": values.text,
    "port": values.whole(1, 65535),
    "user": values.text,
    "passwordFile": secret_file,
    "passwordVariable": secret_variable,
    "tls": values.choice("starttls", "implicit", "none"),
}
CHECK = values.tables(
    {
        "name": values.text,
        "address": _address,
        "campaign": values.text,
        "active": values.flag,
        "receive": values.choice("smtp", "imap", "none"),
        "hourlyPerSender": values.whole(1),
        "imap": values.clearable(values.table(_SEND | {"folder": values.text})),
        "send": values.clearable(values.table(_SEND)),
    },
    "name",
)


def merge(
    report: Report, given: Iterable[Table], before: Mapping[str, Mailbox], campaigns: Mapping[str, Campaign]
) -> dict[str, Mailbox]:
    """The mailboxes as they will be."""
    found = dict(before)
    for table in given:
        mailbox = _mailbox(report, table, found.get(table["name"]))
        if mailbox is None:
            continue
        _check(report, table.path, mailbox, campaigns)
        others = {other.address: name for name, other in found.items() if name != mailbox.name}
        if mailbox.address in others:
            report.wrong((*table.path, "address"), f"is that of mailbox {toml.string(others[mailbox.address])}")
        found[mailbox.name] = mailbox
    return found


def _mailbox(report: Report, given: Table, was: Mailbox | None) -> Mailbox | None:
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in _TABLES and isinstance(value, Table):
            value = _account(report, value, key)
        found[MAILBOX[key]] = value
    if was is None:
        for key in ("address", "campaign"):
            if key not in given:
                report.wrong(given.path, f"has no {key}, which a new one needs")
                return None
    if WRONG in found.values():
        return None
    return Mailbox(**found) if was is None else replace(was, **found)


def _account(report: Report, given: Table, kind: str) -> Account | Wrong:
    if WRONG in given.values():
        return WRONG
    if "host" not in given:
        report.wrong(given.path, "has no host")
        return WRONG
    tls: Tls = given.get("tls", "starttls")
    account = Account(
        host=given["host"],
        port=given.get("port", _PORTS[kind, tls]),
        user=given.get("user"),
        password_file=given.get("passwordFile"),
        password_variable=given.get("passwordVariable"),
        tls=tls,
        **({"folder": given["folder"]} if "folder" in given else {}),
    )
    passwords = (account.password_file is not None) + (account.password_variable is not None)
    if passwords != (account.user is not None):
        report.wrong(given.path, "needs a user with a passwordFile or a passwordVariable, or neither")
    if passwords and tls == "none" and account.host not in _OWN_MACHINE:
        report.wrong((*given.path, "tls"), "would send the password in clear")
    return account


def _check(report: Report, path: Path, mailbox: Mailbox, campaigns: Mapping[str, Campaign]) -> None:
    campaign = campaigns.get(mailbox.campaign)
    if campaign is None:
        report.wrong((*path, "campaign"), unknown(mailbox.campaign, campaigns))
    elif campaign.direction != "inbound":
        report.wrong((*path, "campaign"), "is an outbound campaign: e-mails wait in the queue of an inbound one")
    if mailbox.receive == "imap" and mailbox.imap is None:
        report.wrong((*path, "receive"), "is imap, but there is no [mailboxes.imap]")
    if mailbox.receive == "imap" and mailbox.imap is not None and mailbox.imap.user is None:
        report.wrong((*path, "imap"), "has no user")


def refuse(source: Source, centre: Centre, taken: Collection[str]) -> None:
    """Raises `CentreError` for addresses that another organisation has."""
    report = Report(source)
    given: Any = source.tree.get("mailboxes", [])
    for index, table in enumerate(given):
        mailbox = centre.mailboxes.get(table["name"])
        if mailbox is not None and mailbox.address in taken:
            report.wrong(("mailboxes", index, "address"), "is a mailbox of another organisation")
    report.finish()
