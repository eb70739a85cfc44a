from __future__ import annotations

import pytest

from callfloor import samples
from callfloor.centre import CentreError, parse
from callfloor.centre.check import check
from callfloor.contract.centre import Campaign, Centre, Organisation, User
from callfloor.contract.codes import LeadStatus
from callfloor.contract.dialling import Outcome

GOOD = """\
[organisation]
name = "Harbour"
timezone = "Australia/Sydney"
country = "AU"

[[users]]
username = "jane"
firstName = "Jane"
lastName = "Doe"
emailAddress = "jane@example.com"
type = "agent"

[[leadStatuses]]
code = 100
description = "Asked for a brochure"

[[campaigns]]
name = "Sales"
direction = "outbound"
mode = "predictive"
agents = ["jane"]
numbers = ["02 5550 0100"]
maxAttempts = 6

[campaigns.callingHours]
monday = ["09:00-12:00", "13:00-20:00"]

[[campaigns.lists]]
name = "One"
weight = 3

[[campaigns.wrapCodes]]
code = 1
description = "Sale"
"""

STORED = Centre(
    Organisation("Harbour", "Australia/Sydney", "AU"),
    {
        "max": User("max", "agent", "Max", "M"),
        "sam": User("sam", "user", "Sam", "S"),
    },
    {"Support": Campaign("Support", "inbound", "Australia/Sydney")},
)


def mistakes(text: str, current: Centre | None = None) -> list[str]:
    try:
        check(parse(text, "c.toml"), current)
    except CentreError as error:
        return list(error.mistakes)
    return []


def test_good_files_are_taken() -> None:
    assert mistakes(GOOD) == []
    assert mistakes(GOOD, STORED) == []
    assert mistakes(samples.centre()) == []
    assert mistakes("\ufeff" + GOOD.replace("\n", "\r\n")) == []


