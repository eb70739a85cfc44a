"""Passkeys: whose address they are for, what challenges are bound to, and answers that are garbage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.passkeys import MadePasskey, ShownPasskey
from callfloor.rules.people import passkey_answers, passkeys
from callfloor.rules.people.passkeys import Bound, PasskeyError, RelyingParty, packed, unpacked
from tests.auth.authenticator import ORIGIN, RP_ID, Authenticator

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KEY = bytes(range(32))
BOUND = Bound("sign-in", 1, 1002, 1042)
PARTY = RelyingParty(RP_ID, ORIGIN)
CHALLENGE = passkeys.make_challenge(KEY, BOUND, NOW + timedelta(minutes=5), bytes(16))


@pytest.mark.parametrize(
    ("url", "party"),
    [
        ("https://calls.example.com", ("calls.example.com", "https://calls.example.com")),
        ("https://Calls.Example.com:443", ("calls.example.com", "https://calls.example.com")),
        ("https://calls.example.com:8443", ("calls.example.com", "https://calls.example.com:8443")),
        ("http://localhost:8080", ("localhost", "http://localhost:8080")),
        ("http://calls.example.com", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::7]", None),
        ("http://127.0.0.1:8080", None),
        ("https://calls.example.com:port", None),
        (None, None),
    ],
)
def test_passkeys_are_for_a_name_under_tls(url: str | None, party: tuple[str, str] | None) -> None:
    found = passkeys.relying_party(url)
    assert (None if found is None else (found.id, found.origin)) == party


def test_a_challenge_is_good_for_what_it_was_made_for() -> None:
    assert passkeys.challenge_end(KEY, BOUND, CHALLENGE, NOW) == NOW + timedelta(minutes=5)
    for other in (
        replace(BOUND, purpose="register"), replace(BOUND, organisation=2), replace(BOUND, user_id=1),
        replace(BOUND, session_id=7),
    ):  # fmt: skip
        with pytest.raises(PasskeyError):
            passkeys.challenge_end(KEY, other, CHALLENGE, NOW)
    with pytest.raises(PasskeyError):
        passkeys.challenge_end(bytes(32), BOUND, CHALLENGE, NOW)
    with pytest.raises(PasskeyError, match="too old"):
        passkeys.challenge_end(KEY, BOUND, CHALLENGE, NOW + timedelta(minutes=5))


@given(st.integers(0, len(CHALLENGE) - 1), st.integers(1, 255))
def test_no_byte_of_a_challenge_can_be_changed(at: int, by: int) -> None:
    changed = bytearray(CHALLENGE)
    changed[at] ^= by
    with pytest.raises(PasskeyError):
        passkeys.challenge_end(KEY, BOUND, bytes(changed), NOW)
    with pytest.raises(PasskeyError):
        passkeys.challenge_end(KEY, BOUND, CHALLENGE[:at], NOW)


@pytest.mark.parametrize(
    ("known", "shown", "back"), [(0, 0, False), (0, 1, False), (1, 2, False), (1, 1, True), (2, 1, True), (1, 0, True)]
)
def test_a_counter_that_does_not_grow_went_back(known: int, shown: int, back: bool) -> None:
    assert passkeys.went_back(known, shown) is back


def _device() -> Authenticator:
    return Authenticator(credential_id=bytes(16), key=ec.derive_private_key(7, ec.SECP256R1()))


def _made(given: dict[str, Any]) -> MadePasskey:
    return msgspec.convert(given, MadePasskey)


@given(st.data())
def test_answers_with_changed_bytes_are_refused_and_never_a_fault(data: st.DataObject) -> None:
    device = _device()
    options = {"challenge": packed(CHALLENGE), "user": {"id": packed(b"somebody")}}
    made = device.make(options)
    good = passkey_answers.verify_made(_made(made), PARTY, CHALLENGE)
    shown = device.show(options)
    part = data.draw(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]))
    raw = bytearray(unpacked(shown["response"][part]))
    # a signature's length differs from run to run
    raw[data.draw(st.integers(0, 10_000)) % len(raw)] ^= data.draw(st.integers(1, 255))
    shown["response"][part] = packed(bytes(raw))
    with pytest.raises(PasskeyError):
        passkey_answers.verify_shown(
            msgspec.convert(shown, ShownPasskey), PARTY, CHALLENGE, good.public_key, b"somebody"
        )


@given(st.data())
def test_attestations_that_are_garbage_are_refused_and_never_a_fault(data: st.DataObject) -> None:
    """A changed byte may hit what says nothing, such as the device's kind; nothing but the two outcomes is allowed."""
    made = _device().make({"challenge": packed(CHALLENGE), "user": {"id": packed(b"somebody")}})
    raw = bytearray(unpacked(made["response"]["attestationObject"]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    garbage = data.draw(st.one_of(st.just(bytes(raw)), st.binary(max_size=300), st.just(b"\x81" * 2000)))
    made["response"]["attestationObject"] = packed(garbage) or "AA"
    try:
        passkey_answers.verify_made(_made(made), PARTY, CHALLENGE)
    except PasskeyError:
        return
    assert garbage == bytes(raw)
