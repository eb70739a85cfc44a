"""The queue of e-mails: each is taken once, answered, handed over and closed."""

from __future__ import annotations

import asyncio
import secrets

import asyncpg
import pytest

from callfloor.store.calls import activities
from callfloor.store.calls.activities import UnknownWrapCodeError
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.email import answers, emails, outbox
from callfloor.store.email.answers import CannotAnswerError, NewAttachment
from callfloor.store.email.emails import NotHeldError
from tests.conftest import Centre
from tests.mail.post import JANE, T0, Letters, later, make_mailbox


@pytest.fixture
async def letters(db: Database, centre: Centre) -> Letters:
    # what is to be sent is everybody's: other tests leave some
    await db.execute("DELETE FROM outgoing_mail")
    return Letters(db, await make_mailbox(db, centre))


async def test_letters_wait_until_each_is_taken_oldest_first(db: Database, centre: Centre, letters: Letters) -> None:
    org, campaign = centre.organisation, centre.inbound
    second, first = await letters.come(later(1)), await letters.come(T0)
    waiting = await emails.waiting(db, org, campaign)
    assert [(each.activity_id, each.waiting_since) for each in waiting] == [
        (first.activity_id, T0),
        (second.activity_id, later(1)),
    ]
    assert waiting[0].sender == f"Jane <{JANE}>"
    assert waiting[0].subject == "Letter 2"
    assert await emails.take(db, org, [centre.outbound], centre.agent, later(5)) is None
    taken = [await emails.take(db, org, [centre.outbound, campaign], centre.agent, later(5)) for _ in range(3)]
    assert [each and each.activity_id for each in taken] == [first.activity_id, second.activity_id, None]
    row = await activities.get(db, org, first.activity_id)
    assert row is not None
    assert taken[0] is not None
    assert (row["status_id"], row["agent_id"], row["left_queue_at"]) == (12, centre.agent, later(5))
    assert row["answered_at"] is None, "nobody has written an answer"
    assert row["agent_interaction_id"] == taken[0].agent_interaction_id
    assert await emails.waiting(db, org, campaign) == []


async def test_of_many_agents_at_once_each_gets_another_letter(db: Database, centre: Centre, letters: Letters) -> None:
    came = {(await letters.come(later(number), sender=f"{number}@example.com")).activity_id for number in range(12)}
    asked = [emails.take(db, centre.organisation, [centre.inbound], centre.agent, later(60)) for _ in range(15)]
    taken = [each.activity_id for each in await asyncio.gather(*asked) if each is not None]
    # one that asked while all the letters were being taken by others goes without; nobody gets one twice
    while (left := await emails.take(db, centre.organisation, [centre.inbound], centre.agent, later(61))) is not None:
        taken.append(left.activity_id)
    assert len(taken) == 12
    assert set(taken) == came


async def test_a_certain_letter_can_be_taken(db: Database, centre: Centre, letters: Letters) -> None:
    await letters.come(T0)
    wanted = await letters.come(later(1))
    where = db, centre.organisation, [centre.inbound], centre.agent, later(5)
    taken = await emails.take(*where, activity_id=wanted.activity_id)
    assert taken is not None
    assert taken.activity_id == wanted.activity_id
    assert await emails.take(*where, activity_id=wanted.activity_id) is None


async def test_a_letter_that_waits_is_announced(db: Database, dsn: str, centre: Centre, letters: Letters) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    connection = await asyncpg.connect(dsn)
    try:
        await connection.add_listener(emails.QUEUED_CHANNEL, lambda *said: heard.put_nowait(said[3]))
        await letters.come(T0)
        assert await asyncio.wait_for(heard.get(), 10) == f"{centre.organisation} {centre.inbound}"
    finally:
        await connection.close()


