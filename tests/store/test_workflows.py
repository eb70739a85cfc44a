"""What the floor reads of workflows, queues and skills."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from callfloor.centre import apply_text
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.setup import campaigns, prompts, workflows
from callfloor.store.setup.workflows import EVERY_WORKFLOW, Routes
from tests.conftest import Centre

NOW = datetime(2026, 11, 25, tzinfo=UTC)
TEXT = """\
[organisation]
name = "{name}"

[[users]]
username = "agent.doe"
skills = {{ german = 7, billing = 1 }}

[[campaigns]]
name = "Support Inbound"
numbers = ["{own}", "{both}"]
maxLength = 9

[[prompts]]
name = "hello"
text = "Hello."

[[workflows]]
name = "Main"
numbers = ["{both}"]

[[workflows.steps]]
name = "queue"
type = "queue"
campaign = "Support Inbound"

[[workflows]]
name = "Other"

[[workflows.steps]]
name = "bye"
type = "hangup"
prompt = "hello"
"""


@pytest.fixture
async def numbers(centre: Centre, db: Database) -> tuple[str, str]:
    """The campaign's own number, and one that a workflow has too; each organisation has others."""
    own, both = (f"+612555{centre.organisation % 100:02}{last:03}" for last in (1, 2))
    name = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
    await db.execute("DELETE FROM workflows WHERE numbers && $1", [own, both])
    await apply_text(db, TEXT.format(name=name, own=own, both=both), "c.toml")
    return own, both


async def routes(db: Database, centre: Centre) -> Routes:
    return (await workflows.load(db))[centre.organisation]


async def test_a_number_leads_to_its_workflow_or_straight_into_its_queue(
    centre: Centre, db: Database, numbers: tuple[str, str]
) -> None:
    found = await routes(db, centre)
    own, both = (found.by_number[number] for number in numbers)
    assert own.workflow_id is None
    assert own.workflow.name == "Support Inbound"
    assert both == found.by_name["Main"]
    assert both.workflow.steps[0].name == "queue"
    assert found.campaigns["Support Inbound"] == centre.inbound
    assert found.lists["Support Outbound", "List One"] == centre.list_id
    assert found.skills == {centre.agent: {"german": 7, "billing": 1}}
    assert str(found.zone) == "Australia/Sydney"
    assert len(found.function_key.secret) == 32
    assert found.function_key.secret.hex() not in repr(found)
    content = await prompts.sound(db, found.prompts["hello"])
    assert content is not None
    assert content[:4] == b"RIFF"


async def test_a_queue_is_read_with_its_campaign(centre: Centre, db: Database, numbers: tuple[str, str]) -> None:
    (setup,) = (each for each in await campaigns.inbound(db) if each.campaign == centre.inbound)
    assert (setup.name, setup.queue.max_length, setup.queue.service_level_seconds) == ("Support Inbound", 9, 20.0)
    assert setup.agents == {centre.agent}


async def test_one_workflow_or_all_are_closed_until_they_are_opened(
    centre: Centre, db: Database, numbers: tuple[str, str]
) -> None:
    ids = await workflows.ids(db, centre.organisation)
    assert await workflows.close(db, centre.organisation, ids["Main"], NOW)
    assert not await workflows.close(db, centre.organisation, ids["Main"], NOW)
    found = await routes(db, centre)
    assert (found.by_name["Main"].closed, found.by_name["Other"].closed) == (True, False)
    assert found.by_number[numbers[1]].closed
    assert await workflows.close(db, centre.organisation, EVERY_WORKFLOW, NOW)
    assert await workflows.reopen(db, centre.organisation, ids["Main"])
    assert not await workflows.reopen(db, centre.organisation, ids["Main"])
    assert all(each.closed for each in (await routes(db, centre)).by_name.values())
    assert [row["name"] for row in await workflows.closures(db, centre.organisation)] == [None]
    assert await workflows.reopen(db, centre.organisation, EVERY_WORKFLOW)
    assert not any(each.closed for each in (await routes(db, centre)).by_name.values())


async def test_nothing_of_one_organisation_reaches_another(
    centre: Centre, other_centre: Centre, db: Database, numbers: tuple[str, str]
) -> None:
    await workflows.close(db, centre.organisation, EVERY_WORKFLOW, NOW)
    other = await routes(db, other_centre)
    assert (other.by_name, other.by_number, other.prompts, other.skills) == ({}, {}, {}, {})
    assert other.function_key != (await routes(db, centre)).function_key
    assert await workflows.closures(db, other_centre.organisation) == []
    message = (await routes(db, centre)).prompts["hello"]
    theirs = prompts.message_id(other_centre.organisation, message.rpartition("/")[2])
    assert await prompts.sound(db, theirs) is None
    assert numbers[1] in await workflows.numbers_of_others(db, other_centre.organisation, numbers)
    assert numbers[1] not in await workflows.numbers_of_others(db, centre.organisation, numbers)


@pytest.mark.parametrize("message", ["", "abandoned", "prompt:1/", "prompt:0/" + "a" * 64, "prompt:1/" + "A" * 64])
async def test_what_is_no_prompt_has_no_sound(db: Database, message: str) -> None:
    assert await prompts.sound(db, message) is None


async def test_a_sound_that_no_prompt_names_is_forgotten_after_a_day(
    centre: Centre, db: Database, numbers: tuple[str, str]
) -> None:
    before = (await routes(db, centre)).prompts["hello"]
    known = (await prompts.every(db, centre.organisation))["hello"].prompt
    await prompts.put(db, centre.organisation, known, b"RIFF one")
    assert await prompts.sound(db, before) is not None
    await db.execute("UPDATE sounds SET stored_at = stored_at - interval '2 days'")
    await prompts.put(db, centre.organisation, known, b"RIFF two")
    assert await prompts.sound(db, before) is None


async def test_the_key_of_functions_can_be_replaced(centre: Centre, db: Database) -> None:
    before = await keys.current(db, centre.organisation, "function")
    after = await keys.rotate(db, centre.organisation, "function", datetime.now(UTC))
    assert after.secret != before.secret
    assert (await routes(db, centre)).function_key == after
