"""Commands for campaigns while they run. Each has a dry run, which says what it would touch and changes nothing."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.fields import Id, Struct

DryRun = Annotated[bool, Meta(description="Say what it would touch, and change nothing.")]


class CampaignCommand(msgspec.Struct, frozen=True, rename="camel", tag_field="action", forbid_unknown_fields=True):
    """Base of commands."""


class StartCampaign(CampaignCommand, frozen=True, tag="start"):
    """Dial, or take callers, from now on."""

    dry_run: DryRun = False


class StopCampaign(CampaignCommand, frozen=True, tag="stop"):
    """Dial nobody new and take no new callers; lines that ring and callers who wait go on to their end."""

    dry_run: DryRun = False


class StopCampaignAtOnce(CampaignCommand, frozen=True, tag="stopAtOnce"):
    """As `stop`; lines that ring are let go, and callers who wait are sent on as from a queue that is full."""

    dry_run: DryRun = False


class SetLines(CampaignCommand, frozen=True, tag="setLines"):
    """Lines that may ring at once; null: as many as pacing wants. Lines that ring already go on."""

    max_lines: Annotated[int, Meta(ge=0, le=100_000)] | None
    dry_run: DryRun = False


class ListWeight(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`weight`: its share of the calls against that of the others; 0 as little as `in_dialler` false: none."""

    list_id: Id
    weight: Annotated[int, Meta(ge=0, le=100)] | None = None
    in_dialler: bool | None = None


class SetWeights(CampaignCommand, frozen=True, tag="setWeights"):
    """How the calls are shared among the campaign's lists; lists that are not named stay as they are."""

    lists: Annotated[tuple[ListWeight, ...], Meta(min_length=1, max_length=1000)]
    dry_run: DryRun = False


AnyCampaignCommand = StartCampaign | StopCampaign | StopCampaignAtOnce | SetLines | SetWeights


Changed = Literal["active", "maxLines", "weight", "inDialler"]


class CampaignChange(Struct):
    """`list_id`: of a list's field."""

    field: Changed
    list_id: int | None
    before: bool | int | None
    after: bool | int | None


class CampaignTouch(Struct):
    """What a command did, or would do. `changes`: empty when all is so already. `ringing`, `waiting`, `talking`: lines
    that ring, callers who wait and customers who are talked to, at this moment; `let_go`: how many of the first two
    are ended or sent on. Customers who are talked to go on, whatever the command."""

    campaign_id: int
    name: str
    active: bool
    dry_run: bool
    changes: list[CampaignChange]
    ringing: int
    waiting: int
    talking: int
    let_go: int


class KeptOut(Struct):
    """`rule`: the first one that keeps these leads out, as `GET /dialler/leads/{leadId}/explain` names them."""

    rule: str
    leads: int
    meaning: str


class Opening(Struct):
    """How many leads become dialable in an hour. `timestamp`: its beginning."""

    timestamp: str
    leads: int


class PacingWait(Struct):
    """What has to change before more is dialled."""

    reason: Annotated[
        str,
        Meta(
            description="`stopped`, `floor` (none leads the campaign), `window` (its calling hours), `leads`, `agents`"
            " (none is signed in), `agents-busy`, `lines`, `cap`; `inbound`: it never dials."
        ),
    ]
    detail: str


class CampaignExplanation(Struct):
    """Why nobody, or not more, is dialled. `leads`, of which `completed` are completed; the parts of `keptOut` and
    `dialable` add up to `leads`. Of many leads `judged` are looked at, taken by chance, each of which stands for
    `oneIn`; a share of the leads that are not completed may then be off by `margin` (in 95 of 100 cases); 0: every lead
    was judged. `opens`: those that only the clock keeps out, by the hour in which it lets them in, for 24 hours, and
    `later` after those. `waitsFor`: what has to change now, what comes first first; empty: it is dialling."""

    campaign_id: int
    name: str
    timestamp: str
    leads: int
    completed: int
    dialable: int
    kept_out: list[KeptOut]
    opens: list[Opening]
    later: int
    judged: int
    one_in: int
    margin: float
    waits_for: list[PacingWait]
    lines_ringing: int
    max_lines: int | None
    agents_working: int
    agents_ready: int
    live_answers: int
    abandoned: int
    abandonment_cap: float
