"""`callfloor import`: a file of leads, sent through the same API as everybody's, with its progress."""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from callfloor.cli.failures import harmless
from callfloor.cli.files import STDIN, STDOUT, kept, shown
from callfloor.rules.imports.import_text import ENDINGS, FORMS

TYPES = {form: kind for kind, form in reversed(FORMS.items())}
PREFIX = "/platform-api/v3.0"
CHUNK = 256 * 1024
TRIES = 8
POLL_S = 0.3
PLAIN_EVERY_S = 5.0
MOST_SHOWN = 60
OPTIONS = {"map": "--map ", "listId": "--list ID", "delimiter": "--delimiter ", "sheet": "--sheet "}
# exit codes
FINE, FAILED, USAGE, SOME_INVALID = 0, 1, 2, 3


class ImportFailedError(RuntimeError):
    """The import cannot go on; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of an import: the parameters of the API."""

    list_id: int | None = None
    map: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    on_duplicate: str = "insert"
    on_duplicate_phone: str = "insert"
    duplicate_phone_in: str = "list"
    empty_clears: bool = False
    lift_do_not_call: bool = False
    dry_run: bool = False

    def query(self) -> dict[str, str]:
        """What differs from the API's own defaults."""
        values = {
            "listId": self.list_id,
            "map": self.map,
            "delimiter": self.delimiter,
            "encoding": self.encoding,
            "sheet": self.sheet,
            "onDuplicate": self.on_duplicate,
            "onDuplicatePhone": self.on_duplicate_phone,
            "duplicatePhoneIn": self.duplicate_phone_in,
            "emptyClears": self.empty_clears,
            "liftDoNotCall": self.lift_do_not_call,
            "dryRun": self.dry_run,
        }
        usual = (None, False, "insert", "list")
        return {name: "true" if value is True else str(value) for name, value in values.items() if value not in usual}


