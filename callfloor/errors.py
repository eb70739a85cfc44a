"""Problems that an operation can answer with (RFC 9457). Knows no HTTP library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request. `pointer` (RFC 6901) names a body field, `parameter` the rest. `line`: of
    a body that is a text with lines."""

    code: str
    message: str
    pointer: str | None = None
    parameter: str | None = None
    line: int | None = None


class Problem(Exception):
    """Something is wrong with the request or the state it meets."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"
    # a stable word for which of several reasons it was
    code: str | None = None
    # when the same would be taken
    next_timestamp: str | None = None

    def __init__(
        self, detail: str, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class InternalError(Problem):
    """The server met a fault of its own. Nothing was written. Report the requestId to the operator."""


class MalformedRequest(Problem):
    """The request cannot be read: broken JSON, broken compression, broken text encoding."""

    status, slug, title = 400, "malformed-request", "Malformed request"


class InvalidCursor(Problem):
    """The cursor was altered, or belongs to other filters. Start again without a cursor."""

    status, slug, title = 400, "invalid-cursor", "Invalid cursor"


class Unauthenticated(Problem):
    """The request carries no token and no session, or one that is unknown, over or revoked."""

    status, slug, title = 401, "unauthenticated", "Authentication needed"


class ScopeMissing(Problem):
    """The token is valid but lacks the scope that this operation needs."""

    status, slug, title = 403, "scope-missing", "Scope missing"


class ForgedRequest(Problem):
    """The request came with a session's cookie, and not from a page of this server: it has another Origin, or lacks
    the header `X-Callfloor-CSRF`."""

    status, slug, title = 403, "forged-request", "Not from a page of this server"


class SignInFailed(Problem):
    """No active user of that name has that password."""

    status, slug, title = 401, "sign-in-failed", "Sign-in failed"


class SignInDelayed(Problem):
    """Sign-ins with this name, or from this address, have failed too often; Retry-After says how many seconds to
    wait."""

    status, slug, title = 429, "sign-in-delayed", "Wait before you sign in again"


class SingleSignOnRefused(Problem):
    """The provider's word did not sign in: `code` says why (`begin-again`, `provider-declined`, `token-unproven`,
    `no-name`, `no-role`, `unknown-person`, `other-identity`, `account-closed`), the detail what to do."""

    status, slug, title = 403, "single-sign-on-refused", "Not signed in by the provider"

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class PasswordsOff(Problem):
    """The password is right, and the organisation takes none: people sign in with its provider."""

    status, slug, title = 403, "passwords-off", "No passwords here"


class BeyondOwnScopes(Problem):
    """Nobody hands out, or takes over, what it may not do itself."""

    status, slug, title = 403, "beyond-own-scopes", "Beyond your own scopes"


class NotSignedIn(Problem):
    """Nobody is signed in: the token is a program's. Sign in, or make a token with `callfloor token create --user`."""

    status, slug, title = 403, "not-signed-in", "Nobody is signed in"


class SecondFactorNeeded(Problem):
    """The session is not signed in yet: `GET /auth/v1/session` says what it waits for, a second factor or that one is
    set up. Of a token: its owner has not the factor that the organisation demands."""

    status, slug, title = 403, "second-factor-needed", "Second factor needed"


class NotASupervisor(Problem):
    """Whoever is signed in is an agent, and agents do not see each other's sessions."""

    status, slug, title = 403, "not-a-supervisor", "Not a supervisor"


class NotYours(Problem):
    """It is shared with you, and somebody else's: only whoever it belongs to may change it."""

    status, slug, title = 403, "not-yours", "Somebody else's"


class NotFound(Problem):
    """There is no such object in this organisation."""

    status, slug, title = 404, "not-found", "Not found"


class MethodNotAllowed(Problem):
    """The path exists, but not with this method; the Allow header lists what it takes."""

    status, slug, title = 405, "method-not-allowed", "Method not allowed"


class NotAcceptable(Problem):
    """The Accept header allows none of the forms in which the answer exists."""

    status, slug, title = 406, "not-acceptable", "Not acceptable"


class Conflict(Problem):
    """The object is in a state that does not allow this."""

    status, slug, title = 409, "conflict", "Conflict"


class ListNameTaken(Conflict):
    """The campaign already has a list of this name."""

    slug, title = "list-name-taken", "List name taken"


class LeadInDialler(Conflict):
    """The lead is being dialled now. Try again when the call is over."""

    slug, title = "lead-being-dialled", "Lead is being dialled"


class LeadCompleted(Conflict):
    """A completed lead cannot be opened again."""

    slug, title = "lead-completed", "Lead is completed"


