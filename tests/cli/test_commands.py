from __future__ import annotations

import base64
import json
import secrets
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callfloor.cli.failures import CommandError
from callfloor.cli.tokens import end_of_life, parse_life, parse_scopes
from callfloor.contract.codes import SCOPES
from callfloor.contract.customers import CallData, EmailData, LeadErasure
from callfloor.postgres.server import EmbeddedServer
from callfloor.rules.people.token_lives import USUAL_LIFE
from callfloor.rules.privacy import certificates
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import Caller
from callfloor.store.people.tokens import find, key_of
from tests.cli.conftest import Run, assert_refused, callfloor

SIGNING_KEY = Ed25519PrivateKey.generate()
CENTRE = """\
[organisation]
name = "NAME"
timezone = "Australia/Sydney"
country = "AU"

[[campaigns]]
name = "Sales"
direction = "outbound"
[[campaigns.lists]]
name = "One"
"""


async def _caller(db: Database, token: str) -> Caller | None:
    key = key_of(token)
    return None if key is None else await find(db, key)


def out(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(path: Path, name: str) -> Path:
    path.write_text(CENTRE.replace("NAME", name), "utf-8")
    return path


async def test_from_an_empty_folder_to_two_organisations(tmp_path: Path) -> None:
    """The whole story, each command starting and stopping the embedded server itself."""
    with tempfile.TemporaryDirectory(prefix="cf-cli-") as folder:
        data = Path(folder) / "data"
        # one use held by us saves each command a start; the last command below runs alone
        server = EmbeddedServer.start_or_join(data, fsync=False)
        try:
            await _story(data, server.dsn, tmp_path)
        finally:
            server.release()
        assert out(callfloor("export", "--organisation", "Two", "--data", data)).startswith("[organisation]\n")
        assert not (data / "postgres" / "postmaster.pid").exists()


async def _story(data: Path, dsn: str, tmp_path: Path) -> None:
    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return callfloor(*arguments, "--data", data)

    assert "not applied" in out(run("db", "status"))
    assert out(run("db", "migrate")).startswith("applied 0001_")
    assert out(run("db", "migrate")) == "up to date\n"
    assert "not applied" not in out(run("db", "status"))
    create = ("token", "create", "--name", "crm", "--scopes", "leads:read,leads:write")
    assert_refused(run(*create), 2, "no organisation yet: run callfloor apply centre.toml")

    file = write(tmp_path / "centre.toml", "One")
    changes = '+ organisation "One"\n+ campaign "Sales"\n+ list "One" of "Sales"\n'
    assert out(run("apply", file, "--dry-run")) == changes
    assert out(run("apply", file)) == changes
    assert out(run("apply", file)) == "no changes\n"

    token = out(run(*create, "--expires", "90d", "--rate-limit", "7")).removesuffix("\n")
    db = await Database.connect(dsn, size=1)
    try:
        caller = await _caller(db, token)
        assert caller is not None
        assert (caller.scopes, caller.requests_per_second) == ({"leads:read", "leads:write"}, 7)
        (shown,) = json.loads(out(run("token", "list", "--json")))
        assert (shown["tokenId"], shown["state"], shown["name"]) == (caller.token_id, "active", "crm")
        assert token not in json.dumps(shown)
        assert out(run("token", "revoke", str(caller.token_id))) == f"revoked token {caller.token_id} of One\n"
        assert await _caller(db, token) is None
    finally:
        await db.close()
    listed = out(run("token", "list"))
    assert "revoked" in listed
    assert max(map(len, listed.splitlines())) <= 100
    assert_refused(run("token", "revoke", str(caller.token_id)), 2, "not revoked yet")

    done = run("user", "create", "ada", "--first-name", "Ada", "--role", "administrator")
    assert (done.returncode, done.stderr) == (0, "good once, within 72 hours:\n")
    head, *people = out(run("user", "list")).splitlines()
    assert head.split() == ["id", "name", "type", "roles", "state", "password", "sessions"]
    assert people[0].split()[1:] == ["ada", "user", "administrator", "active", "none", "0"]

    exported = out(run("export"))
    (tmp_path / "again.toml").write_text(exported, "utf-8")
    assert out(run("apply", tmp_path / "again.toml")) == "no changes\n"

    assert out(run("apply", write(tmp_path / "two.toml", "Two"))).startswith('+ organisation "Two"\n')
    assert_refused(run("export"), 2, "choose one with --organisation (One, Two)")
    assert_refused(run("token", "list", "--organisation", "Twoo"), 2, "did you mean Two?")
    assert json.loads(out(run("token", "list", "--organisation", "Two", "--json"))) == []
    assert out(run("export", "--organisation", "One")) == exported


async def test_a_token_signs_an_agent_or_a_supervisor_in(run: Run, data: Path, tmp_path: Path) -> None:
    name = f"Centre {secrets.token_hex(4)}"
    file = write(tmp_path / "centre.toml", name)
    people = "".join(
        f'[[users]]\nusername = "{kind}.doe"\nfirstName = "J"\nlastName = "Doe"\ntype = "{kind}"\n'
        for kind in ("agent", "user")
    )
    file.write_text(file.read_text("utf-8") + people, "utf-8")
    out(run("apply", file))
    server = EmbeddedServer.start_or_join(data, fsync=False)
    db = await Database.connect(server.dsn, size=1)
    try:
        for kind, scopes in (("agent", {"workspace"}), ("user", {"workspace", "workspace:supervise"})):
            token = out(run("token", "create", "--organisation", name, "--user", f"{kind}.doe")).strip()
            caller = await _caller(db, token)
            assert caller is not None
            assert caller.person is not None
            assert (caller.person.is_agent, caller.scopes) == (kind == "agent", scopes)
            # people's tokens end by themselves
            assert caller.expires_at is not None
            assert abs(caller.expires_at - datetime.now(UTC) - USUAL_LIFE) < timedelta(hours=1)
    finally:
        await db.close()
        server.release()
    create = ("token", "create", "--organisation", name)
    assert_refused(run(*create, "--user", "nobody"), 2, "there is no active user or agent nobody")
    assert_refused(run(*create, "--scopes", "all"), 2, "--name is missing")


@pytest.mark.parametrize(
    ("given", "of_person", "life"),
    [
        (None, True, USUAL_LIFE), (None, False, None), ("never", True, None), ("never", False, None),
        ("12h", True, timedelta(hours=12)), ("4w", False, timedelta(weeks=4)),
    ],
)  # fmt: skip
def test_tokens_of_people_end_unless_the_operator_says_otherwise(
    given: str | None, of_person: bool, life: timedelta | None
) -> None:
    now = datetime.now(UTC)
    assert end_of_life(given, now, of_person=of_person) == (None if life is None else now + life)


def test_mistakes_are_listed_by_line_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    name = f"Centre {secrets.token_hex(4)}"
    file = write(tmp_path / "centre.toml", name)
    file.write_text(file.read_text("utf-8").replace('"AU"', '"au"') + "wieght = 1\n", "utf-8")
    done = run("apply", file)
    assert (done.returncode, done.stdout) == (2, "")
    first, second, last = done.stderr.splitlines()
    assert first.startswith(f"{file}:4: organisation.country ")
    assert second == f"{file}:11: campaigns[0].lists[0].wieght is not known; did you mean weight?"
    assert last == "callfloor: 2 mistakes; nothing was done"


@pytest.mark.parametrize("content", [b"a = \xff", b"\xff\xfe", b"\x00", b"a ="])
def test_files_that_are_no_toml_are_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "centre.toml").write_bytes(content)
    done = run("apply", tmp_path / "centre.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{tmp_path / 'centre.toml'}:1: ")


