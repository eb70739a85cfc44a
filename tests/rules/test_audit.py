"""A chain of the audit shows whatever is done to it: changed, removed, moved, cut off, begun later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.audit.entries import (
    REMOVED,
    SYSTEM,
    Actor,
    Entry,
    Head,
    Linked,
    Written,
    chain,
    difference,
    sign_day,
    sign_head,
)
from callfloor.rules.audit.verification import Verification, Verified
from callfloor.rules.evidence.evidence import START, Day, Link, day_of, moment

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
T0 = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)


def written(number: int, action: str = "list.update") -> Written:
    return Written(
        100 + number, T0 + timedelta(seconds=number), SYSTEM, Entry(action, "list", (number,), None, {"n": number})
    )


def made(count: int) -> list[Linked]:
    return list(chain(START, [written(number) for number in range(count)]))


def days_of(linked: Sequence[Linked], at: int) -> list[tuple[Day, bytes]]:
    """A day that holds the first `at` entries."""
    if not at:
        return []
    day = day_of(date(2026, 6, 1), START, linked[at - 1].link, T0)
    return [(day, sign_day(day, KEY))]


def head_of(linked: Sequence[Linked]) -> tuple[Head, bytes] | None:
    if not linked:
        return None
    head = Head(linked[-1].link.position, linked[-1].link.hash.hex(), moment(T0))
    return head, sign_head(head, KEY)


def checked(linked: Sequence[Linked], days: Sequence[tuple[Day, bytes]], head: tuple[Head, bytes] | None) -> Verified:
    verification = Verification([PUBLIC], days)
    verification.entries(linked)
    return verification.finish(head)


@given(st.integers(0, 12), st.integers(0, 12))
def test_a_chain_as_it_was_written_is_whole(count: int, signed: int) -> None:
    linked = made(count)
    found = checked(linked, days_of(linked, min(signed, count)), head_of(linked))
    assert (found.whole, found.entries, found.faults) == (True, count, [])


CHANGES = {
    "action": lambda w: replace(w, entry=replace(w.entry, action="list.create")),
    "ids": lambda w: replace(w, entry=replace(w.entry, object_ids=(999,))),
    "details": lambda w: replace(w, entry=replace(w.entry, details={"n": -1})),
    "name": lambda w: replace(w, entry=replace(w.entry, object_name="x")),
    "actor": lambda w: replace(w, by=Actor("user", 5)),
    "address": lambda w: replace(w, by=replace(w.by, address="192.0.2.1")),
    "request": lambda w: replace(w, by=replace(w.by, request_id="6f0d2b3c-1b1a-4c39-9d63-0a4f0f3c2b11")),
    "time": lambda w: replace(w, at=w.at + timedelta(microseconds=1)),
    "id": lambda w: replace(w, entry_id=w.entry_id + 1),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
@given(st.integers(1, 9), st.data())
def test_a_changed_entry_is_named(what: str, count: int, data: st.DataObject) -> None:
    linked = made(count)
    place = data.draw(st.integers(0, count - 1))
    tampered = [*linked]
    tampered[place] = replace(linked[place], written=CHANGES[what](linked[place].written))
    found = checked(tampered, days_of(linked, count), head_of(linked))
    assert [each.position for each in found.faults] == [place + 1]


@given(st.integers(2, 9), st.data())
def test_a_changed_entry_with_another_hash_breaks_what_follows_or_what_was_signed(
    count: int, data: st.DataObject
) -> None:
    linked = made(count)
    place = data.draw(st.integers(0, count - 1))
    forged = CHANGES["details"](linked[place].written)
    before = Link(place, linked[place].previous)
    tampered = [*linked]
    tampered[place] = next(chain(before, [forged]))
    found = checked(tampered, [], head_of(linked))
    assert [each.position for each in found.faults] == [min(place + 2, count)]


@given(st.integers(1, 9), st.data())
def test_who_writes_the_whole_rest_anew_meets_the_signatures(count: int, data: st.DataObject) -> None:
    linked = made(count)
    place = data.draw(st.integers(0, count - 1))
    rest = [CHANGES["details"](linked[place].written), *(each.written for each in linked[place + 1 :])]
    tampered = [*linked[:place], *chain(Link(place, linked[place].previous), rest)]
    assert not checked(tampered, [], head_of(linked)).whole
    assert not checked(tampered, days_of(linked, count), head_of(tampered)).whole


@given(st.integers(2, 9), st.data())
def test_removed_entries_are_named(count: int, data: st.DataObject) -> None:
    linked = made(count)
    first = data.draw(st.integers(1, count - 1))
    last = data.draw(st.integers(first, count - 1))
    found = checked([*linked[:first], *linked[last + 1 :]], [], head_of(linked))
    assert found.faults[0].position == first + 1


@given(st.integers(2, 9), st.data())
def test_a_beginning_that_no_retention_removed_is_missed(count: int, data: st.DataObject) -> None:
    linked = made(count)
    first = data.draw(st.integers(1, count - 1))
    found = checked(linked[first:], days_of(linked, first), head_of(linked))
    assert [each.reason for each in found.faults] == [
        f"entries 1 to {first} are missing, and no retention says that it removed them"
    ]


@given(st.integers(1, 9), st.integers(0, 5), st.booleans())
def test_what_retention_removed_is_not_missed(removed: int, rest: int, lies: bool) -> None:
    old = made(removed)
    head = old[-1].link.hash.hex() if not lies else "0" * 64
    told = Entry(REMOVED, "audit", (), None, {"last": removed, "head": head})
    new = [Written(500, T0, SYSTEM, told), *(written(number) for number in range(removed, removed + rest))]
    kept = list(chain(old[-1].link, new))
    assert checked(kept, days_of(old, removed), head_of(kept)).whole is not lies


@given(st.integers(2, 9), st.data())
def test_two_entries_that_changed_places_are_both_named(count: int, data: st.DataObject) -> None:
    linked = made(count)
    one, two = sorted(data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
    # they keep their hashes, or take those of the places
    for keeps in (True, False):
        tampered = [*linked]
        for to, by in ((one, two), (two, one)):
            if keeps:
                tampered[to] = replace(linked[by], link=Link(to + 1, linked[by].link.hash))
            else:
                tampered[to] = replace(linked[to], written=linked[by].written)
        found = checked(tampered, [], head_of(linked))
        assert {one + 1, two + 1} <= {each.position for each in found.faults}


@given(st.integers(2, 9), st.data())
def test_an_end_that_was_cut_off_is_named(count: int, data: st.DataObject) -> None:
    linked = made(count)
    kept = data.draw(st.integers(0, count - 1))
    found = checked(linked[:kept], [], head_of(linked))
    assert [each.position for each in found.faults] == [kept + 1]
    assert checked(linked[:kept], [], None).whole is (kept == 0)


def test_a_day_that_was_changed_or_removed_is_named() -> None:
    linked = made(6)
    days: list[tuple[Day, bytes]] = []
    before = START
    for number, end in enumerate((2, 4, 6)):
        day = day_of(date(2026, 6, 1 + number), before, linked[end - 1].link, T0)
        days.append((day, sign_day(day, KEY)))
        before = linked[end - 1].link
    assert checked(linked, days, head_of(linked)).whole
    assert "2026-06-03 does not follow" in str(checked(linked, [days[0], days[2]], head_of(linked)).faults[0])
    (day, signature), *rest = days
    other = Day(day.day, 1, 2, day.previous, day.head, 3, day.signed_at)
    assert "signature of 2026-06-01" in str(checked(linked, [(other, signature), *rest], head_of(linked)).faults[0])


def test_a_signature_of_evidence_is_none_of_the_audit() -> None:
    from callfloor.rules.evidence import evidence

    linked = made(2)
    ((day, _),) = days_of(linked, 2)
    assert not checked(linked, [(day, evidence.sign_day(day, KEY))], head_of(linked)).whole


def test_of_a_change_only_what_differs_is_kept() -> None:
    assert difference({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 4, "d": 5}) == {
        "before": {"b": 2, "c": 3},
        "after": {"b": 4, "d": 5},
    }
    assert difference(None, {"a": 1}) == {"before": None, "after": {"a": 1}}
