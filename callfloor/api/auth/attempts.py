"""Attempts to sign in, as the audit has them."""

from __future__ import annotations

from dataclasses import replace

from callfloor.api.call import Call
from callfloor.contract.auth import Factor
from callfloor.rules.audit.entries import Entry


def succeeded(
    call: Call, organisation: int, user_id: int, stage: str, factor: Factor | None = None, via: str | None = None
) -> None:
    """Somebody came to a stage of signing in; `factor`: the second one that was shown. `via`: what was shown
    first."""
    call.audit.belongs_to(organisation, replace(call.audit.by, type="user", id=user_id))
    call.audit.entry(user_id, stage=stage, factor=factor, via=via)


def failed(call: Call, organisation: int, user_id: int, what: str) -> None:
    """Something wrong was given for a user who is there. It is written a moment later: an answer that waited for it
    would come later than that for a name that nobody has, and tell them apart."""
    entry = Entry("sign-in.failed", "user", (user_id,), None, {"wrong": what})
    call.services.reads.put(organisation, replace(call.audit.by, type="unknown", id=None), call.now, entry)
