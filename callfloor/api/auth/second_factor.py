"""The step after the password: a code of an authenticator app, or a recovery code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from callfloor.api.audits import own
from callfloor.api.auth.attempts import failed, succeeded
from callfloor.api.auth.me import person_of
from callfloor.api.auth.opening import raise_session
from callfloor.api.auth.proof import count, of_factor
from callfloor.api.auth.signing_in import SIGNED_IN
from callfloor.api.call import Answer, Call
from callfloor.api.operation import operation
from callfloor.contract.auth import Factor, SecondFactorCode, SignedIn
from callfloor.errors import NotAtThisStage, SignInDelayed, WrongCode
from callfloor.rules.people.factors import step_of
from callfloor.store.people import factors, passwords


@operation(
    "POST",
    "/session/totp",
    scope="signing-in",
    summary="Go on with a code of the app",
    tag="session",
    example=SIGNED_IN,
    request={"code": "492 039"},
    problems=[WrongCode, SignInDelayed, NotAtThisStage],
    secret=True,
    audits=own("sign-in", "user"),
)
async def show_totp(call: Call, body: SecondFactorCode) -> Answer[SignedIn]:
    """Give the six digits that the authenticator app shows. Each code is taken once. The cookie is another one then."""

    async def right() -> bool:
        user_id = person_of(call.caller).user_id
        secret = await factors.totp(call.db, call.organisation, user_id)
        step = None if secret is None or not secret.confirmed else step_of(secret.secret, body.code, call.now)
        if secret is None or step is None:
            return False
        return await factors.spend_step(call.db, call.organisation, user_id, secret, step, call.now) is not None

    return await _show(call, "totp", right)


@operation(
    "POST",
    "/session/recovery",
    scope="signing-in",
    summary="Go on with a recovery code",
    tag="session",
    example=SIGNED_IN,
    request={"code": "m5zg-k3dp-nu4t-qy2l"},
    problems=[WrongCode, SignInDelayed, NotAtThisStage],
    secret=True,
    audits=own("sign-in", "user"),
)
async def show_recovery_code(call: Call, body: SecondFactorCode) -> Answer[SignedIn]:
    """Give a recovery code in place of the second factor; it is spent then. Whoever lost the device sets up another
    one now."""

    async def right() -> bool:
        return await factors.take_code(call.db, call.organisation, person_of(call.caller).user_id, body.code)

    return await _show(call, "recovery", right)


async def _show(call: Call, factor: Factor, right: Callable[[], Awaitable[bool]]) -> Answer[SignedIn]:
    """Raises `NotAtThisStage`, `SignInDelayed`, `WrongCode`."""
    if call.caller.stage != "second-factor":
        raise NotAtThisStage("The session does not wait for a second factor.")
    counted = of_factor(call)
    await count(call, counted)
    user_id = person_of(call.caller).user_id
    if not await right():
        failed(call, call.organisation, user_id, factor)
        raise WrongCode("The code is wrong, too old, or was used before.")
    await passwords.count_success(call.db, counted, call.now)
    answer = await raise_session(call, factor)
    succeeded(call, call.organisation, user_id, answer.value.stage, factor)
    return answer
