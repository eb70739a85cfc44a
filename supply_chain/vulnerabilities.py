"""`python -m supply_chain.vulnerabilities DATABASE [LOCK …]`: which locked versions are known to be vulnerable.

Offline: DATABASE is a folder or a ZIP file of records in the OSV format, as osv.dev publishes them for PyPI
(`all.zip`), and nothing else is asked. It says how old the newest record is: what came out later is not known here.
Exit code 1: something is vulnerable; 2: the database cannot be used.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from supply_chain.lock import LOCK, Package, normalised, packages

# An older database says little.
OLD_DAYS = 14


class DatabaseError(ValueError):
    """The database cannot be used; the message says why."""


@dataclass(frozen=True)
class Known:
    """A vulnerability of a package that is locked."""

    package: Package
    identifier: str
    summary: str
    fixed: tuple[str, ...]


def records(database: Path) -> Iterator[dict[str, Any]]:
    """Every record. Raises `DatabaseError`."""
    try:
        if database.is_dir():
            for path in sorted(database.rglob("*.json")):
                yield json.loads(path.read_bytes())
            return
        with zipfile.ZipFile(database) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    yield json.loads(archive.read(name))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DatabaseError(f"{database} is no folder or ZIP file of OSV records ({error})") from error


def search(found: list[Package], database: Iterator[dict[str, Any]]) -> tuple[list[Known], datetime, int]:
    """What is known of these packages, when the newest record was changed, and how many there are."""
    by_name = {each.name: each for each in found}
    known: list[Known] = []
    newest, count = datetime.min.replace(tzinfo=UTC), 0
    for record in database:
        count += 1
        modified = datetime.fromisoformat(record.get("modified", "1970-01-01T00:00:00+00:00").replace("Z", "+00:00"))
        newest = max(newest, modified if modified.tzinfo else modified.replace(tzinfo=UTC))
        if "withdrawn" in record:
            continue
        for affected in record.get("affected", ()):
            about = affected.get("package", {})
            package = by_name.get(normalised(about.get("name", "")))
            if about.get("ecosystem") != "PyPI" or package is None or not is_affected(package.version, affected):
                continue
            fixed = {
                event["fixed"]
                for each in affected.get("ranges", ())
                for event in each.get("events", ())
                if "fixed" in event and each.get("type") != "GIT"
            }
            known.append(Known(package, record.get("id", "?"), record.get("summary", ""), tuple(sorted(fixed))))
    if not count:
        raise DatabaseError("there are no records in the database")
    return known, newest, count


def is_affected(version: str, affected: dict[str, Any]) -> bool:
    """Whether a version is among those of an `affected` of a record (OSV schema, "Evaluation")."""
    if version in affected.get("versions", ()):
        return True
    return any(_in_range(version, each["events"]) for each in affected.get("ranges", ()) if each["type"] != "GIT")


def _in_range(text: str, events: list[dict[str, str]]) -> bool:
    version, inside = Version(text), False
    order = sorted(events, key=lambda event: _version(next(iter(event.values()))))
    for event in order:
        (kind, at), *_ = event.items()
        if kind == "introduced" and version >= _version(at):
            inside = True
        elif (kind == "fixed" and version >= _version(at)) or (kind == "last_affected" and version > _version(at)):
            inside = False
    return inside


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        # of a time before versions had a form
        return Version("0")


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    locked = [each for path in ([Path(each) for each in arguments[1:]] or [LOCK]) for each in packages(path)]
    try:
        known, newest, count = search(locked, records(Path(arguments[0])))
    except DatabaseError as error:
        print(f"vulnerabilities: {error}", file=sys.stderr)
        return 2
    days = (datetime.now(UTC) - newest).days
    print(f"Offline check of {len(locked)} packages against {count:,} records, the newest of {newest:%Y-%m-%d}.")
    if days > OLD_DAYS:
        print(f"The database is {days} days old: what became known since is not in it.")
    for each in known:
        fixed = f"; fixed in {', '.join(each.fixed)}" if each.fixed else ""
        print(f"{each.package.name} {each.package.version}: {each.identifier} {each.summary}{fixed}")
    print(f"{len(known)} known vulnerabilities." if known else "None is known to be vulnerable.")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
