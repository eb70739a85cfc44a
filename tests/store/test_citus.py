"""Every statement of the store, and the schema, are held against what Citus refuses, without a Citus.

What the rules are is in `citus_rules.py`. What they cannot show, a real Citus has to (docs/scaling.md).
"""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Collection, Iterator
from itertools import combinations
from pathlib import Path

import asyncpg
import pytest

import callfloor.store
from callfloor.store.audit import reading
from callfloor.store.calls import activities, attempts
from callfloor.store.db.distribution import KINDS
from callfloor.store.db.paging import SIZES
from callfloor.store.figures import counted_calls, reports
from callfloor.store.leads import lead_pages, leads
from tests.breadth import LONG, examples
from tests.store import citus_rules as rules
from tests.store.citus_rules import refusals, several
from tests.store.query_trees import Catalogue, Node, Reader, children
from tests.system.test_statements import UTILITY, constants

Given = tuple[Reader, Catalogue]
# Statements about all organisations, or about those in a list: they ask every node. Each of them is a job's, or an
# engine's or process's look at everything that it serves; whoever acts for one organisation names it.
ACROSS = {
    "audit.chain.WAITING_SQL": "the sealing job",
    "agents.agents.PRESENT_SQL": "the agents of an engine's campaigns",
    "agents.desk_commands.CLAIM_SQL": "an engine's",
    "agents.desk_commands.EXPIRE_SQL": "housekeeping",
    "agents.desk_commands.WAITING_SQL": "an engine's",
    "agents.desk_events.EXPIRE_SQL": "housekeeping",
    "agents.desks.SEEN_SQL": "a process's, of every desk on it",
    "agents.desks.SILENT_SQL": "an engine's",
    "agents.drafts.EXPIRE_SQL": "housekeeping",
    "agents.requeue.CALLBACKS_SQL": "housekeeping",
    "agents.requeue.EMAILS_SQL": "housekeeping",
    "agents.requeue.TASKS_SQL": "housekeeping",
    "calls.diagnoses.EXPIRE_SQL": "housekeeping",
    "calls.evidence.WAITING_SQL": "the sealing job",
    "calls.legs.LEGS_SQL": "orphaned recordings of an engine's organisations",
    "calls.legs.RECORDED_LEG_SQL": "orphaned recordings of an engine's organisations",
    "calls.media.CONTENTS_SQL": "the check of the media store",
    "calls.media.COUNT_CONTENTS_SQL": "the check of the media store",
    "calls.media.PENDING_SQL": "the deleting job",
    "calls.tasks.CLOSE_FULFILLED_SQL": "housekeeping",
    "db.idempotency.EXPIRE_SQL": "housekeeping",
    "email.mailboxes.ARRIVAL_SQL": "an address names no organisation",
    "email.mailboxes.FETCHED_SQL": "the mail process",
    "email.outbox.DUE_SQL": "the mail process",
    "figures.floor_nodes.SAY_SQL": "an engine's",
    "figures.alerts.DUE_SQL": "the job process",
    "figures.alerts.EXPIRE_SQL": "housekeeping",
    "figures.report_deliveries.DUE_REPORTS_SQL": "the job process",
    "figures.report_deliveries.DUE_SQL": "the job process, and the mail process",
    "figures.report_deliveries.EXPIRE_SQL": "housekeeping",
    "figures.what_ifs.DUE_SQL": "the job process",
    "figures.what_ifs.EXPIRE_SQL": "housekeeping",
    "leads.imports.ABANDONED_SQL": "housekeeping",
    "leads.imports.OPEN_SQL": "the import workers",
    "leads.leads.INSERT_SQL": "requests that came together",
    "people.passwords.EXPIRE_FAILURES_SQL": "housekeeping",
    "people.challenges.EXPIRE_SQL": "housekeeping",
    "people.passwords.EXPIRE_LINKS_SQL": "housekeeping",
    "people.sessions.EXPIRE_SQL": "housekeeping",
    "people.tokens.PEOPLE_SQL": "a floor for a demo",
    "privacy.keys.HOLDERS_SQL": "the installation's master key",
    "privacy.keys.MASTERS_SQL": "the installation's master key",
    "privacy.renewals.NEXT_SQL": "housekeeping",
    "privacy.retention.WITH_RULES_SQL": "the deleting job",
    "setup.campaigns.INBOUND_SQL": "an engine's",
    "setup.campaigns.OUTBOUND_SQL": "an engine's",
    "setup.storage.NEWEST_SQL": "the job process",
    "setup.workflows.LOAD_SQL": "an engine's",
}
# Where statements are put together while it runs; `variants` has them all.
COMPOSED = {
    "attempt_page_sql", "activity_page_sql", "lead_page_sql", "page_sql", "_of_agent_sql", "keys_sql", "leads",
    "merged", "_part", "_sums_sql", "live_sql", "kept_sql", "counted_sql",
    "kept_sql_of",
}  # fmt: skip