class CallbackRefused(Conflict):
    """Nobody would be called back so: `code` says why, and `nextTimestamp`, where there is one, when it would do."""

    slug, title = "callback-refused", "Callback would not be kept"

    def __init__(self, code: str, detail: str, next_timestamp: str | None, *, errors: Sequence[FieldError]) -> None:
        super().__init__(detail, errors=errors)
        self.code, self.next_timestamp = code, next_timestamp


class DoNotCallStays(Conflict):
    """The lead is Do Not Call, and no update lifts that unless it says so (`liftDoNotCall`) and may."""

    slug, title = "do-not-call-stays", "Do Not Call stays"


class WrongDirection(Conflict):
    """Outbound figures were asked of an inbound campaign, or the reverse."""

    slug, title = "wrong-direction", "Wrong direction"


class NotAnAgent(Conflict):
    """The user is not an agent with an active account, so it has no presence."""

    slug, title = "not-an-agent", "Not an active agent"


class WrongPassword(Conflict):
    """The password that was given as yours is not."""

    slug, title = "wrong-password", "Wrong password"


class WrongCode(Conflict):
    """The code is wrong, too old, or was used before. Each code is taken once: wait for the next one."""

    slug, title = "wrong-code", "Wrong code"


class SingleSignOnUnavailable(Conflict):
    """Something that the operator sets is missing: the server's public address, or the secret that the provider knows
    us by."""

    slug, title = "single-sign-on-unavailable", "Single sign-on is not set up"


class WrongPasskey(Conflict):
    """What the passkey answered proves nothing: it was asked of another page, for another session, too late, twice, or
    without looking who is there. Ask for a new challenge."""

    slug, title = "wrong-passkey", "Passkey not accepted"


class PasskeyCopied(Conflict):
    """The passkey counts its uses, and has counted further before: there may be a copy of it. Nobody was signed in.
    Sign in with another factor, and remove it."""

    slug, title = "passkey-copied", "Passkey may have been copied"


class PasskeysUnavailable(Conflict):
    """Browsers make passkeys for a name under TLS (or localhost) alone: the operator has to set CALLFLOOR_PUBLIC_URL to
    the https:// address of the server."""

    slug, title = "passkeys-unavailable", "No passkeys here"


class FactorInPlace(Conflict):
    """There is such a second factor already; remove it first."""

    slug, title = "factor-in-place", "Second factor is in place"


class NotAtThisStage(Conflict):
    """The session does not wait for this: `GET /auth/v1/session` says at which stage it is."""

    slug, title = "not-at-this-stage", "Not at this stage"


class SignInAgain(Conflict):
    """Whoever has no password shows who it is by signing in again: this needs a session of the last 10 minutes."""

    slug, title = "sign-in-again", "Sign in again"


class LinkSpent(Conflict):
    """The link was used already, is too old, or never was one. Ask your administrator for another."""

    slug, title = "link-spent", "Link is spent"


class AgentPhoneUnreachable(Conflict):
    """The agent's phone does not answer, so the agent cannot be signed in."""

    slug, title = "agent-phone-unreachable", "Agent phone unreachable"


class CommandRefused(Conflict):
    """What was asked cannot be done now, and changed nothing; `code` says why, `detail` what to do instead."""

    slug, title = "command-refused", "Command refused"

    def __init__(self, code: str, detail: str, next_timestamp: str | None = None) -> None:
        super().__init__(detail)
        self.code, self.next_timestamp = code, next_timestamp


class PhoneElsewhere(Conflict):
    """Another of the agent's devices has its phone; `detail` says since when. Take it over, or leave it."""

    slug, title = "phone-elsewhere", "Phone is at another device"


class DraftChanged(Conflict):
    """Another desk kept something else meanwhile, so nothing was overwritten: read the draft, send both together."""

    slug, title = "draft-changed", "Draft has changed"


class EmailNotHeld(Conflict):
    """The e-mail is not this agent's to answer: it waits still, another has it, or it is closed."""

    slug, title = "email-not-held", "E-mail is not yours"


class TaskNotFree(Conflict):
    """The task is somebody else's, it is done, or it was not taken."""

    slug, title = "task-not-free", "Task is not yours"


class EmailUnanswerable(Conflict):
    """The e-mail names no sender, or its mailbox sends nothing."""

    slug, title = "email-unanswerable", "E-mail cannot be answered"


class WorkNotMovable(Conflict):
    """The work is over, is being done at this moment, or the agent does not work where it belongs; `detail` says which.
    Nothing changed."""

    slug, title = "work-not-movable", "Work cannot be moved"


class NameTaken(Conflict):
    """There is one of this name (or username, or code) already; change that one."""

    slug, title = "name-taken", "Name taken"


class InUse(Conflict):
    """Something else names it, or calls, leads or e-mails are of it; `detail` says what, and what to do instead."""

    slug, title = "in-use", "Still in use"


