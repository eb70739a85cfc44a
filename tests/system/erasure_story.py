"""A customer who stands everywhere that a customer can stand, beside one who shares what can be shared."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import AtHand, Dial, EventType, Party, WrapUp
from callfloor.jobs.imports.chunks import import_next
from callfloor.media.blobs import Blobs
from callfloor.postgres.server import binaries
from callfloor.rules.privacy.identifiers import identifiers
from callfloor.store.agents import agents, desk_commands, desk_events
from callfloor.store.calls import activities, attempts, media
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.email import answers, arrivals, emails
from callfloor.store.email.arrivals import Arrival, ArrivedFile
from callfloor.store.email.mailboxes import StoredMailbox
from callfloor.store.privacy import do_not_call
from tests.api.desks import RINGING, client_of, token_of
from tests.conftest import Centre
from tests.factories import answer, inbound_call
from tests.mail.post import make_mailbox

OTHER_NUMBER = "+61255501002"
OTHER_ADDRESS = "bob@example.org"
OURS = "+61255501234"
SHARED = b"RIFF" + b"the same silence for everybody" * 50
T0 = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
# No two stories are of the same person, as they share a database and a media folder.
_people = itertools.count(7700)


@dataclass
class Story:
    """Writes through the store and the API; `expected` counts what is the customer's."""

    db: Database
    blobs: Blobs
    centre: Centre
    expected: dict[str, dict[str, int]] = field(default_factory=dict)
    shared_media: int = 0
    person: int = field(default_factory=_people.__next__)
    others: dict[str, int] = field(default_factory=dict)

    @property
    def organisation(self) -> int:
        return self.centre.organisation

    @property
    def number(self) -> str:
        return f"+6125550{self.person}"

    @property
    def written(self) -> str:
        return f"02 5550 {self.person}"

    @property
    def address(self) -> str:
        return f"jane.q{self.person}@example.com"

    @property
    def both(self) -> dict[str, str]:
        return {"phoneNumber": self.number, "emailAddress": self.address}

    def traces(self, text: str) -> list[str]:
        """Where the customer still stands in a text, in any form."""
        number = "[^0-9A-Za-z\t\n]{0,3}".join(f"25550{self.person}")
        found = re.finditer(f"{re.escape(self.address)}|{number}", text, re.IGNORECASE)
        return [text[max(match.start() - 40, 0) : match.end() + 20] for match in found]

    async def traces_in_database(self) -> dict[str, list[str]]:
        """The tables where the customer still stands."""
        tables = await everything(self.db)
        return {table: found for table, rows in tables.items() if (found := self.traces("\n".join(rows)))}

    async def tell(self) -> None:
        leads = await self.leads()
        calls = await self.calls(leads)
        messages = await self.messages()
        await self.other_places()
        await self.desk()
        rows = await self.imports()
        self.expected = {
            "callData": calls,
            "emailData": messages,
            "leadData": {"leads": len(leads), "importRows": rows},
        }

    async def lead(self, key: str | None = None, **fields: Any) -> int:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"listId": self.centre.list_id} | fields
        answer = await self.centre.client.post("/leads", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["leadId"])

    async def change(self, lead_id: int, key: str, **fields: Any) -> None:
        answer = await self.centre.client.put(f"/leads/{lead_id}", json=fields, headers={"Idempotency-Key": key})
        assert answer.status_code == 200, answer.text

    async def leads(self) -> list[int]:
        """The customer's own leads; and others' that mention the customer, or did."""
        own = [
            await self.lead("first", phone1=self.number, leadData={"firstName": "Jane"}),
            await self.lead(phone1="+61491570006", phone3=f"(02) 5550-{self.person}"),
            await self.lead(phone1="+61491570006", leadData={"email": self.address.title()}),
            await self.lead(phone1="+61491570006", leadData={"home": self.written}),
            await self.lead(customerKey=f"025550{self.person}"),
            await self.lead(customerKey=self.address),
        ]
        await self.change(own[0], "second", leadData={"plan": "gold"})
        note = f"neighbour: +61 2 5550 {self.person}, or Jane <{self.address}>; not before 10:00"
        self.others["mentions"] = await self.lead(phone1=OTHER_NUMBER, leadData={"note": note, "plan": "gold"})
        changed = await self.lead(phone1=OTHER_NUMBER)
        await self.change(changed, "third", phone2=self.number)
        await self.change(changed, "fourth", phone2=None)
        self.others["changed"] = changed
        self.others["untouched"] = await self.lead(phone1=OTHER_NUMBER, leadData={"email": OTHER_ADDRESS})
        return own

    async def calls(self, leads: list[int]) -> dict[str, int]:
        org, at = self.organisation, T0
        inbound = await inbound_call(self.db, org, self.centre.inbound, self.number, OURS, at)
        await activities.join_queue(self.db, org, inbound, at)
        await answer(self.db, org, inbound, self.centre.agent, at)
        child = await activities.transfer(self.db, org, inbound, self.centre.inbound, self.centre.agent, at)
        assert child is not None
        await activities.hang_up(self.db, org, child, at + timedelta(minutes=1))
        await activities.set_survey(self.db, org, child, activities.Survey(True, at, 7, "After the call"))
        dialled = [
            await self.dial(leads[0], self.number),
            # another number of a lead that goes
            await self.dial(leads[1], "+61491570006"),
        ]
        # a number dialled by hand that goes back to a call whose caller was withheld
        withheld = await inbound_call(self.db, org, self.centre.inbound, None, OURS, at)
        await activities.hang_up(self.db, org, withheld, at)
        (manual,) = await attempts.start(
            self.db,
            org,
            [attempts.NewAttempt(self.centre.outbound, None, None, self.number, "manual", parent_activity_id=withheld,
                                 root_activity_id=withheld)],
            at,
        )  # fmt: skip
        assert manual is not None
        await attempts.finish(self.db, org, manual.attempt_id, attempts.Ended(DialStatus.BUSY), at)
        other = await inbound_call(self.db, org, self.centre.inbound, OTHER_NUMBER, OURS, at)
        self.others["call"] = other
        recording = b"RIFF the voice of " + self.number.encode()
        await self.keep("recording", inbound, recording)
        await self.keep("recording", dialled[0], recording)
        await self.keep("recording", child, SHARED)
        deleted = await self.keep("recording", inbound, b"RIFF deleted before " + self.number.encode())
        await self.centre.client.delete(f"/admin/media/{deleted}", params={"reason": f"{self.written} asked"})
        await self.keep("voicemail", inbound, b"RIFF a voicemail", file_name=f"{self.written}.wav")
        self.shared_media = await self.keep("recording", other, SHARED)
        wrong = await self.keep("recording", other, b"RIFF wrong", file_name=f"not {self.number}.wav")
        reason = f"is a call of {self.address}"
        await self.centre.client.delete(f"/admin/media/{wrong}", params={"reason": reason})
        return {"activities": 6, "attempts": 3, "recordings": 3, "voicemails": 1}

    async def dial(self, lead_id: int, number: str) -> int:
        index = 1
        new = attempts.NewAttempt(self.centre.outbound, lead_id, index, number, "progressive")
        (call,) = await attempts.start(self.db, self.organisation, [new], T0)
        assert call is not None
        await attempts.finish(self.db, self.organisation, call.attempt_id, attempts.Ended(DialStatus.NO_ANSWER), T0)
        return call.activity_id

    async def keep(self, kind: media.Kind, activity_id: int, content: bytes, file_name: str | None = None) -> int:
        blob = await self.blobs.put(self.organisation, content)
        return await media.add(
            self.db,
            self.organisation,
            kind,
            activity_id,
            StoredContent(blob.sha256, blob.size),
            content_type="audio/wav" if kind != "attachment" else "text/plain",
            duration_s=None if kind == "attachment" else 3,
            file_name=file_name,
            at=T0,
        )

    async def messages(self) -> dict[str, int]:
        org, campaign = self.organisation, self.centre.inbound
        ours = "care@example.net"
        theirs = activities.Message("Call me", "<1@example.com>", None, f"Jane <{self.address}>", ours)
        mailbox = await make_mailbox(self.db, self.centre)
        letter = await self.written_down(mailbox, theirs, self.address)
        answer = activities.Message("Re: Call me", "<2@example.net>", "<1@example.com>", ours, self.address)
        await activities.open_email(
            self.db,
            org,
            activities.NewEmail("email.outbound", campaign, self.address, ours, answer, self.centre.agent),
            T0,
        )
        both = activities.Message(
            f"Jane's number is {self.written}",
            "<3@example.net>",
            None,
            OTHER_ADDRESS,
            f"{ours}, Jane Public <{self.address}>",
        )
        self.others["message"] = await self.written_down(mailbox, both, OTHER_ADDRESS)
        await self.keep("attachment", letter, b"bill of " + self.address.encode(), file_name=f"{self.address}.txt")
        letters, attachments = await self.letters(mailbox)
        return {"messages": 2 + letters, "attachments": 1 + attachments}

    async def written_down(self, mailbox: StoredMailbox, message: activities.Message, sender: str) -> int:
        keys = identifiers((message.subject, message.message_id, message.in_reply_to, message.from_, message.to))
        digest = (message.message_id or "").encode()
        arrival = Arrival(message, sender, digest, identifiers=keys, automatic="list")
        return (await arrivals.arrive(self.db, mailbox, arrival, T0)).activity_id

    async def letters(self, mailbox: StoredMailbox) -> tuple[int, int]:
        """Messages as they come in, of the customer and of another; how many, and how many attachments, are hers."""
        org, campaign, agent = self.organisation, self.centre.inbound, self.centre.agent
        hers: dict[str, Any] = {"reply_to": self.address, "cc": f"Jane <{self.address}>", "ancestors": [self.address]}
        page = await self.part(f"<p>Write to {self.address}</p>", html=True)
        bills = [await self.part(f"bill of {self.address} {number}") for number in range(2)]
        body = {"body_text": f"Write to {self.address}"}
        self.others["answered"] = await self.letter(mailbox, self.address, 0, [page, bills[0]], **hers | body)
        self.others["waiting"] = await self.letter(mailbox, self.address, 1, [bills[1]], **hers)
        await emails.take(self.db, org, [campaign], agent, T0, activity_id=self.others["answered"])
        text, file = f"Dear {self.address}", await self.part(f"offer for {self.number}")
        new = answers.NewAttachment(file.content, file.content_type, file.file_name)
        await answers.answer(self.db, org, self.others["answered"], agent, text, [new], T0)
        page = await self.part(f"<a href='mailto:{self.address}'>her</a>", html=True)
        note = await self.part("a note of Bob", file_name="note.txt")
        mentions = self.others["letter"] = await self.letter(
            mailbox, OTHER_ADDRESS, 7, [page, note], cc=self.address, reply_to=OTHER_ADDRESS
        )
        await emails.take(self.db, org, [campaign], agent, T0, activity_id=mentions)
        text = f"Dear Bob, ask {self.address} at {self.written}."
        self.others["answer"] = await answers.answer(self.db, org, mentions, agent, text, [], T0)
        return 3, 4

    async def letter(
        self, mailbox: StoredMailbox, sender: str, number: int, files: list[ArrivedFile], **given: Any
    ) -> int:
        body = f"Call {self.written} or write to {self.address}."
        message = activities.Message("Hello", f"<{number}@example.org>", None, sender, mailbox.address)
        values = {"body_text": body, "files": files} | given
        hidden = () if "body_text" in given else tuple(self.both.values())
        keys = identifiers((*values.values(), *values.get("ancestors", ()), message.subject, sender, *hidden))
        arrival = Arrival(message, sender, f"digest {number}".encode(), identifiers=keys, **values)
        return (await arrivals.arrive(self.db, mailbox, arrival, T0)).activity_id

    async def part(self, content: str, *, html: bool = False, file_name: str | None = None) -> ArrivedFile:
        blob = await self.blobs.put(self.organisation, content.encode())
        kind = "text/html" if html else "text/plain"
        return ArrivedFile(StoredContent(blob.sha256, blob.size), kind, file_name or f"{self.address}.txt", html, html)

    async def other_places(self) -> None:
        key = await self.db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", self.organisation)
        await do_not_call.add(self.db, self.organisation, key, self.number, T0, reason="Jane asked for it")
        await do_not_call.add(self.db, self.organisation, key, OTHER_NUMBER, T0, reason=f"see {self.address}")

    async def desk(self) -> None:
        """On an agent's desk: now, before, as a reason for a pause, in stored answers, and in what is being asked."""
        org, agent = self.organisation, self.centre.agent
        await agents.make_ready(self.db, org, agent, T0)
        party = Party(party=1, agent_id=None, number=self.number, state="joined")
        happened: list[tuple[str, EventType]] = [
            (self.number, "call.ringing"), (OTHER_NUMBER, "call.ended"), (self.number, "call.changed"),
        ]  # fmt: skip
        for number, kind in happened:
            hand = AtHand(call=replace(RINGING, number=number, parties=(party,)))
            await desk_events.publish(self.db, org, agent, kind, hand, T0)
        async with client_of(self.centre, await token_of(self.db, self.centre, agent)) as client:
            body = {"state": "paused", "reason": f"Jane: {self.written}"}
            assert (await client.put("/session", json=body, headers={"Idempotency-Key": "desk"})).status_code == 200
        for command in (
            Dial(campaign_id=self.centre.outbound, number=self.number),
            WrapUp(lead_data={"email": self.address, "home": self.written}),
        ):
            within = timedelta(minutes=5)
            await desk_commands.ask(self.db, org, agent, agent, command, key_hash=None, within=within)

    async def bulk(self, body: bytes, content_type: str, query: str = "") -> None:
        answer = await self.centre.client.post(
            f"/leads/bulk?listId={self.centre.list_id}{query}", content=body, headers={"Content-Type": content_type}
        )
        assert answer.status_code == 202, answer.text

    async def imports(self) -> int:
        """Rows that could not be imported, and rows that are not imported yet."""
        wrong: list[Any] = [
            {"phone1": self.number, "statusCode": 50},
            {"phone1": f"{self.written} ask for Jane"},
            {"phone1": "12", "leadData": {"note": f"or {self.written}"}},
            {"phone1": "12", "leadData": {self.address: 1}},
            {"phone1": "13", "leadData": {"email": OTHER_ADDRESS}},
        ]
        await self.bulk(json.dumps({"leads": wrong}).encode(), "application/json")
        await self.bulk(f"phone1,name\n{self.number}\n".encode(), "text/csv")
        own = f"&dryRun=true&map={quote(f'{self.number}=leadData.{self.number}')}"
        await self.bulk(f"phone1,{self.number}\n{OTHER_NUMBER},x\n".encode(), "text/csv", own)
        while await import_next(self.db):
            pass
        pending: list[Any] = [
            {"phone1": OTHER_NUMBER},
            {"phone2": self.written},
            {"leadData": {"email": self.address.upper()}},
            {"phone1": OTHER_NUMBER, "leadData": {"note": f"brother of {self.address}"}},
            {"phone1": OTHER_NUMBER, "leadData": {"plan": "gold"}},
        ]
        await self.bulk("\n".join(map(json.dumps, pending)).encode(), "application/x-ndjson")
        # of the wrong rows two and the one of the CSV file are the customer's, of those to come two
        return 3 + 2