@pytest.fixture
async def given(dsn: str) -> AsyncIterator[Given]:
    connection = await asyncpg.connect(dsn)
    reader = await Reader.connect(dsn)
    yield reader, await Catalogue.of(connection, KINDS)
    await reader.close()
    await connection.close()


def fixed() -> dict[str, str]:
    return {name.removeprefix("callfloor.store."): sql for name, sql in constants() if name not in UTILITY}


# how many filters a statement that is put together has, beside all of them
FEW = {0, 1, 2} if LONG else {0, 1}


def variants() -> Iterator[tuple[str, str]]:
    """Every statement that is put together while it runs: without a filter, with each (`FEW`), and with all."""
    for kept, statements in (("live", reports.LIVE), ("kept", reports.KEPT), ("calls", counted_calls.STATEMENTS)):
        yield from ((f"reports {kept} {name}", sql) for name, sql in statements.items())
    for after in (False, True):
        for of, names, made in (
            ("attempts", [*attempts.FILTERS, "agent_id"], attempts.attempt_page_sql),
            ("activities", [*activities.FILTERS], activities.activity_page_sql),
        ):
            for chosen in _few_or_all(names):
                yield f"{of} {sorted(chosen)} {after}", made(chosen, SIZES[0], after=after)
        for chosen in _few_or_all(reading.FILTERS):
            yield f"audit {sorted(chosen)}", reading.page_sql(tuple(chosen), SIZES[0])
        for chosen in _few_or_all(lead_pages.FILTERS):
            for by_campaign in (False, True):
                sql = leads.lead_page_sql(chosen, SIZES[0], by_campaign=by_campaign, after=after)
                yield f"leads {sorted(chosen)} {by_campaign} {after}", sql


def _few_or_all(names: Collection[str]) -> list[frozenset[str]]:
    return [frozenset(each) for size in sorted(FEW | {len(names)}) for each in combinations(names, size)]


async def test_citus_takes_every_fixed_statement(given: Given) -> None:
    reader, catalogue = given
    refused = {name: refusals(await reader.tree(sql), catalogue) for name, sql in fixed().items()}
    assert {name: why for name, why in refused.items() if why} == {}


async def test_a_statement_names_its_organisation_unless_it_is_about_several(given: Given) -> None:
    reader, catalogue = given
    about = {name for name, sql in fixed().items() if several(await reader.tree(sql), catalogue)}
    assert about == set(ACROSS)


async def test_citus_takes_every_statement_that_is_put_together(given: Given) -> None:
    reader, catalogue = given
    count = 0
    for name, sql in variants():
        tree = await reader.tree(sql)
        assert refusals(tree, catalogue) == [], name
        assert several(tree, catalogue) == [], name
        count += 1
    assert count > examples(100, long=300)


def test_statements_are_put_together_nowhere_else() -> None:
    """What a connection is given is a constant `…_SQL`, one out of a table of such, or comes from `COMPOSED`."""
    makers: set[str] = set()
    for path in Path(callfloor.store.__path__[0]).rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef) and any(
                isinstance(each, ast.JoinedStr) and _is_statement(each) for each in ast.walk(function)
            ):
                makers.add(function.name)
    assert makers <= COMPOSED


def _is_statement(text: ast.JoinedStr) -> bool:
    words = "".join(str(each.value) for each in text.values if isinstance(each, ast.Constant)).split()
    return bool({"SELECT", "INSERT", "UPDATE", "DELETE"}.intersection(words))


