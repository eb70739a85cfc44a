"""Links from a figure to what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

from callfloor.contract.reports import Group
from callfloor.jobs.reporting.question import Report
from callfloor.jobs.reporting.viewer import PREFIX

# What the key of a group is in a link.
_NAMES: Mapping[Group, str] = {
    "campaign": "campaignId",
    "queue": "campaignId",
    "list": "listId",
    "agent": "agentId",
    "team": "teamId",
    "dialStatus": "dialStatusId",
    "number": "number",
}


def link(report: Report, interval: int) -> str:
    """The link of an interval's rows, as far as they have it in common."""
    begin, end = (at.astimezone(report.zone).isoformat() for at in report.edges[interval : interval + 2])
    query = {"from": begin, "to": end}
    own = "campaignId" if report.group == "wrapCode" else _NAMES.get(report.group)
    query |= {name: str(value) for name, value in report.filters.items() if value is not None and name != own}
    return f"{PREFIX}/calls?{urlencode(query)}"


def template(report: Report, begun: str, key: Any) -> str | None:
    """The link of a row, without its measure; `begun`: that of its interval. None: what belongs to none has none."""
    if report.group == "none":
        return f"{begun}{{&measure}}"
    if report.group == "wrapCode":
        return f"{begun}&campaignId={key[0]}&wrapCode={key[1]}{{&measure}}"
    if key is None:
        return None
    return f"{begun}&{_NAMES[report.group]}={quote_plus(str(key))}{{&measure}}"
