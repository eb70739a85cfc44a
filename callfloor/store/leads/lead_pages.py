"""Pages of leads: a statement for each set of filters that only its own index can serve (decision 5).

What stands first in `_ALONE` and is given leads the way, because few leads have it; what else is given is looked at
lead by lead. Otherwise lists, statuses and completion lead, each in an index that ends with the order of the page: by
upload, or by update where a time of update is asked for.

How many leads are wanted stands in the statement as a number: as a parameter the planner would take it for a tenth of
all leads, and sort a list rather than walk its index.
"""

from __future__ import annotations

from collections.abc import Mapping
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
# How many leads a statement may be for; the next larger one is taken.
SIZES = (11, 26, 51, 101)
_ALONE = ("phone", "customer_key", "agent_id")
_COLUMNS = {"completed": "(completed_at IS NOT NULL)"}
_OF_CAMPAIGN = "SELECT FROM lists s WHERE s.organisation_id = $1 AND s.campaign_id = $3 AND s.list_id = {}"
_LISTS = "SELECT list_id FROM lists WHERE organisation_id = $1"
_HALVES = "(VALUES (false), (true)) AS h (completed)"


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

    def leads(self, equal: Mapping[str, str], ways: str, *, more: str = "") -> str:
        """The first leads of each way: `equal` (columns and what they are) leads in the index, `ways` (rows of FROM)
        says of what `equal` is taken. Equality is written as a range of rows, so that no other index gives the order:
        the planner would now and then walk the index by time, past millions of leads of other lists."""
        conditions = ["organisation_id = $1", *self._others(equal)]
        alone = "" if ways or len(equal) > 1 else next((name for name in equal if name.startswith(_ALONE)), "")
        if alone:
            # no index but its own has the order; how many leads have it is estimated by plain equality alone
            conditions.append(f"{alone} = {equal[alone]}")
        for comparison, bound in self._bounds({} if alone else equal):
            both = ({} if alone else dict(equal)) | bound
            conditions.append(f"({', '.join(both)}) {comparison} ({', '.join(both.values())})")
        order = ", ".join(f"{name} DESC" for name in (*equal, self.order, "lead_id"))
        rows = f"SELECT * FROM leads WHERE {' AND '.join(conditions)}{more} ORDER BY {order} LIMIT {self.size}"
        if not ways:
            return rows
        merged = f"ORDER BY k.{self.order} DESC, k.lead_id DESC LIMIT {self.size}"
        return f"SELECT k.* FROM {ways} CROSS JOIN LATERAL ({rows}) AS k {merged}"

    def _bounds(self, equal: Mapping[str, str]) -> list[tuple[str, dict[str, str]]]:
        """Upper and lower ends of the walk."""
        upper, lower = (self.values.get(self.order.replace("_at", end)) for end in ("_to", "_from"))
        bounds: list[tuple[str, dict[str, str]]] = []
        if self.after is not None:
            bounds.append(("<", {self.order: self.after[0], "lead_id": self.after[1]}))
        elif equal and upper is None:
            bounds.append(("<=", {}))
        if upper is not None:
            bounds.append(("<=", {self.order: upper}))
        if lower is not None:
            bounds.append((">=", {self.order: lower}))
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
            found.append(f"EXISTS ({_OF_CAMPAIGN.format(self.values.get('list_id', 'leads.list_id'))})")
        return found


def size_for(count: int) -> int:
    """The size of the statement that has so many leads."""
    return next(size for size in SIZES if size >= count)


def keys_sql(names: frozenset[str], size: int, *, by_campaign: bool, after: bool) -> str:
    """The first `size` (of `SIZES`) leads of a page with these filters: $1 organisation, $3 campaign if one is given,
    filters, [time and id]. $2 is left to whoever wants fewer."""
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
        parts = [page.leads({f"phone{n}": values["phone"]}, "", more=more) for n, more in enumerate(others, 1)]
        union = " UNION ALL ".join(f"({part})" for part in parts)
        return f"SELECT k.* FROM ({union}) AS k ORDER BY k.{page.order} DESC, k.lead_id DESC LIMIT {size}"
    for alone in _ALONE:
        if alone in values:
            return page.leads({alone: values[alone]}, "")
    lists = _LISTS + (" AND campaign_id = $3" if by_campaign else "")
    each_list = f"({lists}) AS s"
    if page.order == "updated_at":
        own = "list_id" in values
        each_list += _with_some(values)
        return page.leads({"list_id": values["list_id"] if own else "s.list_id"}, "" if own else each_list)
    equal = {name: values[name] for name in ("list_id", "status_code") if name in values}
    ways: list[str] = []
    if by_campaign and "list_id" not in values:
        equal = {"list_id": "s.list_id"} | equal
        ways.append(each_list)
    if "completed" not in values:
        ways.append(_HALVES)
    done = values.get("completed", "h.completed")
    return page.leads(equal | {_COLUMNS["completed"]: done}, " CROSS JOIN ".join(ways))


def _with_some(values: Mapping[str, str]) -> str:
    """Leaves lists out that have no lead of the status, or none that is completed (or open): all of their leads would
    be walked in vain."""
    wanted = [f"{_COLUMNS.get(name, name)} = {values[name]}" for name in ("status_code", "completed") if name in values]
    if not wanted:
        return ""
    some = f"SELECT FROM leads WHERE organisation_id = $1 AND list_id = s.list_id AND {' AND '.join(wanted)} LIMIT 1"
    # EXISTS would become a join with all leads of the status
    return f" CROSS JOIN LATERAL ({some}) AS has"