async def test_citus_takes_what_triggers_do(given: Given) -> None:
    """Each trigger's function runs once, and every statement in it is looked at. They run on the node of the row, so
    that each must name its organisation."""
    reader, catalogue = given
    seen: set[str] = set()
    for sql in STORY:
        for tree in await reader.trees_of(sql):
            if tree["utilityStmt"] is None:
                assert refusals(tree, catalogue) == [], sql
                seen |= {catalogue.tables[each][0] for each in _written(tree) if each in catalogue.tables}
                assert several(tree, catalogue) == [], sql
    assert {"list_counts", "campaign_minutes", "do_not_call", "agent_times"} <= seen


def _written(tree: Node) -> Iterator[str]:
    if tree["commandType"] in ("2", "3", "4"):
        yield tree["rtable"][int(tree["resultRelation"]) - 1]["relid"]
    for cte in tree.each("cteList"):
        yield from _written(cte["ctequery"])


_ONE = "organisation_id = bigint '987654321'"
STORY = (
    "BEGIN",
    """INSERT INTO organisations (organisation_id, name, timezone, country, hash_key)
    VALUES (987654321, 'Citus', 'UTC', 'AU', 'x')""",
    """INSERT INTO campaigns (organisation_id, campaign_id, name, direction, timezone)
    VALUES (987654321, 1, 'C', 'inbound', 'UTC')""",
    """INSERT INTO lists (organisation_id, list_id, campaign_id, name)
    VALUES (987654321, 1, 1, 'L'), (987654321, 2, 1, 'M')""",
    """INSERT INTO users (organisation_id, user_id, user_type, username, first_name, last_name)
    VALUES (987654321, 1, 'agent', 'a', 'A', 'B')""",
    """INSERT INTO leads (organisation_id, lead_id, list_id, phone1, status_code)
    VALUES (987654321, 1, 1, '+61491570156', 11)""",
    f"UPDATE leads SET status_code = 0, list_id = 2 WHERE {_ONE} AND lead_id = 1",
    f"UPDATE leads SET status_code = 11, completed_at = now() WHERE {_ONE} AND lead_id = 1",
    f"DELETE FROM leads WHERE {_ONE} AND lead_id = 1",
    """INSERT INTO attempts (organisation_id, attempt_id, dialled_at, campaign_id, mode)
    VALUES (987654321, 1, now(), 1, 'predictive')""",
    f"UPDATE attempts SET hang_up_at = now(), dial_status = 1 WHERE {_ONE} AND attempt_id = 1",
    f"UPDATE attempts SET dial_status = 7 WHERE {_ONE} AND attempt_id = 1",
    """INSERT INTO activities (organisation_id, activity_id, created_at, type, root_activity_id, status_id, campaign_id,
        join_queue_at) VALUES (987654321, 1, now(), 'call.inbound', 1, 2, 1, now())""",
    f"UPDATE activities SET answered_at = now(), status_id = 3, agent_id = 1 WHERE {_ONE} AND activity_id = 1",
    f"UPDATE activities SET hang_up_at = now() WHERE {_ONE} AND activity_id = 1",
    "INSERT INTO agent_states (organisation_id, agent_id, state, since) VALUES (987654321, 1, 'ready', now())",
    f"UPDATE agent_states SET state = 'paused', since = now() + interval '1 second' WHERE {_ONE} AND agent_id = 1",
    f"UPDATE agent_states SET state = 'signed-out', since = now() + interval '2 seconds' WHERE {_ONE} AND agent_id = 1",
    "ROLLBACK",
)


