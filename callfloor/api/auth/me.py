"""Who is signed in, and what one may do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from callfloor.api.call import Call
from callfloor.api.operation import operation
from callfloor.contract.auth import Me, MyCampaign, MyOrganisation, MySession, MyTeam, SecondFactors
from callfloor.errors import Unauthenticated
from callfloor.rules.people.factors import demanded
from callfloor.rules.values.times import format_timestamp
from callfloor.store.people import factors, teams, users
from callfloor.store.people.callers import Caller, Person

ME: dict[str, Any] = {
    "userId": 1002,
    "username": "john.doe",
    "firstName": "John",
    "lastName": "Doe",
    "fullName": "John Doe",
    "userType": "agent",
    "emailAddress": "john.doe@example.com",
    "timezone": "Australia/Sydney",
    "organisation": {"organisationId": 1, "name": "Sample Centre", "timezone": "Australia/Sydney", "country": "AU"},
    "roles": ["agent"],
    "scopes": ["workspace"],
    "campaigns": [{"campaignId": 1, "name": "Sales Outbound", "direction": "outbound"}],
    "teams": [{"teamId": 1, "name": "Day shift", "leads": False}],
    "session": {
        "sessionId": 1042,
        "createdTimestamp": "2021-08-01T08:59:12+10:00",
        "expiresTimestamp": "2021-08-01T20:59:12+10:00",
        "idleMinutes": 60,
        "signOutUri": None,
    },
    "secondFactor": {"totp": False, "passkeys": 0, "recoveryCodes": 0, "demanded": False},
}


@operation("GET", "/me", scope="signed-in", summary="Who is signed in", tag="me", example=ME)
async def get_me(call: Call) -> Me:
    """Who you are, what you may do, and what you belong to. 401: nobody is signed in."""
    return await me_of(call, call.caller)


def person_of(caller: Caller) -> Person:
    """Whoever is signed in: of operations that are for people."""
    if caller.person is None:
        raise AssertionError("an operation for whoever is signed in is run for nobody else")
    return caller.person


async def me_of(call: Call, caller: Caller) -> Me:
    """Raises `Unauthenticated` for a user who is gone meanwhile."""
    person, organisation = person_of(caller), caller.organisation
    row = await users.get(call.db, organisation.organisation_id, person.user_id)
    if row is None:
        raise Unauthenticated("There is no such user any more.")
    campaigns = await users.campaigns(call.db, organisation.organisation_id, person.user_id)
    own_teams = await teams.of_user(call.db, organisation.organisation_id, person.user_id)
    own = await factors.own(call.db, organisation.organisation_id, person.user_id)
    return Me(
        user_id=person.user_id,
        username=row["username"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        full_name=row["full_name"],
        user_type=row["user_type"],
        email_address=row["email_address"],
        timezone=row["timezone"] or organisation.zone.key,
        organisation=MyOrganisation(
            organisation_id=organisation.organisation_id,
            name=organisation.name,
            timezone=organisation.zone.key,
            country=organisation.country,
        ),
        roles=list(person.roles),
        scopes=sorted(caller.scopes),
        campaigns=[
            MyCampaign(campaign_id=r["campaign_id"], name=r["name"], direction=r["direction"]) for r in campaigns
        ],
        teams=[MyTeam(team_id=each["team_id"], name=each["name"], leads=each["leads"]) for each in own_teams],
        session=_session_of(caller),
        second_factor=SecondFactors(
            totp=own.totp_since is not None,
            passkeys=own.passkeys,
            recovery_codes=own.recovery_codes,
            demanded=demanded(own.second_factor, person.roles),
        ),
    )


def _session_of(caller: Caller) -> MySession | None:
    session = caller.session
    if session is None:
        return None

    def shown(at: datetime) -> str:
        return format_timestamp(at, caller.organisation.zone)

    return MySession(
        session_id=caller.token_id,
        created_timestamp=shown(session.created_at),
        expires_timestamp=shown(session.expires_at),
        idle_minutes=session.idle // timedelta(minutes=1),
        sign_out_uri=session.sign_out_uri,
    )
