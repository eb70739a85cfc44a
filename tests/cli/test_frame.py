from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer.main

from callfloor.cli.examples import EXAMPLES
from callfloor.cli.main import app
from callfloor.settings import Settings
from callfloor.store.db import migrate
from tests.cli.conftest import assert_refused, callfloor, environment, started


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*words, name))


COMMANDS = dict(commands(typer.main.get_command(app)))
# Options that are no settings: they say what one run does.
OF_A_RUN = {"role", "organisation", "help"}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_of_every_command_works(words: tuple[str, ...]) -> None:
    done = callfloor(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(('callfloor', *words))} [OPTIONS]")


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if not hasattr(COMMANDS[words], "commands")], ids=" ".join
)
def test_the_help_of_every_command_ends_with_an_example_that_it_would_take(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    said = " ".join(callfloor(*words, "--help").stdout.split())
    example = f"Example: callfloor {' '.join((*words, EXAMPLES[' '.join(words)]))}".rstrip()
    assert said.endswith(example)
    given = shlex.split(example.partition(" > ")[0], comments=False)[2 + len(words) :]
    known = {name for parameter in command.params for name in getattr(parameter, "opts", ())}
    assert {each for each in given if each.startswith("--")} <= known
    # an option without a name of its own is called as its placeholder where that is the same word
    assert all(
        name == name.lower()
        for parameter in command.params
        for name in getattr(parameter, "opts", ())
        if name.startswith("-")
    )
    needed = [each for each in command.params if each.param_type_name == "argument" and each.required]
    assert len([each for each in given if not each.startswith("--")]) >= len(needed)


def test_no_example_is_of_a_command_that_is_not_there() -> None:
    assert {tuple(words.split()) for words in EXAMPLES} <= COMMANDS.keys()


def test_every_command_on_the_database_can_be_given_one() -> None:
    elsewhere = {
        ("import",), ("desk",), ("certificate", "verify"), ("evidence", "verify"), ("simulate",), ("asterisk", "check"),
        ("sample",),
    }  # fmt: skip
    for words, command in COMMANDS.items():
        if not hasattr(command, "commands") and words not in elsewhere:
            assert {"data", "database_url"} <= {parameter.name for parameter in command.params}, words


@pytest.mark.parametrize("name", ["serve", "work", "demo"])
def test_every_option_of_a_server_is_a_setting_and_its_help_says_the_default(name: str) -> None:
    for parameter in COMMANDS[(name,)].params:
        if parameter.name in OF_A_RUN:
            continue
        field = Settings.model_fields["carrier" if parameter.name == "telephony" else parameter.name]
        assert parameter.default is None
        if field.default is not None and parameter.name != "import_processes":
            assert f"[default: {field.default}]" in parameter.help


def test_help_is_quick_because_it_imports_little() -> None:
    heavy = ["asyncpg", "phonenumbers", "obstore", "starlette", "uvicorn", "pydantic", "msgspec", "rich"]
    script = (
        "import sys\nfrom callfloor.cli.main import main\nsys.argv = ['callfloor', '--help']\n"
        f"try:\n    main()\nfinally:\n    print([each for each in {heavy} if each in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_the_version_is_shown() -> None:
    done = started("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("callfloor ")


def test_a_misspelt_command_is_refused_with_the_nearest() -> None:
    assert_refused(started("aply"), 2, "apply")


@pytest.mark.parametrize("words", [(), ("token",), ("db",), ("certificate",)])
def test_a_group_without_a_command_shows_its_help(words: tuple[str, ...]) -> None:
    done = callfloor(*words)
    assert done.returncode == 2
    assert "Usage: " in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("token", "revoke", "x"), "x"),
        (("token", "revoke", "0"), "0"),
        (("serve", "--port", "70000"), "--port (CALLFLOOR_PORT)"),
        (("serve", "--role", "floors"), "floors"),
        (("serve", "--log-level", "loud"), "--log-level (CALLFLOOR_LOG_LEVEL)"),
        (("apply", "/no/such/centre.toml"), "/no/such/centre.toml"),
        (("apply", "/"), "/"),
        (("token", "create", "--name", "x"), "--scopes"),
        (("import", "/no/such/leads.csv", "--list", "1"), "/no/such/leads.csv"),
        (("import", "/dev/null", "--list", "0"), "--list"),
        (("import", "/dev/null", "--list", "1", "--format", "csv"), "a token is needed"),
        (("db", "status", "--database-url", "mysql://root:s3cret@localhost/x"), "must look like postgresql://"),
        (("db", "status", "--database-url", "postgresql://root:s3/cret@localhost/x"), "must look like postgresql://"),
        (("db", "status", "--database-url", "postgresql://[::1/x"), "must look like postgresql://"),
    ],
)
def test_bad_usage_is_refused_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = callfloor(*arguments)
    assert_refused(done, 2, said)
    assert "s3" not in done.stderr


def test_a_bad_environment_variable_is_named() -> None:
    assert_refused(callfloor("db", "status", CALLFLOOR_PORT="high"), 2, "CALLFLOOR_PORT")


def test_an_unreachable_database_is_said_in_one_line(tmp_path: Path) -> None:
    url = "postgresql://postgres:s3cret@127.0.0.1:1/x"
    done = callfloor("db", "status", "--database-url", url)
    assert_refused(done, 1, "the database cannot be used: ")
    assert "s3cret" not in done.stderr
    assert_refused(callfloor("token", "list", CALLFLOOR_DATABASE_URL=url), 1, "the database cannot be used: ")


def test_a_database_that_does_not_exist_is_said_in_one_line(dsn: str) -> None:
    head, mark, tail = dsn.partition("?")
    url = f"{head.rsplit('/', 1)[0]}/callfloor_no_such_database{mark}{tail}"
    assert_refused(callfloor("db", "migrate", "--database-url", url), 1, "callfloor_no_such_database")


def test_options_win_over_the_environment(dsn: str) -> None:
    done = callfloor("db", "status", "--database-url", dsn, CALLFLOOR_DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert done.returncode == 0, done.stderr


def test_a_data_folder_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_refused(callfloor("db", "status", "--data", tmp_path / "file"), 1, str(tmp_path / "file"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_a_command_quietly(dsn: str, number: signal.Signals, code: int) -> None:
    """The command waits for a lock that we hold, so that it is surely running."""
    blocker = await asyncpg.connect(dsn)
    process = None
    try:
        await blocker.execute("SELECT pg_advisory_lock($1)", migrate.LOCK_KEY)
        command = [sys.executable, "-m", "callfloor", "db", "migrate", "--database-url", dsn]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
        waiting += " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        async with asyncio.timeout(60):
            while not await blocker.fetchval(waiting):
                assert process.returncode is None
        process.send_signal(number)
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        # whatever came of it, nobody who migrates this database waits for either
        if process is not None and process.returncode is None:
            process.kill()
        await blocker.close()
    assert (process.returncode, out, err) == (code, b"", b"")


def test_a_closed_pipe_is_no_traceback(dsn: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "callfloor", "db", "status", "--database-url", dsn],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