REFUSED = [
    (rules.VOLATILE, "UPDATE leads SET last_attempt_id = nextval('attempt_ids') WHERE organisation_id = $1"),
    (rules.VOLATILE, "UPDATE leads SET attempts = 0 WHERE organisation_id = $1 AND updated_at < clock_timestamp()"),
    (rules.VOLATILE, "DELETE FROM leads WHERE organisation_id = $1 AND random() < 0.5"),
    (
        rules.STABLE_OF_COLUMN,
        "UPDATE leads SET next_attempt_at = updated_at + interval '1 day' WHERE organisation_id = $1",
    ),
    (
        rules.STABLE_OF_COLUMN,
        "DELETE FROM leads WHERE organisation_id = $1 AND updated_at + interval '1 day' < now()",
    ),
    (rules.LAZY, "UPDATE leads SET completed_at = coalesce(completed_at, now()) WHERE organisation_id = $1"),
    (
        rules.LAZY,
        "UPDATE leads SET completed_at = CASE WHEN attempts > 1 THEN now() END WHERE organisation_id = $1",
    ),
    (rules.RETURNING, "UPDATE leads SET attempts = 0 WHERE organisation_id = $1 RETURNING now()"),
    (
        rules.ON_CONFLICT_SET,
        """INSERT INTO lists (organisation_id, campaign_id, name) VALUES ($1, 1, 'a')
        ON CONFLICT (organisation_id, campaign_id, name) DO UPDATE SET updated_at = now()""",
    ),
    (
        rules.ON_CONFLICT_WHERE,
        """INSERT INTO lists AS l (organisation_id, campaign_id, name) VALUES ($1, 1, 'a')
        ON CONFLICT (organisation_id, campaign_id, name) DO UPDATE SET weight = 2 WHERE l.updated_at < now()""",
    ),
    (rules.PARTITION_VALUE, "UPDATE leads SET organisation_id = $2 WHERE organisation_id = $1"),
    (rules.COMPLEX_JOIN, "SELECT FROM leads l JOIN lists s ON s.list_id = l.list_id WHERE l.organisation_id = $1"),
    (rules.FOR_UPDATE, "SELECT FROM leads WHERE updated_at < now() FOR UPDATE SKIP LOCKED"),
    (rules.INSERT_SUBQUERY, "INSERT INTO lead_statuses VALUES ($1, (SELECT max(code) FROM lead_statuses), 'a')"),
    (
        rules.NOT_DISTRIBUTED,
        "SELECT FROM leads l JOIN schema_migrations m ON m.number = l.attempts WHERE l.organisation_id = $1",
    ),
    (
        rules.CORRELATED,
        "SELECT (SELECT max(name) FROM lists s WHERE s.organisation_id = o.organisation_id) FROM organisations o",
    ),
    (
        rules.NESTED,
        """SELECT block_as_asked(ARRAY[organisation_id], ARRAY[campaign_id], ARRAY[lead_id], ARRAY[contact])
        FROM activities WHERE organisation_id = $1""",
    ),
    (rules.SEQUENCE, "SELECT nextval('agent_interaction_ids') FROM leads WHERE organisation_id = $1"),
    (
        rules.RECURSIVE,
        """WITH RECURSIVE legs AS (SELECT activity_id FROM activities WHERE organisation_id = $1
            UNION ALL SELECT a.activity_id FROM activities a JOIN legs l ON l.activity_id = a.parent_activity_id
            WHERE a.organisation_id = $1)
        SELECT FROM legs JOIN leads ON lead_id = activity_id WHERE organisation_id = $1""",
    ),
    (rules.INSERT_KEY, "INSERT INTO lists (campaign_id, name) VALUES (1, 'a')"),
]


@pytest.mark.parametrize(("message", "sql"), REFUSED)
async def test_what_citus_refuses_is_found(given: Given, message: str, sql: str) -> None:
    reader, catalogue = given
    assert message in refusals(await reader.tree(sql), catalogue)


async def test_a_statement_of_several_organisations_is_found(given: Given) -> None:
    reader, catalogue = given
    joined = "JOIN lists s ON s.organisation_id = {} AND s.list_id = l.list_id"
    page = "SELECT FROM (SELECT * FROM leads WHERE organisation_id = $1 LIMIT 5) AS l " + joined
    assert several(await reader.tree(page.format("l.organisation_id")), catalogue) == ["lists"]
    assert several(await reader.tree(page.format("$1")), catalogue) == []
    plain = f"SELECT FROM leads l {joined.format('l.organisation_id')} WHERE l.organisation_id = $1"
    assert several(await reader.tree(plain), catalogue) == []
    assert several(await reader.tree(plain.replace("$1", "ANY($1::bigint[])")), catalogue) == ["leads", "lists"]
    value = (
        "SELECT (SELECT max(name) FROM lists s WHERE s.organisation_id = {}) FROM leads l WHERE l.organisation_id = $1"
    )
    assert several(await reader.tree(value.format("l.organisation_id")), catalogue) == ["lists"]
    assert several(await reader.tree(value.format("$1")), catalogue) == []


async def test_every_rule_has_a_statement_that_breaks_it() -> None:
    messages = {
        value for name, value in vars(rules).items() if name.isupper() and isinstance(value, str) and " " in value
    }
    # the schema has no such trigger any more; see below
    assert messages - {message for message, _ in REFUSED} == {rules.TRANSITION}


