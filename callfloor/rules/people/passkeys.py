"""Passkeys (WebAuthn level 2): for which address they are made, and challenges that one session answers once."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import msgspec

# How long somebody may look for a key, or for glasses.
ANSWERED_WITHIN = timedelta(minutes=5)
RANDOM_BYTES = 16
# EdDSA, ES256, RS256 (RFC 9053), the best first.
ALGORITHMS = (-8, -7, -257)
MOST = 20
_TIME_BYTES = 8
Purpose = Literal["register", "sign-in"]


class PasskeyError(ValueError):
    """The answer proves nothing. The message says which rule it broke, and nothing that was in it."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom a passkey is made: `id`, a host name, and the one `origin` whose pages may ask for it."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Bound:
    """What a challenge is for; it is answered for nothing else."""

    purpose: Purpose
    organisation: int
    user_id: int
    session_id: int


@dataclass(frozen=True, slots=True)
class Made:
    """A new passkey, as it is kept."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    # may be copied to other devices of its owner
    synced: bool


class _ClientData(msgspec.Struct, rename="camel"):
    challenge: str
    cross_origin: bool = False


def relying_party(public_url: str | None) -> RelyingParty | None:
    """Of the address where people reach the server; None: browsers make no passkeys for it, as it is no name, or is
    not private."""
    parts = urlsplit((public_url or "").lower())
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    own_machine = host == "localhost" or host.endswith(".localhost")
    if not host or _is_address(host) or not (parts.scheme == "https" or (parts.scheme == "http" and own_machine)):
        return None
    usual = {"https": 443, "http": 80}[parts.scheme]
    return RelyingParty(host, f"{parts.scheme}://{host}" + ("" if port in (None, usual) else f":{port}"))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def user_handle(key: bytes, organisation: int, user_id: int) -> bytes:
    """By which an authenticator knows whose a passkey is. It says nothing of a person. `key`: the organisation's."""
    return hmac.digest(key, f"callfloor passkey handle v1\n{organisation} {user_id}".encode(), sha256)[:16]


def make_challenge(key: bytes, bound: Bound, until: datetime, random: bytes) -> bytes:
    """`random`: `RANDOM_BYTES`, new each time. Nothing has to be kept for it: it says itself what it is for."""
    begins = random + int(until.timestamp()).to_bytes(_TIME_BYTES, "big")
    return begins + _seal(key, bound, begins)


def challenge_end(key: bytes, bound: Bound, challenge: bytes, now: datetime) -> datetime:
    """Until when a challenge of ours may be answered. Raises `PasskeyError` for one that is not, or not for this."""
    begins, seal = challenge[: RANDOM_BYTES + _TIME_BYTES], challenge[RANDOM_BYTES + _TIME_BYTES :]
    if not hmac.compare_digest(seal, _seal(key, bound, begins)):
        raise PasskeyError("the challenge is not one of this session")
    until = datetime.fromtimestamp(int.from_bytes(begins[RANDOM_BYTES:], "big"), UTC)
    if until <= now:
        raise PasskeyError("the challenge is too old")
    return until


def _seal(key: bytes, bound: Bound, begins: bytes) -> bytes:
    said = f"{bound.purpose} {bound.organisation} {bound.user_id} {bound.session_id}\n".encode()
    return hmac.digest(key, b"callfloor passkey challenge v1\n" + said + begins, sha256)


def challenge_of(client_data_json: str) -> bytes:
    """The challenge that an answer says it is for. Raises `PasskeyError`."""
    try:
        data = msgspec.json.decode(unpacked(client_data_json), type=_ClientData)
        challenge = unpacked(data.challenge)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise PasskeyError("the client data cannot be read") from error
    if data.cross_origin:
        raise PasskeyError("it was made in a page inside a page of another site")
    return challenge


def went_back(known: int, shown: int) -> bool:
    """Whether a counter says that there are two of an authenticator (WebAuthn §6.1.1). Some never count."""
    return (known > 0 or shown > 0) and shown <= known


def packed(data: bytes) -> str:
    """base64url without padding, as WebAuthn writes bytes."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def unpacked(text: str) -> bytes:
    """Raises `PasskeyError`."""
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError as error:
        raise PasskeyError("is not base64url") from error
