"""A customer who is to be erased: how to tell what is theirs and how to take them out of what is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from callfloor.rules.privacy.identifiers import MANY, identifiers, is_counter, spellings
from callfloor.rules.privacy.sought import ERASED, Sought

# A mailbox whose address was taken out still has its owner's name.
_NAMED = re.compile(r"[^,;<>]*<\s*\[erased\]\s*>")
_PHONES = frozenset({"phone1", "phone2", "phone3"})


@dataclass(frozen=True)
class Customer:
    """A person by number (E.164), e-mail address (lower case) or both; `country` is the organisation's."""

    number: str | None
    address: str | None
    country: str

    @cached_property
    def contacts(self) -> list[str]:
        """The number and the address as they are kept: the domain in either of its spellings."""
        addresses = () if self.address is None else spellings(self.address)
        return [contact for contact in (self.number, *addresses) if contact is not None]

    @cached_property
    def sought(self) -> Sought:
        """How to find the number and the address in texts."""
        return Sought(self.number, self.address, self.country)

    @cached_property
    def lookups(self) -> list[str]:
        """Keys (`rules.identifiers`) under which the customer may be listed."""
        return [*self.sought.lookups, MANY]

    @property
    def keys(self) -> list[str]:
        """Values of digits alone that a customer key may have."""
        return self.sought.forms

    @cached_property
    def _anywhere(self) -> re.Pattern[str]:
        return re.compile(self.sought.pattern, re.IGNORECASE)

    def may_stand_in(self, text: str) -> bool:
        """Whether a closer look at a long text is worth while. Cheap."""
        return self._anywhere.search(text) is not None

    def owns(self, value: object) -> bool:
        """Whether a scalar is the customer's number or address and nothing else."""
        return self.sought.is_whole(value)

    def mentioned(self, value: object) -> bool:
        """Whether the customer stands anywhere in a JSON value, names of its fields included."""
        return any(self.sought.mentioned(part) for part in _scalars(value))

    def mentioned_in_key(self, key: str | None) -> bool:
        """Whether a customer key holds the number or the address. Digits alone are a number of their own."""
        return key is not None and not is_counter(key) and self.sought.mentioned(key)

    def key_left(self, key: str) -> str:
        """A customer key without the number or the address."""
        return self.sought.redacted(key) if self.mentioned_in_key(key) else key

    def owns_lead(self, lead: dict[str, Any]) -> bool:
        """Whether a lead as it was sent (of whatever shape) is the customer's own."""
        return any(
            self.owns(value) or (name in _PHONES and self.sought.mentioned(value)) for name, value in _fields(lead)
        )

    def scrubbed(self, value: Any) -> Any:
        """A JSON value without the customer, names of its fields included."""
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {self.scrubbed(name): self.scrubbed(part) for name, part in members.items()}
        if isinstance(value, list):
            return [self.scrubbed(part) for part in cast("list[Any]", value)]
        return self.sought.redacted(str(value)) if self.sought.mentioned(value) else value

    def scrubbed_message(self, headers: dict[str, Any]) -> dict[str, Any]:
        """Headers of somebody else's message without the customer, whose name beside the address goes too."""
        return {
            name: _NAMED.sub(ERASED, text) if name in ("from", "to") and isinstance(text, str) else text
            for name, text in self.scrubbed(headers).items()
        }

    def identifiers_left(self, parts: Iterable[object]) -> list[str] | None:
        """What an erasure of somebody else has to find in these JSON values."""
        scalars = [scalar for part in parts for scalar in _scalars(part)]
        return identifiers(scalars) or None


def _scalars(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for name, part in cast("dict[str, object]", value).items():
            yield name
            yield from _scalars(part)
    elif isinstance(value, list):
        for part in cast("list[object]", value):
            yield from _scalars(part)
    else:
        yield value


def _fields(value: object) -> Iterator[tuple[str, object]]:
    """Every scalar under the name of its field."""
    if isinstance(value, dict):
        for name, part in cast("dict[str, object]", value).items():
            if isinstance(part, (dict, list)):
                yield from _fields(cast("object", part))
            else:
                yield name, part
    elif isinstance(value, list):
        for part in cast("list[object]", value):
            yield from _fields(part)
