"""Who may ask for what, as the tables of docs/people.md: made from the operations and the roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from callfloor.api.operation import Operation
from callfloor.contract.codes import Access
from callfloor.rules.people.roles import READY_MADE

_WORDS: dict[Access, str] = {
    "anyone": "anybody",
    "signed-in": "whoever is signed in",
    "signing-in": "whoever has a session, at any stage",
}


def may(role: str, access: Access) -> bool:
    """Whether somebody who has that ready-made role, and is signed in, passes."""
    scopes = READY_MADE[role]
    return access in _WORDS or access in scopes or "admin" in scopes


def roles_table() -> str:
    """The ready-made roles and their scopes."""
    lines = ["| role | scopes |", "| --- | --- |"]
    lines += [f"| {role} | {', '.join(f'`{each}`' for each in scopes)} |" for role, scopes in READY_MADE.items()]
    return "\n".join(lines)


def operations_table(apis: Mapping[str, Sequence[Operation]]) -> str:
    """Each operation of each API, by prefix, with the scope that it wants and the ready-made roles that have it."""
    return "\n".join(["| operation | wants | roles |", "| --- | --- | --- |", *_lines(apis)])


def _lines(apis: Mapping[str, Sequence[Operation]]) -> Iterator[str]:
    for prefix, operations in apis.items():
        for each in operations:
            wants = _WORDS.get(each.access, f"`{each.access}`")
            roles = "all" if each.access in _WORDS else ", ".join(role for role in READY_MADE if may(role, each.access))
            yield f"| `{each.method} {prefix}{each.path}` | {wants} | {roles} |"
