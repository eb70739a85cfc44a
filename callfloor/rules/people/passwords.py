"""What a password must be: long, and not one that is guessed early. There are no rules of composition (NIST SP
800-63B-4 §3.1.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from zxcvbn import zxcvbn

SHORTEST, LONGEST = 12, 128
# zxcvbn's scale: 3 withstands 10^8 guesses and more.
LEAST_SCORE = 3
# It looks at so much; what is longer is not weaker for its rest.
LOOKED_AT = 72
# So much is left when names of the user and the organisation are taken out; shorter ones are not looked for.
LEAST_REST, SHORTEST_WORD = 8, 3


# A link by which a password is set is good for so long.
LINK_LIVES = timedelta(hours=72)


class PasswordError(ValueError):
    """A password is not taken. `code`: too-short, too-long, too-common."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_password(password: str, known: Sequence[str] = ()) -> None:
    """Raise `PasswordError` for a password that is not taken. `known`: words that whoever guesses tries first, such as
    the user's names. Takes some milliseconds of CPU: not for an event loop."""
    if len(password) < SHORTEST:
        raise PasswordError("too-short", f"must have at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise PasswordError("too-long", f"must have at most {LONGEST} characters")
    words = [word for each in known for word in (each, *each.replace("@", " ").replace(".", " ").split()) if word]
    rest = password.lower()
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word.lower(), "") if len(word) >= SHORTEST_WORD else rest
    if len(rest) < LEAST_REST or zxcvbn(password[:LOOKED_AT], user_inputs=words)["score"] < LEAST_SCORE:
        message = "is among those that are guessed first; some words that have nothing to do with each other are better"
        raise PasswordError("too-common", message)


def link_address(console: str, token: str) -> str:
    """Where the console, at that address, lets the holder of a link's token set a password."""
    return f"{console}/#/set-password/{token}"