async def test_an_answer_is_a_child_that_goes_out(db: Database, centre: Centre, letters: Letters) -> None:
    org = centre.organisation
    came = await letters.come(T0, ancestors=["<0@example.com>"])
    await emails.take(db, org, [centre.inbound], centre.agent, later(5))
    file = NewAttachment(StoredContent(secrets.token_hex(32), 7), "text/plain", "terms.txt")
    sent = await answers.answer(db, org, came.activity_id, centre.agent, "Gladly.\x00\ud800", [file], later(60))
    read = await emails.read(db, org, sent)
    letter = await emails.read(db, org, came.activity_id)
    assert read is not None
    assert letter is not None
    assert read.message is not None
    assert letter.message is not None
    assert (read.type, read.parent_activity_id, read.root_activity_id) == (
        "email.outbound", came.activity_id, came.activity_id,
    )  # fmt: skip
    assert read.message.subject == "Re: Letter 1"
    assert (read.message.from_, read.message.to) == (letters.mailbox.address, JANE)
    assert read.message.in_reply_to == letter.message.message_id
    assert read.body_text == "Gladly.?"
    assert read.closed == later(60)
    assert read.delivery == "waiting"
    assert [(each.file_name, each.size) for each in read.attachments] == [("terms.txt", 7)]
    assert letter.closed is None
    claimed = await outbox.claim(db, later(60), later(120) - later(60))
    assert claimed is not None
    content = await outbox.content(db, claimed)
    assert content is not None
    assert content.ancestors == ["<0@example.com>", letter.message.message_id]
    assert await outbox.sent(db, claimed, later(61))
    await emails.close(db, org, came.activity_id, centre.agent, None, later(70))
    closed = await emails.read(db, org, came.activity_id)
    assert closed is not None
    assert closed.closed == later(70)
    assert await emails.conversation(db, org, came.activity_id) == [came.activity_id, sent]


async def test_only_who_took_a_letter_may_answer_or_close_it(db: Database, centre: Centre, letters: Letters) -> None:
    org = centre.organisation
    came = (await letters.come(T0)).activity_id

    async def refused(agent: int) -> None:
        with pytest.raises(NotHeldError):
            await answers.answer(db, org, came, agent, "Hello", [], later(60))
        with pytest.raises(NotHeldError):
            await emails.close(db, org, came, agent, None, later(60))
        with pytest.raises(NotHeldError):
            await emails.transfer(db, org, came, agent, centre.inbound, None, later(60))

    await refused(centre.agent)
    await emails.take(db, org, [centre.inbound], centre.agent, later(5))
    await refused(centre.user)
    with pytest.raises(UnknownWrapCodeError):
        await emails.close(db, org, came, centre.agent, 77, later(60))
    await emails.close(db, org, came, centre.agent, None, later(60))
    await refused(centre.agent)
    assert await db.fetchval("SELECT count(*) FROM outgoing_mail WHERE organisation_id = $1", org) == 0


async def test_a_mailbox_that_sends_nothing_answers_nothing(db: Database, centre: Centre) -> None:
    letters = Letters(db, await make_mailbox(db, centre, send=None))
    came = (await letters.come(T0)).activity_id
    await emails.take(db, centre.organisation, [centre.inbound], centre.agent, later(5))
    with pytest.raises(CannotAnswerError):
        await answers.answer(db, centre.organisation, came, centre.agent, "Hello", [], later(60))


async def test_a_letter_goes_back_into_the_queue_with_all_that_it_says(
    db: Database, centre: Centre, letters: Letters
) -> None:
    org = centre.organisation
    came = (await letters.come(T0)).activity_id
    await emails.take(db, org, [centre.inbound], centre.agent, later(5))
    child = await emails.transfer(db, org, came, centre.agent, centre.inbound, None, later(30))
    with pytest.raises(NotHeldError):
        await emails.close(db, org, came, centre.agent, None, later(31))
    taken = await emails.take(db, org, [centre.inbound], centre.agent, later(40))
    assert taken is not None
    assert taken.activity_id == child
    before, after = await emails.read(db, org, came), await emails.read(db, org, child)
    assert before is not None
    assert after is not None
    assert (after.body_text, after.message, after.parent_activity_id) == (before.body_text, before.message, came)
    straight = await emails.transfer(db, org, child, centre.agent, centre.inbound, centre.agent, later(50))
    assert await emails.waiting(db, org, centre.inbound) == []
    sent = await answers.answer(db, org, straight, centre.agent, "Now then.", [], later(60))
    # an answer to the answer finds the conversation, and who wrote last
    mine = await emails.read(db, org, sent)
    assert mine is not None
    assert mine.message is not None
    again = await letters.come(later(90), answers=mine.message.message_id)
    assert await emails.conversation(db, org, came) == [came, child, straight, sent, again.activity_id]
    (waiting,) = await emails.waiting(db, org, centre.inbound)
    assert waiting.preferred_agent_id == centre.agent
    with pytest.raises(LookupError):
        await emails.transfer(db, org, straight, centre.agent, 10**9, None, later(91))


async def test_a_letter_that_comes_again_is_stored_once(db: Database, centre: Centre, letters: Letters) -> None:
    same = {"digest": b"same", "message_id": "<same@example.com>"}
    both = await asyncio.gather(*(letters.come(T0, **same) for _ in range(4)))
    assert sorted(each.new for each in both) == [False, False, False, True]
    assert len({each.activity_id for each in both}) == 1
    # another message under the same Message-ID is no copy of it
    assert (await letters.come(later(1), digest=b"other", message_id="<same@example.com>")).new
    assert len(await emails.waiting(db, centre.organisation, centre.inbound)) == 2


