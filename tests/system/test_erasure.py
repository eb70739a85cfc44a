"""After an erasure the customer stands nowhere, and everybody else stands as before."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from callfloor.app.media import open_media
from callfloor.jobs.imports.chunks import import_next
from callfloor.jobs.media import sweep
from callfloor.media.blobs import Blobs
from callfloor.rules.privacy.certificates import check
from callfloor.settings import Settings
from callfloor.store.calls import activities, attempts, media
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.email import emails, mailboxes
from callfloor.store.leads import imports
from callfloor.store.privacy import do_not_call, keys
from tests.api.desks import client_of, token_of
from tests.conftest import Centre
from tests.factories import inbound_call
from tests.system.erasure_story import (
    OTHER_ADDRESS,
    OTHER_NUMBER,
    OURS,
    SHARED,
    T0,
    Story,
    all_but_the_audit,
    bytes_of,
    pg_dump,
    restore,
)

ZERO = {
    "callData": {"activities": 0, "attempts": 0, "recordings": 0, "voicemails": 0},
    "emailData": {"messages": 0, "attachments": 0},
    "leadData": {"leads": 0, "importRows": 0},
}


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return open_media(settings)


@pytest.fixture
async def story(db: Database, blobs: Blobs, centre: Centre) -> Story:
    told = Story(db, blobs, centre)
    await told.tell()
    return told


async def erase(story: Story, status: int = 200, **parameters: str) -> dict[str, Any]:
    answer = await story.centre.client.delete("/customer", params=parameters or story.both)
    assert answer.status_code == status, answer.text
    return answer.json()


def counts(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ZERO}


async def test_nothing_of_the_customer_is_left_anywhere(
    db: Database,
    dsn: str,
    settings: Settings,
    story: Story,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = Path(settings.media_location)
    # the story is told in every table that can hold a customer
    assert (await story.traces_in_database()).keys() >= {
        "leads", "attempts_default", "activities_default", "media", "do_not_call", "imports", "import_chunks",
        "import_errors", "idempotency_keys", "emails", "outgoing_mail",
        "workspace_sessions", "workspace_events", "workspace_commands", "agent_states",
    }  # fmt: skip
    assert story.traces(bytes_of(folder))
    assert story.traces(pg_dump(dsn))

    answer = await erase(story)
    assert counts(answer) == story.expected
    assert answer["callData"]["activities"] > 0

    assert await story.traces_in_database() == {}
    assert story.traces(bytes_of(folder)) == []
    dumped = pg_dump(dsn)
    assert story.traces(dumped) == []
    for secret in (story.number.removeprefix("+61"), story.address):
        assert secret.encode().hex() not in dumped.lower()
    assert story.traces(json.dumps(answer)) == []
    output = capfd.readouterr()
    assert "erase_customer" in output.out + output.err
    assert story.traces(output.out + output.err) == []

    # what was pending becomes leads now, without the customer
    while await import_next(db):
        pass
    assert await story.traces_in_database() == {}
    assert counts(await erase(story)) == ZERO


async def test_what_happened_at_a_desk_can_still_be_read(db: Database, story: Story) -> None:
    async with client_of(story.centre, await token_of(db, story.centre, story.centre.agent)) as client:
        before = (await client.get("/events?after=0")).json()
        await erase(story)
        after = (await client.get("/events?after=0")).json()
        session = (await client.get("/session")).json()
    assert (after["sequence"], len(after["events"])) == (before["sequence"], len(before["events"]))
    # a desk that is paused shows no call, but it is kept
    shown = "SELECT at_hand #>> '{call,number}' AS number FROM workspace_events WHERE organisation_id = $1"
    numbers = await db.fetch(shown, story.organisation)
    assert {row["number"] for row in numbers} == {None, "[erased]", OTHER_NUMBER}
    assert session["reason"] == "Jane: [erased]"


async def test_figures_stay_and_personal_fields_are_empty(db: Database, story: Story) -> None:
    def figures(row: asyncpg.Record) -> dict[str, Any]:
        emptied = {"contact", "email", "survey", "phone_number", "erased_at"}
        return {name: value for name, value in row.items() if name not in emptied}

    org = story.organisation
    tables = {"activities": "activity_id", "attempts": "attempt_id"}
    rows = {
        t: await db.fetch(f"SELECT * FROM {t} WHERE organisation_id = $1 ORDER BY {k}", org) for t, k in tables.items()
    }
    minutes = await db.fetch("SELECT * FROM campaign_minutes WHERE organisation_id = $1 ORDER BY 1, 2, 3", org)
    counted = "SELECT sum(leads), sum(dialable) FROM list_counts WHERE organisation_id = $1"
    leads = await db.fetchrow(counted, org)
    await erase(story)
    for table, key in tables.items():
        after = await db.fetch(f"SELECT * FROM {table} WHERE organisation_id = $1 ORDER BY {key}", org)
        assert [figures(row) for row in after] == [figures(row) for row in rows[table]]
    emptied = await db.fetch("SELECT * FROM activities WHERE organisation_id = $1 AND erased_at IS NOT NULL", org)
    assert len(emptied) == 6 + 2 + 3
    assert all(row["contact"] is None and row["email"] is None for row in emptied)
    surveys = [json.loads(row["survey"]) for row in emptied if row["survey"] is not None]
    assert [(survey["started"], survey["workflowName"]) for survey in surveys] == [(True, "After the call")]
    assert await db.fetch("SELECT * FROM campaign_minutes WHERE organisation_id = $1 ORDER BY 1, 2, 3", org) == minutes
    assert leads is not None
    left = await db.fetchrow(
        "SELECT count(*), count(*) FILTER (WHERE dialable) FROM leads WHERE organisation_id = $1", org
    )
    assert tuple(await db.fetchrow(counted, org) or ()) == tuple(left or ())
    # the API still shows them
    for row in emptied:
        assert (await story.centre.client.get(f"/activities/{row['activity_id']}")).status_code == 200


async def test_others_stay_as_they_were_but_for_the_customer(db: Database, story: Story) -> None:
    client, others = story.centre.client, story.others
    paths = [f"/leads/{others['untouched']}", f"/leads/{others['changed']}", f"/activities/{others['call']}"]
    before = [(await client.get(path)).json() for path in paths]
    await erase(story)
    after = [(await client.get(path)).json() for path in paths]
    # the deletion of one of their recordings was explained with the customer
    assert story.traces(json.dumps(before)) != []
    assert after == json.loads(json.dumps(before).replace(story.address, "[erased]"))
    mentions = (await client.get(f"/leads/{others['mentions']}")).json()
    assert mentions["dataFields"] == {
        "note": "neighbour: [erased], or Jane <[erased]>; not before 10:00",
        "plan": "gold",
    }
    assert [phone["phoneNumber"] for phone in mentions["phones"]] == [OTHER_NUMBER]
    message = (await client.get(f"/activities/{others['message']}")).json()["data"]
    assert message["from"] == "bob@example.org"
    assert message["to"] == "care@example.net,[erased]"
    assert message["subject"] == "Jane's number is [erased]"
    assert (await client.get(f"/media/{story.shared_media}")).content == SHARED
    while await import_next(db):
        pass
    data = await db.fetch(
        "SELECT data FROM leads WHERE organisation_id = $1 AND phone1 = $2 ORDER BY lead_id DESC LIMIT 3",
        story.organisation, OTHER_NUMBER,
    )  # fmt: skip
    assert [json.loads(row["data"]) for row in data] == [{"plan": "gold"}, {"note": "brother of [erased]"}, {}]


async def test_letters_of_the_customer_are_empty_and_others_say_what_is_not_hers(db: Database, story: Story) -> None:
    org, others, campaign = story.organisation, story.others, story.centre.inbound
    assert [each.activity_id for each in await emails.waiting(db, org, campaign)] == [others["waiting"]]
    await erase(story)
    assert await emails.waiting(db, org, campaign) == []
    assert await emails.take(db, org, [campaign], story.centre.agent, T0) is None
    for name in ("answered", "waiting"):
        letter = await emails.read(db, org, others[name])
        assert letter is not None
        assert (letter.erased, letter.message, letter.body_text, letter.attachments) == (True, None, None, [])
    letter = await emails.read(db, org, others["letter"])
    assert letter is not None
    assert letter.body_text == "Call [erased] or write to [erased]."
    assert (letter.cc, letter.html_media_id) == ("[erased]", None)
    assert [each.content_type for each in letter.attachments] == ["text/plain"]
    # what was to go to the customer is not sent, what goes to Bob is
    recipients = await db.fetch("SELECT recipient FROM outgoing_mail WHERE organisation_id = $1", org)
    assert [row["recipient"] for row in recipients] == [OTHER_ADDRESS]
    answer = await emails.read(db, org, others["answer"])
    assert answer is not None
    assert (answer.delivery, answer.body_text) == ("waiting", "Dear Bob, ask [erased] at [erased].")
    # the same message, fetched again from a mailbox elsewhere, stays away
    (mailbox,) = [await mailboxes.get(db, org, row["mailbox_id"]) for row in await db.fetch(
        "SELECT mailbox_id FROM mailboxes WHERE organisation_id = $1", org)]  # fmt: skip
    assert mailbox is not None
    assert await story.letter(mailbox, story.address, 0, []) == others["answered"]
    assert await story.traces_in_database() == {}


async def test_the_blocked_number_stays_blocked(db: Database, story: Story) -> None:
    await erase(story)
    key = await db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", story.organisation)
    blocked = await do_not_call.blocked(db, story.organisation, key, story.centre.outbound, [story.number], T0)
    assert blocked == {story.number}
    rows = await db.fetch(
        "SELECT phone_number, reason FROM do_not_call WHERE organisation_id = $1 ORDER BY phone_number",
        story.organisation,
    )
    assert [tuple(row) for row in rows] == [(OTHER_NUMBER, "see [erased]"), (None, None)]


async def test_media_say_that_they_were_erased(db: Database, story: Story) -> None:
    await erase(story)
    actor = await db.fetchval("SELECT min(token_id) FROM tokens WHERE organisation_id = $1", story.organisation)
    rows = await db.fetch(
        "SELECT * FROM media WHERE organisation_id = $1 AND sha256 IS NULL ORDER BY media_id", story.organisation
    )
    # the last is another's message as HTML, out of which nothing can be taken
    assert len(rows) == 3 + 1 + 1 + 1 + 4 + 1
    for row in rows:
        assert (row["deleted_by"], row["deletion_reason"], row["file_name"]) == (actor, "customer erasure", None)
        assert (await story.centre.client.get(f"/media/{row['media_id']}")).status_code == 410
    assert await db.fetchval("SELECT count(*) FROM blob_deletions WHERE organisation_id = $1", story.organisation) == 0


async def test_a_dry_run_counts_the_same_and_writes_nothing(db: Database, settings: Settings, story: Story) -> None:
    folder = Path(settings.media_location)
    before, files = await all_but_the_audit(db), bytes_of(folder)
    dry = await erase(story, **story.both, dryRun="true")
    assert dry["certificate"] is None
    assert counts(dry) == story.expected
    assert await all_but_the_audit(db) == before
    assert bytes_of(folder) == files
    assert counts(await erase(story)) == counts(dry)


async def test_number_and_address_alone_add_up_to_both(db: Database, story: Story) -> None:
    by_number = counts(await erase(story, phoneNumber=story.written))
    by_address = counts(await erase(story, emailAddress=story.address.upper()))
    for group, parts in story.expected.items():
        for name, whole in parts.items():
            assert by_number[group][name] + by_address[group][name] == whole, name
    assert await story.traces_in_database() == {}


async def test_the_certificate_is_kept_and_can_be_checked(db: Database, story: Story) -> None:
    answer = await story.centre.client.delete("/customer", params=story.both)
    key = base64.b64encode((await keys.public(db, story.organisation))[0]).decode()
    checked = check(answer.content, [key])
    assert checked.key_was_expected
    kept = await db.fetchrow("SELECT * FROM erasures WHERE organisation_id = $1", story.organisation)
    assert kept is not None
    assert json.loads(kept["certificate"]) == answer.json()["certificate"]
    assert str(kept["erasure_id"]) == answer.json()["certificate"]["id"]


async def test_a_repeated_request_gets_the_stored_answer(story: Story) -> None:
    headers = {"Idempotency-Key": "erase-once"}
    first = await story.centre.client.delete("/customer", params=story.both, headers=headers)
    assert counts(first.json()) == story.expected
    again = await story.centre.client.delete("/customer", params=story.both, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content


async def test_two_erasures_at_once_erase_everything_once(db: Database, story: Story) -> None:
    first, second = await asyncio.gather(erase(story), erase(story))
    assert sorted((counts(first), counts(second)), key=str) == sorted((ZERO, story.expected), key=str)
    assert await story.traces_in_database() == {}


async def test_the_same_customer_of_another_organisation_stays(
    db: Database, blobs: Blobs, story: Story, other_centre: Centre
) -> None:
    other = Story(db, blobs, other_centre, person=story.person)
    await other.tell()
    await erase(story)
    assert counts(await erase(other, **story.both, dryRun="true")) == other.expected
    assert counts(await erase(other)) == other.expected


@pytest.mark.parametrize("parameter", ["phoneNumber", "emailAddress"])
async def test_a_customer_in_a_call_is_not_erased(db: Database, story: Story, parameter: str) -> None:
    before = await all_but_the_audit(db)
    contact = story.both[parameter]
    call = (story.centre.inbound, contact, OURS)
    activity_id = await inbound_call(db, story.organisation, *call, T0)
    problem = await erase(story, 409, **{parameter: contact})
    assert problem["type"].endswith("/problems/customer-in-call")
    assert story.traces(json.dumps(problem)) == []
    # who only counts is told
    await erase(story, 200, dryRun="true", **{parameter: contact})
    after = await all_but_the_audit(db)
    assert {name for name in after if after[name] != before[name]} <= {
        "activities",
        "activities_default",
        "campaign_minutes",
        "open_legs",
    }
    await activities.hang_up(db, story.organisation, activity_id, T0)
    await erase(story)


async def test_a_lead_that_is_being_dialled_is_not_erased(db: Database, story: Story) -> None:
    lead_id = await story.lead(phone1="+61491570006", phone2=story.number)
    new = attempts.NewAttempt(story.centre.outbound, lead_id, 1, "+61491570006", "progressive")
    assert await attempts.start(db, story.organisation, [new], T0) != [None]
    await erase(story, 409)


async def test_a_failing_media_store_leaves_everything_for_another_try(
    db: Database, blobs: Blobs, story: Story
) -> None:
    sha256 = await db.fetchval(
        "SELECT sha256 FROM media WHERE organisation_id = $1 AND kind = 'voicemail'", story.organisation
    )
    path = blobs.local_path(story.organisation, sha256)
    assert path is not None
    path.unlink()
    path.mkdir()
    before = await all_but_the_audit(db)
    problem = await erase(story, 503)
    assert story.traces(json.dumps(problem)) == []
    assert await all_but_the_audit(db) == before
    path.rmdir()
    assert counts(await erase(story)) == story.expected


async def test_a_recording_that_arrives_after_the_erasure_is_not_kept(db: Database, blobs: Blobs, story: Story) -> None:
    call = (story.centre.inbound, story.number, OURS)
    activity_id = await inbound_call(db, story.organisation, *call, T0)
    await activities.hang_up(db, story.organisation, activity_id, T0)
    await erase(story)
    media_id = await story.keep("recording", activity_id, b"RIFF late", file_name="late.wav")
    assert (await story.centre.client.get(f"/media/{media_id}")).status_code == 410
    shown = (await story.centre.client.get(f"/media/{media_id}/recording")).json()
    assert (shown["deleted"], shown["sha256"], shown["deletionReason"]) == (True, None, "customer erasure")
    blob = StoredContent((await blobs.put(story.organisation, b"RIFF late")).sha256, 9)
    assert await media.is_pending(db, story.organisation, blob.sha256)
    await sweep(db, blobs)
    assert blobs.local_path(story.organisation, blob.sha256) is None


async def test_an_erasure_waits_for_the_chunk_that_is_being_imported(db: Database, dsn: str, story: Story) -> None:
    """The chunk's leads are seen although they were not there when the erasure began."""
    worker = await Database.connect(dsn, size=1)
    try:
        async with worker.transaction():
            assert await import_next(worker)
            erasing = asyncio.create_task(erase(story))
            waits = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            while not await db.fetchval(waits):
                assert not erasing.done()
        answer = await erasing
    finally:
        await worker.close()
    expected = story.expected["leadData"]
    # two rows became leads before they were erased
    assert answer["leadData"] == {"leads": expected["leads"] + 2, "importRows": expected["importRows"] - 2}
    assert await story.traces_in_database() == {}


async def test_erased_rows_of_an_import_count_as_skipped(db: Database, story: Story) -> None:
    await erase(story)
    while await import_next(db):
        pass
    row = await db.fetchrow(
        "SELECT * FROM imports WHERE organisation_id = $1 ORDER BY created_at DESC LIMIT 1", story.organisation
    )
    assert row is not None
    assert (row["row_count"], row["inserted"], row["skipped"], row["invalid"]) == (5, 3, 2, 0)
    assert await imports.get(db, story.organisation, row["import_id"]) is not None


async def test_a_dump_of_the_database_can_be_restored(dsn: str, story: Story) -> None:
    """Indexes over functions are built again by a restore, under its own search path."""
    admin = await asyncpg.connect(dsn)
    try:
        name = "callfloor_restored"
        await admin.execute(f"DROP DATABASE IF EXISTS {name}")
        await admin.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        head, _, tail = dsn.partition("?")
        target = f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{tail}" if tail else "")
        restore(target, pg_dump(dsn))
        restored = await asyncpg.connect(target)
        assert await restored.fetchval("SELECT count(*) FROM leads") > 0
        await restored.close()
        await admin.execute(f"DROP DATABASE {name}")
    finally:
        await admin.close()
