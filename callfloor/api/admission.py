"""Who may come in: one way for requests and WebSockets.

A token's form is checked before anything is kept or asked, and an address whose sign-ins keep failing is heard less
often, so that guessing costs the guesser and not the database. Tokens that were good a moment ago pass all the same:
whoever shares an address with a guesser goes on working.
"""

from __future__ import annotations

from callfloor.api.rate import RateLimits, Verdict
from callfloor.api.token_cache import TokenCache
from callfloor.errors import RateLimited, Unauthenticated
from callfloor.store.people.tokens import Caller, key_of

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="callfloor"'}
# More than a token and its scheme have; what is longer is no token.
LONGEST_HEADER = 256
_UNKNOWN = "The token is unknown, expired or revoked."


class Admission:
    def __init__(self, tokens: TokenCache, limits: RateLimits) -> None:
        self._tokens, self.limits = tokens, limits

    @property
    def version(self) -> int:
        """Changes when any token or account may have: whoever came in before is looked at again."""
        return self._tokens.version

    async def caller(self, authorization: bytes | None, address: str) -> Caller:
        """Whom an Authorization header's token speaks for. Raises `Unauthenticated`, `RateLimited`."""
        key = None if authorization is None else key_of(bare_token(authorization))
        if key is None or not self._tokens.seen(key):
            wait_s = self.limits.barred(address)
            if wait_s:
                raise RateLimited(
                    f"Too many sign-ins from this address have failed; wait {wait_s} s.",
                    headers={"Retry-After": str(wait_s)},
                )
        caller = None if key is None else await self._tokens.find(key)
        if caller is None:
            self.limits.failed(address)
            told = "Send the header `Authorization: Bearer TOKEN`." if authorization is None else _UNKNOWN
            raise Unauthenticated(told, headers=_CHALLENGE)
        return caller

    def count(self, caller: Caller) -> Verdict:
        """Count one request of the caller's token."""
        return self.limits.take(caller.token_id, caller.requests_per_second)


def bare_token(authorization: bytes) -> str:
    """The token of an Authorization header."""
    text = authorization[:LONGEST_HEADER].decode("latin-1").strip()
    return text[7:].strip() if text[:7].lower() == "bearer " else text
