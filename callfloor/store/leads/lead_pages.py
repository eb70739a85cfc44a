"""Pages of leads: a statement for each set of filters that only its own index can serve (decision 5).

What stands first in `_ALONE` and is given leads the way, because few leads have it; what else is given is looked at
lead by lead. Otherwise lists, statuses and completion lead, each in an index that ends with the order of the page: by
upload, or by update where a time of update is asked for. Leads that were never changed were updated when they were
uploaded: they are found by that, so that an import pays for no index by update.

How many leads are wanted stands in the statement as a number: `store/db/paging.py` says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# Filters of pages and the types of their parameters, in the order of the parameters.
FILTERS = {
    "list_id": "bigint",
    "status_code": "integer",
    "customer_key": "text",
    "phone": "text",
    "agent_id": "bigint",
    "completed": "boolean",
    "uploaded_from": "timestamptz",
    "uploaded_to": "timestamptz",
    "updated_from": "timestamptz",
    "updated_to": "timestamptz",
}
Order = Literal["uploaded_at", "updated_at"]
_ALONE = ("phone", "customer_key", "agent_id")
_COLUMNS = {"completed": "(completed_at IS NOT NULL)"}
_CHANGED = "(updated_at <> uploaded_at)"
# Of each lead by itself: EXISTS would become a join, which sorts all leads that are left.
_CAMPAIGN = "(SELECT s.campaign_id FROM lists s WHERE s.organisation_id = $1 AND s.list_id = {}) = $3"
_LISTS = "SELECT list_id FROM lists WHERE organisation_id = $1"
_COMPLETED_OR_NOT = "(VALUES (false), (true)) AS h (completed)"
_CHANGED_OR_NOT = "(VALUES (false), (true)) AS u (changed)"


def page_order(names: frozenset[str]) -> Order:
    """By what a page with these filters is ordered, newest first."""
    by_update = names & {"updated_from", "updated_to"} and not names.intersection(_ALONE)
    return "updated_at" if by_update else "uploaded_at"


def used(names: frozenset[str], *, after: bool) -> tuple[str, ...]:
    """The filters that have a parameter, in their order. A cursor lies before the upper bound of the order already, and
    a second bound would be walked instead of jumped to."""
    bound = page_order(names).replace("_at", "_to") if after else ""
    return tuple(name for name in FILTERS if name in names and name != bound)


@dataclass(frozen=True, slots=True)
class _Page:
    """`values`: what stands for each filter in the statement. `after`: parameters of the cursor's time and id."""

    values: Mapping[str, str]
    order: Order
    by_campaign: bool
    after: tuple[str, str] | None
    size: int

    def leads(self, equal: Mapping[str, str], by: Order, *, alone: str = "", more: str = "") -> str:
        """The first leads of those that are `equal` (columns that lead in the index, and what they are), by `by`.
        Equality is written as a range of rows, so that no other index gives the order: the planner would now and then
        walk the index by time, past millions of leads of other lists. `alone`: a column of which only its own index
        has the order; how many leads have it is estimated by plain equality alone."""
        conditions = ["organisation_id = $1", *self._others(equal)]
        if alone:
            conditions.append(f"{alone} = {equal[alone]}")
        for comparison, bound in self._bounds({} if alone else equal, by):
            both = ({} if alone else dict(equal)) | bound
            conditions.append(f"({', '.join(both)}) {comparison} ({', '.join(both.values())})")
        order = ", ".join(f"{name} DESC" for name in (*equal, by, "lead_id"))
        return f"SELECT * FROM leads WHERE {' AND '.join(conditions)}{more} ORDER BY {order} LIMIT {self.size}"

    def merged(self, parts: Sequence[str], ways: Sequence[str]) -> str:
        """The first leads of all parts. `ways`: rows of FROM, of each of which there is every part."""
        if len(parts) == 1 and not ways:
            return parts[0]
        each = " UNION ALL ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
        given = f"{' CROSS JOIN '.join(ways)} CROSS JOIN LATERAL " if ways else ""
        return f"SELECT k.* FROM {given}({each}) AS k ORDER BY k.{self.order} DESC, k.lead_id DESC LIMIT {self.size}"

    def _bounds(self, equal: Mapping[str, str], by: Order) -> list[tuple[str, dict[str, str]]]:
        """Upper and lower ends of the walk."""
        upper, lower = (self.values.get(self.order.replace("_at", end)) for end in ("_to", "_from"))
        bounds: list[tuple[str, dict[str, str]]] = []
        if self.after is not None:
            bounds.append(("<", {by: self.after[0], "lead_id": self.after[1]}))
        elif equal and upper is None:
            bounds.append(("<=", {}))
        if upper is not None:
            bounds.append(("<=", {by: upper}))
        if lower is not None:
            bounds.append((">=", {by: lower}))
        elif equal:
            bounds.append((">=", {}))
        return bounds

    def _others(self, equal: Mapping[str, str]) -> list[str]:
        """What is looked at lead by lead."""
        found = [
            f"{_COLUMNS.get(name, name)} = {self.values[name]}"
            for name in ("list_id", "status_code", "customer_key", "agent_id", "completed")
            if name in self.values and _COLUMNS.get(name, name) not in equal
        ]
        for name in ("uploaded_at", "updated_at"):
            for end, comparison in (("_to", "<="), ("_from", ">=")):
                value = self.values.get(name.replace("_at", end))
                if value is not None and name != self.order:
                    found.append(f"{name} {comparison} {value}")
        if self.by_campaign and ("list_id" not in equal or "list_id" in self.values):
            # a list that is given is looked at once, else each lead's own
            found.append(_CAMPAIGN.format(self.values.get("list_id", "leads.list_id")))
        return found


