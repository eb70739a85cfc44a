"""Each kind of thing that administrators set, as resources: one implementation, made of the model of the centre file.

A write makes the piece of a centre file that it stands for, and is checked, planned and applied as that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from urllib.parse import quote

import msgspec

from callfloor import centre
from callfloor.api.admin.bodies import about, refused
from callfloor.api.admin.kinds import KINDS, ThingKind
from callfloor.api.admin.records import record
from callfloor.api.admin.rights import allow
from callfloor.api.audits import changes
from callfloor.api.call import Answer, Call, not_found
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import Operation, operation
from callfloor.centre.sounds import Words
from callfloor.contract.centre import Centre
from callfloor.contract.fields import Page, PageMetadata, PageQuery
from callfloor.errors import BeyondOwnScopes, FieldError, InUse, Invalid, NameTaken, StaleVersion
from callfloor.rules.values.names import plain_name
from callfloor.store.setup import centres, organisations
from callfloor.store.setup.centres import Stored

Handler = Callable[..., Any]
Tree = dict[str, Any]


def operations() -> tuple[Operation, ...]:
    """Of every kind: list, make, get, replace, change, remove."""
    return tuple(each for kind in KINDS for each in _of(kind))


def _of(kind: ThingKind) -> Iterable[Operation]:
    one, tag = kind.kind, kind.key
    many = {"user": "users", "strategy": "strategies", "mailbox": "mailboxes", "lead status": "lead statuses"}.get(
        one, f"{one}s"
    )
    named = one.replace(" ", "_")
    thing = f"{kind.path}/{{{kind.named}}}"
    answer, change = kind.answer, kind.change
    around: dict[str, type] = {"campaign_id": int} if kind.inside else {}
    key: dict[str, type] = {_argument(kind): int if kind.number is not None or kind.identity == "code" else str}
    example = ({} if kind.number is None else {kind.number: 7}) | dict(kind.example)
    paged = kind.number is not None
    problems = [BeyondOwnScopes, StaleVersion, InUse]
    body = {key: value for key, value in kind.example.items() if key != kind.identity}
    # each change of these is kept
    keeps = kind.kind in ("workflow", "prompt")

    def audits(what: str) -> Any:
        return changes(f"{named.replace('_', '-')}.{what}", named.replace("_", "-"))

    async def page(call: Call, query: PageQuery | None = None, **path: Any) -> Page[Any]:
        stored = await centre.stored(call.db, await _row(call))
        within = _within(kind, stored, path)
        shown = [kind.shown(stored, name, within) or {} for name in kind.names(stored.centre, within)]
        if query is None:
            return Page(metadata=PageMetadata(next_uri=None), items=shown)
        after, limit = page_start(call, query), page_limit(query)
        rows = [each for each in shown if each[kind.named] > (after[1] if after else 0)]
        rows = sorted(rows, key=lambda each: each[kind.named])[: limit + 1]
        return page_of(call, query, rows, lambda row: row, lambda row: (EPOCH, row[kind.named]))

    async def get(call: Call, **path: Any) -> Any:
        stored = await centre.stored(call.db, await _row(call))
        within = _within(kind, stored, path)
        return _shown(kind, stored, _key(kind, stored, within, path), within)

    async def create(call: Call, body: Any, **path: Any) -> Answer[Any]:
        tree = _tree(body)
        words = await _words(call, kind, tree)
        stored = await locked(call)
        within = _within(kind, stored, path)
        name = tree[kind.identity]
        if kind.shown(stored, name, within) is not None:
            raise NameTaken(f"There is a {one} {name} already.")
        await _apply(call, kind, stored, within, tree, words)
        after = await centres.read(call.db, await _row(call))
        # a name is kept without space around it
        name = name if isinstance(name, int) else plain_name(name)
        shown = _shown(kind, after, name, within)
        where = call.path + "/" + (str(shown[kind.named]) if kind.number else quote(str(name), safe=""))
        return Answer(shown, headers={"Location": call.prefix + where})

    async def replace(call: Call, body: Any, **path: Any) -> Any:
        tree = _tree(body)
        words = await _words(call, kind, tree, lambda each: kind.blank(each, tree[kind.identity], None))
        stored = await locked(call)
        within = _within(kind, stored, path)
        name = _key(kind, stored, within, path)
        call.expect_version(_shown(kind, stored, name, within))
        if tree[kind.identity] != name:
            fault = FieldError("fixed", f"is {name} and cannot be changed", pointer=f"/{kind.identity}")
            raise Invalid(f"{kind.identity} cannot be changed.", errors=[fault])
        await _apply(call, kind, stored, within, tree, words, lambda each: kind.blank(each, str(name), within))
        return _shown(kind, await centres.read(call.db, await _row(call)), name, within)

    async def update(call: Call, body: Any, **path: Any) -> Any:
        given = _tree(body)
        words = await _words(call, kind, {kind.identity: path[_argument(kind)]} | given)
        stored = await locked(call)
        within = _within(kind, stored, path)
        name = _key(kind, stored, within, path)
        call.expect_version(_shown(kind, stored, name, within))
        await _apply(call, kind, stored, within, {kind.identity: name} | given, words)
        return _shown(kind, await centres.read(call.db, await _row(call)), name, within)

    async def remove(call: Call, **path: Any) -> None:
        stored = await locked(call)
        within = _within(kind, stored, path)
        name = _key(kind, stored, within, path)
        call.expect_version(_shown(kind, stored, name, within))
        await _remove(call, kind, stored, within, name)

    listed = {"query": PageQuery} if paged else {}
    yield operation(
        "GET", kind.path, scope="setup:read", summary=f"List of {many}", tag=tag,
        example={"metadata": {"nextUri": None}, "items": [example]},
    )(
        _named(page, f"list_set_{_plural(kind)}", f"The {many}{', by id' if paged else '; all are on one page'}.",
               {**around, **listed, "return": Page[answer]})
    )  # fmt: skip
    yield operation(
        "POST", kind.path, scope=kind.scope, summary=f"Make a {one}", tag=tag, status=201, example=example,
        request=dict(kind.example), problems=[BeyondOwnScopes, NameTaken], audits=audits("create"), keeps=True,
    )(
        _named(create, f"create_set_{named}", f"Make a {one}. What is left out has its default.",
               {**around, "body": kind.settings, "return": Answer[answer]})
    )  # fmt: skip
    yield operation(
        "GET", thing, scope="setup:read", summary=f"Get a {one}", tag=tag, etag=True, example=example
    )(_named(get, f"get_set_{named}", f"One {one}, with everything that can be set of it.",
             {**around, **key, "return": answer}))  # fmt: skip
    yield operation(
        "PUT", thing, scope=kind.scope, summary=f"Set a {one}", tag=tag, etag=True, example=example,
        request=dict(kind.example), problems=problems, audits=audits("update"), keeps=keeps,
    )(
        _named(replace, f"replace_set_{named}", f"Set all of a {one}: what is left out has its default again.",
               {**around, **key, "body": kind.settings, "return": answer})
    )  # fmt: skip
    yield operation(
        "PATCH", thing, scope=kind.scope, summary=f"Change a {one}", tag=tag, etag=True, example=example, request=body,
        problems=problems, audits=audits("update"), keeps=keeps,
    )(
        _named(update, f"update_set_{named}", f"Change what is given of a {one}; null clears. What is left out stays.",
               {**around, **key, "body": change, "return": answer})
    )  # fmt: skip
    yield operation(
        "DELETE", thing, scope=kind.scope, summary=f"Remove a {one}", tag=tag, status=204, etag=True,
        problems=problems, audits=audits("remove"),
    )(
        _named(remove, f"remove_set_{named}",
               f"Remove a {one}, unless something names it, or calls, leads or e-mails are of it: then 409 says what"
               " does, and how it is switched off instead.",
               {**around, **key, "return": type(None)})
    )  # fmt: skip


def _plural(kind: ThingKind) -> str:
    return kind.path.rpartition("/")[2].replace("-", "_")


def _argument(kind: ThingKind) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in kind.named)


def _named(handler: Handler, name: str, says: str, hints: Mapping[str, Any]) -> Handler:
    """A handler as the table of operations wants it: its name, its words, and the types of its arguments."""
    handler.__name__, handler.__doc__ = name, says
    handler.__annotations__ = {"call": Call, **hints}
    return handler


async def _row(call: Call) -> Any:
    return await organisations.named(call.db, call.caller.organisation.name)


async def locked(call: Call) -> Stored:
    """The centre, which nobody else changes until the transaction in progress is over."""
    await centres.lock(call.db)
    return await centres.read(call.db, await _row(call), locked=True)


def _within(kind: ThingKind, stored: Stored, path: Mapping[str, Any]) -> str | None:
    """The campaign that the path names, where it names one. Raises `NotFound`."""
    if not kind.inside:
        return None
    found = next((name for name, number in stored.campaigns.items() if number == path["campaign_id"]), None)
    if found is None:
        raise not_found("campaign")
    return found


def _key(kind: ThingKind, stored: Stored, within: str | None, path: Mapping[str, Any]) -> str | int:
    """The name or code of the thing that the path names. Raises `NotFound`."""
    wanted = path[_argument(kind)]
    for name in kind.names(stored.centre, within):
        if wanted == (name if kind.number is None else kind.id_of(stored, name, within)):
            return name
    raise not_found(kind.kind)


def _shown(kind: ThingKind, stored: Stored, name: str | int, within: str | None) -> Tree:
    found = kind.shown(stored, name, within)
    if found is None:
        raise not_found(kind.kind)
    return found


def _tree(body: Any) -> Tree:
    return cast(Tree, msgspec.to_builtins(body))


async def _words(
    call: Call, kind: ThingKind, tree: Tree, base: Callable[[Centre], Centre] = lambda each: each
) -> Words:
    """What is to be spoken for a thing: it takes its time, so it comes before the lock that all who change wait for."""
    if kind.kind != "prompt":
        return {}
    try:
        source = about(centre.of_tree(kind.entry(tree, None)), call.caller.organisation.name)
        return await centre.words_for(call.db, source, base)
    except centre.CentreError as error:
        raise refused(error, kind.place) from error


async def _apply(
    call: Call,
    kind: ThingKind,
    stored: Stored,
    within: str | None,
    tree: Tree,
    words: Words,
    base: Callable[[Centre], Centre] = lambda each: each,
) -> None:
    """Raises `Invalid` with pointers into what was sent."""
    entry, place = kind.entry(tree, within), kind.place
    if kind.kind == "wrap code":
        # a campaign's wrap codes are given all or none
        codes = stored.centre.campaigns[within or ""].wrap_codes
        others = [{"code": code, "description": each} for code, each in codes.items() if code != tree["code"]]
        entry["campaigns"][0]["wrapCodes"] += others
    try:
        source = about(centre.of_tree(entry), call.caller.organisation.name)
        plan = await centre.apply_plan(
            call.db, source, lambda plan: allow(call.caller, plan), base, call.audit.by, words
        )
        await record(call, plan)
    except centre.CentreError as error:
        raise refused(error, place) from error


async def _remove(call: Call, kind: ThingKind, stored: Stored, within: str | None, name: str | int) -> None:
    if kind.kind == "wrap code":
        codes = stored.centre.campaigns[within or ""].wrap_codes
        left = [{"code": code, "description": each} for code, each in codes.items() if code != name]
        entry: Tree = {"campaigns": [{"name": within, "wrapCodes": left}]}
    elif kind.inside:
        entry = {"remove": {kind.key: [{"campaign": within, "name": name}]}}
    else:
        entry = {"remove": {kind.key: [name]}}
    try:
        source = about(centre.of_tree(entry), call.caller.organisation.name)
        plan = await centre.apply_plan(
            call.db, source, lambda plan: allow(call.caller, plan), by=call.audit.by, words={}
        )
        await record(call, plan)
    except centre.CentreError as error:
        raise InUse("; ".join(f"{kind.kind} {name}: {each.message}" for each in error.found)) from error
