"""Who calls: what a token or a session stands for. Only hashes of their secrets are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from asyncpg import Record

from callfloor.contract.auth import Stage
from callfloor.contract.codes import Scope
from callfloor.rules.people.roles import roles_of
from callfloor.rules.values.times import zone

# That something was used is written down so often at most.
USED_EVERY = timedelta(minutes=1)

# Whether the user of `users u` has a second factor.
HAS_ONE = """(EXISTS (SELECT FROM totp_secrets f
        WHERE f.organisation_id = $1 AND f.user_id = u.user_id AND f.confirmed_at IS NOT NULL)
    OR EXISTS (SELECT FROM passkeys f WHERE f.organisation_id = $1 AND f.user_id = u.user_id))"""
# of `organisations o` and `users u`; $1 the organisation
CALLED = """o.organisation_id, o.name AS organisation_name, o.timezone, o.country, o.new_number_ranges, o.hash_key,
    o.second_factor, u.user_id, u.user_type, u.roles, ARRAY(
        SELECT DISTINCT unnest(r.scopes) FROM roles r
        WHERE r.organisation_id = $1 AND r.name = ANY(u.roles)) AS own_scopes,
    CASE WHEN u.user_id IS NOT NULL AND EXISTS (SELECT FROM teams WHERE organisation_id = $1) THEN ARRAY(
        SELECT DISTINCT m.user_id FROM team_members l
        JOIN team_members m ON m.organisation_id = l.organisation_id AND m.team_id = l.team_id AND NOT m.leads
        WHERE l.organisation_id = $1 AND l.user_id = u.user_id AND l.leads) END AS led,
    CASE WHEN u.user_id IS NOT NULL AND EXISTS (SELECT FROM teams WHERE organisation_id = $1) THEN ARRAY(
        SELECT DISTINCT w.campaign_id FROM team_members l
        JOIN team_members m ON m.organisation_id = l.organisation_id AND m.team_id = l.team_id AND NOT m.leads
        JOIN working_agents w ON w.organisation_id = m.organisation_id AND w.agent_id = m.user_id
        WHERE l.organisation_id = $1 AND l.user_id = u.user_id AND l.leads) END AS led_campaigns"""


class Key(NamedTuple):
    """What a token or a session is found by. `hash`: of its secret."""

    organisation: int
    hash: bytes
    kind: Literal["token", "session"] = "token"


@dataclass(frozen=True, slots=True)
class Organisation:
    organisation_id: int
    name: str
    zone: ZoneInfo
    country: str
    hash_key: bytes
    # countries of which numbers outside the known ranges are taken (rules.values.phones)
    new_number_ranges: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in."""

    user_id: int
    is_agent: bool
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that somebody signed in to. It ends at `expires_at`, or when it was not used for `idle`.
    `sign_out_uri`: where whoever leaves is sent, to leave the provider too."""

    created_at: datetime
    expires_at: datetime
    idle: timedelta
    sign_out_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Supervised:
    """What a supervisor sees and commands: these agents, and the queues and campaigns that some of them work for."""

    agents: frozenset[int]
    campaigns: frozenset[int]

    def work(self, agent_id: int | None, campaign_id: int) -> bool:
        """Whether a piece of work is seen: whoever has it is, or, where nobody has it, its queue."""
        return campaign_id in self.campaigns if agent_id is None else agent_id in self.agents

    def concerned(self, agent_id: int | None, campaign_id: int | None) -> bool:
        """Whether something that happened is seen: of nobody and no queue it is everybody's."""
        return (agent_id is None or agent_id in self.agents) and (campaign_id is None or campaign_id in self.campaigns)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a valid token or session speaks for. `token_id`: of either. `requests_per_second` None: the server's default.
    `person` None: a program. `led`: what the teams that the person leads make visible; None: there are no teams, and
    all is one."""

    organisation: Organisation
    token_id: int
    scopes: frozenset[str]
    requests_per_second: int | None
    expires_at: datetime | None
    person: Person | None = None
    # None: it came by a token
    session: OpenSession | None = None
    led: Supervised | None = None
    # until it is `signed-in` it may do nothing but sign in further
    stage: Stage = "signed-in"

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    @property
    def supervised(self) -> Supervised | None:
        """What it may supervise, if anything; None: all."""
        return None if self.may("workspace:supervise-all") else self.led

    @property
    def reach(self) -> frozenset[int] | None:
        """The agents whom it may supervise, if any; None: every one."""
        return None if self.supervised is None else self.supervised.agents

    @property
    def figures_of(self) -> frozenset[int] | None:
        """The agents whose figures it sees, if any; None: all."""
        return figures_seen(self.scopes, self.led)

    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


def figures_seen(scopes: Collection[str], led: Supervised | None) -> frozenset[int] | None:
    """The agents whose figures somebody with these scopes may see, of reports too that are made without it; None: all.
    A supervisor sees those of the agents whom it leads; an auditor or a program supervises nobody, and sees all."""
    supervises = "workspace:supervise" in scopes and not {"workspace:supervise-all", "admin"} & set(scopes)
    return led.agents if supervises and led is not None else None


def hash_of(secret: str) -> bytes:
    # 256 random bits need no slow hash
    return hashlib.sha256(secret.encode()).digest()


def stale(used_at: datetime | None) -> bool:
    """Whether it is time to write down that it is in use."""
    return used_at is None or used_at < datetime.now(UTC) - USED_EVERY


def called(row: Record) -> Organisation:
    """The organisation in a row of `CALLED`."""
    return Organisation(
        row["organisation_id"],
        row["organisation_name"],
        zone(row["timezone"]),
        row["country"],
        row["hash_key"],
        frozenset(row["new_number_ranges"]),
    )


def led_of(row: Record) -> Supervised | None:
    """What the person in a row of `CALLED` leads."""
    return None if row["led"] is None else Supervised(frozenset(row["led"]), frozenset(row["led_campaigns"]))


# In a statement: `Supervised.work` of holder and campaign; what is seen is given as `bounds`, two parameters.
def is_supervised(holder: str, campaign: str, first: int) -> str:
    return (
        f"(${first}::bigint[] IS NULL OR CASE WHEN {holder} IS NULL THEN {campaign} = ANY (${first + 1}::bigint[])"
        f" ELSE {holder} = ANY (${first}::bigint[]) END)"
    )


def bounds(supervised: Supervised | None) -> tuple[list[int] | None, list[int] | None]:
    """The parameters of `is_supervised`."""
    return (None, None) if supervised is None else (sorted(supervised.agents), sorted(supervised.campaigns))


def person_of(row: Record) -> Person | None:
    """The person in a row of `CALLED`."""
    if row["user_id"] is None:
        return None
    return Person(row["user_id"], row["user_type"] == "agent", roles_of(row["roles"], row["user_type"]))
