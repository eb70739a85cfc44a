"""Second factors: who needs one, how far somebody has signed in, and codes of authenticator apps."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from datetime import datetime, timedelta

from pyotp.exceptions import OTPVerificationError
from pyotp.totp import TOTP

from callfloor.contract.auth import Stage

# In place of a role: of everybody one is demanded.
EVERYONE = "everyone"
# Between a right password and the second factor.
WAITS_AT_MOST = timedelta(minutes=10)
# RFC 4226 §4 R6 wants 128 bits and recommends 160.
SECRET_BYTES = 20
# Clocks may differ by a step of 30 s either way (RFC 6238 §5.2).
DRIFT = 1
RECOVERY_CODES = 10
# 80 random bits need no slow hash.
RECOVERY_BYTES = 10
_BETWEEN = re.compile(r"[\s-]+")
_CODE = re.compile(r"[0-9]{6}")


def demanded(second_factor: Collection[str], roles: Collection[str]) -> bool:
    """Whether the organisation wants one of a holder of these roles. `second_factor`: roles, or `EVERYONE`."""
    return EVERYONE in second_factor or not set(second_factor).isdisjoint(roles)


def stage_of(*, waits: bool, shown: bool, has_one: bool, demanded: bool) -> Stage:
    """How far somebody is signed in. `waits`: a factor is to be shown; `shown`: one was, by us or by a service that
    vouches."""
    if waits:
        return "second-factor"
    return "enrol" if demanded and not has_one and not shown else "signed-in"


def secret_text(secret: bytes) -> str:
    """A secret as apps take it."""
    return base64.b32encode(secret).decode()


def otpauth_uri(secret: bytes, organisation: str, username: str) -> str:
    """What a QR code for an app holds."""
    return TOTP(secret_text(secret)).provisioning_uri(name=username, issuer_name=organisation)


def step_of(secret: bytes, code: str, now: datetime) -> int | None:
    """The step of time whose code it is, within `DRIFT`; None: of none."""
    given = plain_code(code)
    if not _CODE.fullmatch(given):
        return None
    try:
        app = TOTP(secret_text(secret))
        return app.verify_and_get_timecode(given, for_time=now.timestamp(), valid_window=DRIFT)
    except OTPVerificationError:
        return None


def recovery_code(random: bytes) -> str:
    """`RECOVERY_BYTES` as a code that can be copied by hand: four groups of four."""
    text = base64.b32encode(random).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def recovery_hash(organisation: int, user_id: int, code: str) -> bytes:
    """What is kept of a recovery code."""
    return hashlib.sha256(f"callfloor recovery code v1\n{organisation} {user_id} {plain_code(code)}".encode()).digest()


def plain_code(given: str) -> str:
    """A code without what people type between its characters, in small letters."""
    return _BETWEEN.sub("", given).lower()