def test_the_database_may_be_given_by_its_url(dsn: str, tmp_path: Path) -> None:
    name = f"Centre {secrets.token_hex(4)}"
    file = write(tmp_path / "centre.toml", name)
    assert f'+ organisation "{name}"' in out(callfloor("apply", file, "--database-url", dsn))
    assert out(callfloor("apply", file, CALLFLOOR_DATABASE_URL=dsn)) == "no changes\n"


def test_names_reach_the_export_whole_and_the_terminal_harmless(run: Run, tmp_path: Path) -> None:
    name = f"Ünï “\x1b[31m” {secrets.token_hex(4)}"
    written = name.replace("\x1b", "\\u001b")
    assert f'+ organisation "{written}"' in out(run("apply", write(tmp_path / "centre.toml", written)))
    exported = out(run("export", "--organisation", name, PYTHONIOENCODING="ascii"))
    assert f'name = "{written}"' in exported
    assert out(run("token", "create", "--organisation", name, "--name", "[red]x[/red]", "--scopes", "all"))
    assert "[red]x[/red]" in out(run("token", "list", "--organisation", name))
    done = run("export", "--organisation", "\x1b[31mnone")
    assert_refused(done, 2, "[31mnone")
    assert "\x1b" not in done.stderr


async def test_a_database_newer_than_the_program_is_refused(tmp_path: Path, dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    name = f"callfloor_newer_{secrets.token_hex(4)}"
    await admin.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    head, mark, tail = dsn.partition("?")
    url = f"{head.rsplit('/', 1)[0]}/{name}{mark}{tail}"
    try:
        out(callfloor("db", "migrate", "--database-url", url))
        newer = await asyncpg.connect(url)
        await newer.execute("INSERT INTO schema_migrations VALUES (9999, '9999_future', 'x')")
        await newer.close()
        for words in (("db", "migrate"), ("db", "status"), ("token", "list")):
            assert_refused(callfloor(*words, "--database-url", url), 1, "the database has migration 9999")
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


def test_the_public_key_of_an_organisation_is_shown(run: Run, tmp_path: Path) -> None:
    name = f"Centre {secrets.token_hex(4)}"
    out(run("apply", write(tmp_path / "centre.toml", name)))
    key = out(run("certificate", "key", "--organisation", name))
    assert len(base64.b64decode(key)) == 32
    assert out(run("certificate", "key", "--organisation", name)) == key


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    issued = certificates.issue(
        erasure_id=uuid4(),
        organisation="One \x1b[31m",
        erased_timestamp="2026-01-01T00:00:00Z",
        call_data=CallData(activities=1, attempts=2, recordings=0, voicemails=0),
        email_data=EmailData(messages=0, attachments=0),
        lead_data=LeadErasure(leads=3, import_rows=0),
        signing_key=SIGNING_KEY.private_bytes_raw(),
    )
    (tmp_path / "certificate.json").write_bytes(msgspec.json.encode(issued))
    return tmp_path / "certificate.json"


def test_a_certificate_is_checked_against_a_key(certificate: Path, tmp_path: Path) -> None:
    right, wrong, broken = (tmp_path / name for name in ("right", "wrong", "broken"))
    right.write_bytes(base64.b64encode(SIGNING_KEY.public_key().public_bytes_raw()) + b"\n")
    wrong.write_bytes(base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()))
    broken.write_bytes(b"\xff")
    done = out(callfloor("certificate", "verify", certificate, "--key", right))
    assert done.startswith("valid: erasure ")
    assert "3 leads" in done
    assert done.rstrip("\n").isprintable()
    unknown = callfloor("certificate", "verify", certificate)
    assert (unknown.returncode, unknown.stdout.startswith("whole, but not known whose: ")) == (3, True)
    assert_refused(callfloor("certificate", "verify", certificate, "--key", wrong), 1, "another key")
    assert_refused(callfloor("certificate", "verify", certificate, "--key", broken), 2, "no public key")


