"""Where callers are taken: a workflow, what it knows, and a caller's way through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from callfloor.contract.workflows import Workflow
from callfloor.floor.calls.contacts import Contact, Walk
from callfloor.rules.workflow import workflow_events as happens


@dataclass(frozen=True, slots=True)
class Reception:
    """Where callers of an organisation's workflow go. `workflow_id` None: straight into a campaign's queue. `facts`:
    with the ids of campaigns and lists, without a call. `prompts`: by name, what the carrier is told to play. `home`:
    the campaign whose calls those of a workflow without a queue are."""

    organisation: int
    workflow: Workflow
    facts: happens.Facts
    prompts: Mapping[str, str]
    workflow_id: int | None = None
    home: int | None = None


FunctionOutcome = happens.FunctionAnswered | happens.FunctionFailed
# Asks an organisation's HTTP function, and says what became of it.
Ask = Callable[[int, happens.CallFunction, Callable[[FunctionOutcome], None]], None]


def walk_of(reception: Reception, contact: Contact) -> Walk:
    """The contact's way through it, from its beginning."""
    facts = replace(reception.facts, call=str(contact.activity), caller=contact.number, called=contact.own)
    return Walk(reception.workflow, facts, reception.prompts)