async def all_but_the_audit(db: Database) -> dict[str, list[str]]:
    """`everything`, without what is recorded of what is done, a moment later."""
    return {name: rows for name, rows in (await everything(db)).items() if name != "audit_entries"}


async def everything(db: Database) -> dict[str, list[str]]:
    """Every row of every table as text; bytes as the text that they are."""
    columns = await db.fetch(
        """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
        ORDER BY table_name, ordinal_position"""
    )
    tables: dict[str, list[str]] = {}
    for row in columns:
        name = f'"{row["column_name"]}"'
        text = f"encode({name}, 'escape')" if row["data_type"] == "bytea" else f"{name}::text"
        tables.setdefault(row["table_name"], []).append(f"coalesce({text}, '-')")
    found: dict[str, list[str]] = {}
    for table, parts in tables.items():
        rows = await db.fetch(f'SELECT {" || chr(9) || ".join(parts)} AS line FROM "{table}"')
        found[table] = sorted(row["line"] for row in rows)
    return found


def bytes_of(folder: Path) -> str:
    """Everything that the media folder holds."""
    return "\n".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


def restore(target: str, dumped: str) -> None:
    """Run a dump; a setting that an older server does not know yet is left out."""
    text = dumped.replace("SET transaction_timeout = 0;", "")
    command = [binaries() / "psql", "--dbname", target, "--quiet", "--set", "ON_ERROR_STOP=1"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def pg_dump(dsn: str) -> str:
    done = subprocess.run(
        [binaries() / "pg_dump", "--dbname", dsn], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout
