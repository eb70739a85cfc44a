"""A customer who is to be erased: how to tell what is theirs and how to take them out of what is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from callfloor.rules.identifiers import identifiers, is_whole, mentions, redact
from callfloor.rules.phones import national_forms

ERASED = "[erased]"
# Stands for all identifiers of a value that has too many to list.
MANY = "*"
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
        """The number and the address as they are kept."""
        return [contact for contact in (self.number, self.address) if contact is not None]

    @cached_property
    def wanted(self) -> frozenset[str]:
        """What `rules.identifiers` may find of the customer, however the number is written.

        A form that is another number in the organisation's country is that other number.
        """
        found = set(self.contacts)
        for form in self.digits:
            if identifiers((form,), self.country) == [form]:
                found.add(form)
        return frozenset(found)

    @cached_property
    def lookups(self) -> list[str]:
        """Identifiers under which the customer may be listed."""
        return sorted(self.wanted | {MANY})

    @cached_property
    def keys(self) -> list[str]:
        """Values that a customer key may have."""
        return [form for form in self._written if self.owns(form)] + ([self.address] if self.address else [])

    @cached_property
    def digits(self) -> list[str]:
        """Every way to write the number, digits alone."""
        return list(dict.fromkeys(re.sub(r"[^0-9]", "", form) for form in self._written))

    @property
    def significant(self) -> str | None:
        """The digits that every way to write the number ends in."""
        if self.number is None:
            return None
        digits = self.number.removeprefix("+")
        return min((form for form in self.digits if digits.endswith(form)), key=len)

    @cached_property
    def _written(self) -> list[str]:
        return [] if self.number is None else national_forms(self.number, self.country)

    @cached_property
    def _anywhere(self) -> re.Pattern[str] | None:
        return None if self.significant is None else re.compile("[^0-9]{0,8}".join(self.significant))

    def may_stand_in(self, text: str) -> bool:
        """Whether a closer look at a long text is worth while. Cheap."""
        if self.address is not None and self.address in text.lower():
            return True
        return self._anywhere is not None and self._anywhere.search(text) is not None

    def owns(self, value: object) -> bool:
        """Whether a scalar is the customer's number or address and nothing else."""
        return is_whole(value, self.wanted, self.country)

    def mentioned(self, value: object) -> bool:
        """Whether the customer stands anywhere in a JSON value, names of its fields included."""
        return any(mentions(part, self.wanted, self.country) for part in _scalars(value))

    def owns_lead(self, lead: dict[str, Any]) -> bool:
        """Whether a lead as it was sent (of whatever shape) is the customer's own."""
        return any(
            self.owns(value) or (name in _PHONES and mentions(value, self.wanted, self.country))
            for name, value in _fields(lead)
        )

    def scrubbed(self, value: Any) -> Any:
        """A JSON value without the customer, names of its fields included."""
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {self.scrubbed(name): self.scrubbed(part) for name, part in members.items()}
        if isinstance(value, list):
            return [self.scrubbed(part) for part in cast("list[Any]", value)]
        if not self.mentioned(value):
            return value
        return redact(str(value), self.wanted, self.country)

    def scrubbed_message(self, headers: dict[str, Any]) -> dict[str, Any]:
        """Headers of somebody else's message without the customer, whose name beside the address goes too."""
        return {
            name: _NAMED.sub(ERASED, text) if name in ("from", "to") and isinstance(text, str) else text
            for name, text in self.scrubbed(headers).items()
        }

    def identifiers_left(self, parts: Iterable[object]) -> list[str] | None:
        """What an erasure of somebody else has to find in these JSON values."""
        scalars = [scalar for part in parts for scalar in _scalars(part)]
        return identifiers(scalars, self.country) or None


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
