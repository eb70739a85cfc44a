"""What phones in browsers sign in with. Nothing is stored: it follows from a secret and who it is for."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

# So long a password for a TURN server holds.
TURN_S = 24 * 3600


def password(secret: str, user: str) -> str:
    """Of a phone's account: HMAC-SHA256 over its name, as much of it as nobody guesses (120 bits)."""
    digest = hmac.digest(secret.encode(), b"phone\0" + user.encode(), hashlib.sha256)
    return base64.b32encode(digest[:15]).decode().lower()


def turn(secret: str, user: str, now: datetime) -> tuple[str, str]:
    """User name and password for a TURN server that shares the secret: coturn's `use-auth-secret`
    (draft-uberti-behave-turn-rest-00), good for `TURN_S`."""
    name = f"{int(now.timestamp()) + TURN_S}:{user}"
    # the draft fixes SHA-1
    return name, base64.b64encode(hmac.digest(secret.encode(), name.encode(), hashlib.sha1)).decode()
