"""What Citus refuses of a statement, looked for in the tree of it that PostgreSQL makes.

Each rule stands with the message that Citus 13 gives (the file of src/backend/distributed/ in a comment) and is as
strict as it, or stricter: what it refuses only of statements over several shards is asked of all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from tests.store.query_trees import Catalogue, Node, children

SELECT, UPDATE, INSERT, DELETE = "1", "2", "3", "4"
RELATION, SUBQUERY, JOIN, FUNCTION, CTE, TRANSITION_TABLE = "0", "1", "2", "3", "6", "7"

# multi_router_planner.c
VOLATILE = "functions used in UPDATE queries on distributed tables must not be VOLATILE"
STABLE_OF_COLUMN = "STABLE functions used in UPDATE queries cannot be called with column references"
LAZY = "non-IMMUTABLE functions are not allowed in CASE or COALESCE statements"
RETURNING = "non-IMMUTABLE functions are not allowed in the RETURNING clause"
ON_CONFLICT_SET = "functions used in the DO UPDATE SET clause of INSERTs on distributed tables must be marked IMMUTABLE"
ON_CONFLICT_WHERE = (
    "functions used in the WHERE clause of the ON CONFLICT clause of INSERTs on distributed tables must be marked "
    "IMMUTABLE"
)
PARTITION_VALUE = "modifying the partition value of rows is not allowed"
# distributed_planner.c, relation_restriction_equivalence.c
COMPLEX_JOIN = (
    "complex joins are only supported when all distributed tables are co-located and joined on their distribution "
    "columns"
)
# multi_logical_planner.c
FOR_UPDATE = "could not run distributed query with FOR UPDATE/SHARE commands"
# merge_planner.c, insert_select_planner.c
INSERT_SUBQUERY = "subqueries are not supported within INSERT queries"
INSERT_KEY = "the INSERT query has no value for the distribution column that is the same for the whole row"
NOT_DISTRIBUTED = "relation is not distributed"
TRANSITION = "queries on transition tables cannot be planned (RTE_NAMEDTUPLESTORE)"
RECURSIVE = "recursive CTEs are not supported in distributed queries"
# query_pushdown_planning.c
CORRELATED = "correlated subqueries are not supported when the FROM clause contains a reference table"
# multi_executor.c; what a statement calls runs on the node that has its rows
NESTED = "cannot execute a distributed query from a query on a shard"
# a sequence that is no column's default is on the coordinator alone, and values of others are each node's own
SEQUENCE = "relation (a sequence) does not exist, on a worker"


def refusals(query: Node, catalogue: Catalogue) -> list[str]:
    """What Citus would say against it; nothing where it runs."""
    found: list[str] = []
    for each in _queries(query):
        found += _of_one(each, catalogue)
    return list(dict.fromkeys(found))


def several(query: Node, catalogue: Catalogue) -> list[str]:
    """Distributed tables that the statement reads or writes of more organisations than one that a parameter names."""
    return list(dict.fromkeys(_unnamed(query, catalogue)))


def _queries(node: Node) -> Iterator[Node]:
    """A query and every one in it."""
    if node.kind == "QUERY":
        yield node
    for child in children(node):
        yield from _queries(child)


def _of_one(query: Node, catalogue: Catalogue) -> Iterator[str]:
    entries: list[Node] = query.each("rtable")
    if any(each["rtekind"] == TRANSITION_TABLE for each in entries):
        yield TRANSITION
    relations = [each for each in entries if each["rtekind"] == RELATION]
    kinds = {catalogue.kind(each) for each in relations} - {None}
    if "local" in kinds and len(kinds) > 1:
        yield NOT_DISTRIBUTED
    parts = [*query.each("targetList"), *_rest(query)]
    reads = bool(kinds) or any(each["rtekind"] == CTE for each in entries)
    # a default that an INSERT leaves to the table is the table's own sequence
    if reads and query["commandType"] != INSERT and any(_uses(each, {catalogue.nextval}) for each in parts):
        yield SEQUENCE
    if reads and any(_uses(each, catalogue.looking) for each in parts):
        yield NESTED
    if "distributed" not in kinds:
        if kinds and any(True for link in _links(query) for _ in _unnamed(link["subselect"], catalogue)):
            yield CORRELATED
        return
    if query["hasRecursive"] == "true":
        yield RECURSIVE
    if query["rowMarks"] and any(_unnamed_here(query, catalogue)):
        yield FOR_UPDATE
    if _unjoined(query, catalogue):
        yield COMPLEX_JOIN
    command = query["commandType"]
    if command in (UPDATE, DELETE, INSERT):
        yield from _of_write(query, catalogue, command)


def _of_write(query: Node, catalogue: Catalogue, command: str) -> Iterator[str]:
    target = query["rtable"][int(query["resultRelation"]) - 1]
    targets = [each for each in query.each("targetList") if each["resjunk"] != "true"]
    organisation = catalogue.tables[target["relid"]][2]
    if command == UPDATE:
        assigned = [each["expr"] for each in targets]
        if any(each["resno"] == organisation for each in targets):
            yield PARTITION_VALUE
        # and in any part of it that is not a statement of its own
        if any(_calls(each, catalogue, "v") for each in [*assigned, *_rest(query)]):
            yield VOLATILE
        yield from _irreducible(assigned, catalogue)
    if command in (UPDATE, DELETE):
        if command == DELETE and any(_calls(each, catalogue, "v") for each in _rest(query)):
            yield VOLATILE
        yield from _irreducible(_conditions(query["jointree"]), catalogue)
    if any(_calls(each, catalogue, "sv") for each in query.each("returningList")):
        yield RETURNING
    if command == INSERT:
        yield from _of_insert(query, catalogue, targets, organisation)


def _of_insert(query: Node, catalogue: Catalogue, targets: list[Node], organisation: str | None) -> Iterator[str]:
    if not (query["jointree"]["fromlist"]) and any(_has(each, "SUBLINK") for each in targets):
        yield INSERT_SUBQUERY
    if not any(each["resno"] == organisation for each in targets):
        yield INSERT_KEY
    conflict = query["onConflict"]
    if conflict is None:
        return
    changes = [each for each in conflict.each("onConflictSet") if each["expr"].kind != "VAR"]
    if any(each["resno"] == organisation for each in changes):
        yield PARTITION_VALUE
    if any(_calls(each, catalogue, "sv") for each in changes):
        yield ON_CONFLICT_SET
    conditions = [conflict["arbiterWhere"], conflict["onConflictWhere"]]
    if any(_calls(each, catalogue, "sv") for each in conditions if each is not None):
        yield ON_CONFLICT_WHERE


def _rest(query: Node) -> list[Node]:
    """Everything of a statement but the CTEs, which Citus runs first where it must."""
    parts = [query["jointree"], *query.each("returningList")]
    return [*parts, *(each for each in query.each("rtable") if each["rtekind"] in (SUBQUERY, FUNCTION))]


def _conditions(node: Node | None) -> list[Node]:
    if node is None:
        return []
    found = [node["quals"]] if isinstance(node["quals"], Node) else []
    for child in [*node.each("fromlist"), node["larg"], node["rarg"]]:
        if isinstance(child, Node) and child.kind in ("JOINEXPR", "FROMEXPR"):
            found += _conditions(child)
    return found


def _irreducible(parts: list[Node], catalogue: Catalogue) -> Iterator[str]:
    """`MasterIrreducibleExpression`: a STABLE function of a column, or one where it may not be called at all."""
    for part in parts:
        for each in _nodes(part):
            if each.kind in ("CASEEXPR", "COALESCEEXPR"):
                if _calls(each, catalogue, "sv"):
                    yield LAZY
            elif _volatility(each, catalogue) == "s" and any(_has(child, "VAR") for child in children(each)):
                yield STABLE_OF_COLUMN


def _nodes(node: Node) -> Iterator[Node]:
    """A node and what is under it, but for what is under a CASE or a COALESCE."""
    yield node
    if node.kind not in ("CASEEXPR", "COALESCEEXPR"):
        for child in children(node):
            yield from _nodes(child)


def _uses(node: Node, functions: Collection[str]) -> bool:
    return node["funcid"] in functions or any(
        _uses(child, functions) for child in children(node) if child.kind != "QUERY"
    )


def _has(node: Node, kind: str) -> bool:
    return node.kind == kind or any(_has(child, kind) for child in children(node))


def _calls(node: Node, catalogue: Catalogue, volatilities: str) -> bool:
    return _volatility(node, catalogue) in volatilities or any(
        _calls(child, catalogue, volatilities) for child in children(node)
    )


def _volatility(node: Node, catalogue: Catalogue) -> str:
    """Of what the node itself calls: i, s or v."""
    if node.kind == "SQLVALUEFUNCTION":
        return "s"
    if node.kind == "NEXTVALUEEXPR":
        return "v"
    if node.kind == "COERCEVIAIO":
        both = catalogue.reads[node["resulttype"]], catalogue.writes.get(_type(node["arg"]), "i")
        return "v" if "v" in both else "s" if "s" in both else "i"
    oid = node["funcid"] or node["opfuncid"] or node["aggfnoid"] or node["winfnoid"]
    return catalogue.volatility[oid] if oid not in (None, "0") else "i"


def _type(node: Node) -> str:
    names = ("vartype", "consttype", "paramtype", "funcresulttype", "opresulttype", "resulttype", "coalescetype",
             "casetype", "aggtype", "refrestype", "minmaxtype", "array_typeid", "wintype", "type")  # fmt: skip
    return next((node[name] for name in names if node[name] is not None), "")


# Joins. A column is (range table entry, attribute); what is equal is one class. Parameters and constants are all
# `_NAMED`: a value that is known before the statement is sent to a shard.
_Place = tuple[Any, ...]
_NAMED: _Place = ("named",)
_BIGINT_EQUAL = "467"


class _Level:
    """What is equal in one query. `above`: whether a column of the query around it is named; None where that does not
    help, because PostgreSQL runs the query by itself for each row (a subquery that is a value; a lateral one that
    counts)."""

    def __init__(self, query: Node, named: frozenset[str], above: Callable[[Node], bool] | None) -> None:
        self._query, self._above = query, above
        self._over: dict[_Place, _Place] = {}
        for target in query.each("targetList"):
            if target["resno"] in named:
                self._equal(target["expr"], None)
        for condition in _conditions(query["jointree"]):
            for part in _and(condition):
                if part.kind == "OPEXPR" and part["opfuncid"] == _BIGINT_EQUAL:
                    self._equal(*part["args"])

    def of(self, place: _Place) -> _Place:
        while place in self._over:
            place = self._over[place]
        return place

    def is_named(self, node: Node) -> bool:
        place = self._place(node)
        return place is not None and self.of(place) == self.of(_NAMED)

    def _equal(self, left: Node, right: Node | None) -> None:
        first, second = self._place(left), _NAMED if right is None else self._place(right)
        if first is not None and second is not None and self.of(first) != self.of(second):
            self._over[self.of(first)] = self.of(second)

    def _place(self, node: Node) -> _Place | None:
        if node.kind == "RELABELTYPE":
            return self._place(node["arg"])
        if node.kind in ("PARAM", "CONST"):
            return _NAMED
        if node.kind != "VAR":
            return None
        if node["varlevelsup"] != "0":
            nearer = Node("VAR", node.fields | {"varlevelsup": str(int(node["varlevelsup"]) - 1)})
            return _NAMED if self._above is not None and self._above(nearer) else None
        entry = self._query["rtable"][int(node["varno"]) - 1]
        if entry["rtekind"] == JOIN:
            return self._place(entry["joinaliasvars"][int(node["varattno"]) - 1])
        return ("column", node["varno"], node["varattno"])


def _and(condition: Node) -> Iterator[Node]:
    if condition.kind == "BOOLEXPR" and condition["boolop"] == "and":
        for each in condition["args"]:
            yield from _and(each)
    else:
        yield condition


def _columns(query: Node, catalogue: Catalogue) -> Iterator[tuple[Node, _Place]]:
    """The distributed tables of a query, without what is written by an INSERT, and where their organisation is."""
    written: set[object] = {query["resultRelation"]} if query["commandType"] == INSERT else set()
    if query["onConflict"] is not None:
        written.add(query["onConflict"]["exclRelIndex"])
    for number, entry in enumerate(query.each("rtable"), 1):
        if str(number) not in written and entry["rtekind"] == RELATION and catalogue.kind(entry) == "distributed":
            yield entry, ("column", str(number), catalogue.tables[entry["relid"]][2])


def _unjoined(query: Node, catalogue: Catalogue) -> bool:
    level = _Level(query, frozenset[str](), lambda _: True)
    return len({level.of(place) for _, place in _columns(query, catalogue)}) > 1


def _unnamed_here(query: Node, catalogue: Catalogue) -> Iterator[bool]:
    level = _Level(query, frozenset[str](), None)
    return (level.of(place) != level.of(_NAMED) for _, place in _columns(query, catalogue))


def _unnamed(
    query: Node,
    catalogue: Catalogue,
    named: frozenset[str] = frozenset[str](),
    above: Callable[[Node], bool] | None = None,
) -> Iterator[str]:
    """Tables of a query, and of those in it, whose organisation is not equal to a parameter's as PostgreSQL's planner
    finds out. `named`: places in the answer that the query around it asks to be equal to one."""
    level = _Level(query, named, above)
    for entry, place in _columns(query, catalogue):
        if level.of(place) != level.of(_NAMED):
            yield catalogue.tables[entry["relid"]][0]
    for cte in query.each("cteList"):
        yield from _unnamed(cte["ctequery"], catalogue)
    for number, entry in enumerate(query.each("rtable"), 1):
        if entry["rtekind"] == SUBQUERY:
            within = entry["subquery"]
            asked = (
                named
                if query["setOperations"] is not None
                else frozenset(
                    target["resno"]
                    for target in within.each("targetList")
                    if level.is_named(_column(number, target["resno"]))
                )
            )
            asked = frozenset[str]() if within["limitCount"] is not None else asked
            yield from _unnamed(within, catalogue, asked, level.is_named if _is_plain(within) else None)
    joined = {id(each) for condition in _conditions(query["jointree"]) for each in _semijoins(condition)}
    for link in _links(query):
        within = link["subselect"]
        helps = id(link) in joined and _is_plain(within)
        yield from _unnamed(within, catalogue, frozenset[str](), level.is_named if helps else None)


def _column(number: int, attribute: str) -> Node:
    return Node("VAR", {"varno": str(number), "varattno": attribute, "varlevelsup": "0"})


def _is_plain(query: Node) -> bool:
    """A query that is made one with the one around it."""
    return (
        query["limitCount"] is None
        and query["groupClause"] is None
        and query["setOperations"] is None
        and "true" not in (query["hasAggs"], query["hasWindowFuncs"])
    )


def _semijoins(condition: Node) -> Iterator[Node]:
    """EXISTS, NOT EXISTS and IN that stand among the conditions, not in a part of one."""
    for part in _and(condition):
        negated = part.kind == "BOOLEXPR" and part["boolop"] == "not"
        link = part["args"][0] if negated else part
        if link.kind == "SUBLINK":
            yield link


def _links(node: Node) -> Iterator[Node]:
    """The subqueries in expressions of a query, not those of queries in it."""
    for child in children(node):
        if child.kind == "SUBLINK":
            yield child
            if isinstance(child["testexpr"], Node):
                yield from _links(child["testexpr"])
        elif child.kind != "QUERY":
            yield from _links(child)
