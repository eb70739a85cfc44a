"""How a campaign dials: regime, strategy, limits and times. A centre file sets it and the floor obeys it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

PreviewTimeout = Literal["dial", "skip", "pause"]
# what to do with a call that a machine answered: nothing is detected and an agent gets it, or it is hung up
AnsweringMachines = Literal["connect", "hang-up"]
# the list onto which somebody's wish goes who does not want to be called any more
DoNotCallList = Literal["organisation", "campaign"]
# whether numbers must have been washed against the regime's register lately: `whenWashed` asks for it from the first
# wash on
RegisterWash = Literal["whenWashed", "required", "off"]


class Outcome(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """What follows when an attempt ends in one way.

    `recycle_minutes`: the lead rests so long (None: it is not dialled again, the lead is completed).
    `complete_after`: so many attempts of this outcome complete the lead (None: no limit but the campaign's).
    `priority`: leads whose last outcome has a higher one are dialled first.
    `recycle_on_start`: when the campaign is switched on, the lead rests no longer.
    """

    recycle_minutes: float | None = 60.0
    complete_after: int | None = None
    priority: int = 0
    recycle_on_start: bool = False


class Strategy(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A dialler strategy. `outcomes` by the lead status that an attempt leaves (contract.codes.LeadStatus, and 0 for
    leads never dialled, of which only the priority counts); a status that is absent has `Outcome()`."""

    name: str
    outcomes: Mapping[int, Outcome] = {}


class NewLeads(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Where a call without a lead makes one. `campaign` None: the call's own."""

    list: str
    campaign: str | None = None


class Dialling(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A campaign's settings for the dialler; times are in seconds. None: what the regime says, or no limit."""

    # name of a regime (rules/regimes); None: that of the organisation's country
    regime: str | None = None
    # by weekday, in the contact's zone; None: the regime's
    contact_hours: Mapping[str, tuple[str, ...]] | None = None
    # country or subdivision (AU, AU-NSW) whose public holidays are kept free; None: the organisation's country
    holidays: str | None = None
    # name of a strategy of the organisation
    strategy: str | None = None
    max_attempts_per_number: int | None = None
    max_attempts_per_day: int | None = None
    # share of live answers that may be abandoned, 0 to 1
    abandonment_cap: float | None = None
    grace_seconds: float | None = None
    ring_seconds: float = 28.0
    wrap_up_seconds: float = 30.0
    wrap_up_extension_seconds: float = 60.0
    # how often a wrap-up may be extended
    wrap_up_extensions: int = 3
    # how long a customer who is given to a busy or paused agent waits for that one; 0: is not given to such an agent
    transfer_wait_seconds: float = 0.0
    # work of an agent who is signed out so long goes back to the queue: e-mails, tasks, callbacks that are due
    return_after_minutes: float = 15.0
    # given when the wrap-up's time is over
    default_wrap_code: int | None = None
    # of the campaign's; with one of them a call is a conversion
    conversion_wrap_codes: tuple[int, ...] = ()
    preview_seconds: float = 60.0
    preview_timeout: PreviewTimeout = "skip"
    answering_machines: AnsweringMachines = "hang-up"
    # share of the persons who answer that detection takes for machines, as a test of it has shown; they count as
    # abandoned, so that fewer others may be
    persons_taken_for_machines: float = 0.0
    record: bool = True
    # None: a wrap-up of a call without a lead that needs one is refused
    new_leads: NewLeads | None = None
    max_lines: int | None = None
    # None: the organisation's
    do_not_call: DoNotCallList | None = None
    register_wash: RegisterWash = "whenWashed"
