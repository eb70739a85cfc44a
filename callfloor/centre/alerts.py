"""Rules of alerts in a centre file: checked, and merged with what is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from callfloor.centre import values
from callfloor.centre.source import Report
from callfloor.centre.values import WRONG, Table
from callfloor.contract.alerts import AlertRule
from callfloor.contract.centre import Campaign, Organisation, User
from callfloor.contract.mailboxes import Mailbox
from callfloor.rules.alerting.conditions import KINDS
from callfloor.rules.values.names import unknown

# The key of a centre file and the attribute behind it, in the order in which they are written.
ALERT = {
    "name": "name",
    "kind": "kind",
    "campaign": "campaign",
    "threshold": "threshold",
    "afterSeconds": "after_s",
    "clearSeconds": "clear_s",
    "severity": "severity",
    "active": "active",
    "mailbox": "mailbox",
    "recipients": "recipients",
}
CHECK = values.tables(
    {
        "name": values.text,
        "kind": values.choice(*KINDS),
        "campaign": values.clearable(values.text),
        "threshold": values.clearable(values.number(0, 86_400)),
        "afterSeconds": values.whole(0, 86_400),
        "clearSeconds": values.whole(0, 86_400),
        "severity": values.choice("warning", "critical"),
        "active": values.flag,
        "mailbox": values.clearable(values.text),
        "recipients": values.recipients,
    },
    "name",
)


def merge(
    report: Report,
    given: Iterable[Table],
    before: Mapping[str, AlertRule],
    campaigns: Mapping[str, Campaign],
    mailboxes: Mapping[str, Mailbox],
    organisation: Organisation | None,
    users: Mapping[str, User],
) -> dict[str, AlertRule]:
    """The rules as they will be."""
    found = dict(before)
    people = {user.email_address.lower() for user in users.values() if user.email_address and user.account_active}
    others = () if organisation is None else organisation.report_recipients
    for table in given:
        was = found.get(table["name"])
        if was is None and "kind" not in table:
            report.wrong(table.path, "has no kind, which a new one needs")
        known: dict[str, Any] = {ALERT[key]: value for key, value in table.items()}
        if WRONG in known.values() or (was is None and "kind" not in table):
            continue
        rule = AlertRule(**known) if was is None else replace(was, **known)
        _check(report, table, rule, campaigns, mailboxes)
        for index, address in enumerate(rule.recipients):
            if address not in people and address not in others and f"@{address.rpartition('@')[2]}" not in others:
                path = (*table.path, "recipients", index)
                report.wrong(path, "is of nobody in this organisation, and not among its reportRecipients")
        found[rule.name] = rule
    return found


def _check(
    report: Report,
    table: Table,
    rule: AlertRule,
    campaigns: Mapping[str, Campaign],
    mailboxes: Mapping[str, Mailbox],
) -> None:
    kind = KINDS[rule.kind]
    if rule.campaign is not None:
        campaign = campaigns.get(rule.campaign)
        direction = {"queue": "inbound", "campaign": "outbound"}.get(kind.of)
        if kind.of == "organisation":
            report.wrong((*table.path, "campaign"), f"is not for kind {rule.kind}, which is of the whole organisation")
        elif campaign is None:
            report.wrong((*table.path, "campaign"), unknown(rule.campaign, campaigns))
        elif direction not in (None, campaign.direction):
            report.wrong((*table.path, "campaign"), f"must be an {direction} one: kind {rule.kind} is of those")
    if rule.threshold is not None:
        if kind.usual is None:
            report.wrong((*table.path, "threshold"), f"is not for kind {rule.kind}, which compares nothing")
        elif rule.threshold > kind.most:
            report.wrong((*table.path, "threshold"), f"must be at most {kind.most:g}")
    if (rule.mailbox is None) != (not rule.recipients):
        report.wrong(table.path, "needs both a mailbox and recipients, or neither")
    if rule.mailbox is not None:
        mailbox = mailboxes.get(rule.mailbox)
        if mailbox is None:
            report.wrong((*table.path, "mailbox"), unknown(rule.mailbox, mailboxes))
        elif mailbox.send is None:
            report.wrong((*table.path, "mailbox"), "sends nothing: it has no [mailboxes.send]")