async def test_every_table_has_its_place(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    tables = await connection.fetch(
        """SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition"""
    )
    await connection.close()
    # callfloor/store/db/distribution.py
    assert {row["relname"] for row in tables} == set(KINDS)


# Each is a message of src/backend/distributed/commands/ and a query for what it would be said of.
SCHEMA = {
    # create_distributed_table.c
    "Distributed relations cannot have UNIQUE, EXCLUDE, or PRIMARY KEY constraints that do not include the partition "
    "column (with an equality operator if EXCLUDE)": """
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN t ON t.oid = i.indrelid
        WHERE (i.indisunique OR i.indisexclusion) AND NOT (t.at = ANY(i.indkey::smallint[]))""",
    # foreign_constraint.c
    "Foreign keys are supported in two cases, either in between two colocated tables including partition column in the "
    "same ordinal in the both tables or from distributed to reference tables": """
        SELECT k.conname FROM pg_constraint k JOIN t ON t.oid = k.conrelid JOIN t r ON r.oid = k.confrelid
        WHERE k.contype = 'f' AND NOT EXISTS (
            SELECT FROM unnest(k.conkey, k.confkey) AS c (own, other) WHERE c.own = t.at AND c.other = r.at)""",
    "SET NULL or SET DEFAULT is not supported in ON DELETE operation when distribution key is included in the foreign "
    "key constraint": """
        SELECT k.conname FROM pg_constraint k JOIN t ON t.oid = k.conrelid
        WHERE k.contype = 'f' AND (k.confdeltype IN ('n', 'd') OR k.confupdtype IN ('n', 'd', 'c'))""",
    # and what a local table has to do with others
    "foreign keys from or to a local table are not supported": """
        SELECT k.conname FROM pg_constraint k
        WHERE k.contype = 'f' AND 'schema_migrations'::regclass IN (k.conrelid, k.confrelid)""",
    # trigger.c, with citus.enable_unsafe_triggers: of a statement there are several on several shards, and a transition
    # table cannot be read in a distributed query; one of TRUNCATE (32) has nothing to read
    "triggers are not supported on distributed tables": """
        SELECT g.tgname FROM pg_trigger g JOIN t ON t.oid = g.tgrelid
        WHERE NOT g.tgisinternal AND (g.tgtype & 33 = 0 OR g.tgoldtable IS NOT NULL OR g.tgnewtable IS NOT NULL)""",
    "triggers are not supported on reference tables": """
        SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'organisations'::regclass""",
    # create_distributed_table.c
    "Distribution column must not use GENERATED ALWAYS AS (...) STORED": """
        SELECT t.oid::regclass::text FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = t.at
        WHERE a.attgenerated <> '' OR a.atttypid <> 'bigint'::regtype""",
    # identity columns: only bigint ones
    "Identity columns of distributed tables must be bigint": """
        SELECT a.attname FROM pg_attribute a JOIN t ON t.oid = a.attrelid
        WHERE a.attidentity <> '' AND a.atttypid <> 'bigint'::regtype""",
    "a distributed table has a distribution column": """
        SELECT t.oid::regclass::text FROM t WHERE t.at IS NULL""",
}


@pytest.mark.parametrize("message", SCHEMA)
async def test_citus_takes_the_schema(dsn: str, message: str) -> None:
    connection = await asyncpg.connect(dsn)
    distributed = [name for name, kind in KINDS.items() if kind == "distributed"]
    found = await connection.fetch(
        f"""WITH t AS (
            SELECT c.oid, a.attnum AS at FROM pg_class c
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($1::text[])
        ) {SCHEMA[message]}""",
        distributed,
    )
    await connection.close()
    assert [row[0] for row in found] == []


async def test_whoever_inserts_leads_counts_them(given: Given) -> None:
    """A trigger counts what is inserted, unless the writer says that it does itself: then the statement has to."""
    reader, catalogue = given
    for name, sql in fixed().items():
        if "INSERT INTO leads" in sql and "counted" in sql:
            tree = await reader.tree(sql)
            written = {catalogue.tables[relid][0] for query in _all(tree) for relid in _written(query)}
            assert "list_counts" in written, name


def _all(node: Node) -> Iterator[Node]:
    if node.kind == "QUERY":
        yield node
    for child in children(node):
        yield from _all(child)
