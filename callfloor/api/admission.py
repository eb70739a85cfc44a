"""Who may come in: one way for requests and WebSockets, with a token or with the cookie of a session.

A token's form is checked before anything is kept or asked, and an address whose sign-ins keep failing is heard less
often, so that guessing costs the guesser and not the database. Tokens that were good a moment ago pass all the same:
whoever shares an address with a guesser goes on working.

A browser sends the cookie whoever made the page that asks. So what comes with it has to come from a page of ours: it is
looked at by where it says that it comes from and, where it would change something, by a header that no other page can
send.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import Scope

from callfloor.api.rate import RateLimits, Verdict
from callfloor.api.token_cache import TokenCache
from callfloor.errors import ForgedRequest, RateLimited, SecondFactorNeeded, Unauthenticated
from callfloor.store.people import sessions, tokens
from callfloor.store.people.callers import Caller, Key

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="callfloor"'}
# More than a token and its scheme have; what is longer is no token.
LONGEST_HEADER = 256
_UNKNOWN = "The token is unknown, expired or revoked."
_NOT_YET = {
    "second-factor": "Sign-in is not complete: give the second factor.",
    "enrol": "Your organisation demands a second factor: set one up first.",
}
_OVER = "The session is over; sign in again."
# A browser takes names that begin so under TLS only, and from nobody but this server.
SECURE_PREFIX = "__Host-"
COOKIE = "callfloor_session"
OWN_HEADER = b"x-callfloor-csrf"
_OWN_SITES = (None, b"same-origin", b"none")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was shown: `key` None: nothing, or what has not the form of a token or session."""

    given: bool
    key: Key | None
    by_cookie: bool = False


NOBODY = Credentials(False, None)


class Admission:
    """`origins`: of pages that are ours too, as browsers write them. `secure`: people reach us over TLS alone."""

    def __init__(
        self, known: TokenCache, limits: RateLimits, origins: Iterable[str] = (), *, secure: bool = False
    ) -> None:
        self._known, self.limits, self._secure = known, limits, secure
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)

    @property
    def version(self) -> int:
        """Changes when any token, session or account may have: whoever came in before is looked at again."""
        return self._known.version

    def shown(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Credentials:
        """What a request or a WebSocket shows: the Authorization header, else the session's cookie."""
        authorization = headers.get(b"authorization")
        if authorization is not None:
            return bearer(authorization)
        secret = cookie(headers, COOKIE, secure=self._secure or scope["scheme"] in ("https", "wss"))
        return NOBODY if secret is None else Credentials(True, sessions.key_of(secret), by_cookie=True)

    async def caller(self, shown: Credentials, address: str, *, on_its_way: bool = False) -> Caller:
        """Whom a token or session speaks for. `on_its_way`: it need not be signed in wholly. Raises `Unauthenticated`,
        `RateLimited`, `SecondFactorNeeded`."""
        key = shown.key
        if key is None or not self._known.seen(key):
            self.hear(address)
        caller = None if key is None else await self._known.find(key)
        if caller is None:
            self.limits.failed(address)
            told = _OVER if shown.by_cookie else _UNKNOWN
            told = told if shown.given else "Send the header `Authorization: Bearer TOKEN`, or sign in."
            raise Unauthenticated(told, headers=_CHALLENGE)
        if caller.stage != "signed-in" and not on_its_way:
            raise SecondFactorNeeded(_NOT_YET[caller.stage])
        return caller

    def hear(self, address: str) -> None:
        """Raise `RateLimited` for an address whose sign-ins keep failing."""
        wait_s = self.limits.barred(address)
        if wait_s:
            raise RateLimited(
                f"Too many sign-ins from this address have failed; wait {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )

    def count(self, caller: Caller) -> Verdict:
        """Count one request of the caller's token."""
        return self.limits.take(caller.token_id, caller.requests_per_second)

    def expect_own(self, headers: Mapping[bytes, bytes], *, changes: bool) -> None:
        """Raise `ForgedRequest` unless the request may be of a page of ours. `changes`: and shows it by the header."""
        if not self._is_own(headers):
            raise ForgedRequest("The request comes from a page of another site, and was not done.")
        if changes and OWN_HEADER not in headers:
            raise ForgedRequest("A request that comes with the session's cookie needs the header X-Callfloor-CSRF.")

    def _is_own(self, headers: Mapping[bytes, bytes]) -> bool:
        origin = headers.get(b"origin")
        if origin in self._origins:
            return True
        if headers.get(b"sec-fetch-site") not in _OWN_SITES:
            return False
        return origin is None or _authority(origin) == headers.get(b"host", b"").decode("latin-1").lower()


def _authority(origin: bytes) -> str | None:
    """Host and port of an origin; None for one that has none (`null`)."""
    try:
        return urlsplit(origin.decode("latin-1").lower()).netloc or None
    except ValueError:
        return None


def bearer(authorization: bytes) -> Credentials:
    """What an Authorization header shows."""
    return Credentials(True, tokens.key_of(bare_token(authorization)))


def cookie(headers: Mapping[bytes, bytes], wanted: str, *, secure: bool) -> str | None:
    """The value of a cookie of ours. `secure`: it was set over TLS, under the name that only this server can set there;
    another name may be a neighbour's, who would have people sign in as somebody else without their knowing."""
    found: dict[str, str] = {}
    for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        found.setdefault(name, value)
    return found.get(SECURE_PREFIX + wanted if secure else wanted)


def bare_token(authorization: bytes) -> str:
    """The token of an Authorization header."""
    text = authorization[:LONGEST_HEADER].decode("latin-1").strip()
    return text[7:].strip() if text[:7].lower() == "bearer " else text
