"""The sound of prompts over HTTP: uploaded, listened to, tried; and nobody waits for what is being spoken."""

from __future__ import annotations

import struct
from array import array
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from callfloor.centre import apply, export_text, parse, sounds
from callfloor.contract.workflows import Sound
from callfloor.rules.values.sound_files import apart
from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations, prompts
from callfloor.store.setup.centres import LOCK_SQL
from callfloor.telephony import speech
from callfloor.telephony.sound import seconds, tone, wav
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"
WAV = {"Content-Type": "audio/wav"}
FREE_SQL = LOCK_SQL.replace("pg_advisory_xact_lock", "pg_try_advisory_xact_lock")

NAME_SQL = "SELECT name FROM organisations WHERE organisation_id = $1"


def wide(rate: int = 16000, length_s: float = 1.0, channels: int = 1) -> bytes:
    """A WAV file of another rate than a telephone's."""
    samples = array("h", [1000, -1000] * int(rate * length_s * channels / 2))
    data = samples.tobytes()
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


async def upload(centre: Centre, name: str, content: bytes, **headers: str) -> httpx2.Response:
    return await centre.client.put(f"{ADMIN}/prompts/{name}/sound", content=content, headers=WAV | headers)


async def test_a_sound_is_uploaded_converted_and_listened_to(db: Database, centre: Centre) -> None:
    made = await upload(centre, "welcome", wide())
    assert made.status_code == 200, made.text
    assert made.json() == {"name": "welcome", "seconds": 1.0, "spoken": True, "usedBy": []}
    heard = await centre.client.get(f"{ADMIN}/prompts/welcome/sound")
    assert (heard.status_code, heard.headers["Content-Type"]) == (200, "audio/wav")
    assert seconds(heard.content) == 1.0
    assert struct.unpack_from("<HI", heard.content, 22) == (1, 8000)
    prompt = (await centre.client.get(f"{ADMIN}/prompts/welcome")).json()
    assert (prompt["file"], prompt["text"]) == ("prompts/welcome.wav", None)
    actions = await db.fetch(
        "SELECT action FROM audit_entries WHERE organisation_id = $1 ORDER BY entry_id", centre.organisation
    )
    assert [row["action"] for row in actions] == ["prompt.create"]
    # the file that is exported says what is there, and changes nothing
    text = (await centre.client.get(f"{ADMIN}/centre", headers={"Accept": "application/toml"})).text
    assert "prompts/welcome.wav" in text
    assert await apply(db, parse(text, "c.toml")) == []


async def test_a_part_of_a_sound_is_given(centre: Centre) -> None:
    whole = tone()
    await upload(centre, "tone", whole)
    where = f"{ADMIN}/prompts/tone/sound"
    part = await centre.client.get(where, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert (await centre.client.get(where, headers={"Range": f"bytes={len(whole)}-"})).status_code == 416
    other = {"Range": "bytes=0-3", "If-Range": '"other"'}
    assert (await centre.client.get(where, headers=other)).content == whole
    assert (await centre.client.get(where, headers={"If-None-Match": part.headers["ETag"]})).status_code == 304


async def test_a_sound_is_not_put_over_one_that_somebody_else_uploaded(centre: Centre) -> None:
    await upload(centre, "tone", tone())
    tag = (await centre.client.get(f"{ADMIN}/prompts/tone/sound")).headers["ETag"]
    assert (await upload(centre, "tone", wide(8000), **{"If-Match": tag})).status_code == 200
    assert (await upload(centre, "tone", wide(8000, 2.0), **{"If-Match": tag})).status_code == 412
    assert seconds((await centre.client.get(f"{ADMIN}/prompts/tone/sound")).content) == 1.0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no WAV file"),
        (b"ID3\x04" + bytes(100), "is no WAV file"),
        (wide(channels=2), "has 2 channels"),
        (wide(96000), "has 96000 samples"),
        (wide(8000, 601), "is longer than 10 minutes"),
        (wide(length_s=0), "has no sound"),
        (tone()[:30], "is damaged"),
    ],
    ids=["empty", "mp3", "stereo", "rate", "long", "silent", "cut"],
)
async def test_what_is_no_sound_is_refused(centre: Centre, content: bytes, says: str) -> None:
    answer = await upload(centre, "broken", content)
    assert answer.status_code == 422, answer.text
    assert says in answer.json()["detail"]
    assert (await centre.client.get(f"{ADMIN}/prompts/broken")).status_code == 404


