"""A centre written as a centre file."""

from __future__ import annotations

from callfloor.centre import toml
from callfloor.centre.tree import tree
from callfloor.contract.centre import Centre

# Keys whose values stand as tables with a header of their own; other tables stand on one line.
_HEADED = frozenset(
    {
        "organisation", "destinations", "singleSignOn", "users", "roles", "teams", "leadStatuses", "strategies",
        "outcomes",
        "campaigns", "callingHours", "contactHours", "lists", "wrapCodes", "mailboxes", "imap", "send", "prompts",
        "workflows", "steps", "alerts",
    }
)  # fmt: skip


def centre_file(centre: Centre) -> str:
    """TOML that, applied to this centre, changes nothing, and, applied to an empty database, makes it."""
    return toml.document(tree(centre), _HEADED)
