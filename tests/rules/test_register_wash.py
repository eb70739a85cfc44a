from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from callfloor.engine.leads.wash_warnings import WashWarnings
from callfloor.regimes import regime, registers
from callfloor.rules.dialling.regimes import RegimeError, parse_regime
from callfloor.rules.dialling.register_wash import NoRegister, Wash, register_name, wash_allows, wash_says, wash_state
from callfloor.store.setup.campaigns import CampaignSetup
from tests.rules.test_regimes import GOOD

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_regimes_ask_for_the_registers_of_their_countries() -> None:
    """ACMA: 30 days; 16 CFR 310.4 (b)(3)(iv): 31; PECR 2003, regulation 21 (3): 28."""
    limits = {each.name: each.refuses_after.days for each in registers()}
    assert limits == {"DNCR": 30, "NDNCR": 31, "TPS": 28}
    assert regime("none").register is None
    assert all(each.warns_after < each.refuses_after for each in registers())


@pytest.mark.parametrize("register", registers(), ids=lambda register: register.name)
def test_a_wash_counts_to_the_last_second_and_is_warned_of_before(register) -> None:
    for age, state in (
        (timedelta(0), "fresh"),
        (register.warns_after, "fresh"),
        (register.warns_after + SECOND, "due"),
        (register.refuses_after, "due"),
        (register.refuses_after + SECOND, "overdue"),
    ):
        assert wash_state(register, NOW - age, NOW) == state
        assert wash_allows(Wash(register, NOW - age, required=False), NOW) is (state != "overdue")
        said = wash_says(Wash(register, NOW - age, required=True), NOW)
        assert register.title in said
        assert ("callfloor dnc import" in said) is (state != "fresh")
    assert wash_allows(Wash(register, None, required=False), NOW)
    assert not wash_allows(Wash(register, None, required=True), NOW)


@pytest.mark.parametrize(("given", "kept"), [("dncr", "DNCR"), (" Tps ", "TPS"), ("our bureau", "Our Bureau")])
def test_a_register_of_a_regime_or_of_before_is_found_in_any_case(given: str, kept: str) -> None:
    assert register_name(given, registers(), ["Our Bureau"]) == kept


def test_another_name_is_a_register_only_when_it_is_said_to_be_new() -> None:
    with pytest.raises(NoRegister, match=r"did you mean TPS\? One that is new is named with --new-register"):
        register_name("TPSS", registers(), [], new_by="--new-register")
    assert register_name("TPSS", registers(), [], new=True) == "TPSS"


@pytest.mark.parametrize("given", ["", "  ", "a\nb", "x" * 101])
def test_what_cannot_be_a_name_is_refused(given: str) -> None:
    with pytest.raises(NoRegister, match="DNCR"):
        register_name(given, registers(), [])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("DNCR", "register must be a table"),
        ({"name": "X"}, "register must be a table of name, title, refusesAfterDays, warnsAfterDays"),
        (
            {"name": "X", "title": "X", "refusesAfterDays": True, "warnsAfterDays": 1},
            "refusesAfterDays must be a whole",
        ),
        ({"name": "X", "title": "X", "refusesAfterDays": 3, "warnsAfterDays": 4}, "warnsAfterDays must be from 1 to"),
    ],
)
def test_a_wrong_register_of_a_regime_says_what_is_wrong(table: object, said: str) -> None:
    with pytest.raises(RegimeError, match=said):
        parse_regime(GOOD | {"register": table})


def test_the_log_warns_once_a_day_and_when_dialling_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    register = registers()[0]

    class Facts:
        active = True
        wash = Wash(register, NOW - register.warns_after, required=False)

    class Setup:
        organisation, campaign, mode, facts = 1, 2, "progressive", Facts

    def hours_on(count: int) -> list[str]:
        with capture_logs() as logs:
            setups: list[CampaignSetup] = [Setup]  # type: ignore[list-item]
            warnings.look(setups, NOW + timedelta(hours=count))
        return [each["outcome"] for each in logs]

    warnings = WashWarnings()
    assert [hours_on(hour) for hour in (0, 1, 2, 24, 25, 26)] == [
        [], ["dialling-stops-soon"], [], [], ["dialling-stops-soon"], [],
    ]  # fmt: skip
    days = register.refuses_after - register.warns_after
    assert hours_on(days.days * 24 + 1) == ["dialling-stopped"]