def test_a_changed_certificate_is_not_valid(certificate: Path) -> None:
    certificate.write_bytes(certificate.read_bytes().replace(b'"leads":3', b'"leads":4'))
    assert_refused(callfloor("certificate", "verify", certificate), 1, "the signature does not fit")
    certificate.write_bytes(b"\x00")
    assert_refused(callfloor("certificate", "verify", certificate), 1, "the document is not JSON")
    certificate.write_bytes(b" " * (1024 * 1024 + 1))
    assert_refused(callfloor("certificate", "verify", certificate), 2, "larger than 1 MiB")


def test_scopes_are_taken_by_name_or_all() -> None:
    assert parse_scopes(" leads:read , admin,") == ("leads:read", "admin")
    assert parse_scopes("all") == SCOPES
    with pytest.raises(CommandError, match="scope leads:raed is not known; did you mean leads:read"):
        parse_scopes("admin,leads:raed")
    for nothing in ("", " , "):
        with pytest.raises(CommandError, match="--scopes is empty"):
            parse_scopes(nothing)


def test_lives_are_hours_days_or_weeks() -> None:
    assert parse_life("36h") * 2 == parse_life("3d")
    assert parse_life("2w") == parse_life("14d")
    for wrong in ("", "90", "d", "-1d", "0d", "1.5d", "90 d", "9999999d", "1y", "٣d"):
        with pytest.raises(CommandError, match="--expires must be"):
            parse_life(wrong)