def import_file(
    path: Path,
    wanted: Wanted,
    *,
    url: str,
    token: str | None,
    errors_to: Path | None = None,
    format: str | None = None,
) -> int:
    """Send the file and wait until it is imported.

    Returns 0 when every row is fine, 3 when some were invalid, 1 on a failure, 2 on a wrong option.
    """
    form = format or ENDINGS.get(path.suffix.removeprefix(".").lower())
    if form is None:
        return _refuse(f"the format of {path.name} is not known: name it with --format csv, xlsx, json or ndjson")
    if not token:
        return _refuse("a token is needed: --token, or CALLFLOOR_TOKEN (make one with callfloor token create)")
    if path != STDIN and not path.is_file():
        return _refuse(f"there is no file {path}")
    if errors_to is not None and errors_to != STDOUT and not _may_write(errors_to):
        return _refuse(f"--errors {errors_to}: no file can be written there")
    try:
        with (
            kept(path) as file,
            httpx2.Client(
                base_url=url.rstrip("/") + PREFIX, headers={"Authorization": f"Bearer {token}"}, timeout=120
            ) as client,
        ):
            return _Run(client, file, form, wanted.query(), errors_to).run()
    except (ImportFailedError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        print(f"callfloor: {_one_line(error, url)}", file=sys.stderr)
        return FAILED


def _refuse(message: str) -> int:
    print(f"callfloor: {message}", file=sys.stderr)
    return USAGE


def _may_write(path: Path) -> bool:
    """Asked before anything is imported: the rows that were wrong would be lost."""
    return os.access(path, os.W_OK) and path.is_file() if path.exists() else os.access(path.parent, os.W_OK)


@contextmanager
def _open(path: Path) -> Generator[BinaryIO]:
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with path.open("wb") as file:
        yield file


def _one_line(error: Exception, url: str) -> str:
    if isinstance(error, httpx2.TransportError):
        return f"the server {harmless(url)} cannot be reached: does it run there? --url or CALLFLOOR_URL names another"
    return " ".join(str(error).split())


class _Run:
    def __init__(
        self, client: httpx2.Client, path: Path, form: str, query: dict[str, str], errors_to: Path | None
    ) -> None:
        self._client, self._path, self._form, self._query, self._errors_to = client, path, form, query, errors_to
        self._console = Console(stderr=True)

    def run(self) -> int:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[invalid]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        ) as progress:
            accepted = self._send(progress)
            self._show_columns(accepted.get("columns"))
            result = self._follow(progress, accepted["uuid"])
        return self._report(accepted["uuid"], result)

    def _show_columns(self, columns: dict[str, str | None] | None) -> None:
        """Which column became what: whoever sees a phone among their own data stops here."""
        if not columns:
            return
        self._say("columns:")
        width = min(max(map(len, columns)), 40)
        for column, target in list(columns.items())[:MOST_SHOWN]:
            self._say(f"  {column:{width}}  {'left out' if target is None else target}")
        if len(columns) > MOST_SHOWN:
            self._say(f"  and {len(columns) - MOST_SHOWN} more")

    def _send(self, progress: Progress) -> dict[str, Any]:
        """Upload, again if need be: the key makes a second try of the same file harmless."""
        size = self._path.stat().st_size
        task = progress.add_task("sending", total=size, rate="", invalid="")
        key = uuid.uuid4().hex

        def chunks() -> Iterator[bytes]:
            progress.reset(task)
            with self._path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    progress.advance(task, len(chunk))
                    yield chunk

        headers = {"Content-Type": TYPES[self._form], "Content-Length": str(size), "Idempotency-Key": key}
        answer = self._insist(
            lambda: self._client.post("/leads/bulk", params=self._query, content=chunks(), headers=headers)
        )
        progress.update(task, visible=False)
        return answer.json()

    def _follow(self, progress: Progress, import_id: str) -> dict[str, Any]:
        task = progress.add_task("importing", total=None, rate="", invalid="")
        started = told = time.monotonic()
        while True:
            state: dict[str, Any] = self._insist(lambda: self._client.get(f"/leads/bulk/{import_id}")).json()
            result = state["result"]
            now = time.monotonic()
            rate = f"{result['processed'] / max(now - started, 0.001):,.0f} rows/s"
            invalid = f"{result['invalid']:,} invalid"
            progress.update(task, total=result["rows"], completed=result["processed"], rate=rate, invalid=invalid)
            if state["status"] == "completed":
                return result
            if state["status"] == "failed":
                failure = result.get("failure") or "see its log"
                raise ImportFailedError(
                    f"the import {import_id} failed on the server ({failure}); {result['inserted']:,} inserted,"
                    f" {result['updated']:,} updated, {result['invalid']:,} not imported"
                )
            if not self._console.is_terminal and now - told > PLAIN_EVERY_S:
                told = now
                self._say(f"{result['processed']:,} of {result['rows']:,} rows, {rate}, {result['invalid']:,} invalid")
            time.sleep(POLL_S)

    def _insist(self, send: Any) -> httpx2.Response:
        """Send until the server answers; wait as it says when it is busy or away."""
        for attempt in range(TRIES):
            try:
                answer: httpx2.Response = send()
            except httpx2.TransportError:
                if attempt == TRIES - 1:
                    raise
                time.sleep(min(2**attempt * 0.25, 10))
                continue
            if answer.status_code in (409, 429, 503) and attempt < TRIES - 1:
                time.sleep(float(answer.headers.get("Retry-After", 1)))
                continue
            if answer.is_success:
                return answer
            raise ImportFailedError(_told(answer))
        raise ImportFailedError("the server stays busy; try again later")

    def _report(self, import_id: str, result: dict[str, Any]) -> int:
        what = ", ".join(f"{result[name]:,} {name}" for name in ("inserted", "updated", "skipped", "invalid"))
        note = " (dry run: nothing was written)" if self._query.get("dryRun") else ""
        self._say(f"{result['rows']:,} {'row' if result['rows'] == 1 else 'rows'}: {what}{note}")
        if result["emptyRows"]:
            self._say(f"  of those skipped, {result['emptyRows']:,} were empty")
        if result["absentPhones"]:
            self._say(f"  {result['absentPhones']:,} phones were written as none (n/a, - or the like)")
        if result["duplicatePhones"]:
            self._say(f"  {result['duplicatePhones']:,} phones stood in their lead twice and were left out")
        if result["unknownRanges"]:
            what = "outside the ranges that are known of their countries: are they right?"
            self._say(f"warning: {result['unknownRanges']:,} phones are {what}")
        without, leads = result["withoutPhone"], result["inserted"] + result["updated"]
        if without:
            self._say(f"warning: {without:,} of {leads:,} leads have no phone, so they cannot be called")
        if result["notCalled"]:
            self._say(
                f"warning: {result['notCalled']:,} of {leads:,} leads have only phones that the destination policy "
                "does not call (see destinations of the centre file)"
            )
        if not result["invalid"]:
            return FINE
        if self._errors_to is not None:
            with (
                self._client.stream("GET", f"/leads/bulk/{import_id}/errors", headers={"Accept": "text/csv"}) as answer,
                _open(self._errors_to) as file,
            ):
                for chunk in answer.raise_for_status().iter_bytes():
                    file.write(chunk)
            self._say(
                f"the rows that were wrong, with reasons, are in {shown(self._errors_to)}: mend and import that file"
            )
        else:
            self._first_faults(import_id)
        return SOME_INVALID

    def _first_faults(self, import_id: str) -> None:
        page = self._insist(lambda: self._client.get(f"/leads/bulk/{import_id}/errors", params={"limit": 3})).json()
        for row, faults in page["errorList"].items():
            words = "; ".join(f"{fault['field'] or 'row'}: {fault['message']}" for fault in faults)
            line = page["lines"].get(row)
            self._say(f"  {f'row {row}' if line is None else f'line {line}'}: {words}")
        self._say("  --errors FILE.csv saves all of them, ready to mend and import again")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _told(answer: httpx2.Response) -> str:
    """What a problem says, in one line."""
    try:
        problem = answer.json()
        # the server names parameters of the address, which are options here
        detail = re.sub(r"\?(\w+)=", lambda name: OPTIONS.get(name[1], name[0]), str(problem["detail"]))
        return f"{problem['title']} ({answer.status_code}): {detail}"
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.status_code}"
