from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor.centre import apply_text, export_text, keys, parse
from callfloor.centre.check import check
from callfloor.centre.plan import diff
from callfloor.centre.write import centre_file
from callfloor.contract.centre import Campaign, Centre, List, Organisation, Role, Team, User
from callfloor.contract.codes import SCOPES
from callfloor.contract.dialling import Dialling, Outcome, Strategy
from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.contract.workflows import QueueSettings
from callfloor.rules.people.roles import READY_MADE
from callfloor.rules.values.names import plain_name
from callfloor.store.db.pool import Database
from callfloor.store.setup import centres, organisations
from tests.centre import callers

Settings = TypeVar("Settings", Dialling, QueueSettings)

# All that a name can be: every character but NUL and the surrogates, composed, without space around it.
_TEXT = (
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=12)
    .map(plain_name)
    .filter(bool)
)
# Some stand in most centres, so that a second one meets the first.
_NAMES = st.one_of(st.sampled_from(["jane", "Sales", 'odd "\\\n\u202e# name']), _TEXT)
_ZONES = st.sampled_from(["Australia/Sydney", "Europe/London", "America/New_York"])
_CODES = st.integers(1, 2**31 - 1)
_WINDOWS = st.sampled_from([(), ("09:00-20:00",), ("08:30-12:00", "13:00-17:15")])
_NUMBERS = st.lists(st.sampled_from(["+61255500100", "+61491570156", "+447700900123", "+12025550123"]), unique=True)
_HOURS = st.one_of(
    st.none(),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("monday", "wednesday", "sunday"), _WINDOWS)),
)
# inside those of every regime
_CONTACT_HOURS = st.one_of(
    st.none(),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("monday", "saturday"), st.sampled_from([(), ("10:00-17:00",)]))),
)
_CALENDARS = st.sampled_from(
    [(None, None), ("AU", "AU-NSW"), ("AU", None), ("GB", "GB"), ("US", "AU"), ("none", "AU-NSW")]
)
_USERS = st.builds(
    User,
    username=_NAMES,
    user_type=st.sampled_from(["agent", "user"]),
    first_name=_TEXT,
    last_name=st.one_of(st.just(""), _TEXT),
    email_address=st.sampled_from([None, "jane@example.com"]),
    timezone=st.one_of(st.none(), _ZONES),
    account_active=st.booleans(),
    skills=callers.LEVELS,
    phone_without_desk=st.booleans(),
)
_OUTCOMES = st.builds(
    Outcome,
    recycle_minutes=st.sampled_from([None, 0.0, 2.5, 30.0, 60.0]),
    complete_after=st.sampled_from([None, 1, 3]),
    priority=st.integers(-3, 3),
    recycle_on_start=st.booleans(),
)
_DAYS = st.dictionaries(st.sampled_from(["recordings", "calls", "leads"]), st.integers(1, 36_500), max_size=2)
_STRATEGY_NAMES = st.sampled_from(["patient", 'odd "one"'])
_STRATEGIES = st.builds(
    Strategy, name=_STRATEGY_NAMES, outcomes=st.dictionaries(st.sampled_from([0, 2, 4, 9, 150]), _OUTCOMES, max_size=3)
)


def _lists(strategies: list[str]) -> st.SearchStrategy[List]:
    return st.builds(
        List,
        name=_NAMES,
        in_dialler=st.booleans(),
        weight=st.integers(0, 100),
        strategy=st.sampled_from([None, *strategies]),
    )


def _dialling(wrap_codes: Iterable[int], strategies: list[str]) -> st.SearchStrategy[Dialling]:
    return _CALENDARS.flatmap(lambda calendar: _dialling_in(*calendar, wrap_codes, strategies))


def _dialling_in(
    regime: str | None, holidays: str | None, wrap_codes: Iterable[int], strategies: list[str]
) -> st.SearchStrategy[Dialling]:
    return st.builds(
        Dialling,
        regime=st.just(regime),
        contact_hours=_CONTACT_HOURS,
        holidays=st.just(holidays),
        strategy=st.sampled_from([None, *strategies]),
        max_attempts_per_number=st.sampled_from([None, 1, 5]),
        max_attempts_per_day=st.sampled_from([None, 2]),
        abandonment_cap=st.sampled_from([None, 0.0, 0.015]),
        grace_seconds=st.sampled_from([None, 1.0, 1.5]),
        ring_seconds=st.sampled_from([20.0, 28.0, 31.5]),
        wrap_up_seconds=st.sampled_from([0.0, 30.0]),
        wrap_up_extension_seconds=st.sampled_from([60.0, 90.0]),
        default_wrap_code=st.sampled_from([None, *wrap_codes]),
        conversion_wrap_codes=st.sampled_from([(), tuple(sorted(wrap_codes))]),
        preview_seconds=st.sampled_from([10.0, 60.0]),
        preview_timeout=st.sampled_from(["dial", "skip", "pause"]),
        answering_machines=st.sampled_from(["connect", "hang-up"]),
        record=st.booleans(),
        max_lines=st.sampled_from([None, 12]),
    )