def keys_sql(names: frozenset[str], size: int, *, by_campaign: bool, after: bool) -> str:
    """The first `size` (of `paging.SIZES`) leads of a page with these filters: $1 organisation, $3 campaign if one is
    given, filters, [time and id]. $2 is left to whoever wants fewer."""
    given = {name: number for number, name in enumerate(used(names, after=after), 4 if by_campaign else 3)}
    end = 3 + by_campaign + len(given)
    page = _Page(
        {name: f"${number}::{FILTERS[name]}" for name, number in given.items()},
        page_order(names),
        by_campaign,
        (f"${end}::timestamptz", f"${end + 1}::bigint") if after else None,
        size,
    )
    values = page.values
    if "phone" in values:
        # a lead that has the number twice is one
        others = ("", " AND phone1 IS DISTINCT FROM phone2",
                  " AND phone1 IS DISTINCT FROM phone3 AND phone2 IS DISTINCT FROM phone3")  # fmt: skip
        equal = [{f"phone{n}": values["phone"]} for n in (1, 2, 3)]
        parts = [page.leads(e, page.order, alone=f"phone{n}", more=others[n - 1]) for n, e in enumerate(equal, 1)]
        return page.merged(parts, [])
    for alone in _ALONE:
        if alone in values:
            return page.leads({alone: values[alone]}, page.order, alone=alone)
    return _by_place(page)


def _by_place(page: _Page) -> str:
    """By list, status and completion, whichever are given."""
    values = page.values
    ways: list[str] = []
    equal = {name: values[name] for name in ("list_id", "status_code") if name in values}
    if "list_id" not in equal and (equal or page.by_campaign or page.order == "updated_at"):
        lists = _LISTS + (" AND campaign_id = $3" if page.by_campaign else "")
        ways.append(f"({lists}) AS s")
        equal = {"list_id": "s.list_id"} | equal
    if "completed" not in values:
        ways.append(_COMPLETED_OR_NOT)
    equal |= {_COLUMNS["completed"]: values.get("completed", "h.completed")}
    if page.order == "updated_at":
        changed = page.leads(equal, "updated_at", more=f" AND {_CHANGED}")
        return page.merged([changed, page.leads(equal | {_CHANGED: "false"}, "uploaded_at")], ways)
    if "list_id" in equal:
        ways.append(_CHANGED_OR_NOT)
        equal |= {_CHANGED: "u.changed"}
    return page.merged([page.leads(equal, "uploaded_at")], ways)
