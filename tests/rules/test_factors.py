"""Second factors: stages, codes and what people make of them when they type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.people.factors import (
    DRIFT,
    EVERYONE,
    demanded,
    recovery_code,
    recovery_hash,
    secret_text,
    stage_of,
    step_of,
)

SECRETS = st.binary(min_size=20, max_size=20)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(SECRETS, MOMENTS, st.integers(-5, 5))
def test_a_code_counts_for_its_step_and_those_beside_it(secret: bytes, now: datetime, later: int) -> None:
    app, at = pyotp.TOTP(secret_text(secret)), now + timedelta(seconds=30 * later)
    found = step_of(secret, app.at(at), now)
    near = {app.at(now, counter_offset=offset) for offset in range(-DRIFT, DRIFT + 1)}
    if app.at(at) in near:
        assert found is not None
        assert abs(found - int(now.timestamp()) // 30) <= DRIFT
        assert app.generate_otp(found) == app.at(at)
    else:
        assert found is None


# RFC 6238, Appendix B, of SHA1, the last six of eight digits
@pytest.mark.parametrize(("at", "code"), [
    (59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130"),
])  # fmt: skip
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert step_of(b"12345678901234567890", code, datetime.fromtimestamp(at, UTC)) == at // 30


@pytest.mark.parametrize("code", ["", "28708", "2870822", "٢٨٧٠٨٢", "287O82", "0x1234", "-28708", "28708²"])
def test_what_is_no_code_is_none(code: str) -> None:
    assert step_of(b"12345678901234567890", code, datetime.fromtimestamp(59, UTC)) is None


@given(st.binary(min_size=10, max_size=10), st.sampled_from(["", " ", "-", " - ", "\t"]), st.booleans())
def test_a_recovery_code_may_be_typed_in_many_ways(random: bytes, between: str, capitals: bool) -> None:
    code = recovery_code(random)
    typed = between.join(code.split("-"))
    typed = typed.upper() if capitals else typed
    assert recovery_hash(1, 2, typed) == recovery_hash(1, 2, code)
    assert recovery_hash(1, 3, typed) != recovery_hash(1, 2, code)
    assert recovery_hash(2, 2, typed) != recovery_hash(1, 2, code)


@given(waits=st.booleans(), shown=st.booleans(), has_one=st.booleans(), wanted=st.booleans())
def test_nobody_is_signed_in_without_the_factor_that_is_wanted(
    waits: bool, shown: bool, has_one: bool, wanted: bool
) -> None:
    stage = stage_of(waits=waits, shown=shown, has_one=has_one, demanded=wanted)
    assert (stage == "second-factor") is waits
    assert (stage == "enrol") is (not waits and wanted and not has_one and not shown)


@pytest.mark.parametrize(("wanted", "roles", "expected"), [
    ((), ("administrator",), False), (("administrator",), ("administrator", "agent"), True),
    (("administrator",), ("agent",), False), ((EVERYONE,), (), True), ((EVERYONE,), ("agent",), True),
])  # fmt: skip
def test_a_factor_is_demanded_by_role(wanted: tuple[str, ...], roles: tuple[str, ...], expected: bool) -> None:
    assert demanded(wanted, roles) is expected