_PROVIDERS = (
    SingleSignOn("Example ID", "https://login.example.com/realms/centre/", "callfloor"),
    SingleSignOn(
        "Example ID", "http://localhost:9400", "c", secret_variable="CALLFLOOR_SECRET_ID", scopes=("openid",),
        person_claim="email", groups_claim="realm_access.roles", roles={"CN=Leads, OU=x.y": "supervisor", "a": "agent"},
        create_people=True, second_factor=True, passwords=False, sign_out=True,
    ),
)  # fmt: skip


@st.composite
def all_centres(draw: st.DrawFn) -> Centre:
    scopes = st.sets(st.sampled_from(SCOPES), max_size=3)
    roles = {
        name: Role(name, tuple(sorted(draw(scopes)))) for name in draw(st.sets(st.sampled_from(["lead", "a [b]"])))
    }
    of_users = st.lists(st.sampled_from([*READY_MADE, *roles]), max_size=2, unique=True)
    users = {user.username: replace(user, roles=tuple(draw(of_users))) for user in draw(st.lists(_USERS, max_size=4))}
    agents = [user.username for user in users.values() if user.user_type == "agent"]
    listed = st.frozensets(st.sampled_from(agents)) if agents else st.just(frozenset[str]())
    strategies = {each.name: each for each in draw(st.lists(_STRATEGIES, max_size=2))}
    skills = [skill for user in users.values() if user.user_type == "agent" for skill in user.skills]
    prompts = draw(callers.sounds())
    flows = draw(st.lists(_NAMES, max_size=2, unique=True)) if prompts else []
    campaigns: dict[str, Campaign] = {}
    for name in draw(st.lists(_NAMES, max_size=3, unique=True)):
        direction = draw(st.sampled_from(["inbound", "outbound"]))
        modes = st.sampled_from([None, "preview", "progressive", "predictive"])
        wrap_codes = draw(st.dictionaries(_CODES, _TEXT, max_size=3))
        dialling = _dialling(wrap_codes, list(strategies)) if direction == "outbound" else st.just(Dialling())
        queues = callers.queues(skills, list(prompts), flows) if direction == "inbound" else st.just(QueueSettings())
        campaigns[name] = Campaign(
            name,
            direction,
            draw(_ZONES),
            draw(modes) if direction == "outbound" else None,
            draw(st.booleans()),
            draw(_HOURS),
            draw(_CODES),
            tuple(draw(_NUMBERS)),
            draw(listed),
            {each.name: each for each in draw(st.lists(_lists(list(strategies)), max_size=3))},
            wrap_codes,
            draw(dialling),
            draw(queues),
            draw(_DAYS),
        )
    return Centre(
        Organisation(
            draw(_TEXT),
            draw(_ZONES),
            draw(st.sampled_from(["AU", "GB", "US"])),
            second_factor=draw(st.sampled_from([(), ("everyone",), ("administrator", "agent")])),
            desk_gone_s=draw(st.sampled_from([None, 20, 30, 3600])),
            tell_of_monitoring=draw(st.booleans()),
            report_recipients=draw(st.sampled_from([(), ("@example.com", "board@example.org")])),
            single_sign_on=draw(st.sampled_from([None, *_PROVIDERS])),
            retention=draw(st.one_of(_DAYS, st.just({"audit": 730}))),
        ),
        users,
        campaigns,
        draw(st.dictionaries(st.integers(100, 2**31 - 1), _TEXT, max_size=3)),
        strategies,
        prompts=prompts,
        workflows={
            name: draw(callers.workflows(name, (f"+612555002{index:02}",), list(prompts), campaigns))
            for index, name in enumerate(flows)
        },
        roles=roles,
        teams={name: draw(_team(name, users)) for name in draw(st.sets(st.sampled_from(["Day", "Night ☾"])))},
    )


def _team(name: str, users: Mapping[str, User]) -> st.SearchStrategy[Team]:
    def some(user_type: str) -> st.SearchStrategy[tuple[str, ...]]:
        names = sorted(user.username for user in users.values() if user.user_type == user_type)
        return (st.sets(st.sampled_from(names)) if names else st.just(set[str]())).map(lambda each: tuple(sorted(each)))

    return st.builds(Team, name=st.just(name), leaders=some("user"), members=some("agent"))


