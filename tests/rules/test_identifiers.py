"""However a number or an address is written in a text, it is found there, and erased without a trace."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callfloor.rules.privacy.identifiers import MANY, MOST, EmailError, identifiers, normalise_email
from callfloor.rules.privacy.plain_text import plain, plain_with_places
from callfloor.rules.privacy.sought import Sought
from tests.rules.spellings import addresses, naively_read, numbers

NUMBER, ADDRESS = "+61491570006", "jane@example.com"
JANE = Sought(NUMBER, ADDRESS, "AU")
words = st.text(st.sampled_from("abc ,;!?\n"), max_size=20)
anything = st.text(max_size=60) | st.text(st.sampled_from("0123456789+()/- .:abxe@%&#;\\u<>=?"), max_size=60)


def found(sought: Sought, text: str) -> bool:
    """Mentioned, and listed under a key by which it is looked up."""
    mentioned = sought.mentioned(text)
    assert not mentioned or not set(sought.lookups).isdisjoint(identifiers((text,)))
    return mentioned


@given(words, numbers(NUMBER), words)
def test_a_number_is_found_and_redacted_however_it_is_written(before: str, form: str, after: str) -> None:
    text = f"{before} {form} {after}"
    assert found(JANE, text)
    clean = JANE.redacted(text)
    assert not JANE.mentioned(clean)
    assert NUMBER[3:] not in naively_read(clean)[0]


@given(words, addresses(ADDRESS), words)
def test_an_address_is_found_and_redacted_however_it_is_written(before: str, form: str, after: str) -> None:
    text = f"{before} {form} {after}"
    assert found(JANE, text)
    clean = JANE.redacted(text)
    assert not JANE.mentioned(clean)
    assert ADDRESS not in naively_read(clean)[1]


FORMS = [
    "+61491570006", "0491570006", "0491 570 006", "+61 491 570 006", "0491-570-006", "(04) 9157 0006", "61491570006",
    "0491.570.006", "0061491570006", "0011 61 491 570 006", "+61 (0)491 570 006", "491570006.0", "tel:+61491570006",
    "Jane@Example.com", "jane@example.com", "mailto:jane@example.com", "<jane@example.com>", "jane%40example.com",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_value_that_is_nothing_else_is_whole(form: str) -> None:
    assert JANE.is_whole(form)
    assert JANE.is_whole(f"  {form} ")
    assert not JANE.is_whole(f"call {form}")
    assert not JANE.is_whole(f"{form} 0491570156")


def test_a_number_as_an_integer_or_a_float_is_found() -> None:
    for value in (61491570006, 491570006, 491570006.0):
        assert JANE.is_whole(value)
        assert not set(JANE.lookups).isdisjoint(identifiers((value,)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x (or +61 491 570 006) y", "x (or [erased]) y"),
        ("(04) 9157 0006", "[erased]"),
        ("0491570006 0491570156", "[erased] 0491570156"),
        ("0491570156 / 0491570006", "0491570156 / [erased]"),
        ("0491 570 006 - 2pm", "[erased] - 2pm"),
        ("12/05/2024 0491 570 006", "12/05/2024 [erased]"),
        ("2024-05-01 0491570006", "2024-05-01 [erased]"),
        ("2024-05-01T10:00 491570006", "2024-05-01T10:00 [erased]"),
        ("ID12345 0491570006", "ID12345 [erased]"),
        # glued to other digits too
        ("ID70491570006", "ID7[erased]"),
        ("04915700061", "[erased]1"),
        ("+1 0491570006", "+1 [erased]"),
        ("0491570156 0491570157 0491570158 0491570006", "0491570156 0491570157 0491570158 [erased]"),
        ("電話０４９１５７０００６です", "電話[erased]です"),
        ("https://x.example/?email=jane@example.com&a=1", "https://x.example/?email=[erased]&a=1"),
        ("mailto:jane@example.com?subject=hi", "mailto:[erased]?subject=hi"),
        ("a|jane@example.com|b", "a|[erased]|b"),
        ("_jane@example.com_", "_[erased]_"),
        ("次はjane@example.comまで", "次は[erased]まで"),
    ],
)
def test_what_stands_around_an_identifier_stays(text: str, left: str) -> None:
    assert found(JANE, text)
    assert JANE.redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "+1 491 570 0061", "+44 491570006", "0011 44 491 570 006", "0491570007", "0491 570 00", "49157000 a 6",
        "x.jane@example.com", "xjane@example.com", "jane@example.com.au", "jane@example.community", "jane@example.co",
        "jane+x@example.com", "jané@example.com", "jane@sub.example.com",
    ],
)  # fmt: skip
def test_somebody_elses_number_or_address_is_left_alone(text: str) -> None:
    assert not JANE.mentioned(text)
    assert JANE.redacted(text) == text


@pytest.mark.parametrize(
    ("number", "country", "hers", "others"),
    [
        # what reads as a number of the organisation's country is that one
        ("+12079460123", "GB", ["+1 207 946 0123", "0012079460123", "12079460123"], ["020 7946 0123", "2079460123"]),
        ("+12125550100", "AU", ["0012125550100", "2125550100", "(212) 555-0100", "1-212-555-0100"], ["2125550101"]),
        ("+447700900123", "AU", ["447700900123", "07700 900123", "0044 7700 900 123"], ["+1 770 090 0123"]),
        # a short number stands by itself
        ("+6561234567", "SG", ["6123 4567", "+65 61234567", "0065 6123-4567"], ["561234567", "612345678"]),
        ("+4520240501", "DK", ["20 24 05 01", "+45 20240501"], ["2024-05-01", "on 2024-05-01T10:00:00Z"]),
    ],
)
def test_a_national_form_is_read_in_the_organisations_country(
    number: str, country: str, hers: list[str], others: list[str]
) -> None:
    sought = Sought(number, None, country)
    for text in hers:
        assert found(sought, text), text
        assert sought.is_whole(text), text
    for text in others:
        assert not sought.mentioned(text), text


@pytest.mark.parametrize(
    "written",
    ["jane@xn--bcher-kva.example", "JANE@BÜCHER.example", "jane@bu\u0308cher.example", "jane@b%C3%BCcher.example",
     "jane@b&uuml;cher.example", "jane@BU\u0308CHER。example", "jane@b\u00adücher.example"],
)  # fmt: skip
@pytest.mark.parametrize("asked", ["jane@bücher.example", "jane@xn--bcher-kva.example"])
def test_a_domain_has_one_name_in_unicode_and_punycode(asked: str, written: str) -> None:
    sought = Sought(None, normalise_email(asked), "AU")
    assert found(sought, written)
    assert sought.is_whole(written)


@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | anything, max_size=8))
@example(["1" * 65_536, "1 " * 30_000, "@" * 60_000, "a@" * 30_000, "(" * 60_000])
@example(["%25" * 20_000, "&amp;" * 10_000, "<b" * 30_000, "0 " * 30_000, "+" * 60_000, "=?a?b?" * 9_000, "é" * 60_000])
def test_any_scalars_have_sorted_identifiers(values: list[object]) -> None:
    keys = identifiers(values)
    assert keys == sorted(set(keys))
    assert identifiers(reversed(values)) == keys
    assert not any(JANE.mentioned(value) for value in values) or keys


@given(anything)
def test_what_is_read_is_the_same_with_places_and_every_place_is_in_the_text(text: str) -> None:
    read = plain_with_places(text)
    assert read.text == plain(text)
    assert len(read.text) == len(read.starts) == len(read.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(read.starts, read.ends, strict=True))
    assert read.starts == sorted(read.starts)


@given(anything, st.lists(numbers(NUMBER) | addresses(ADDRESS), max_size=3), anything)
def test_nothing_is_found_any_more_in_what_was_redacted(before: str, forms: list[str], after: str) -> None:
    assert not JANE.mentioned(JANE.redacted(f"{before}{after.join(forms)}{after}"))


@given(st.text("@ab1. 日", max_size=12), st.integers(2, 40), st.text("@ab1. 日", max_size=12))
def test_a_row_of_at_signs_has_the_keys_of_three(before: str, more: int, after: str) -> None:
    assert identifiers((f"{before}@@@{'@' * more}{after}",)) == identifiers((f"{before}@@@{after}",))


def test_more_than_can_be_listed_says_so_and_is_still_mentioned() -> None:
    text = " ".join(f"p{n}@example{n}.com" for n in range(MOST)) + " jane@example.com"
    assert identifiers((text,)) == [MANY]
    assert JANE.mentioned(text)


@settings(deadline=None)
@given(st.text(max_size=60))
@example("a" * 300 + "@example.com")
@example("x@localhost")
@example("ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ")
def test_an_address_is_normal_or_refused(text: str) -> None:
    try:
        address = normalise_email(text)
    except EmailError:
        return
    assert normalise_email(address) == address
    assert address == address.lower()
    assert found(Sought(None, address, "AU"), address)


@pytest.mark.parametrize("between", ["\u3164", "\u115f", "\u1160", "\uffa0", "\u2800", "\u180e"])
def test_letters_that_nobody_sees_hide_no_number(between: str) -> None:
    assert "1570156" in identifiers((between.join("0491570156"),))