async def test_more_than_so_many_letters_an_hour_of_one_sender_are_kept_but_not_queued(
    db: Database, centre: Centre
) -> None:
    letters = Letters(db, await make_mailbox(db, centre, hourly_per_sender=3))
    came = [await letters.come(later(number)) for number in range(5)]
    assert [each.automatic for each in came] == [None, None, None, "flood", "flood"]
    assert (await letters.come(later(9), sender="bob@example.com")).automatic is None
    assert (await letters.come(later(3601.5))).automatic == "flood"
    assert (await letters.come(later(7300))).automatic is None
    row = await activities.get(db, centre.organisation, came[4].activity_id)
    assert row is not None
    assert (row["status_id"], row["join_queue_at"]) == (10, None)


async def test_what_went_through_our_own_mailbox_is_a_loop(db: Database, centre: Centre, letters: Letters) -> None:
    assert (await letters.come(T0, loops=["elsewhere@example.com"])).automatic is None
    assert (await letters.come(T0, loops=[letters.mailbox.address])).automatic == "loop"
    # and what comes from one of our own addresses
    assert (await letters.come(T0, sender=letters.mailbox.address)).automatic == "loop"


async def test_a_report_says_of_an_answer_that_it_did_not_arrive(
    db: Database, centre: Centre, letters: Letters
) -> None:
    org = centre.organisation
    came = (await letters.come(T0)).activity_id
    await emails.take(db, org, [centre.inbound], centre.agent, later(5))
    sent = await answers.answer(db, org, came, centre.agent, "Hello", [], later(6))
    mine = await emails.read(db, org, sent)
    assert mine is not None
    assert mine.message is not None
    claimed = await outbox.claim(db, later(6), later(60) - T0)
    assert claimed is not None
    assert await outbox.sent(db, claimed, later(7))
    report = await letters.come(
        later(8), sender="postmaster@example.com", automatic="bounce", reported=mine.message.message_id, failed=True
    )
    assert report.automatic == "bounce"
    mine = await emails.read(db, org, sent)
    assert mine is not None
    assert mine.delivery == "bounced"
    assert await emails.conversation(db, org, came) == [came, sent, report.activity_id]


async def test_no_step_reaches_into_another_organisation(
    db: Database, centre: Centre, other_centre: Centre, letters: Letters
) -> None:
    came = (await letters.come(T0)).activity_id
    other = other_centre.organisation
    assert await emails.waiting(db, other, centre.inbound) == []
    assert await emails.take(db, other, [centre.inbound], other_centre.agent, later(1)) is None
    assert await emails.read(db, other, came) is None
    await emails.take(db, centre.organisation, [centre.inbound], centre.agent, later(2))
    with pytest.raises(NotHeldError):
        await answers.answer(db, other, came, centre.agent, "Hello", [], later(3))
    theirs = Letters(db, await make_mailbox(db, other_centre), count=1)
    mine = await emails.read(db, centre.organisation, came)
    assert mine is not None
    assert mine.message is not None
    assert (await theirs.come(later(4), answers=mine.message.message_id)).new
    assert await emails.conversation(db, centre.organisation, came) == [came]


async def test_a_claim_that_ran_out_is_taken_over_and_its_first_holder_settles_nothing(
    db: Database, centre: Centre, letters: Letters
) -> None:
    came = (await letters.come(T0)).activity_id
    await emails.take(db, centre.organisation, [centre.inbound], centre.agent, later(5))
    await answers.answer(db, centre.organisation, came, centre.agent, "Hello", [], later(6))
    minute = later(60) - T0
    first = await outbox.claim(db, later(6), minute)
    assert first is not None
    assert await outbox.claim(db, later(65), minute) is None
    assert await outbox.renew(db, first, later(100))
    assert await outbox.claim(db, later(90), minute) is None
    second = await outbox.claim(db, later(100), minute)
    assert second is not None
    assert (second.activity_id, second.tries) == (first.activity_id, 2)
    assert not await outbox.sent(db, first, later(101))
    assert not await outbox.renew(db, first, later(300))
    assert await outbox.again(db, second, 451, later(200))
    third = await outbox.claim(db, later(200), minute)
    assert third is not None
    assert await outbox.bounced(db, third, 550, later(201))
    assert await outbox.claim(db, later(10_000), minute) is None
