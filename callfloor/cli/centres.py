"""`callfloor apply` and `callfloor export`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from callfloor.centre import CentreError, Change, apply, apply_plan, export_text, parse, sounds, unspoken, words_for
from callfloor.centre.entries import entries_of
from callfloor.cli import recorded, session
from callfloor.cli.failures import harmless
from callfloor.cli.files import STDIN
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations, prompts

LARGEST_FILE = 16 * 1024 * 1024


def read(path: Path) -> str:
    """The text of a centre file. Raises `CentreError` for one that is no text, `OSError`."""
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise CentreError([f"{path}: is larger than {LARGEST_FILE >> 20} MiB"])
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CentreError([f"{path}:{line}: is not UTF-8"]) from error


def apply_file(settings: Settings, path: Path, *, dry_run: bool) -> None:
    """Apply a centre file and print the changes, one a line. Raises `CentreError`."""
    # files that it names lie beside it, or where the command is typed
    source = parse(read(path), str(path), Path() if path == STDIN else path.parent)

    async def work(db: Database) -> tuple[list[Change], list[str]]:
        if dry_run:
            return await apply(db, source, dry_run=True), await unspoken(db, source)
        whole = await asyncio.to_thread(sounds.read, source)
        words = await words_for(db, whole)
        async with db.transaction():
            plan = await apply_plan(db, whole, by=session.shell_actor(), words=words)
            of = await organisations.named(db, plan.after.organisation.name)
            if of is not None:
                await recorded.record(db, of["organisation_id"], *entries_of(plan))
        return list(plan.changes), await unspoken(db, source)

    changes, silent = session.run(settings, work, new=True)
    # printed when all is committed, so that a closed pipe cannot undo it
    for change in changes:
        print(change)
    if not changes:
        print("no changes")
    elif dry_run:
        # not a line of the list, which others may read
        many = "1 change" if len(changes) == 1 else f"{len(changes)} changes"
        print(f"{many}, none of them made: this was a dry run", file=sys.stderr)
    if silent:
        names = ", ".join(map(harmless, silent))
        print(
            "callfloor: warning: a tone is heard in the place of the words of these prompts, because espeak-ng is not"
            f" installed: {names}; install it and apply the file again, or give WAV files",
            file=sys.stderr,
        )


def export(settings: Settings, organisation: str | None, folder: Path | None = None) -> None:
    """Print the centre file of an organisation, in UTF-8 as TOML has to be. `folder`: the WAV files that it names go
    there."""

    async def work(db: Database) -> str:
        row = await session.organisation(db, organisation)
        if folder is not None:
            await _write_sounds(db, row["organisation_id"], folder)
        return await export_text(db, row)

    text = session.run(settings, work)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


async def _write_sounds(db: Database, organisation: int, folder: Path) -> None:
    for each in (await prompts.every(db, organisation)).values():
        content = await prompts.sound(db, prompts.message_id(organisation, each.sha256))
        if each.prompt.file is not None and content is not None:
            path = folder / each.prompt.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