async def test_another_kind_of_body_is_refused(centre: Centre) -> None:
    answer = await centre.client.put(f"{ADMIN}/prompts/x/sound", content=tone(), headers={"Content-Type": "audio/mpeg"})
    assert answer.status_code == 415
    assert (await upload(centre, "x", bytes(21 * 1024 * 1024))).status_code == 413


async def test_a_prompt_in_use_says_by_what_and_is_not_removed(centre: Centre) -> None:
    await upload(centre, "hello", tone())
    steps = [{"name": "greet", "type": "prompt", "prompt": "hello"}]
    await centre.client.post(f"{ADMIN}/workflows", json={"name": "Main", "steps": steps})
    uses = await centre.client.get(f"{ADMIN}/prompts/hello/uses")
    assert uses.json()["usedBy"] == ["step greet of workflow Main"]
    refused = await centre.client.delete(f"{ADMIN}/prompts/hello")
    assert (refused.status_code, refused.json()["type"]) == (409, "/admin/v1/problems/in-use")
    assert "step greet of workflow Main" in refused.json()["detail"]


async def test_names_that_look_alike_as_files_have_files_of_their_own(centre: Centre) -> None:
    for name in ("a%2Fb", "a_b"):
        assert (await upload(centre, name, tone())).status_code == 200
    prompts = (await centre.client.get(f"{ADMIN}/prompts")).json()["items"]
    assert len({each["file"] for each in prompts}) == 2