# Each: what is replaced in the good file, by what, and the one line that must be said.
WRONG = [
    ("weight = 3", "weigth = 3", "c.toml:30: campaigns[0].lists[0].weigth is not known; did you mean weight?"),
    ("maxAttempts = 6", "Mode = 6", "c.toml:23: campaigns[0].Mode is not known; did you mean mode?"),
    ("weight = 3", 'weight = "3"', "c.toml:30: campaigns[0].lists[0].weight must be an integer, not a string"),
    ("weight = 3", "weight = true", "c.toml:30: campaigns[0].lists[0].weight must be an integer, not a boolean"),
    ("weight = 3", "weight = 1.5", "c.toml:30: campaigns[0].lists[0].weight must be an integer, not a float"),
    ("weight = 3", "weight = 101", "c.toml:30: campaigns[0].lists[0].weight must be from 0 to 100"),
    ("weight = 3", "inDialler = 1", "c.toml:30: campaigns[0].lists[0].inDialler must be true or false, not an integer"),
    ("maxAttempts = 6", "maxAttempts = 0", "c.toml:23: campaigns[0].maxAttempts must be from 1 to 2147483647"),
    ("maxAttempts = 6", "maxAttempts = 2147483648", "c.toml:23: campaigns[0].maxAttempts must be from 1 to 2147483647"),
    (
        'timezone = "Australia/Sydney"',
        'timezone = "Australia/Sidney"',
        "c.toml:3: organisation.timezone is no IANA time zone of a place; did you mean Australia/Sydney?",
    ),
    (
        'timezone = "Australia/Sydney"',
        'timezone = "AEST"',
        "c.toml:3: organisation.timezone is an abbreviation, which several places share: write the place's IANA name,"
        " such as Australia/Sydney",
    ),
    (
        'timezone = "Australia/Sydney"',
        "timezone = 2020-01-01",
        "c.toml:3: organisation.timezone must be a string, not a date or time",
    ),
    (
        'country = "AU"',
        'country = "au"',
        "c.toml:4: organisation.country must be an ISO 3166 country code of two letters, such as AU; did you mean AU?",
    ),
    (
        'country = "AU"',
        'country = "ZZ"',
        "c.toml:4: organisation.country must be an ISO 3166 country code of two letters, such as AU",
    ),
    ('name = "Harbour"', 'name = ""', "c.toml:2: organisation.name is empty"),
    ('name = "Harbour"', r'name = "a\u0000"', "c.toml:2: organisation.name has a NUL character"),
    (
        'name = "Sales"',
        f'name = "{"x" * 201}"',
        "c.toml:18: campaigns[0].name has 201 characters; at most 200 are taken",
    ),
    (
        "jane@example.com",
        "jane at example.com",
        "c.toml:10: users[0].emailAddress must be an e-mail address such as jane@example.com",
    ),
    ('type = "agent"', 'type = "agnet"', "c.toml:11: users[0].type is not known; did you mean agent?"),
    ('type = "agent"\n', "", "c.toml:6: users[0] has no type, which a new one needs"),
    ('firstName = "Jane"\n', "", "c.toml:6: users[0] has no firstName, which a new one needs"),
    ('country = "AU"\n', "", "c.toml:1: organisation has no country, which a new one needs"),
    ('name = "Harbour"\n', "", "c.toml:1: organisation has no name"),
    ('name = "One"\n', "", "c.toml:28: campaigns[0].lists[0] has no name"),
    ('direction = "outbound"\n', "", "c.toml:17: campaigns[0] has no direction, which a new one needs"),
    ('"outbound"', '"inbound"', "c.toml:20: campaigns[0].mode is for outbound campaigns only"),
    (
        'country = "AU"',
        'country = "AU"\nsecondFactor = ["everyone", "supervsior"]',
        "c.toml:5: organisation.secondFactor[1] is not known; did you mean supervisor?",
    ),
    (
        'country = "AU"',
        'country = "AU"\nreportRecipients = ["@example.com", "@"]',
        "c.toml:5: organisation.reportRecipients[1] must be an e-mail address such as jane@example.com",
    ),
    (
        'country = "AU"',
        'country = "AU"\nsingleSignOn = { name = "ID", issuer = "http://login.example.com", clientId = "c" }',
        "c.toml:5: organisation.singleSignOn.issuer must begin with https://: what it says would not be private",
    ),
    (
        'country = "AU"',
        'country = "AU"\nsingleSignOn = { name = "ID", issuer = "https://id.example.com", clientId = "c",'
        ' roles = { g = "supervsior" } }',
        "c.toml:5: organisation.singleSignOn.roles.g is not known; did you mean supervisor?",
    ),
    (
        'country = "AU"',
        'country = "AU"\nsingleSignOn = { name = "ID", issuer = "https://id.example.com" }',
        "c.toml:5: organisation.singleSignOn has no clientId",
    ),
    (
        'country = "AU"',
        'country = "AU"\nsingleSignOn = { name = "ID", issuer = "https://id.example.com", clientId = "c",'
        ' secretFile = "../master.key" }',
        "c.toml:5: organisation.singleSignOn.secretFile must be the name of a file in the server's folder of secrets"
        " (CALLFLOOR_SECRETS)",
    ),
    (
        'country = "AU"',
        'country = "AU"\ndeskGoneSeconds = 5',
        "c.toml:5: organisation.deskGoneSeconds must be from 20 to 3600",
    ),
    (
        "[[leadStatuses]]",
        '[[roles]]\nname = "everyone"\nscopes = []\n\n[[leadStatuses]]',
        "c.toml:14: roles[0].name stands for everybody under secondFactor; choose another name",
    ),
    ("code = 100", "code = 99", "c.toml:14: leadStatuses[0].code must be from 100 to 2147483647"),
    (
        'description = "Sale"\n',
        "",
        "c.toml:32: campaigns[0].wrapCodes[0] has no description, which a new one needs",
    ),
    ('["jane"]', '"jane"', "c.toml:21: campaigns[0].agents must be an array of strings, not a string"),
    ('["jane"]', '["jane", 7]', "c.toml:21: campaigns[0].agents[1] must be a string, not an integer"),
    ('["jane"]', '["jane", "jane"]', "c.toml:21: campaigns[0].agents[1] stands here twice"),
    ('["jane"]', '["jnae"]', "c.toml:21: campaigns[0].agents[0] is not known; did you mean jane?"),
    ('["jane"]', '[\n"jane",\n"x"]', "c.toml:23: campaigns[0].agents[1] is not known; known are jane"),
    (
        '"02 5550 0100"',
        '"02 5550 0100", "+61255500100"',
        "c.toml:22: campaigns[0].numbers[1] stands here twice",
    ),
    ("[organisation]", "[[organisation]]", "c.toml:1: organisation must be a table, not an array"),
    (
        "[[leadStatuses]]",
        "[leadStatuses]",
        "c.toml:13: leadStatuses must be an array of tables ([[…]]), not a table",
    ),
    ("monday", "mondy", "c.toml:26: campaigns[0].callingHours.mondy is not known; did you mean monday?"),
    ("[[users]]", "[[users]", "c.toml:6: Expected ']]' at the end of an array declaration"),
    ('lastName = "Doe"', 'firstName = "Doe"', "c.toml:9: Cannot overwrite a value"),
    ('description = "Sale"\n', "description =", "c.toml:34: Invalid value"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG, ids=[each[2][:70] for each in WRONG])
def test_a_mistake_is_named_with_its_line(right: str, wrong: str, said: str) -> None:
    assert GOOD.count(right) >= 1
    assert mistakes(GOOD.replace(right, wrong, 1)) == [said]


@pytest.mark.parametrize("hours", ["9-17", "09:00-09:00", "25:00-26:00", "", "09:00-12:00-13:00"])
def test_hours_that_are_none_are_refused_at_their_line(hours: str) -> None:
    text = GOOD.replace('"13:00-20:00"', f'\n"{hours}"')
    (mistake,) = mistakes(text)
    assert mistake.startswith("c.toml:27: campaigns[0].callingHours.monday[1] ")


def test_numbers_that_cannot_be_numbers_are_refused_and_not_repeated_in_the_message() -> None:
    (mistake,) = mistakes(GOOD.replace("02 5550 0100", "12"))
    assert mistake.startswith("c.toml:22: campaigns[0].numbers[0] ")
    assert '"12"' not in mistake


def test_numbers_are_read_in_the_organisations_country() -> None:
    target = check(parse(GOOD, "c.toml"), None)
    assert target.campaigns["Sales"].numbers == ("+61255500100",)
    british = GOOD.replace('"AU"', '"GB"').replace("02 5550 0100", "07700 900123")
    assert check(parse(british, "c.toml"), None).campaigns["Sales"].numbers == ("+447700900123",)


@pytest.mark.parametrize("table", ["[[users]]", "[[leadStatuses]]", "[[campaigns.lists]]", "[[campaigns.wrapCodes]]"])
def test_the_same_name_or_code_twice_is_refused(table: str) -> None:
    start = GOOD.index(table)
    block = GOOD[start:].split("\n\n", 1)[0] + "\n\n"
    text = GOOD[:start] + block + GOOD[start:]
    (mistake,) = mistakes(text)
    line = (GOOD[:start] + block).count("\n") + 2
    assert mistake.startswith(f"c.toml:{line}: ")
    assert mistake.endswith("stands here twice")


def test_two_campaigns_of_one_name_are_refused() -> None:
    (mistake,) = mistakes(GOOD + '[[campaigns]]\nname = "Sales"\ndirection = "inbound"\n')
    assert mistake == "c.toml:36: campaigns[1].name stands here twice"


def test_all_mistakes_are_reported_together_by_line() -> None:
    text = (
        GOOD.replace("weight = 3", "weigth = 3")
        .replace('country = "AU"', 'country = "Z"')
        .replace('["jane"]', '["nobody"]')
        .replace('lastName = "Doe"', "lastName = 3")
    )
    assert [mistake.split(" ")[0] for mistake in mistakes(text)] == [
        "c.toml:4:",
        "c.toml:9:",
        "c.toml:21:",
        "c.toml:30:",
    ]


def test_what_follows_from_a_misspelt_table_is_said_after_it() -> None:
    assert mistakes(GOOD.replace("[[users]]", "[[user]]")) == [
        "c.toml:6: user is not known; did you mean users?",
        "c.toml:21: campaigns[0].agents[0] is not known; there are none",
    ]


def test_what_is_wrong_with_a_user_is_not_said_again_where_the_user_is_listed() -> None:
    assert len(mistakes(GOOD.replace('type = "agent"', "type = 1"))) == 1


def test_users_who_are_no_agents_cannot_be_listed() -> None:
    text = GOOD.replace('["jane"]', '["jane", "sam", "max"]')
    said = "c.toml:21: campaigns[0].agents[1] is a user, not an agent"
    assert mistakes(text, STORED) == [said]
    assert mistakes(f'{text}[[users]]\nusername = "sam"\n', STORED) == [said]


def test_a_users_type_and_a_campaigns_direction_cannot_change() -> None:
    text = GOOD.replace('username = "jane"', 'username = "sam"').replace('name = "Sales"', 'name = "Support"')
    assert mistakes(text.replace('agents = ["jane"]\n', ""), STORED) == [
        "c.toml:11: users[0].type is user in the database and cannot be changed",
        "c.toml:19: campaigns[0].direction is inbound in the database and cannot be changed",
    ]


def test_a_file_without_an_organisation_is_refused() -> None:
    assert mistakes("") == ["c.toml:1: [organisation] is missing"]


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_hostile_toml_is_refused_without_a_traceback(text: str) -> None:
    (mistake,) = mistakes(text)
    assert mistake.startswith("c.toml: ")


def test_a_deeply_nested_array_that_toml_takes_is_refused_by_its_place() -> None:
    (mistake,) = mistakes(GOOD + "weight = " + "[" * 100 + "]" * 100)
    assert mistake.startswith("c.toml:35: campaigns[0].wrapCodes[0].weight is not known")


DIALLING = (
    GOOD.replace(
        "maxAttempts = 6\n",
        """maxAttempts = 6
regime = "US"
strategy = "patient"
abandonmentCap = 0.02
graceSeconds = 1.5
ringSeconds = 25
defaultWrapCode = 1
conversionWrapCodes = [1]
holidays = "AU-NSW"
""",
    )
    + """
[[strategies]]
name = "patient"

[[strategies.outcomes]]
status = "No Answer"
recycleMinutes = 90
completeAfter = 4

[[strategies.outcomes]]
status = 100
recycleMinutes = "never"
"""
)


def test_a_campaign_s_dialling_is_read() -> None:
    centre = check(parse(DIALLING, "c.toml"), None)
    dialling = centre.campaigns["Sales"].dialling
    assert (dialling.regime, dialling.strategy, dialling.ring_seconds) == ("US", "patient", 25.0)
    assert (dialling.default_wrap_code, dialling.holidays, dialling.wrap_up_seconds) == (1, "AU-NSW", 30.0)
    outcomes = centre.strategies["patient"].outcomes
    assert outcomes[LeadStatus.NO_ANSWER] == Outcome(recycle_minutes=90.0, complete_after=4)
    assert outcomes[100].recycle_minutes is None


@pytest.mark.parametrize(
    ("was", "instead", "said"),
    [
        ('regime = "US"', 'regime = "UK"', "campaigns[0].regime"),
        ('regime = "US"', 'regime = "Mars"', "is not known"),
        ('strategy = "patient"', 'strategy = "patent"', "is not known; did you mean patient?"),
        ("abandonmentCap = 0.02", "abandonmentCap = 0.05", "must be at most 0.03, as regime US says"),
        ("abandonmentCap = 0.02", "abandonmentCap = 2", "must be from 0 to 1"),
        ("abandonmentCap = 0.02", "abandonmentCap = nan", "must be from 0 to 1"),
        ("graceSeconds = 1.5", "graceSeconds = 3", "must be at most 2, as regime US says"),
        ("ringSeconds = 25", 'ringSeconds = "25"', "must be a number, not a string"),
        ("ringSeconds = 25", "ringSeconds = 2", "must be from 5 to 120"),
        ("conversionWrapCodes = [1]", "conversionWrapCodes = [7]", "7 is no wrap code of this campaign: it has 1"),
        ("conversionWrapCodes = [1]", "conversionWrapCodes = [1, 1]", "stands here twice"),
        ("conversionWrapCodes = [1]", "conversionWrapCodes = 1", "must be an array of integers, not an integer"),
        ("defaultWrapCode = 1", "defaultWrapCode = 7", "7 is no wrap code of this campaign: it has 1"),
        ('holidays = "AU-NSW"', 'holidays = "AU-XY"', "AU has no part 'XY'; use "),
        ('holidays = "AU-NSW"', 'holidays = "Atlantis"', "there is no calendar of public holidays for 'Atlantis'"),
        ('status = "No Answer"', 'status = "No Anser"', "is not known; did you mean No Answer?"),
        ('status = "No Answer"', "status = 100", "stands here twice"),
        ("recycleMinutes = 90", 'recycleMinutes = "ever"', 'must be a number or "never"'),
        ("recycleMinutes = 90", "recycleMinutes = -1", "must be from 0 to 527040"),
        ("completeAfter = 4", "completeAfter = 0", "must be from 1"),
        ('mode = "predictive"', 'mode = "predictive"\nsteal = 1', "campaigns[0].steal is not known"),
    ],
)
def test_mistakes_in_dialling_are_told_with_what_to_write_instead(was: str, instead: str, said: str) -> None:
    assert was in DIALLING
    text = DIALLING.replace(was, instead, 1)
    line = next(number for number, each in enumerate(text.splitlines(), 1) if each == instead.splitlines()[-1])
    found = mistakes(text)
    assert any(said in each for each in found), found
    if "twice" not in said:
        assert any(each.startswith(f"c.toml:{line}: ") for each in found), found


@pytest.mark.parametrize(
    ("regime", "day", "windows", "said"),
    [
        ("US", "monday", '["07:30-20:00"]', "goes beyond the hours of regime US, which allows 08:00-21:00 then"),
        ("GB", "sunday", '["09:59-12:00"]', "goes beyond the hours of regime GB, which allows 10:00-20:00 then"),
        ("AU", "sunday", '["10:00-12:00"]', "goes beyond the hours of regime AU, which allows no calls then"),
        ("AU", "friday", '["19:00-02:00"]', "goes beyond the hours of regime AU, which allows 09:00-20:00 then"),
        ("AU", "friday", '["09:00-20:00"]', None),
        ("none", "sunday", '["00:00-24:00"]', None),
    ],
)
def test_contact_hours_stay_inside_those_of_the_regime(regime: str, day: str, windows: str, said: str | None) -> None:
    text = DIALLING.replace('regime = "US"', f'regime = "{regime}"').replace(
        "ringSeconds = 25", f"ringSeconds = 25\ncontactHours.{day} = {windows}"
    )
    found = mistakes(text)
    if said is None:
        assert found == []
    else:
        assert any(f"campaigns[0].contactHours.{day} {said}" in each for each in found), found


def test_the_holidays_that_a_regime_keeps_free_stay_free() -> None:
    text = DIALLING.replace('regime = "US"', 'regime = "GB"').replace("abandonmentCap = 0.02", "")
    assert any("holidays must be GB or a part of it" in each for each in mistakes(text))
    assert mistakes(text.replace('holidays = "AU-NSW"', 'holidays = "GB-SCT"')) == []


def test_an_inbound_campaign_has_what_belongs_to_every_call_and_nothing_of_dialling() -> None:
    text = GOOD.replace('direction = "outbound"\nmode = "predictive"', 'direction = "inbound"\nwrapUpSeconds = 45')
    assert mistakes(text) == []
    text = text.replace("wrapUpSeconds = 45", "wrapUpSeconds = 45\nabandonmentCap = 0.01")
    assert mistakes(text) == ["c.toml:21: campaigns[0].abandonmentCap is for outbound campaigns only"]