class SpeechUnavailable(Conflict):
    """Nothing on this server speaks words. `detail` says what to install."""

    slug, title = "speech-unavailable", "Words cannot be spoken"


class SimulationsWait(Conflict):
    """As many simulations of the organisation wait or run as may. Wait for one, or delete it."""

    slug, title = "simulations-wait", "Enough simulations wait"


class PlanBroken(Conflict):
    """The centre has changed since the plan was made, or what was sent is not what was planned. Plan again."""

    slug, title = "plan-broken", "The plan does not hold any more"


class LegalHold(Conflict):
    """Something of it is under a legal hold, which the detail names. Lift the hold first, or keep it."""

    slug, title = "legal-hold", "Under a legal hold"


class CustomerInCall(Conflict):
    """The customer is in a call now. Erase when it is over."""

    slug, title = "customer-in-call", "Customer is in a call"


class IdempotencyRunning(Conflict):
    """The first request with this Idempotency-Key is still running."""

    slug, title = "idempotency-key-running", "Request still running"


class MediaDeleted(Problem):
    """The bytes were deleted; the metadata say when, by whom and why."""

    status, slug, title = 410, "media-deleted", "Media deleted"


class StaleVersion(Problem):
    """The object changed since the version named by If-Match. Read it again."""

    status, slug, title = 412, "stale-version", "Version is stale"


class UnusableVersion(Problem):
    """If-Match names no version that can be compared: it is weak (`W/`), or has no quotes. Send the ETag as it came."""

    status, slug, title = 412, "unusable-version", "Version cannot be compared"


class TooLarge(Problem):
    """The request is larger than this operation takes."""

    status, slug, title = 413, "too-large", "Request too large"


class QuotaExceeded(Problem):
    """The organisation has what the server's settings allow it; `detail` says what of, how much, and what to do.
    Nothing was written."""

    status, slug, title = 507, "quota-exceeded", "Quota exceeded"


class UriTooLong(Problem):
    """The address or its query is too long."""

    status, slug, title = 414, "uri-too-long", "Address too long"


class UnsupportedMediaType(Problem):
    """The body's Content-Type or Content-Encoding is not one that this operation takes."""

    status, slug, title = 415, "unsupported-media-type", "Unsupported media type"


class RangeNotSatisfiable(Problem):
    """The requested range lies outside the media."""

    status, slug, title = 416, "range-not-satisfiable", "Range not satisfiable"


class Invalid(Problem):
    """The request is readable, but its fields or parameters are not valid; `errors` names each."""

    status, slug, title = 422, "invalid-request", "Invalid request"


class IdempotencyReused(Problem):
    """The Idempotency-Key was used before with another request."""

    status, slug, title = 422, "idempotency-key-reused", "Idempotency-Key reused"


class RateLimited(Problem):
    """The token has used up its requests for now; Retry-After says for how many seconds."""

    status, slug, title = 429, "rate-limited", "Too many requests"


class ProviderUnavailable(Problem):
    """The provider that vouches for people does not answer, or with what cannot be used; the server's log says which.
    Retry-After says when it is asked again."""

    status, slug, title = 503, "provider-unavailable", "The provider cannot be asked"


class Unavailable(Problem):
    """The database or the media store cannot be reached now. Nothing was written. Try again after Retry-After."""

    status, slug, title = 503, "unavailable", "Temporarily unavailable"


class NoSpace(Unavailable):
    """A disk of the server is full; `detail` says which: of the database, the media folder, or the spool of bodies on
    their way. Nothing was written. The operator has to make room."""

    status, slug, title = 507, "no-space-left", "No space left"


class DatabaseBusy(Unavailable):
    """The database gave up on this for now: a lock, or a time limit. Nothing was written. Try again after
    Retry-After."""

    slug, title = "database-busy", "Database busy"


class WriteUnknown(Unavailable):
    """The database was lost before it answered, so it is not known whether this was written. Look before you send it
    again, or send it with the same Idempotency-Key."""

    slug, title = "write-unknown", "Outcome of the write unknown"


class NoFloor(Unavailable):
    """No engine leads the agent's campaigns now. The command was withdrawn and will not be done later."""

    slug, title = "no-floor", "No floor"


class OutcomeUnknown(Unavailable):
    """An engine took the command and did not answer. Look at the session before it is sent again."""

    slug, title = "outcome-unknown", "Outcome unknown"


def every_problem() -> list[type[Problem]]:
    """Every problem class, by status and slug."""
    found: list[type[Problem]] = []
    pending: list[type[Problem]] = [Problem]
    while pending:
        for kind in pending.pop().__subclasses__():
            found.append(kind)
            pending.append(kind)
    return sorted(found, key=lambda kind: (kind.status, kind.slug))