async def test_words_are_tried_without_being_kept(
    db: Database, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def speak(text: str, language: str = "en") -> bytes:
        assert (text, language) == ("Welcome.", "en-gb")
        return wav(array("h", [1] * 800))

    monkeypatch.setattr(speech, "speak", speak)
    monkeypatch.setattr(speech, "installed", lambda: True)
    before = await db.fetchval("SELECT count(*) FROM sounds WHERE organisation_id = $1", centre.organisation)
    where = f"{ADMIN}/prompt-previews"
    heard = await centre.client.post(where, json={"text": "Welcome.", "language": "en-gb"})
    assert (heard.status_code, heard.headers["Content-Type"], seconds(heard.content)) == (200, "audio/wav", 0.1)
    assert await db.fetchval("SELECT count(*) FROM sounds WHERE organisation_id = $1", centre.organisation) == before
    for given in ({"text": " "}, {"text": "x", "language": "-x"}, {"text": "x" * 2001}):
        assert (await centre.client.post(where, json=given)).status_code == 422
    monkeypatch.setattr(speech, "installed", lambda: False)
    silent = await centre.client.post(where, json={"text": "Welcome."})
    assert (silent.status_code, silent.json()["type"]) == (409, "/admin/v1/problems/speech-unavailable")


@pytest.fixture
def free(dsn: str, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each time that words are spoken, whether somebody else could apply a file at that moment."""
    found: list[bool] = []

    async def speak(text: str, language: str = "en") -> bytes:
        other = await asyncpg.connect(dsn)
        found.append(await other.fetchval(FREE_SQL))
        await other.close()
        return wav(array("h", [len(text)] * 800))

    monkeypatch.setattr(speech, "speak", speak)
    monkeypatch.setattr(speech, "installed", lambda: True)
    return found


async def test_nobody_waits_while_words_are_spoken(db: Database, centre: Centre, free: list[bool]) -> None:
    prompts = f"{ADMIN}/prompts"
    for method, path, body in (
        ("POST", prompts, {"name": "hello", "text": "Hello."}),
        ("PATCH", f"{prompts}/hello", {"text": "Hello you."}),
        ("PATCH", f"{prompts}/hello", {"language": "de"}),
        ("PUT", f"{prompts}/hello", {"name": "hello", "text": "Hello you."}),
    ):
        answer = await centre.client.request(method, path, json=body)
        assert answer.status_code in (200, 201), answer.text
    applied = await centre.client.post(
        f"{ADMIN}/centre/apply", json={"prompts": [{"name": "bye", "text": "Bye."}]}, headers={"Idempotency-Key": "a"}
    )
    assert applied.status_code == 200, applied.text
    name = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
    text = f'[organisation]\nname = "{name}"\n[[prompts]]\nname = "shell"\ntext = "Shell."\n'
    assert len(await apply(db, parse(text, "c.toml"))) == 1
    assert free == [True] * 6


async def test_words_that_cannot_be_spoken_change_nothing(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    async def speak(text: str, language: str = "en") -> bytes:
        raise speech.SpeechError("there is no such voice")

    monkeypatch.setattr(speech, "speak", speak)
    monkeypatch.setattr(speech, "installed", lambda: True)
    body: dict[str, Any] = {"name": "hello", "text": "Hello.", "language": "xx"}
    refused = await centre.client.post(f"{ADMIN}/prompts", json=body)
    assert refused.status_code == 422
    assert "there is no such voice" in refused.json()["detail"]
    assert (await centre.client.get(f"{ADMIN}/prompts/hello")).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("GET", "sound"), ("GET", "uses")])
async def test_another_organisations_prompt_is_not_there(
    centre: Centre, other_centre: Centre, method: str, path: str
) -> None:
    await upload(centre, "hello", tone())
    assert (await other_centre.client.request(method, f"{ADMIN}/prompts/hello/{path}")).status_code == 404
    # one of the same name is the other's own
    assert (await upload(other_centre, "hello", wide(8000, 2.0))).status_code == 200
    assert (await centre.client.get(f"{ADMIN}/prompts/hello/sound")).content == tone()


async def test_two_prompts_of_one_file_have_files_of_their_own_once_their_sounds_differ(
    db: Database, centre: Centre, tmp_path: Path
) -> None:
    """What is exported, and applied elsewhere, sounds as it does here."""
    row: Any = await organisations.named(db, await db.fetchval(NAME_SQL, centre.organisation))
    text = f'[organisation]\nname = "{row["name"]}"\n[[prompts]]\nname = "first"\nfile = "both.wav"\n' + (
        '[[prompts]]\nname = "second"\nfile = "both.wav"\n'
    )
    (tmp_path / "both.wav").write_bytes(tone())
    await apply(db, sounds.read(parse(text, "centre.toml", folder=tmp_path)))
    assert (await upload(centre, "second", wide())).status_code == 200
    assert (await upload(centre, "BOTH", wide(length_s=0.5))).status_code == 200
    stored = await prompts.every(db, centre.organisation)
    files = [each.prompt.file for each in stored.values()]
    assert stored["first"].prompt.file == "both.wav"
    assert len({each.casefold() for each in files if each}) == 3
    assert f'file = "{stored["second"].prompt.file}"' in await export_text(db, row)


def test_prompts_that_share_a_file_of_older_days_are_told_apart() -> None:
    def of(name: str, file: str, sha256: str) -> Sound:
        return Sound(name=name, file=file, sha256=sha256)

    kept = apart({"a": of("a", "x/both.wav", "1"), "b": of("b", "x/Both.wav", "2"), "c": of("c", "x\\both.wav", "1")})
    assert [each.file for each in kept.values()] == ["x/both.wav", "prompts/b.wav", "x\\both.wav"]
