"""What an organisation keeps has a bound: it is counted over every table, cheaply, and who is over it is told so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from callfloor.api.operation import WRITES
from callfloor.api.routes import APIS
from callfloor.app.api import api
from callfloor.errors import QuotaExceeded
from callfloor.jobs.storage import EVERY, count_storage
from callfloor.settings import Settings
from callfloor.store.db.distribution import KINDS
from callfloor.store.db.pool import Database
from callfloor.store.setup import storage
from tests.conftest import Centre, client_for

CSV = {"Content-Type": "text/csv"}
# What an organisation that has no room left can still do, and why.
GOES_ON = {
    "signing in and out, and what guards it": {
        "sign_in", "begin_single_sign_on", "finish_single_sign_on", "show_totp", "show_passkey", "show_recovery_code",
        "change_password", "set_password_by_link", "begin_totp", "confirm_totp", "remove_totp", "begin_passkey",
        "add_passkey", "remove_passkey", "renew_recovery_codes", "create_own_token", "create_program_token",
        "replace_set_user", "update_set_user", "replace_set_role", "update_set_role", "replace_set_team",
        "update_set_team",
    },
    "calls, and work that came": {
        "update_session", "send_command", "hold_own_phone", "take_email", "transfer_email", "close_email",
        "send_agent_command", "send_caller_command", "move_email", "move_task", "move_callback", "update_availability",
        "send_campaign_command", "set_closure", "replace_planned_closure",
    },
    "nobody is called who asked not to be": {"add_do_not_call"},
    "making room, and keeping what the law asks for": {"put_retention", "start_retention", "place_legal_hold"},
    "nothing more than was there": {
        "plan_centre", "preview_prompt", "update_organisation", "update_list", "replace_set_lead_status",
        "update_set_lead_status", "replace_set_strategy", "update_set_strategy", "replace_set_campaign",
        "update_set_campaign", "replace_set_list", "update_set_list", "replace_set_wrap_code", "update_set_wrap_code",
        "replace_set_mailbox", "update_set_mailbox", "replace_set_alert", "update_set_alert", "silence_alert",
        "draw_workflow", "try_workflow",
    },
}  # fmt: skip


async def _fill(db: Database, centre: Centre, leads: int) -> None:
    await db.execute(
        "INSERT INTO leads (organisation_id, list_id, data) SELECT $1, $2, jsonb_build_object('note', ("
        "SELECT string_agg(md5(n::text || m::text), '') FROM generate_series(1, 100) AS m))"
        " FROM generate_series(1, $3) AS n",
        centre.organisation,
        centre.list_id,
        leads,
    )


async def _counted(db: Database) -> None:
    await db.execute("DELETE FROM organisation_storage")
    assert await count_storage(db, datetime.now(UTC))


def _problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def test_who_keeps_too_much_can_make_room_and_nothing_else(
    db: Database, settings: Settings, dsn: str, centre: Centre, other_centre: Centre
) -> None:
    await _fill(db, centre, 500)
    await _counted(db)
    small = settings.model_copy(update={"organisation_storage_megabytes": 1})
    path, body = f"/leads/bulk?listId={centre.list_id}", b"phone1\n0491570156\n"
    async with api(small, dsn) as app, client_for(app, centre.token) as client:
        for refused in (
            await client.post("/leads", json={"listId": centre.list_id}),
            await client.post(path, content=body, headers=CSV),
            await client.post(path, content=body, headers=CSV | {"Idempotency-Key": "k"}),
            await client.post("/leads/lists", json={"listName": "More", "campaignId": centre.outbound}),
        ):
            assert _problem(refused) == (507, "quota-exceeded")
            assert "may keep 1: delete what is done with" in refused.json()["detail"]
            assert refused.headers["Retry-After"] == "60"
        shown = (await client.get("http://callfloor.test/admin/v1/storage")).json()
        assert shown["full"]
        assert shown["leads"] == 500
        assert shown["bytes"] == sum(shown["parts"].values())
        assert shown["parts"]["leads"] > 500 * 3200
        async with client_for(app, other_centre.token) as other:
            assert (await other.post("/leads", json={"listId": other_centre.list_id})).status_code == 201
        assert (await client.get("/leads?limit=1")).status_code == 200
        lead = (await client.get("/leads?limit=1")).json()["items"][0]["leadId"]
        assert (await client.delete(f"/leads/{lead}")).status_code == 204
    await db.execute("DELETE FROM leads WHERE organisation_id = $1", centre.organisation)
    await _counted(db)
    async with api(small, dsn) as app, client_for(app, centre.token) as client:
        assert (await client.post("/leads", json={"listId": centre.list_id})).status_code == 201
        assert not (await client.get("http://callfloor.test/admin/v1/storage")).json()["full"]


async def test_what_was_done_before_is_answered_again_when_there_is_no_room(
    db: Database, settings: Settings, dsn: str, centre: Centre
) -> None:
    keyed, sent = {"Idempotency-Key": "once"}, {"listId": centre.list_id}
    first = await centre.client.post("/leads", json=sent, headers=keyed)
    await _fill(db, centre, 500)
    await _counted(db)
    small = settings.model_copy(update={"organisation_storage_megabytes": 1})
    async with api(small, dsn) as app, client_for(app, centre.token) as client:
        again = await client.post("/leads", json=sent, headers=keyed)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_every_table_of_organisations_is_counted_as_it_is_stored(db: Database, centre: Centre) -> None:
    assert len([each async for each in storage.statements(db)]) == len([n for n in KINDS if n != "schema_migrations"])
    before = (await storage.count(db))[centre.organisation]
    await _fill(db, centre, 50)
    await db.execute(
        "INSERT INTO media (organisation_id, kind, sha256, size, content_type, deleted_at)"
        " SELECT $1, 'recording', 'a', 1000000, 'audio/wav', gone FROM unnest(ARRAY[NULL, now()]) AS gone",
        centre.organisation,
    )
    after = (await storage.count(db))[centre.organisation]
    stored = await db.fetchval(
        "SELECT sum(pg_column_size(data)) FROM leads WHERE organisation_id = $1", centre.organisation
    )
    assert stored < after.parts["leads"] - before.parts["leads"] < stored + 50 * 400
    assert 1_000_000 < after.parts["media"] - before.parts["media"] < 1_001_000
    # all of it was looked at
    assert after.at_least == after.bytes


async def test_of_a_large_table_a_sample_is_read_and_who_has_little_in_it_is_not_taken_for_full(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    await _fill(db, centre, 2_000)
    await _fill(db, other_centre, 5)
    shares = {part: share async for part, share, sql in storage.statements(db, 10) if '"leads"' in sql}
    assert shares["leads"] < 0.5
    for _ in range(5):
        found = await storage.count(db, 10)
        if other_centre.organisation in found:
            little = found[other_centre.organisation]
            # nine blocks and fewer say nothing
            assert little.at_least <= little.bytes - little.parts["leads"]


async def test_it_is_counted_no_more_often_than_it_need_be(db: Database, centre: Centre) -> None:
    await _counted(db)
    now = datetime.now(UTC)
    assert not await count_storage(db, now)
    assert await count_storage(db, now + EVERY + timedelta(seconds=1))
    assert (await storage.get(db, centre.organisation)) is not None


def test_every_operation_that_writes_keeps_to_the_bound_or_says_why_not() -> None:
    without = {
        operation.operation_id
        for operations in APIS.values()
        for operation in operations
        if operation.method in WRITES and (operation.body_type is not None or operation.streams)
        if QuotaExceeded not in operation.problems
    }
    assert without == {each for group in GOES_ON.values() for each in group}


async def test_who_failed_to_sign_in_anywhere_does_not_keep_organisations_from_being_counted(
    app: Any, db: Database, centre: Centre
) -> None:
    async with client_for(app, "") as client:
        sent = {"username": "nobody", "password": "one that is wrong"}
        assert (await client.post("http://callfloor.test/auth/v1/session", json=sent)).status_code == 401
    assert await db.fetchval("SELECT count(*) FROM sign_in_failures WHERE organisation_id = 0")
    assert 0 not in await storage.count(db)
    assert await count_storage(db, datetime.now(UTC) + 3 * EVERY)
    assert await storage.get(db, centre.organisation) is not None
