"""Statements as PostgreSQL understands them: the tree that a planner is given, views in it and types settled.

The server says it itself (`debug_print_rewritten`), so that functions, operators and casts are the ones that will run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import asyncpg

from callfloor.store.db.distribution import Kind

# As servers before 16 call them.
_OLDER = {"RTE": "RANGETBLENTRY", "CASE": "CASEEXPR", "WHEN": "CASEWHEN", "COALESCE": "COALESCEEXPR"}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[(){}]|(?:[^\s(){}\\]|\\.)+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a tree: `fields` are nodes, lists, or words as the server writes them."""

    kind: str
    fields: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.fields.get(name)

    def each(self, name: str) -> list[Any]:
        """What a list holds."""
        return self.fields.get(name) or []


def children(value: object) -> Iterator[Node]:
    """The nodes right under a node or in a list."""
    if isinstance(value, Node):
        value = list(value.fields.values())
    if isinstance(value, list):
        for each in cast("list[object]", value):
            if isinstance(each, Node):
                yield each
            elif isinstance(each, list):
                yield from children(cast("object", each))


def parse(written: str) -> Any:
    """A node or a list out of what the server prints."""
    tokens = _TOKEN.findall(written)
    value, rest = _value(tokens, 0)
    if rest != len(tokens):
        raise ValueError(f"{len(tokens) - rest} words are left over")
    return value


def _value(tokens: list[str], at: int) -> tuple[Any, int]:
    token = tokens[at]
    if token == "(":
        found: list[Any] = []
        at += 1
        while tokens[at] != ")":
            value, at = _value(tokens, at)
            found.append(value)
        # lists of numbers begin with what kind of numbers they are
        return (found[1:] if found and found[0] in ("i", "o", "b", "x") else found), at + 1
    if token == "{":
        kind, at = tokens[at + 1], at + 2
        fields: dict[str, Any] = {}
        while tokens[at] != "}":
            name, at = tokens[at][1:], at + 1
            values: list[Any] = []
            while tokens[at] != "}" and not tokens[at].startswith(":"):
                value, at = _value(tokens, at)
                values.append(value)
            fields[name] = values[0] if len(values) == 1 else values
        return Node(_OLDER.get(kind, kind), fields), at + 1
    if token == "<>":
        return None, at + 1
    return (token[1:-1] if token.startswith('"') else token), at + 1


class Reader:
    """A connection on which the server tells what it understands."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._said: list[str] = []
        self._trees: dict[str, Node] = {}

    @classmethod
    async def connect(cls, dsn: str) -> Reader:
        # as the product's connections are: what a constant time means depends on the zone
        settings = {"client_min_messages": "log", "debug_pretty_print": "off", "timezone": "UTC"}
        reader = cls(await asyncpg.connect(dsn, server_settings=settings))
        reader._connection.add_log_listener(reader._hear)
        await reader._connection.execute("SET debug_print_rewritten = on")
        return reader

    def _hear(self, _connection: object, message: Any) -> None:
        if message.message == "rewritten parse tree:":
            self._said.append(message.detail)

    async def close(self) -> None:
        await self._connection.close()

    async def tree(self, sql: str) -> Node:
        """The query that a statement is. It is read once."""
        if sql in self._trees:
            return self._trees[sql]
        self._said.clear()
        await self._connection.prepare(sql)
        await asyncio.sleep(0)
        # the others are asyncpg's, about types
        (query,) = parse(self._said[0])
        self._trees[sql] = query
        return query

    async def trees_of(self, sql: str) -> list[Node]:
        """Every query that running a statement brings with it: those of triggers and functions too."""
        self._said.clear()
        await self._connection.execute(sql)
        await asyncio.sleep(0)
        return [query for said in self._said for query in parse(said)]


@dataclass(frozen=True)
class Catalogue:
    """What the trees' numbers mean in one database."""

    # by oid: its name, what it is, and which attribute is its organisation
    tables: Mapping[str, tuple[str, Kind, str | None]]
    volatility: Mapping[str, str]
    # functions of ours that may look into tables, and nextval
    looking: frozenset[str]
    nextval: str
    # by oid of a type: volatility of reading and of writing it
    reads: Mapping[str, str]
    writes: Mapping[str, str]

    @classmethod
    async def of(cls, connection: asyncpg.Connection, kinds: Mapping[str, Kind]) -> Catalogue:
        """`kinds`: by name of table. Partitions are what their tables are."""
        tables = await connection.fetch(
            """SELECT c.oid::text AS oid, coalesce(p.relname, c.relname) AS name, a.attnum::text AS at FROM pg_class c
            LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"""
        )
        functions = await connection.fetch(
            """SELECT oid::text AS oid, proname AS name, provolatile::text AS v,
                pronamespace = current_schema()::regnamespace AND provolatile <> 'i' AS own FROM pg_proc"""
        )
        volatility = {row["oid"]: row["v"] for row in functions}
        types = await connection.fetch(
            "SELECT oid::text AS oid, typinput::oid::text AS i, typoutput::oid::text AS o FROM pg_type"
        )
        return cls(
            {row["oid"]: (row["name"], kinds.get(row["name"], "distributed"), row["at"]) for row in tables},
            volatility,
            frozenset(row["oid"] for row in functions if row["own"]),
            next(row["oid"] for row in functions if row["name"] == "nextval"),
            {row["oid"]: volatility.get(row["i"], "i") for row in types},
            {row["oid"]: volatility.get(row["o"], "i") for row in types},
        )

    def kind(self, entry: Node) -> Kind | None:
        return self.tables[entry["relid"]][1] if entry["relid"] in self.tables else None