@given(all_centres())
@settings(deadline=None)
def test_an_exported_centre_is_read_back_as_itself(centre: Centre) -> None:
    source = parse(centre_file(centre), "centre.toml")
    assert check(source, None) == centre
    assert check(source, centre) == centre
    assert diff(centre, check(source, centre)) == []


@given(all_centres(), all_centres())
@settings(deadline=None)
def test_every_line_that_is_shown_is_one_line(before: Centre, after: Centre) -> None:
    after = replace(after, organisation=replace(after.organisation, name=before.organisation.name))
    for change in diff(before, after):
        assert str(change).isprintable()


@given(centre=all_centres(), other=all_centres())
@settings(deadline=None, max_examples=25)
async def test_the_database_gives_back_what_was_applied(db: Database, centre: Centre, other: Centre) -> None:
    """First one centre, then another under the same name: what both describe ends as the second says."""
    name = f"{centre.organisation.name} {secrets.token_hex(6)}"
    # a number leads to one organisation only
    flows = {key: msgspec.structs.replace(flow, numbers=()) for key, flow in centre.workflows.items()}
    centre = replace(centre, workflows=flows)
    text = centre_file(replace(centre, organisation=replace(centre.organisation, name=name)))
    await apply_text(db, text, "centre.toml")
    row = await organisations.named(db, name)
    assert row is not None
    first = (await centres.read(db, row)).centre
    assert replace(first.organisation, name=centre.organisation.name) == centre.organisation
    assert replace(first, organisation=centre.organisation) == centre
    assert await apply_text(db, await export_text(db, row), "centre.toml") == []

    other = _without_changes_of_kind(other, centre, name)
    await apply_text(db, centre_file(other), "centre.toml")
    row = await organisations.named(db, name)
    assert row is not None
    second = (await centres.read(db, row)).centre
    assert check(parse(centre_file(other), "centre.toml"), second) == second
    for campaign in other.campaigns.values():
        # agents and wrap codes are as the file says; everything else of the file too
        kept = {**campaign.lists, **second.campaigns[campaign.name].lists}
        expected = replace(campaign, lists=kept)
        was = centre.campaigns.get(campaign.name)
        if campaign.calling_hours is None and was is not None:
            expected = replace(expected, calling_hours=was.calling_hours)
        if campaign.mode is None and was is not None:
            expected = replace(expected, mode=was.mode)
        if was is not None:
            expected = replace(
                expected,
                dialling=_over(was.dialling, campaign.dialling, keys.DIALLING),
                queue=_over(was.queue, campaign.queue, keys.QUEUE),
                retention=campaign.retention or was.retention,
            )
        assert second.campaigns[campaign.name] == expected


def _over(was: Settings, new: Settings, attributes: Mapping[str, str]) -> Settings:
    """What a file that says only what is unusual about `new` makes of `was`."""
    usual = type(was)()
    said = {name: getattr(new, name) for name in attributes.values() if getattr(new, name) != getattr(usual, name)}
    return msgspec.structs.replace(was, **said)


def _without_changes_of_kind(other: Centre, before: Centre, name: str) -> Centre:
    """`other` under a name, without users and campaigns that would change their type or direction."""
    users = {
        key: user
        for key, user in other.users.items()
        if key not in before.users or before.users[key].user_type == user.user_type
    }
    survey = min(before.workflows, default=None)
    campaigns = {
        key: replace(
            campaign,
            agents=campaign.agents & users.keys(),
            # one that the campaign had and has no more would be a mistake
            wrap_codes=campaign.wrap_codes or {1: "Done"},
            dialling=msgspec.structs.replace(campaign.dialling, default_wrap_code=min(campaign.wrap_codes or {1: ""})),
            # so would skills that nobody has any more, and a survey that was never there
            queue=msgspec.structs.replace(
                campaign.queue, skills={}, survey=survey if campaign.direction == "inbound" else None
            ),
        )
        for key, campaign in other.campaigns.items()
        if key not in before.campaigns or before.campaigns[key].direction == campaign.direction
    }
    organisation = replace(other.organisation, name=name)
    teams = {
        key: replace(
            team,
            leaders=tuple(each for each in team.leaders if each in users),
            members=tuple(each for each in team.members if each in users),
        )
        for key, team in other.teams.items()
    }
    changed = replace(other, organisation=organisation, users=users, campaigns=campaigns, teams=teams)
    return replace(changed, workflows=before.workflows)
