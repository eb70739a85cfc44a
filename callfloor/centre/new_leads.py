"""Where a centre file has calls without a lead make one: `newLeads = { list = "Callers", campaign = "Sales" }`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report
from callfloor.centre.values import WRONG, Table, Wrong
from callfloor.contract.centre import Campaign
from callfloor.contract.dialling import NewLeads
from callfloor.rules.values.names import unknown

_TABLE = values.table({"list": values.text, "campaign": values.text})


def new_leads(report: Report, path: Path, value: object) -> NewLeads | Wrong:
    """A table with the name of a list, and that of its campaign where it is another's."""
    found = _TABLE(report, path, value)
    if found is WRONG:
        return WRONG
    if "list" not in found:
        report.wrong(path, "has no list")
    if "list" not in found or WRONG in found.values():
        return WRONG
    return NewLeads(found["list"], found.get("campaign"))


def check_new_leads(report: Report, given: Iterable[Table], campaigns: Mapping[str, Campaign]) -> None:
    """The list is there, and of a campaign that dials: its callbacks are to be made."""
    for table in given:
        named: NewLeads | None = table.right("newLeads")
        own = campaigns.get(table["name"])
        if named is None or own is None:
            continue
        path = (*table.path, "newLeads")
        campaign = own if named.campaign is None else campaigns.get(named.campaign)
        if campaign is None:
            report.wrong((*path, "campaign"), unknown(named.campaign or "", campaigns))
        elif campaign.direction != "outbound":
            where = "needs a campaign: this one" if named.campaign is None else f"{campaign.name}"
            report.wrong(path, f"{where} is inbound and calls nobody back; name an outbound one")
        elif named.list not in campaign.lists:
            report.wrong((*path, "list"), unknown(named.list, campaign.lists))
