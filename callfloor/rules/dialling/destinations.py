"""The destination policy: where an organisation may call, and how much. One rule for whoever places a call."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

from callfloor.contract.destinations import USUAL, CostlyKind, DestinationReason, Destinations
from callfloor.rules.values.number_kinds import NumberKind, ordinary_of, whose

_COSTLY: frozenset[str] = frozenset(get_args(CostlyKind))
_WORDS: dict[str, str] = {
    "premium": "a premium rate number",
    "sharedCost": "a shared cost or company number",
    "satellite": "a satellite or international network's number",
    "personal": "a personal or paging number",
}


@dataclass(frozen=True, slots=True)
class Denied:
    """Why a number is not called; `detail` has no number in it."""

    reason: DestinationReason
    detail: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Where an organisation may call. `new_ranges`: countries of which numbers outside the known ranges are taken."""

    countries: frozenset[str]
    limits: Destinations = USUAL
    new_ranges: frozenset[str] = frozenset()
    # a floor without an organisation, in a simulation, calls whomever it has leads of
    anywhere: bool = False

    def denied(self, number: str) -> Denied | None:
        """Why a number (E.164) may not be called; None: it may be."""
        if self.anywhere or self._plainly(number):
            return None
        found = whose(number)
        if found is None:
            return Denied("no-number", "This is no number that could be called.")
        if found.kind == "emergency":
            return Denied("emergency", "This is an emergency number, which no machine calls.")
        if number.startswith(self.limits.denied):
            return Denied("denied", "The destination policy denies numbers that begin so (destinations.denied).")
        if any(_is_beneath(number, prefix) for prefix in self.limits.prefixes):
            return None
        return self._of_kind(found.kind, found.countries, number.startswith(self.limits.prefixes))

    def _plainly(self, number: str) -> bool:
        """Ordinary numbers of the countries that are allowed, which nearly all are."""
        denied = self.limits.denied
        return ordinary_of(self.countries).fullmatch(number) is not None and not (denied and number.startswith(denied))

    def _of_kind(self, kind: NumberKind, countries: frozenset[str], named: bool) -> Denied | None:
        if kind in _COSTLY:
            if kind not in self.limits.costly:
                detail = f"This is {_WORDS[kind]}; name {kind} in destinations.costly of the centre file to allow them."
                return Denied(kind, detail)  # pyright: ignore[reportArgumentType]
            if not countries:
                return None
        allowed = countries & self.countries
        if named or (allowed and (kind != "unknown" or allowed & self.new_ranges)):
            return None
        if allowed:
            detail = (
                "It is in no range that its country has given out, as far as is known: name the country in "
                "newNumberRanges of the centre file if its range is new."
            )
            return Denied("unknown-range", detail)
        where = (
            f"a number of {', '.join(sorted(countries))}" if 0 < len(countries) < 4 else "a number of no one country"
        )
        whom = ", ".join(sorted(self.countries)) or "none"
        return Denied(
            "country", f"This is {where}, and the organisation calls {whom}: see destinations of the centre file."
        )


ANYWHERE = Policy(frozenset(), anywhere=True)


def policy_of(limits: Destinations, country: str, new_ranges: Collection[str]) -> Policy:
    """The policy of an organisation of this country."""
    return Policy(frozenset(limits.countries or (country,)), limits, frozenset(new_ranges))


def _is_beneath(number: str, prefix: str) -> bool:
    """Whether a prefix names a part of a country's numbers, this one among them: who writes that means these numbers,
    whatever they cost."""
    if not number.startswith(prefix):
        return False
    found = whose_code(prefix)
    return found is not None and len(prefix) > len(found) + 1


def whose_code(prefix: str) -> str | None:
    """The country code with which a prefix (`+` and digits) begins; None: none, or only a part of one."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    for end in (2, 3, 4):
        digits = prefix[1:end]
        if len(digits) == end - 1 and int(digits) in COUNTRY_CODE_TO_REGION_CODE:
            return digits
    return None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was called on the organisation's day until now."""

    calls: int = 0
    minutes: float = 0.0


NOTHING = Spent()


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of one limit is used up. `share`: of the limit."""

    reason: DestinationReason
    limit: int
    share: float

    @property
    def over(self) -> bool:
        return self.share >= 1


def allowances(limits: Destinations, whole: Spent, agent: Spent | None) -> list[Allowance]:
    """The limits that there are, each with what is used up of it. `whole`: the organisation's; `agent`: what the agent
    who asks placed; None: no agent asks."""
    of_agent = agent or NOTHING
    asked: list[tuple[DestinationReason, int | None, float, bool]] = [
        ("calls-per-day", limits.calls_per_day, whole.calls, True),
        ("minutes-per-day", limits.minutes_per_day, whole.minutes, True),
        ("agent-calls-per-day", limits.agent_calls_per_day, of_agent.calls, agent is not None),
        ("agent-minutes-per-day", limits.agent_minutes_per_day, of_agent.minutes, agent is not None),
    ]
    return [
        Allowance(reason, limit, used / limit if limit else 1.0)
        for reason, limit, used, counts in asked
        if limit is not None and counts
    ]


def used_up(found: Collection[Allowance]) -> Denied | None:
    """Why nothing more is called today; None: something may be."""
    for each in found:
        if each.over:
            what = each.reason.replace("-per-day", "").replace("-", "'s ", 1) + " a day"
            whose_limit = "" if each.reason.startswith("agent") else "the organisation's "
            detail = f"The limit of {each.limit} {whose_limit}{what} is used up: it begins anew tomorrow."
            return Denied(each.reason, detail)
    return None


def room(limits: Destinations, whole: Spent, agent: Spent | None, wanted: int) -> int:
    """How many of so many calls may still be placed today."""
    if used_up(allowances(limits, whole, agent)) is not None:
        return 0
    left = [wanted]
    if limits.calls_per_day is not None:
        left.append(limits.calls_per_day - whole.calls)
    if agent is not None and limits.agent_calls_per_day is not None:
        left.append(limits.agent_calls_per_day - agent.calls)
    return min(left)


def minutes_at_most(minutes: float, up: int, elapsed_s: float) -> float:
    """What may have come of `minutes` that were counted `elapsed_s` ago, with so many calls that may have gone on, or
    begun, since."""
    return minutes + max(up, 0) * max(elapsed_s, 0.0) / 60


def has_limits(limits: Destinations) -> bool:
    """Whether anything has to be counted."""
    return any(
        limit is not None
        for limit in (
            limits.calls_per_day,
            limits.minutes_per_day,
            limits.agent_calls_per_day,
            limits.agent_minutes_per_day,
        )
    )
