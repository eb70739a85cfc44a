"""However a customer is written, and wherever, an erasure leaves nothing: read back by a reader of its own."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.header import Header
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from callfloor.app.media import open_media
from callfloor.contract.workspace import AtHand, Dial
from callfloor.jobs.identifiers import renew_some
from callfloor.jobs.imports.chunks import import_next
from callfloor.mail.intake import Intake
from callfloor.mail.message import read
from callfloor.media.blobs import Blobs
from callfloor.rules.figures.intervals import floor
from callfloor.settings import Settings
from callfloor.store.agents import agents, desk_commands, desk_events, drafts
from callfloor.store.calls import activities, diagnoses, dispositions, media
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.email import answers, emails, mailboxes
from callfloor.store.figures.report_counts import count_some
from callfloor.store.leads import dial_order
from callfloor.store.privacy import do_not_call, legal_holds
from tests.api.desks import RINGING, client_of, token_of
from tests.breadth import examples
from tests.conftest import Centre, alone
from tests.factories import inbound_call
from tests.mail.post import make_mailbox
from tests.rules.spellings import addresses, naively_read, numbers
from tests.system.erasure_story import everything

# what is read back each time is a whole database: it is to hold little else
pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")

T0 = datetime(2026, 6, 1, tzinfo=UTC)
OTHER = "+61491570156"
NUMBER, ADDRESS = "+61491570006", "jane.q7@example.com"
BOTH = {"phoneNumber": NUMBER, "emailAddress": ADDRESS}
JSON = {"Content-Type": "application/json"}


class Places:
    """Every place where a stranger's or an agent's text can be written, by the writer that production uses."""

    def __init__(self, db: Database, blobs: Blobs, centre: Centre) -> None:
        self.db, self.blobs, self.centre = db, blobs, centre

    async def lead(self, **fields: Any) -> int:
        body = {"listId": self.centre.list_id, "phone1": OTHER} | fields
        headers = JSON | {"Idempotency-Key": secrets.token_hex(8)}
        answer = await self.centre.client.post("/leads", content=json.dumps(body), headers=headers)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["leadId"])

    async def note(self, text: str) -> None:
        await self.lead(leadData={"note": text})

    async def field_name(self, text: str) -> None:
        await self.lead(leadData={text[:100]: "yes"})

    async def customer_key(self, text: str) -> None:
        # a longer one is refused, and then there is nothing to erase
        assume(len(text) <= 255)
        await self.lead(customerKey=text)

    async def changed_note(self, text: str) -> None:
        lead_id = await self.lead()
        url = f"/leads/{lead_id}"
        answer = await self.centre.client.put(url, content=json.dumps({"leadData": {"note": text}}), headers=JSON)
        assert answer.status_code == 200, answer.text

    async def agents_note(self, text: str) -> None:
        lead_id = await self.lead()
        call = (self.centre.inbound, OTHER, OTHER)
        activity = await inbound_call(self.db, self.centre.organisation, *call, T0)
        await activities.hang_up(self.db, self.centre.organisation, activity, T0)
        await self.db.execute("UPDATE activities SET lead_id = $1 WHERE activity_id = $2", lead_id, activity)
        wishes_of_agent = dispositions.Disposition(data={"note": text})
        assert await dispositions.save(self.db, self.centre.organisation, activity, wishes_of_agent, T0) is None

    async def skip(self, text: str) -> None:
        lead_id = await self.lead()
        await dial_order.skip(self.db, self.centre.organisation, lead_id, self.centre.agent, text, T0, T0)

    async def wrong_row(self, text: str) -> None:
        await self.bulk(json.dumps({"phone1": text, "leadData": {"note": text}, "statusCode": 50}).encode())

    async def imported_row(self, text: str) -> None:
        await self.bulk(json.dumps({"phone1": OTHER, "leadData": {"note": text}}).encode())

    async def pending_row(self, text: str) -> None:
        await self.bulk(json.dumps({"phone1": OTHER, "leadData": {"note": text}}).encode(), work=False)

    async def bulk(self, body: bytes, *, work: bool = True) -> None:
        headers = {"Content-Type": "application/x-ndjson"}
        url = f"/leads/bulk?listId={self.centre.list_id}"
        assert (await self.centre.client.post(url, content=body, headers=headers)).status_code == 202
        while work and await import_next(self.db):
            pass

    async def blocked_reason(self, text: str) -> None:
        org = self.centre.organisation
        key = await self.db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", org)
        await do_not_call.add(self.db, org, key, OTHER, T0, reason=text)

    async def hold_reason(self, text: str) -> None:
        org = self.centre.organisation
        held = await legal_holds.place(self.db, org, "lead", await self.lead(), text[:1000], None, T0)
        assert held is not None
        await legal_holds.lift(self.db, org, held["hold_id"], T0)

    async def file_name(self, text: str) -> None:
        await self.kept(file_name=text[:150])

    async def deletion_reason(self, text: str) -> None:
        media_id = await self.kept()
        answer = await self.centre.client.delete(f"/admin/media/{media_id}", params={"reason": text[:200]})
        assert answer.status_code in (200, 204), answer.text

    async def kept(self, file_name: str | None = None) -> int:
        org = self.centre.organisation
        call = await inbound_call(self.db, org, self.centre.inbound, OTHER, OTHER, T0)
        await activities.hang_up(self.db, org, call, T0)
        blob = await self.blobs.put(org, b"RIFF another's")
        content = StoredContent(blob.sha256, blob.size)
        return await media.add(
            self.db, org, "recording", call, content, content_type="audio/wav", duration_s=3, file_name=file_name, at=T0
        )

    async def pause(self, text: str) -> None:
        await agents.make_ready(self.db, self.centre.organisation, self.centre.agent, T0)
        async with client_of(self.centre, await token_of(self.db, self.centre, self.centre.agent)) as client:
            body = json.dumps({"state": "paused", "reason": text[:100]})
            answer = await client.put("/session", content=body, headers=JSON)
            assert answer.status_code == 200, answer.text
        # and in the sums of reports, once the pause was counted
        org, now = self.centre.organisation, datetime.now(UTC)
        begin = "INSERT INTO report_progress VALUES ($1, $2) ON CONFLICT DO NOTHING"
        await self.db.execute(begin, org, floor(now) - timedelta(minutes=15))
        later = now + timedelta(hours=1)
        while await count_some(self.db, org, ZoneInfo("Australia/Sydney"), later, floor(later), 60):
            pass
        sums = "SELECT count(*) FROM report_sums WHERE organisation_id = $1 AND facet = 'pause' AND key_text <> ''"
        assert await self.db.fetchval(sums, org) > 0

    async def desk(self, text: str) -> None:
        org, agent = self.centre.organisation, self.centre.agent
        dial = Dial(campaign_id=self.centre.outbound, number=text)
        await desk_commands.ask(self.db, org, agent, agent, dial, key_hash=None, within=timedelta(minutes=5))
        hand = AtHand(call=replace(RINGING, number=text))
        await desk_events.publish(self.db, org, agent, "call.ringing", hand, T0)

    async def letter(self, text: str, **headers: str) -> int:
        mailbox = await self.mailbox()
        number = secrets.token_hex(8)
        lines = [f"From: bob{number}@example.org", f"To: {mailbox.address}", f"Message-ID: <{number}@example.org>"]
        lines += [f"{name}: {Header(value, 'utf-8').encode()}" for name, value in headers.items()]
        lines += ["Content-Type: text/plain; charset=utf-8", "", text]
        message = "\n".join(lines).encode()
        arrived = await Intake(self.db, self.blobs, read(io.BytesIO(message))).keep(mailbox, T0)
        return arrived.activity_id

    async def mailbox(self) -> Any:
        org = self.centre.organisation
        known = await self.db.fetchval("SELECT mailbox_id FROM mailboxes WHERE organisation_id = $1", org)
        if known is None:
            return await make_mailbox(self.db, self.centre)
        return await mailboxes.get(self.db, org, known)

    async def mail_body(self, text: str) -> None:
        await self.letter(text)

    async def mail_subject(self, text: str) -> None:
        await self.letter("Hello", Subject=" ".join(text.split()))

    async def mail_copy(self, text: str) -> None:
        await self.letter("Hello", Cc=f"<{' '.join(text.split())}>")

    async def call_draft(self, text: str) -> None:
        org, agent = self.centre.organisation, self.centre.agent
        call = await inbound_call(self.db, org, self.centre.inbound, OTHER, OTHER, T0)
        await drafts.put(
            self.db, org, agent, call, json.dumps({"note": text, "leadData": {text: text}}), T0, drafts.Origin()
        )
        await activities.hang_up(self.db, org, call, T0)

    async def call_diagnosis(self, text: str) -> None:
        org, agent = self.centre.organisation, self.centre.agent
        call = await inbound_call(self.db, org, self.centre.inbound, OTHER, OTHER, T0)
        await diagnoses.add(self.db, org, call, agent, json.dumps({"complaint": text}), T0)
        await activities.hang_up(self.db, org, call, T0)

    async def draft(self, text: str) -> None:
        letter = await self.letter("Hello")
        org, agent = self.centre.organisation, self.centre.agent
        assert await emails.take(self.db, org, [self.centre.inbound], agent, T0, activity_id=letter)
        await answers.save_draft(self.db, org, letter, agent, text, T0)

    async def answer_body(self, text: str) -> None:
        letter = await self.letter("Hello")
        org, agent = self.centre.organisation, self.centre.agent
        assert await emails.take(self.db, org, [self.centre.inbound], agent, T0, activity_id=letter)
        await answers.answer(self.db, org, letter, agent, text, [], T0)


PLACES = [
    Places.note, Places.field_name, Places.customer_key, Places.changed_note, Places.agents_note, Places.skip,
    Places.wrong_row, Places.imported_row, Places.pending_row, Places.blocked_reason, Places.file_name,
    Places.deletion_reason, Places.pause, Places.desk, Places.mail_body, Places.mail_subject, Places.mail_copy,
    Places.answer_body, Places.draft, Places.call_draft, Places.hold_reason,
]  # fmt: skip
words = st.text(st.sampled_from("abc xyz,;!?\n"), max_size=12)


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return open_media(settings)


async def left(db: Database) -> dict[str, list[str]]:
    """Tables where the customer still stands, and the fields."""
    found: dict[str, list[str]] = {}
    for table, rows in (await everything(db)).items():
        for row in rows:
            for field in row.split("\t"):
                digits, letters = naively_read(field)
                if NUMBER[3:] in digits or ADDRESS in letters:
                    found.setdefault(table, []).append(field[:300])
    return found


@pytest.fixture
async def stood(db: Database) -> dict[str, list[str]]:
    """What is left before a test: others have customers of this number, in organisations of their own."""
    return await left(db)


# each example fills and reads a whole database
UNHEALTHY = (
    HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.function_scoped_fixture,
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@settings(max_examples=examples(3, long=12), phases=[Phase.generate], suppress_health_check=UNHEALTHY)
@given(data=st.data())
async def test_nothing_is_left_wherever_and_however_it_is_written(
    db: Database,
    blobs: Blobs,
    centre: Centre,
    stood: dict[str, list[str]],
    place: Callable[[Places, str], Awaitable[None]],
    data: st.DataObject,
) -> None:
    forms = data.draw(st.lists(numbers(NUMBER) | addresses(ADDRESS), min_size=1, max_size=2))
    text = f"{data.draw(words)} {' and '.join(forms)} {data.draw(words)}"
    await place(Places(db, blobs, centre), text)
    answer = await centre.client.delete("/customer", params=BOTH)
    assert answer.status_code == 200, answer.text
    while await import_next(db):
        pass
    assert await left(db) == stood


async def test_rows_of_the_older_rule_are_found_before_and_after_they_are_listed_anew(
    db: Database, blobs: Blobs, centre: Centre
) -> None:
    places, org = Places(db, blobs, centre), centre.organisation
    before = await left(db)
    for renewed in (False, True):
        text = f"call 0061 {NUMBER[3:]} or {ADDRESS.replace('@', '%40')}"
        await places.note(text)
        await places.letter(text)
        await db.execute("UPDATE leads SET identifiers = NULL WHERE organisation_id = $1", org)
        await db.execute("UPDATE emails SET identifiers = NULL WHERE organisation_id = $1", org)
        await db.execute(
            "INSERT INTO identifier_renewals SELECT $1, each, 9000000000 FROM unnest(ARRAY['leads', 'emails']) AS each",
            org,
        )
        while renewed and await renew_some(db):
            pass
        assert await db.fetchval("SELECT count(*) FROM identifier_renewals") == (0 if renewed else 2)
        await db.execute("DELETE FROM idempotency_keys WHERE organisation_id = $1", org)
        await centre.client.delete("/customer", params=BOTH)
        assert await left(db) == before
        await db.execute("DELETE FROM identifier_renewals")


async def test_an_address_that_a_header_folds_into_two_encoded_words_is_found(
    db: Database, blobs: Blobs, centre: Centre
) -> None:
    before = await left(db)
    wide = "".join(chr(ord(each) + 0xFEE0) for each in ADDRESS)
    await Places(db, blobs, centre).mail_copy(f"z;;? {wide[:12]}\u200e\u200b{wide[12:]} ,;ac y")
    assert (await centre.client.delete("/customer", params=BOTH)).status_code == 200
    assert await left(db) == before
